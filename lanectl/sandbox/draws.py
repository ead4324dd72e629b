"""Chance without chance: numbers that look drawn and are the same whenever the same words are given."""

import hashlib
from collections.abc import Iterator, Sequence
from math import gcd
from typing import TypeVar

T = TypeVar("T")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Draw:
    """A source of numbers that is fixed by the words it was made from."""

    __slots__ = ("_state",)

    def __init__(self, *words: object) -> None:
        text = "\x1f".join(str(word) for word in words)
        self._state = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)

    def _number(self, label: str) -> int:
        state = self._state.copy()
        state.update(label.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest()[:8], "big")

    def below(self, limit: int, label: str = "") -> int:
        """A number from 0 to `limit` - 1; 0 when there is nothing to choose from."""
        return self._number(label) % limit if limit > 1 else 0

    def share(self, label: str = "") -> float:
        """A number from 0.0 up to, not including, 1.0."""
        return (self._number(label) >> 11) / float(1 << 53)

    def pick(self, values: Sequence[T], label: str = "") -> T:
        """One of `values`, which must not be empty."""
        return values[self.below(len(values), label)]


def name(prefix: str, *words: object, length: int = 16) -> str:
    """An id that says where it came from: `prefix`, `Sandbox`, then letters fixed by `words`."""
    digest = hashlib.blake2b("\x1f".join(str(word) for word in words).encode(), digest_size=32).digest()
    return f"{prefix}01Sandbox" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def shuffled(count: int, *words: object) -> Iterator[int]:
    """The numbers 0 to `count` - 1 out of order, without a list: steps of a length prime to `count`."""
    if count < 3:
        yield from reversed(range(count))
        return
    draw = Draw("order", *words)
    step = 2 + draw.below(count - 2, "step")
    while gcd(step, count) != 1:
        step += 1
    start = draw.below(count, "start")
    for number in range(count):
        yield (start + number * step) % count
