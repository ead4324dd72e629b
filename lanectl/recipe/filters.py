"""The filters and methods that templates have, each bounded in what it may make."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import do_indent, make_attrgetter
from jinja2.runtime import Undefined
from jinja2.utils import pass_environment

from lanectl.recipe.fences import Trusted

# A request may have 32 MB; a template that makes more than this is a mistake or an attack.
MAX_CHARS = 20_000_000
MAX_PRODUCT = 1_000_000
MAX_POWER_BITS = 4096

# Of jinja2's own. Left out: what draws lots, formats to any width, escapes for HTML, or repeats at will.
_KEPT = """
    abs capitalize count d default dictsort filesizeformat first float groupby int items last length list
    lower map max min reject rejectattr reverse select selectattr sort string sum title trim truncate unique
    upper wordcount
"""
_TEXT_METHODS = """
    capitalize casefold count endswith find index isalnum isalpha isdigit islower isspace isupper join lower
    lstrip partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines
    startswith strip swapcase title upper
"""
KEPT = frozenset(_KEPT.split())
METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    # `grouper` and `list` are what `groupby` gives its pairs.
    tuple: frozenset({"count", "index", "grouper", "list"}),
    int: frozenset(),
    float: frozenset(),
    range: frozenset(),
}


class TooMuchError(TemplateRuntimeError):
    """A template makes more text, or runs longer, than any prompt needs."""


def at_most(size: int, most: int) -> None:
    """Raises TooMuchError above `most`."""
    if size > most:
        raise TooMuchError(f"makes more than {most:,} characters, items or digits")


def plain(value: object) -> str:
    """What a value prints as: texts and numbers as they are, lists and tables as JSON, nothing for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Undefined):
        return str(value)
    if isinstance(value, list | dict | tuple):
        return tojson(value)
    raise TemplateRuntimeError(f"prints a {type(value).__name__}, which is no text: add | list or | join")


def tojson(value: object, indent: int | None = None) -> str:
    """`value` as JSON, not escaped for HTML as jinja2's own filter does."""
    return json.dumps(value, ensure_ascii=False, indent=None if indent is None else min(int(indent), 8))


def trusted(value: object) -> str:
    """What only the recipe and the user wrote."""
    return Trusted.of(plain(value))


def concatenated(parts: Iterable[object]) -> str:
    """The operator `~`."""
    texts = [str(part) for part in parts]
    at_most(sum(map(len, texts)), MAX_CHARS)
    return "".join(texts)


@pass_environment
def join(
    environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> str:
    """As jinja2's."""
    values = value if attribute is None else map(make_attrgetter(environment, attribute), value)
    texts = [str(part) for part in values]
    at_most(sum(map(len, texts)) + len(str(d)) * len(texts), MAX_CHARS)
    return str(d).join(texts)


def replace(text: object, old: object, new: object, count: int | None = None) -> str:
    """As jinja2's."""
    whole, sought, put = str(text), str(old), str(new)
    at_most(len(whole) + whole.count(sought) * len(put), MAX_CHARS)
    return whole.replace(sought, put, -1 if count is None else count)


def indent(text: object, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """As jinja2's."""
    whole = str(text)
    step = width if isinstance(width, int) else len(width)
    at_most(len(whole) + (whole.count("\n") + 1) * step, MAX_CHARS)
    return do_indent(whole, width, first, blank)


def rounded(value: float, precision: int = 0) -> float:
    """As jinja2's, half to even."""
    return round(value, max(-15, min(int(precision), 15)))
