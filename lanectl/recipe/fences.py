"""Marks text from outside the recipe in a prompt, with a token that its author cannot guess."""

import hashlib
import hmac
import re

# Marks that stand around a piece of data while a template runs: private-use characters, which no value keeps.
OPEN, CLOSE = "\U0010fffa", "\U0010fffb"
_MARK = re.compile(f"[{OPEN}{CLOSE}]")
# Names, numbers and paths cannot say anything that a fence would have to contain.
_PLAIN = re.compile(r"[A-Za-z0-9._/+-]{1,120}")
_TOKEN_DIGITS = 16


class UnbalancedError(ValueError):
    """A piece of data has lost one of its marks: it can no longer be told from the recipe's own text."""


class Trusted(str):
    """Text that the user or the recipe wrote.

    Only `of` makes one: whatever is computed from it, even by `type(text)(...)`, is plain text again.
    """

    __slots__ = ()

    def __new__(cls, value: object = "") -> "Trusted":
        return str.__new__(str, value)  # type: ignore[return-value]  # a plain str, on purpose

    @classmethod
    def of(cls, value: str) -> "Trusted":
        """`value`, trusted."""
        return str.__new__(cls, value)


class Composed(Trusted):
    """What a macro or a block of a template has written: its data is marked already."""

    __slots__ = ()


def bare(text: str) -> str:
    """`text` without any mark of ours."""
    return _MARK.sub("", text) if OPEN in text or CLOSE in text else text


def marked(text: str) -> str:
    """`text` between marks; nothing for nothing, and plain words as they are."""
    text = bare(text)
    return text if not text or _PLAIN.fullmatch(text) else f"{OPEN}{text}{CLOSE}"


def fenced(text: str, key: bytes) -> str:
    """`text` with each marked piece in a fence of its own.

    A piece of one line stands between `<data-TOKEN>` and `</data-TOKEN>`, a longer one on lines of its own.
    TOKEN is the beginning of the HMAC-SHA256 of the piece with `key`: the same while the piece is the same.
    Raises UnbalancedError where a mark stands alone.
    """
    plain, *marked_pieces = text.split(OPEN)
    written = [plain]
    for piece in marked_pieces:
        inside, close, after = piece.partition(CLOSE)
        if not close:
            raise UnbalancedError("a filter cut through text from outside")
        written += [_fence(inside, key), after]
    whole = "".join(written)
    if CLOSE in whole:
        raise UnbalancedError("a filter cut through text from outside")
    return whole


def _fence(text: str, key: bytes) -> str:
    # surrogatepass: a token must exist for any text, also for one that will be refused later.
    token = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_TOKEN_DIGITS]
    gap = "\n" if "\n" in text else ""
    return f"<data-{token}>{gap}{text}{gap}</data-{token}>"
