"""Changes one key of a configuration file, or says which lines to write where comments would be lost."""

import contextlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanectl.config import parsed
from lanectl.errors import ConfigError, UsageError


@dataclass(frozen=True, slots=True)
class Edit:
    """The file's new text, None where it has comments that rewriting would lose; `lines` is what to write."""

    text: str | None
    lines: str


def set_key(text: str, dotted: str, value: str, *, path: Path) -> Edit:
    """The configuration `text` with the dotted key set.

    `value` is TOML where it reads as such (`5`, `true`, `["a"]`), else text. Raises UsageError for a key that
    is none, and ConfigError where the result would not be a configuration.
    """
    keys, data = _keys(dotted), _loaded(text, path)
    refused: list[ConfigError] = []
    for candidate in _readings(value):
        changed = _with(data, keys, candidate)
        try:
            parsed(_dumped(changed), path)
        except ConfigError as error:
            refused.append(error)
        else:
            return _edit(text, changed, _dumped(_with({}, keys, candidate)).strip())
    raise refused[0]


def unset_key(text: str, dotted: str, *, path: Path) -> Edit:
    """The configuration `text` without the dotted key; `lines` is then what to take out.

    Raises UsageError where it does not stand there, and ConfigError as `set_key` does.
    """
    keys = _keys(dotted)
    changed = _without(_loaded(text, path), keys)
    if changed is None:
        raise UsageError(f"{dotted} is not set", where=str(path), hint="lanectl config show")
    parsed(_dumped(changed), path)
    return _edit(text, changed, f"[{'.'.join(keys[:-1])}] {keys[-1]}")


def has_comment(text: str) -> bool:
    """Whether the TOML `text` has a comment: a `#` outside of every string."""
    at, quote = 0, ""
    while at < len(text):
        here = next((mark for mark in ('"""', "'''", '"', "'") if text.startswith(mark, at)), "")
        if quote:
            if text[at] == "\\" and quote.startswith('"'):
                at += 2
                continue
            if text.startswith(quote, at):
                at, quote = at + len(quote), ""
                continue
        elif here:
            at, quote = at + len(here), here
            continue
        elif text[at] == "#":
            return True
        at += 1
    return False


def _edit(text: str, changed: dict[str, Any], lines: str) -> Edit:
    return Edit(None if has_comment(text) else _dumped(changed), lines)


def _loaded(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        parsed(text, path)  # says where
        raise


def _readings(value: str) -> Iterator[object]:
    with contextlib.suppress(ValueError, RecursionError):
        read = tomllib.loads(f"value = {value}")
        if list(read) == ["value"]:
            yield read["value"]
    yield value


def _keys(dotted: str) -> list[str]:
    try:
        table = tomllib.loads(f"{dotted} = 0")
    except ValueError:
        raise UsageError(f"{dotted} is no key: write table.key", hint="lanectl config show") from None
    keys: list[str] = []
    inner: object = table
    while isinstance(inner, dict) and len(inner) == 1:
        ((key, inner),) = inner.items()
        keys.append(key)
    if inner != 0 or len(keys) < 2:
        raise UsageError(f"{dotted} is no key: write table.key", hint="lanectl config show")
    return keys


def _with(data: dict[str, Any], keys: list[str], value: object) -> dict[str, Any]:
    first, *rest = keys
    if not rest:
        return {**data, first: value}
    inner = data.get(first, {})
    return {**data, first: _with(inner if isinstance(inner, dict) else {}, rest, value)}


def _without(data: dict[str, Any], keys: list[str]) -> dict[str, Any] | None:
    """The data without the key, and without tables that it leaves empty; None where it is not there."""
    first, *rest = keys
    if first not in data:
        return None
    others = {key: value for key, value in data.items() if key != first}
    if not rest:
        return others
    inner = _without(data[first], rest) if isinstance(data[first], dict) else None
    if inner is None:
        return None
    return {**data, first: inner} if inner else others


def _dumped(data: dict[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(data)
