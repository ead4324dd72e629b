"""Whether a text still is what its file name says, for the few formats the standard library reads."""

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Mapping


def broken(path: str, text: str) -> str | None:
    """Why `text` does not parse as the ending of `path` promises; None when it does, or nobody here can
    tell.
    """
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    parse = _PARSERS.get(ending.lower()) if dot else None
    if parse is None:
        return None
    try:
        parse(text)
    except SyntaxError as error:
        return f"line {error.lineno or '?'}: {error.msg}"
    except ValueError as error:
        return str(error)[:200]
    except (RecursionError, MemoryError):
        return "nested too deeply"
    return None


def _python(text: str) -> None:
    with warnings.catch_warnings():
        # An invalid escape is a warning of the user's code, not an error of ours.
        warnings.simplefilter("ignore")
        ast.parse(text)


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "py": _python,
    "pyi": _python,
    "json": json.loads,
    "toml": tomllib.loads,
}
