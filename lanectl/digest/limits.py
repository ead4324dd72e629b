"""How much of a night a digest holds, whatever the night's size: the numbers, and what keeps to them."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a digest keeps of each; None keeps all. What is counted is counted whole in any case.

    `findings` are merged ones and `reports` the further reports of each; `done` are jobs that succeeded,
    `lines` the names in one group of what was not done, `moved` the stale ones. `texts` are different errors
    told apart while the most frequent is looked for, `categories` kinds of finding that are counted apart
    beyond `findings`.
    """

    findings: int | None = None
    reports: int | None = None
    done: int | None = None
    lines: int | None = None
    moved: int | None = None
    texts: int | None = None
    categories: int | None = None


# For the forms that programs read: nothing is left out, and memory grows with the night.
WHOLE = Limits()
# For the forms that people read, where whoever wants more is better served by a file.
PAGE = Limits(
    # With so many cards the page still answers a key within a tenth of a second (`tests/test_pages.py`).
    findings=2_000,
    # That a score of jobs agree says all; their words are in their own artifacts.
    reports=20,
    # More rows than anybody reads, and a fifth of a megabyte of page.
    done=500,
    # As many as the page lists behind one "Which".
    lines=200,
    moved=200,
    # A night has a handful of errors, or one for each job: a thousand tell the two apart.
    texts=1_000,
    # Recipes name about ten; a model that invents one for each finding must not make the list long.
    categories=50,
)


class Least(Generic[T]):
    """The least of a stream by a key, in order, at most `most` of them (None: all); of equals the first."""

    def __init__(self, most: int | None, key: Callable[[T], Any]) -> None:
        self._most = most
        self._key = key
        self._held: list[tuple[Any, T]] = []
        self._worst: Any = None

    def add(self, one: T) -> None:
        """Take one more of the stream."""
        key = self._key(one)
        if self._worst is not None and key >= self._worst:
            return
        self._held.append((key, one))
        # Sorted now and then, not each time: a quarter more is held meanwhile.
        if self._most is not None and len(self._held) > self._most + self._most // 4:
            self._cut()

    def kept(self) -> list[T]:
        """The least so far, least first."""
        self._cut()
        return [one for _, one in self._held]

    def _cut(self) -> None:
        self._held.sort(key=lambda pair: pair[0])
        if self._most is None:
            return
        del self._held[self._most :]
        if self._held and len(self._held) == self._most:
            self._worst = self._held[-1][0]


class Frequent(Generic[H]):
    """Counts how often each value comes up, telling at most `most` apart (None: all).

    Up to so many the counts are exact. Beyond, each is the least it can be, and whatever makes up more than
    one in `most` of the stream is still there (Misra and Gries, Finding repeated elements, 1982).
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._counts: dict[H, int] = {}

    def add(self, value: H) -> None:
        """Take one more of the stream."""
        if value in self._counts or self._most is None or len(self._counts) < self._most:
            self._counts[value] = self._counts.get(value, 0) + 1
        else:
            self._counts = {held: count - 1 for held, count in self._counts.items() if count > 1}

    def counts(self) -> dict[H, int]:
        """The values that are told apart, each with its count."""
        return dict(self._counts)
