"""The sentences of a digest: its first line, and what a person has to do."""

import re
from collections.abc import Iterator, Mapping, Sequence

from lanectl.digest.account import Money, dollars
from lanectl.digest.merge import SeverityGroup
from lanectl.digest.undone import STILL_OUT, Undone
from lanectl.models import Outcome, RunAccount, Severity

_URGENT = (Severity.CRITICAL, Severity.HIGH)
_COMMAND = re.compile(r"(?<![\w/])lanectl (?=[a-z])")
# A command with more names than these is no command to type.
_NAMED = 6


def headline(
    runs: Sequence[RunAccount],
    severities: Sequence[SeverityGroup],
    undone: Sequence[Undone],
    money: Money,
    patches: int,
) -> str:
    """Counts, cost, and what needs a person, in one line of plain text."""
    jobs = sum(run.jobs for run in runs)
    if not jobs:
        return _sandboxed(runs, _nothing_sent(undone))
    done = sum(run.outcomes.get(Outcome.SUCCEEDED, 0) for run in runs)
    parts = [_done(done, jobs)]
    # A night in which nothing was reviewed has found nothing out: "no findings" would read as all clear.
    if any(run.output_kind == "findings" and run.outcomes.get(Outcome.SUCCEEDED) for run in runs):
        parts.append(tally(severities))
    if patches:
        parts.append(counted(patches, "patch", "patches"))
    parts.append(_paid(money))
    short = [*_elsewhere(runs), *_short(severities, undone)]
    if patches:
        short.append(f"{counted(patches, 'patch', 'patches')} to apply")
    return _sandboxed(runs, f"{', '.join(parts)}; {_listed(short)}.")


def needs(
    runs: Sequence[RunAccount],
    severities: Sequence[SeverityGroup],
    undone: Sequence[Undone],
    patches: Mapping[str, int],
) -> tuple[str, ...]:
    """One sentence for each thing that a person has to do, each naming its command where there is one."""
    told = []
    urgent = [group for group in severities if group.severity in _URGENT]
    if urgent:
        known = f", {news(urgent)}" if news(urgent) else ""
        total = counted(sum(group.count for group in urgent), "finding")
        told.append(f"{total} to look at first{known}: {_each(urgent)}.")
    for run in runs:
        told += list(_of_run(run, undone))
        if run.elsewhere:
            told.append(
                f"{counted(run.elsewhere, 'answer')} of {run.recipe} computed in another region than was "
                f"asked for: lanectl show {run.run}"
            )
    held_back = [group for group in undone if group.kind == "skip" and not group.quiet]
    if held_back:
        count = sum(group.count for group in held_back)
        reasons = ", ".join(f"{group.reason} {group.count:,}" for group in held_back)
        told.append(f"{counted(count, 'item')} not sent: {reasons}.")
    told += [
        f"{counted(number, 'patch', 'patches')} to apply: lanectl apply {run}"
        for run, number in patches.items()
    ]
    return tuple(typed(text, runs) for text in told)


def typed(text: str, runs: Sequence[RunAccount]) -> str:
    """A sentence of ours with its command as it must be typed to find these runs: a sandbox's lie apart."""
    return _COMMAND.sub("lanectl --sandbox ", text) if any(run.sandbox for run in runs) else text


def without_success(run: RunAccount, *, of: str = "") -> str:
    """`4 jobs without success (3 errored, 1 refused): lanectl retry RUN`, "" where there are none.

    `of` stands behind the jobs.
    """
    lost = {
        outcome: run.outcomes.get(outcome, 0)
        for outcome in Outcome
        if outcome is not Outcome.SUCCEEDED and run.outcomes.get(outcome, 0)
    }
    if not lost:
        return ""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in lost.items())
    verb = "show" if set(lost) == {Outcome.REFUSED} else "retry"
    jobs = counted(sum(lost.values()), "job")
    return f"{jobs}{of} without success ({told}): lanectl {verb} {run.run}"


def tally(severities: Sequence[SeverityGroup]) -> str:
    """`12 findings (1 critical, 3 high, 8 low)`, `12 findings, 5 new (...)`, `no findings`."""
    count, known = sum(group.count for group in severities), news(severities)
    if not count:
        return "no findings"
    return f"{counted(count, 'finding')}{f', {known}' if known else ''} ({_each(severities)})"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def rest(shown: int, named: int, count: int) -> str:
    """`and 5 more` of a list that ends early, "" where it does not; the digest itself names `named`."""
    if count <= shown:
        return ""
    if not shown:
        return f"all {count:,} named in manifest.json"
    return f"and {count - shown:,} more" + (", named in manifest.json" if count > named else "")


