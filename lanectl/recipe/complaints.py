"""What is wrong with a recipe file, in plain words: file, table, key, and the nearest valid key."""

import difflib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from lanectl.errors import ConfigError
from lanectl.recipe.tables import RecipeFile, Source

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint: `place` is `[table] key` (or a key of the top level), `text` reads on from it."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place} {self.text}"


def refusal(path: Path | str, problems: Sequence[Problem]) -> ConfigError:
    """One error for one file, however many problems it has."""
    hint = f"lanectl recipes check {shlex.quote(str(path))}"
    if len(problems) == 1:
        return ConfigError(problems[0].text, where=f"{path} {problems[0].place}", hint=hint)
    listed = "; ".join(str(problem) for problem in problems)
    return ConfigError(f"{len(problems)} problems: {listed}", where=str(path), hint=hint)


def nearest(word: str, valid: Iterable[str], *, quote: str = "", owner: str = "") -> str:
    """What to say where something valid resembles `word`: "; did you mean X?", else nothing."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f"; did you mean {quote}{owner}{close[0]}{quote}?" if close else ""


def problems_of(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """The complaints behind pydantic's `errors()`, one for each key or item of a list.

    A key that may be one of several types fails once for each of them: those become one sentence.
    """
    found: dict[tuple[str, int | None], list[str]] = {}
    for error in errors:
        where = list(error["loc"])
        if len(where) > 1 and where[0] == "source":
            del where[1]  # pydantic puts the kind between the table and its key
        item = next((part for part in where[2:] if isinstance(part, int)), None)
        place, text = _place_and_text(error, where)
        texts = found.setdefault((place, item), [])
        if text not in texts:
            texts.append(text)
    return [
        Problem(place, _joined(texts) + ("" if item is None else f" (item {item + 1})"))
        for (place, item), texts in found.items()
    ]


def _joined(texts: list[str]) -> str:
    """One sentence of several: "must be A, not X" and "must be B, not X" become "must be A or B, not X"."""
    splits = [text.removeprefix("must be ").rpartition(", not ") for text in texts]
    if len(texts) == 1 or not all(text.startswith("must be ") and ", not " in text for text in texts):
        return "; ".join(texts)
    return f"must be {' or '.join(wanted for wanted, _, _ in splits)}, not {splits[0][2]}"


def _place_and_text(error: Mapping[str, Any], where: Sequence[int | str]) -> tuple[str, str]:
    kind: str = error["type"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return "[source] kind", _kind_text(error)
    if kind == "extra_forbidden":
        return _unknown(error["loc"], where, error["input"])
    if len(where) > 1:
        return f"[{where[0]}] {where[1]}", _text(error)
    name = str(where[0])
    if name not in _tables():
        return name, _text(error)
    return f"[{name}]", "is missing" if kind == "missing" else "must be a table"


def _kind_text(error: Mapping[str, Any]) -> str:
    kinds = list(_sources())
    if error["type"] == "union_tag_not_found":
        return f"is missing: one of {_listed(kinds)}"
    tag = str(error["ctx"]["tag"])
    return f"must be one of {_listed(kinds)}, not {_shown(tag)}{nearest(tag, kinds, quote=chr(34))}"


def _unknown(loc: Sequence[int | str], where: Sequence[int | str], value: object) -> tuple[str, str]:
    key, table = str(where[-1]), str(where[0])
    if len(where) == 1:
        if isinstance(value, Mapping):
            tables = [f"[{name}]" for name in _tables()]
            return (
                f"[{key}]",
                f"is no table of a recipe{nearest(f'[{key}]', tables) or _are('tables', tables)}",
            )
        return key, f"is no key of the top level{_suggestion(key, ['name', 'description'])}"
    if table == "source":
        kind = str(loc[1])
        others = [other for other, source in _sources().items() if key in _keys(source)]
        if others:
            return f"[source] {key}", f"is a key of the kind {_listed(others)}, not of {kind}"
        return f"[source] {key}", f"is no key of the kind {kind}{_suggestion(key, _keys(_sources()[kind]))}"
    model = _tables()[table]
    return f"[{table}] {key}", f"is no key of this table{_suggestion(key, _keys(model) if model else [])}"


def _suggestion(key: str, valid: Sequence[str]) -> str:
    """Where `key` belongs, what it may have been meant to be, or what there is."""
    homes = {known: name for name, model in _tables().items() if model for known in _keys(model)}
    if key in homes:
        return f": it belongs below [{homes[key]}]"
    close = nearest(key, valid)
    if close:
        return close
    elsewhere = difflib.get_close_matches(key, homes, n=1, cutoff=0.75)
    if elsewhere:
        return f"; did you mean {elsewhere[0]} below [{homes[elsewhere[0]]}]?"
    return _are("keys", valid)


def _are(what: str, valid: Iterable[str]) -> str:
    return f": the {what} are {_listed(valid)}"


def _text(error: Mapping[str, Any]) -> str:
    kind, value, ctx = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        choices = [part.strip("'") for part in str(ctx["expected"]).replace(" or ", ", ").split(", ")]
        wanted = f"one of {_listed(choices)}" if len(choices) > 1 else f'"{choices[0]}"'
        close = nearest(value, choices, quote='"') if isinstance(value, str) else ""
        return f"must be {wanted}, not {_shown(value)}{close}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "too_short":
        return "must have at least one item"
    if kind == "string_pattern_mismatch":
        return f"must be letters, digits, - and _ (at most 64, no - in front), not {_shown(value)}"
    if kind in _LIMITS:
        return f"must be {_LIMITS[kind]} {next(iter(ctx.values()))}, not {_shown(value)}"
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_shown(value)}"
    return str(error["msg"])


_LIMITS = {"greater_than_equal": "at least", "less_than_equal": "at most"}
_WANTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
}


def _tables() -> dict[str, type[BaseModel] | None]:
    """The tables of a recipe; None stands for one whose keys are free or depend on its kind."""
    found: dict[str, type[BaseModel] | None] = {"source": None, "vars": None}
    for name, field in RecipeFile.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = field.annotation
    return found


def _sources() -> dict[str, type[BaseModel]]:
    union = get_args(Source)[0]
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(union)}


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _shown(value: object) -> str:
    """A value as its author would recognise it, short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN else f'"{value[:_SHOWN]}…"'
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list | tuple):
        return "a list"
    return "a table" if isinstance(value, Mapping) else f"the date {value}"
