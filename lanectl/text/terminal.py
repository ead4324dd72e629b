"""Makes text safe to print on a terminal, whole or as one line of a table."""

import unicodedata

from lanectl.text.clean import visible

_ELLIPSIS = "…"
_EMOJI_PRESENTATION = "\ufe0f"


def safe(text: str) -> str:
    """The text without anything a terminal obeys: no control but newline and tab, no escape, no bidi.

    What was taken out stays visible (see `clean.visible`). Square brackets are left alone: print with markup
    off.
    """
    return visible(text)


def line(text: str, width: int | None = None) -> str:
    """The text as one safe line, whitespace folded; cut with `…` to at most `width` terminal cells."""
    flat = " ".join(visible(text).split())
    if width is None or (flat.isascii() and len(flat) <= width):
        return flat
    return _cut(flat, width)


def cells(text: str) -> int:
    """How many terminal cells a safe text takes: 2 for East Asian wide characters, 0 for marks (UAX 11)."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cut(flat: str, width: int) -> str:
    if width <= 0:
        return ""
    used = kept = 0
    for place, character in enumerate(flat):
        used += _cell(character)
        if used > width:
            return flat[:kept].rstrip() + _ELLIPSIS
        if used < width:  # leaves a cell for the ellipsis
            kept = place + 1
    return flat


def _cell(character: str) -> int:
    if character < "\u0300":
        return 1
    if character == _EMOJI_PRESENTATION:
        return 1  # turns a one-cell symbol into a two-cell emoji on the terminals that honour it
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
