"""Writes JSON that every terminal, parser and file can hold."""

import json
import math
import re

_REPLACEMENT = "\\ufffd"
# Every escape of a JSON text, read from the left, so that an escaped backslash never begins another one.
_ESCAPE = re.compile(
    r"\\(?:(?P<keep>ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|ud[89a-f][0-9a-f]{2}|u0000|(?P<other>.))"
)


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON in ASCII, keys in their own order; lone surrogates and NUL become U+FFFD, NaN and infinities null.

    Raises `TypeError` for a value that JSON does not know.
    """
    try:
        text = json.dumps(value, allow_nan=False, indent=indent)
    except ValueError:  # JSON has no word for NaN
        text = json.dumps(_finite(value), allow_nan=False, indent=indent)
    if "\\ud" in text or "\\u0000" in text:
        text = _ESCAPE.sub(_holdable, text)
    return text.replace("\x7f", "\\u007f")  # the one control that `json` leaves as it is


def _holdable(escape: re.Match[str]) -> str:
    return escape[0] if escape["keep"] or escape["other"] else _REPLACEMENT


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
