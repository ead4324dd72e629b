"""Groups everything that has no success by its reason, so that nothing is left out in silence."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lanectl.digest.limits import Frequent, Least, Limits
from lanectl.digest.merge import natural
from lanectl.models import JobLine, Outcome, RunAccount, Skip

STILL_OUT = "still out"
UNCHANGED = "unchanged"

# Reasons after which nothing is owed: the item was done before, is being done, or was never text to send.
_QUIET = (UNCHANGED, "in flight", "empty", "binary", "not a regular file")

_TOLD: Mapping[str, str] = {
    "errored": "the provider could not process them; not billed",
    "expired": "not processed within 24 hours; not billed",
    "canceled": "canceled before they were processed; not billed",
    "refused": "the model declined to answer",
    "truncated": "the answer ended before it was finished",
    "invalid": "the answer failed its checks",
    "unreadable": "the results line could not be read; it is kept in quarantine",
    "missing": "the provider's results do not hold them",
    STILL_OUT: "without an outcome yet",
    UNCHANGED: "since they were last answered; not sent again, not repeated here",
}


@dataclass(frozen=True, slots=True)
class UndoneLine:
    """One job or item without success, and what is known of the reason."""

    run: str
    recipe: str
    key: str
    told: str


@dataclass(frozen=True, slots=True)
class Undone:
    """All that share one reason: `kind` is `outcome`, `out` or `skip`, `meaning` the reason in words.

    `common` is the most frequent error's text and `common_count` how many have it, at least. `lines` names
    those that are known by name, as far as the limits go; `count` holds all. `runs` and `recipes` are those
    that have any. `quiet` says that nobody has to do anything about it.
    """

    kind: str
    reason: str
    meaning: str
    count: int
    common: str
    common_count: int
    runs: tuple[str, ...]
    recipes: tuple[str, ...]
    lines: tuple[UndoneLine, ...]
    quiet: bool


def unchanged(group: Undone) -> bool:
    """Whether these are the items whose answer stands from an earlier run."""
    return group.kind == "skip" and group.reason == UNCHANGED


def earlier(line: UndoneLine) -> str | None:
    """The address of the artifact that stands for an unchanged item, where its reason names one."""
    path = line.told.rpartition(" of ")[0]
    return PurePosixPath(path).as_uri() if path.startswith("/") else None


def is_common(group: Undone) -> bool:
    """Whether the most frequent text stands for the group: every one has it, or several do."""
    return bool(group.common) and (group.common_count > 1 or group.count == 1)


def common(group: Undone) -> str:
    """The text that stands for the group, "" where there is none or the group's meaning says it."""
    # What is expired or canceled has the reason itself for its error.
    said = group.common_count == group.count and group.common.startswith(f"{group.reason}: ")
    return group.common if is_common(group) and not (said and group.meaning) else ""


class Ledger:
    """Takes the jobs and items of some runs as they come, and keeps what a digest tells of them."""

    def __init__(self, runs: Sequence[RunAccount], limits: Limits) -> None:
        self._runs = runs
        self._limits = limits
        self._order = {run.run: number for number, run in enumerate(runs)}
        self._piles: dict[tuple[str, str], _Pile] = {}

    def job(self, run: RunAccount, job: JobLine) -> None:
        """One more job without success."""
        self._pile("outcome", job.outcome).add(UndoneLine(run.run, run.recipe, job.key, _why(job)))

    def skip(self, run: RunAccount, skip: Skip) -> None:
        """One more item that was not sent."""
        self._pile("skip", skip.reason).add(UndoneLine(run.run, run.recipe, skip.key, skip.detail))

    def groups(self) -> tuple[Undone, ...]:
        """One group an outcome, one for what is still out, one a skip reason; the quiet ones last."""
        outcomes = (
            self._group("outcome", outcome, {run.run: run.outcomes.get(outcome, 0) for run in self._runs})
            for outcome in Outcome
            if outcome is not Outcome.SUCCEEDED
        )
        out = self._group("out", STILL_OUT, {run.run: run.out for run in self._runs})
        skipped = [
            self._group("skip", reason, {run.run: run.skipped.get(reason, 0) for run in self._runs})
            for reason in dict.fromkeys(self._reasons())
        ]
        found = [group for group in (*outcomes, out, *skipped) if group.count]
        return tuple(sorted(found, key=lambda group: group.quiet))

    def _reasons(self) -> Iterator[str]:
        for run in self._runs:
            yield from run.skipped
            yield from (
                reason for (kind, reason), pile in self._piles.items() if kind == "skip" and pile.by[run.run]
            )

    def _pile(self, kind: str, reason: str) -> "_Pile":
        pile = self._piles.get((kind, reason))
        if pile is None:
            pile = self._piles[kind, reason] = _Pile(kind, reason, self._order, self._limits)
        return pile

    def _group(self, kind: str, reason: str, told: Mapping[str, int]) -> Undone:
        """The group with what is known by name, or by the runs' own accounts where that is more."""
        pile = self._pile(kind, reason)
        counts = {run.run: max(pile.by[run.run], told[run.run]) for run in self._runs}
        common, times = pile.common()
        return Undone(
            kind,
            reason,
            _TOLD.get(reason, "") if kind != "skip" or reason == UNCHANGED else "not sent",
            sum(counts.values()),
            common,
            times,
            tuple(run for run, count in counts.items() if count),
            tuple(dict.fromkeys(run.recipe for run in self._runs if counts[run.run])),
            tuple(pile.lines.kept()),
            kind == "skip" and reason.startswith(_QUIET),
        )  # fmt: skip -- one record, its fields in order


class _Pile:
    """The jobs or items of one group so far."""

    def __init__(self, kind: str, reason: str, order: Mapping[str, int], limits: Limits) -> None:
        # What is told of an unchanged item is where its earlier artifact lies.
        self._tells_why = not (kind == "skip" and reason == UNCHANGED)
        self._texts = Frequent[str](limits.texts)
        self.lines = Least[UndoneLine](limits.lines, lambda line: (order[line.run], natural(line.key)))
        self.by: Counter[str] = Counter()

    def add(self, line: UndoneLine) -> None:
        """One more of them."""
        self.by[line.run] += 1
        self.lines.add(line)
        if line.told and self._tells_why:
            self._texts.add(line.told)

    def common(self) -> tuple[str, int]:
        """The most frequent text, and how many have it at least."""
        # Of two that are as frequent the first in the alphabet, so that the same night reads the same twice.
        return min(self._texts.counts().items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))


def _why(job: JobLine) -> str:
    if job.error is None:
        return job.stop_reason or ""
    return f"{job.error.type}: {job.error.message}" if job.error.message else job.error.type
