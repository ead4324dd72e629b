"""Takes out of a text what no sink can hold, and makes visible what no reader could see."""

import re

# What a reader cannot see, or what moves what they see: C0 but tab and newline, DEL, C1, Unicode's default
# ignorable code points (DerivedCoreProperties.txt, 15.1: soft hyphen, fillers, zero-width, bidi controls,
# tags, variation selectors 17-256), the line and paragraph separators, interlinear annotations and shorthand
# controls. The variation selectors 1-16 stay: emoji are written with them.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Scripts and emoji that are spelled with joiners: Hebrew to Mongolian, the symbols, and the emoji planes.
_JOINED = "\u0590-\u1fff\u2600-\u27bf\ufb1d-\ufdff\ufe0f\ufe70-\ufefe\U0001f000-\U0001faff"
_HIDDEN = re.compile(
    f"(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])|(?P<unseen>[{_UNSEEN}])|(?P<lone>[\ud800-\udfff])"
)
# Marks stacked on one letter draw over the lines around it; no language puts more than four.
_STACK = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BOM = b"\xef\xbb\xbf"


def clean(text: str) -> str:
    """The text as UTF-8, SQLite and every file can hold it: lone surrogates and NUL become U+FFFD.

    Two surrogates that make a pair become the character they stand for.
    """
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return _UNHOLDABLE.sub("\ufffd", _PAIR.sub(_joined, text))


def decode(data: bytes) -> str | None:
    """A file's text, without its byte order mark; None when it is binary (holds NUL) or not UTF-8.

    Line ends are kept as they are.
    """
    if b"\x00" in data:
        return None
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        return None


def visible(text: str) -> str:
    """The text with everything that acts unseen made visible; only newline and tab are left of the controls.

    C0 and DEL become their one-cell pictures (U+2400..), other unseen characters `<U+202E>`, lone surrogates
    U+FFFD. `\\r\\n` becomes a newline. Joiners stay where a script or an emoji needs them.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _PAIR.sub(_joined, text.replace("\r\n", "\n"))
    return _STACK.sub(r"\1", _HIDDEN.sub(_shown, text))


def has_hidden(text: str) -> bool:
    """Whether the text holds anything that `visible` would change, newline and tab included."""
    return "\n" in text or "\t" in text or visible(text) != text


def _joined(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _shown(found: re.Match[str]) -> str:
    if found["lone"]:
        return "\ufffd"
    if not found["unseen"]:
        return found[0]
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"
