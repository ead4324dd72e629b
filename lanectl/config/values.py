"""Reads tables of plain TOML data into frozen dataclasses, with every complaint in plain words."""

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass
from math import isfinite
from typing import Any, Literal, TypeVar

T = TypeVar("T")

_SHOWN = 60
_WANTED: Mapping[object, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    tuple: "a list of texts in [ ]",
}
_FITS: Mapping[object, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint: `place` is `[table] key`, `text` reads on from it."""

    place: str
    text: str


@dataclass(slots=True)
class Found:
    """What reading has found: complaints, and the dotted keys that were given."""

    problems: list[Problem] = field(default_factory=list)
    given: set[str] = field(default_factory=set)


def read(kind: type[T], table: object, at: str, found: Found) -> T:
    """An instance of the dataclass `kind` from `table`, which stands at the dotted place `at` ("": the top).

    What is missing or wrong has its default; `found` gets the complaints. A field's metadata may say `least`
    (a number) and `check` (a function that returns a complaint or None).
    """
    if not isinstance(table, Mapping):
        found.problems.append(Problem(f"[{at}]", f"must be a table, not {shown(table)}"))
        return kind()
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]  # only dataclasses come here
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            found.problems.append(_unknown(key, value, at, known))
            continue
        there = f"{at}.{key}" if at else key
        before = len(found.problems)
        made = _value(known[key], value, there, found)
        if len(found.problems) == before:
            values[key] = made
    return kind(**values)


def leaves(value: object, at: str = "") -> Iterator[tuple[str, object]]:
    """Every dotted key below a dataclass, and its value."""
    for each in fields(value):  # type: ignore[arg-type]  # only dataclasses come here
        there = f"{at}.{each.name}" if at else each.name
        inner = getattr(value, each.name)
        if is_dataclass(inner):
            yield from leaves(inner, there)
        elif isinstance(inner, Mapping):
            for name, one in inner.items():
                yield from leaves(one, f"{there}.{name}")
        else:
            yield there, inner


def place(dotted: str) -> str:
    """`budget.run_usd` as the file has it: `[budget] run_usd`."""
    table, dot, key = dotted.rpartition(".")
    return f"[{table}] {key}" if dot else key


def shown(value: object) -> str:
    """A value as its author would recognise it, short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN else f'"{value[:_SHOWN]}…"'
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, Mapping) else f"the date {value}"


def _unknown(key: str, value: object, at: str, known: Iterable[str]) -> Problem:
    is_table = isinstance(value, Mapping)
    there = f"{at}.{key}" if at else key
    name = f"[{there}]" if is_table else place(there)
    valid = list(known)
    close = difflib.get_close_matches(key, valid, n=1, cutoff=0.6)
    told = f"; did you mean {close[0]}?" if close else f": there are {', '.join(valid)}"
    return Problem(name, f"is no {'table' if is_table else 'key'} of the configuration{told}")


def _value(each: Field[Any], value: object, at: str, found: Found) -> object:
    kind = each.type
    inner = _table_kind(kind)
    if inner is not None:
        return (
            _tables(inner, value, at, found)
            if typing.get_origin(kind) is Mapping
            else read(inner, value, at, found)
        )
    found.given.add(at)
    complaint = _complaint(kind, value)
    if complaint is None and "least" in each.metadata and value < each.metadata["least"]:
        complaint = f"must be at least {each.metadata['least']}, not {shown(value)}"
    if complaint is None and "check" in each.metadata:
        complaint = each.metadata["check"](value)
    if complaint is not None:
        found.problems.append(Problem(place(at), complaint))
        return None
    if isinstance(value, list):
        return tuple(value)
    return float(value) if isinstance(value, int) and float in _kinds(kind) else value


def _tables(inner: type[Any], value: object, at: str, found: Found) -> object:
    if not isinstance(value, Mapping):
        found.problems.append(Problem(f"[{at}]", f"must be a table, not {shown(value)}"))
        return {}
    return {name: read(inner, one, f"{at}.{name}", found) for name, one in value.items()}


def _table_kind(kind: object) -> type[Any] | None:
    """The dataclass behind a field that is a table, or a table of named tables."""
    candidates: Sequence[object] = typing.get_args(kind) or (kind,)
    return next((one for one in candidates if isinstance(one, type) and is_dataclass(one)), None)


def _kinds(kind: object) -> tuple[object, ...]:
    """The types a field may have, without None."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return tuple(one for one in typing.get_args(kind) if one is not types.NoneType)
    return (kind,)


def _complaint(kind: object, value: object) -> str | None:
    one = _kinds(kind)[0]
    if typing.get_origin(one) is Literal:
        return _choice(typing.get_args(one), value)
    if typing.get_origin(one) is tuple:
        fits = isinstance(value, list) and all(isinstance(part, str) for part in value)
        return None if fits else f"must be {_WANTED[tuple]}, not {shown(value)}"
    fits = _FITS[one](value)
    return None if fits else f"must be {_WANTED[one]}, not {shown(value)}"


def _choice(choices: Sequence[str], value: object) -> str | None:
    if value in choices:
        return None
    close = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
    told = f'; did you mean "{close[0]}"?' if close else ""
    return f"must be one of {', '.join(choices)}, not {shown(value)}{told}"