def listed(names: Sequence[str], most: int, count: int | None = None, *, manifest: bool = True) -> str:
    """At most so many of the names, each safe already, and how many more there are of `count` in all.

    `manifest` says that the others stand in the manifest.
    """
    total = max(len(names), count or 0)
    more = rest(min(len(names), most), len(names) if manifest else total, total)
    return " ".join(part for part in (", ".join(names[:most]), more) if part)


def share(group: Undone) -> str:
    """`most often (3 of 5): ` before a text that not all of the group have, else ""."""
    if group.common_count == group.count:
        return ""
    return f"most often ({group.common_count:,} of {group.count:,}): "


def of_kind(category: str) -> str:
    """`of tests`, or that a finding has no category."""
    return f"of {category}" if category else "without a category"


def left_out(group: SeverityGroup) -> str:
    """`and 1,800 more (1,500 correctness, 300 tests)` of what a digest counts only, "" for nothing."""
    if not group.cut:
        return ""
    kinds = ", ".join(f"{count:,} {category or 'without a category'}" for category, count in group.cut)
    return f"and {sum(count for _, count in group.cut):,} more ({kinds})"


def whole(runs: Sequence[RunAccount], form: str) -> str:
    """The command that tells these runs whole, in a form for programs."""
    names = " ".join(run.run for run in runs) if len(runs) <= _NAMED else "RUN"
    return typed(f"lanectl digest {names} --format {form}", runs)


def since(first_reported: str | None) -> str:
    """`since 2026-11-20` of what was reported before."""
    return f"since {first_reported[:10]}" if first_reported else ""


def news(severities: Sequence[SeverityGroup]) -> str:
    """`5 new`, `none new`, "" where all are."""
    count, new = sum(group.count for group in severities), sum(group.new for group in severities)
    return "" if new == count else f"{new:,} new" if new else "none new"


def _done(done: int, jobs: int) -> str:
    if not done:
        return f"None of {counted(jobs, 'job')} done"
    return f"{counted(done, 'job')} done" if done == jobs else f"{done:,} of {counted(jobs, 'job')} done"


def _paid(money: Money) -> str:
    amount = dollars(money.paid_usd)
    if money.unknown_runs:
        amount = (
            f"{dollars(money.known_usd)} and an unknown amount" if money.known_usd else "an unknown amount"
        )
    return f"would have cost {amount}" if money.sandbox else f"{amount} paid"


def _nothing_sent(undone: Sequence[Undone]) -> str:
    if not undone:
        return "Nothing new."
    told = ", ".join(f"{group.count:,} {group.reason}" for group in undone)
    return f"Nothing new: {told}." if all(group.quiet for group in undone) else f"Nothing was sent: {told}."


def _short(severities: Sequence[SeverityGroup], undone: Sequence[Undone]) -> Iterator[str]:
    urgent = [group for group in severities if group.severity in _URGENT]
    if urgent:
        known = f" ({news(urgent)})" if news(urgent) else ""
        yield counted(sum(group.count for group in urgent), "critical or high finding") + known
    for kind, noun in (
        ("outcome", "job without success"),
        ("out", "job still out"),
        ("skip", "item not sent"),
    ):
        count = sum(group.count for group in undone if group.kind == kind and not group.quiet)
        if count:
            head, _, tail = noun.partition(" ")
            yield f"{counted(count, head)} {tail}"


def _elsewhere(runs: Sequence[RunAccount]) -> list[str]:
    count = sum(run.elsewhere for run in runs)
    return [f"{counted(count, 'answer')} computed in another region"] if count else []


def _listed(short: Sequence[str]) -> str:
    return f"needs you: {', '.join(short)}" if short else "nothing needs you"


def _of_run(run: RunAccount, undone: Sequence[Undone]) -> Iterator[str]:
    lost = without_success(run, of=f" of {run.recipe}")
    if lost:
        yield lost
    if run.out and any(group.reason == STILL_OUT for group in undone):
        yield f"{counted(run.out, 'job')} of {run.recipe} still out: lanectl pull {run.run}"


def _each(severities: Sequence[SeverityGroup]) -> str:
    return ", ".join(f"{group.count:,} {group.severity}" for group in severities)


def _sandboxed(runs: Sequence[RunAccount], told: str) -> str:
    return f"Sandbox, no model was called: {told}" if any(run.sandbox for run in runs) else told
