"""Groups everything that has no success by its reason, so that nothing is left out in silence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

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

    `common` is the most frequent error's text and `common_count` how many have it. `lines` names every one
    that is known by name; `count` also holds those that are not. `quiet` says that nobody has to do
    anything about it.
    """

    kind: str
    reason: str
    meaning: str
    count: int
    common: str
    common_count: int
    runs: tuple[str, ...]
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


def groups(
    runs: Sequence[RunAccount], jobs: Mapping[str, Sequence[JobLine]], skips: Mapping[str, Sequence[Skip]]
) -> tuple[Undone, ...]:
    """One group an outcome, one for what is still out, one a skip reason; the quiet ones last."""
    outcomes = (_outcome(outcome, runs, jobs) for outcome in Outcome if outcome is not Outcome.SUCCEEDED)
    reasons = dict.fromkeys(
        reason for run in runs for reason in (*run.skipped, *_reasons(skips.get(run.run, ())))
    )
    skipped = [_skipped(reason, runs, skips) for reason in reasons]
    found = [group for group in (*outcomes, _out(runs), *skipped) if group.count]
    return tuple(sorted(found, key=lambda group: group.quiet))


def _outcome(outcome: Outcome, runs: Sequence[RunAccount], jobs: Mapping[str, Sequence[JobLine]]) -> Undone:
    lines: list[UndoneLine] = []
    count = 0
    for run in runs:
        mine = [job for job in jobs.get(run.run, ()) if job.outcome is outcome]
        count += max(len(mine), run.outcomes.get(outcome, 0))
        lines += [UndoneLine(run.run, run.recipe, job.key, _why(job)) for job in mine]
    involved = [
        run.run for run in runs if run.outcomes.get(outcome, 0) or any(line.run == run.run for line in lines)
    ]
    return _group("outcome", outcome, count, involved, lines)


def _out(runs: Sequence[RunAccount]) -> Undone:
    waiting = [run for run in runs if run.out]
    return _group("out", STILL_OUT, sum(run.out for run in waiting), [run.run for run in waiting], [])


def _skipped(reason: str, runs: Sequence[RunAccount], skips: Mapping[str, Sequence[Skip]]) -> Undone:
    lines: list[UndoneLine] = []
    count = 0
    involved: list[str] = []
    for run in runs:
        mine = [skip for skip in skips.get(run.run, ()) if skip.reason == reason]
        number = max(len(mine), run.skipped.get(reason, 0))
        count += number
        lines += [UndoneLine(run.run, run.recipe, skip.key, skip.detail) for skip in mine]
        involved += [run.run] if number else []
    return _group("skip", reason, count, involved, lines)


def _group(kind: str, reason: str, count: int, runs: Sequence[str], lines: Iterable[UndoneLine]) -> Undone:
    ordered = sorted(lines, key=lambda line: (runs.index(line.run), natural(line.key)))
    told = Counter(line.told for line in ordered if line.told)
    # Of two that are as frequent the first in the alphabet, so that the same night reads the same twice.
    if kind == "skip" and reason == UNCHANGED:
        # What it tells of each is where its earlier artifact lies.
        told.clear()
    common, times = min(told.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))
    quiet = kind == "skip" and reason.startswith(_QUIET)
    return Undone(
        kind,
        reason,
        _TOLD.get(reason, "") if kind != "skip" or reason == UNCHANGED else "not sent",
        count,
        common,
        times,
        tuple(runs),
        tuple(ordered),
        quiet,
    )  # fmt: skip -- one record, its fields in order


def _why(job: JobLine) -> str:
    if job.error is None:
        return job.stop_reason or ""
    return f"{job.error.type}: {job.error.message}" if job.error.message else job.error.type


def _reasons(skips: Sequence[Skip]) -> list[str]:
    return [skip.reason for skip in skips]
