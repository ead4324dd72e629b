"""Reads JSON that nobody vouches for: strictly, to a bounded depth, with one kind of exception."""

import json
import math
from typing import NoReturn

from lanectl.models import JsonValue

# An answer of the API is at most a dozen levels deep; Python's own recursion limit is reached near a
# thousand, and whatever walks the value later must never come near it.
MAX_DEPTH = 64


class NotJsonError(ValueError):
    """The bytes are not JSON as RFC 8259 has it, or not JSON that can be kept; the message says why."""


def loads(data: bytes | str) -> JsonValue:
    """The value that `data` holds.

    Raises NotJsonError for broken JSON, invalid UTF-8, a key that stands twice, NaN and infinities,
    integers that Python refuses to convert, lone surrogates, and nesting below 64 levels.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value: JsonValue = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except NotJsonError:
        raise
    except UnicodeDecodeError as error:
        raise NotJsonError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except ValueError:
        # What is left of ValueError is Python's limit on the digits of an integer.
        raise NotJsonError("an integer with too many digits") from None
    _walk(value)
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    kept: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in kept:
            raise NotJsonError(f"the key {key[:60]!a} stands twice")
        kept[key] = value
    return kept


def _refuse(constant: str) -> NoReturn:
    raise NotJsonError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotJsonError("a number too large to keep")
    return number


def _walk(value: JsonValue) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[JsonValue] = []
        for node in level:
            if isinstance(node, str):
                _whole(node)
            elif isinstance(node, list):
                below.extend(node)
            elif isinstance(node, dict):
                for key in node:
                    _whole(key)
                below.extend(node.values())
        if not below:
            return
        level = below
    raise NotJsonError("nested too deeply")


def _whole(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotJsonError("a lone surrogate, which no file can hold") from None
