"""Marks jobs by their numbers, a byte each, where a set would take sixty."""

from collections.abc import Iterable


class Marks:
    """Which of a run's jobs something is true of."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._bytes = bytearray()
        for n in numbers:
            self.add(n)

    def add(self, n: int) -> bool:
        """Mark a job; returns whether it was not marked before."""
        if n >= len(self._bytes):
            self._bytes.extend(bytes(n + 1 - len(self._bytes)))
        new = not self._bytes[n]
        self._bytes[n] = 1
        return new

    def __contains__(self, n: int) -> bool:
        return n < len(self._bytes) and bool(self._bytes[n])

    def __len__(self) -> int:
        return sum(self._bytes)
