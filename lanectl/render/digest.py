"""Draws a Digest on a terminal: the first line says it all, the rest is for whoever reads on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars, hit_rate, saved
from lanectl.digest.markdown import percent, told_money
from lanectl.digest.words import counted
from lanectl.models import Severity
from lanectl.render.screen import Column
from lanectl.text.terminal import line

if TYPE_CHECKING:
    from lanectl.digest.merge import Reported, SeverityGroup
    from lanectl.digest.model import Digest, Done
    from lanectl.digest.undone import Undone
    from lanectl.render.screen import Screen

NAMES = 12
SUGGESTION = 300
STYLES = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: ""}


def draw_digest(screen: "Screen", digest: "Digest") -> None:
    """The whole digest: what needs you, findings by severity, what was written, what was not done, money."""
    screen.head(digest.headline)
    if digest.needs:
        screen.title("Needs you")
        for need in digest.needs:
            screen.say(f"- {screen.typed(line(need))}")
    for group in digest.severities:
        _draw_group(screen, group)
    _draw_written(screen, digest)
    _draw_undone(screen, digest.undone)
    if digest.moved:
        screen.title("Stale")
    for one in digest.moved:
        screen.say(f"- {line(one.key)}: reviewed {one.was[:12]}, now {one.now[:12]}")
    if digest.runs:
        _draw_runs(screen, digest)


def _draw_group(screen: "Screen", group: "SeverityGroup") -> None:
    screen.title(f"{group.severity.capitalize()}: {counted(len(group.findings), 'finding')}")
    for reported in group.findings:
        if reported.shown:
            for text, style in _finding(reported, group.severity):
                screen.say(text, style)
    for more in group.more:
        screen.say(f"  plus {more.count:,} more of {more.category}, in {_names([w[1] for w in more.where])}")


def _finding(reported: "Reported", severity: Severity) -> Iterator[tuple[str, str]]:
    finding = reported.finding
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    where = f"{line(place)}  " if place else ""
    yield f"- {where}{line(finding.title)}", STYLES[severity]
    notes = [reported.lead.key, *([finding.category] if finding.category else [])]
    notes += [] if finding.in_diff else ["outside the diff"]
    notes += [f"reported {reported.times:,} times"] if reported.others else []
    yield f"    {line('; '.join(notes))}", "dim"
    suggestion = line(finding.suggestion, SUGGESTION)
    if suggestion:
        yield f"    suggestion: {suggestion}", ""


def _draw_written(screen: "Screen", digest: "Digest") -> None:
    told = list(_written(digest.done))
    if not told:
        return
    screen.title("Written")
    for run in digest.runs:
        screen.say(f"in {Path(run.artifacts)}", "dim")
    for text in told:
        screen.say(text)


def _written(done: Sequence["Done"]) -> Iterator[str]:
    files = [one for one in done if one.kind != "findings" and one.artifact is not None]
    for one in files[:NAMES]:
        yield f"- {line(one.artifact or '')}: {line(one.headline, 100)}"
    if len(files) > NAMES:
        yield f"- and {len(files) - NAMES:,} more"
    reviews = [one for one in done if one.kind == "findings"]
    for title, some in (
        ("without findings", [one.key for one in reviews if not one.findings]),
        ("with findings", [one.key for one in reviews if one.findings]),
    ):
        if some:
            yield f"- {counted(len(some), 'review')} {title}: {_names(some)}"
    same = [one.key for one in done if one.kind != "findings" and one.artifact is None]
    if same:
        yield f"- {counted(len(same), 'file')} without a change: {_names(same)}"


def _draw_undone(screen: "Screen", groups: Sequence["Undone"]) -> None:
    if not groups:
        return
    screen.title("Not done")
    for group in groups:
        meaning = f" ({group.meaning})" if group.meaning else ""
        common = f": {line(group.common, 200)}" if group.common else ""
        screen.say(f"- {group.count:,} {line(group.reason)}{meaning}{common}")
        if group.lines and not group.quiet:
            screen.say(f"    {_names([each.key for each in group.lines], group.count)}", "dim")


def _draw_runs(screen: "Screen", digest: "Digest") -> None:
    screen.table(
        "Runs and money",
        [
            Column("run", keep=True),
            Column("recipe"),
            Column("jobs", right=True),
            Column("done", right=True),
            Column("cost", right=True),
            Column("other lane", right=True),
            Column("saved", right=True),
            Column("cache", right=True),
        ],
        [
            [
                run.run,
                run.recipe,
                f"{run.jobs:,}",
                f"{run.outcomes.get('succeeded', 0):,}",
                dollars(run.cost_usd),
                dollars(run.list_usd),
                dollars(saved(run.cost_usd, run.list_usd)),
                percent(hit_rate(run.cache_read_tokens, run.cache_written_tokens)),
            ]
            for run in digest.runs
        ],
    )
    screen.say(" ".join(told_money(digest.money)))
    screen.say(
        "Findings, headlines and suggestions are model output, untrusted: check before you act.", "dim"
    )


def _names(names: Sequence[str], count: int | None = None) -> str:
    total = max(len(names), count or 0)
    shown = [line(name) for name in names[:NAMES]]
    return ", ".join(shown) + (f" and {total - len(shown):,} more" if total > len(shown) else "")
