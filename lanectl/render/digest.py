"""Draws a Digest on a terminal: the first line says it all, the rest is for whoever reads on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars, hit_rate, saved
from lanectl.digest.markdown import percent, told_money
from lanectl.digest.undone import common, is_common
from lanectl.digest.words import counted, left_out, listed, of_kind, rest, share, since, whole
from lanectl.models import Severity
from lanectl.render.screen import Column
from lanectl.text.terminal import line

if TYPE_CHECKING:
    from lanectl.digest.merge import Reported, SeverityGroup
    from lanectl.digest.model import Digest
    from lanectl.digest.undone import Undone
    from lanectl.models import Finding
    from lanectl.render.screen import Screen

NAMES = 12
# A title is a sentence; a model that writes a page of it must not push the rest out of sight.
TITLE = 300
SUGGESTION = 300
REASON = 200
STYLES = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: ""}


def draw_digest(screen: "Screen", digest: "Digest") -> None:
    """The whole digest: what needs you, findings by severity, what was written, what was not done, money."""
    screen.head(digest.headline)
    if digest.needs:
        screen.title("Needs you")
        for need in digest.needs:
            screen.prose(f"- {screen.typed(line(need))}")
    for group in digest.severities:
        _draw_group(screen, digest, group)
    _draw_written(screen, digest)
    _draw_undone(screen, digest.undone)
    if digest.moved:
        screen.title("Stale")
    for one in digest.moved:
        screen.prose(f"- {line(one.key)}: reviewed {one.was[:12]}, now {one.now[:12]}")
    if digest.stale > len(digest.moved):
        more = rest(len(digest.moved), digest.stale, digest.stale)
        screen.prose(screen.typed(f"- {more}: {whole(digest.runs, 'json')}"))
    if digest.runs:
        _draw_runs(screen, digest)


def _draw_group(screen: "Screen", digest: "Digest", group: "SeverityGroup") -> None:
    screen.title(f"{group.severity.capitalize()}: {counted(group.count, 'finding')}")
    for reported in group.findings:
        if reported.shown:
            for text, style in _finding(reported, group.severity):
                screen.prose(text, style)
    for more in group.more:
        where = listed([line(key) for _, key, _ in more.where], NAMES)
        screen.prose(f"  plus {more.count:,} more {of_kind(line(more.category))}, in {where}")
    for text, style in _still_there(screen, digest, group):
        screen.prose(text, style)
    if group.cut:
        screen.prose(screen.typed(f"  {line(left_out(group))}: {whole(digest.runs, 'csv')}"))


def _still_there(screen: "Screen", digest: "Digest", group: "SeverityGroup") -> Iterator[tuple[str, str]]:
    """What was reported before, a line each; of what is critical none is left away."""
    known = group.still_there
    if not known:
        return
    critical = group.severity is Severity.CRITICAL
    yield "  still there, reported before:", ""
    for one in known if critical else known[:NAMES]:
        told = f"{_place(one.finding)}{line(one.finding.title, TITLE)}"
        yield f"  - {told} ({since(one.first_reported)}; {line(one.lead.key)})", STYLES[group.severity]
    if len(known) > NAMES and not critical:
        more = rest(NAMES, len(known), len(known))
        yield screen.typed(f"  - {more}: {whole(digest.runs, 'csv')}"), ""


def _finding(reported: "Reported", severity: Severity) -> Iterator[tuple[str, str]]:
    finding = reported.finding
    yield f"- {_place(finding)}{line(finding.title, TITLE)}", STYLES[severity]
    notes = [reported.lead.key, *([finding.category] if finding.category else [])]
    notes += [] if finding.in_diff else ["outside the diff"]
    notes += [f"reported {reported.times:,} times"] if reported.times > 1 else []
    yield f"    {line('; '.join(notes))}", "dim"
    suggestion = line(finding.suggestion, SUGGESTION)
    if suggestion:
        yield f"    suggestion: {suggestion}", ""


def _place(finding: "Finding") -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{line(place)}  " if place else ""


def _draw_written(screen: "Screen", digest: "Digest") -> None:
    told = list(_written(digest))
    if not told:
        return
    screen.title("Written")
    for run in digest.runs:
        screen.say(f"in {Path(run.artifacts)}", "dim")
    for text in told:
        screen.prose(text)


def _written(digest: "Digest") -> Iterator[str]:
    total = digest.succeeded
    files = [one for one in digest.done if one.kind != "findings" and one.artifact is not None]
    for one in files[:NAMES]:
        yield f"- {line(one.artifact or '')}: {line(one.headline, 100)}"
    if more := rest(min(len(files), NAMES), len(files), total.files):
        yield f"- {more}"
    reviews = [one for one in digest.done if one.kind == "findings"]
    same = [one for one in digest.done if one.kind != "findings" and one.artifact is None]
    for noun, told, some, count in (
        ("review", "without findings", [one for one in reviews if not one.findings], total.clean),
        ("review", "with findings", [one for one in reviews if one.findings], total.reviews),
        ("file", "without a change", same, total.same),
    ):
        if count:
            names = listed([line(one.key) for one in some], NAMES, count)
            yield f"- {counted(count, noun)} {told}: {names}"


def _draw_undone(screen: "Screen", groups: Sequence["Undone"]) -> None:
    if not groups:
        return
    screen.title("Not done")
    for group in groups:
        meaning = f" ({group.meaning})" if group.meaning else ""
        screen.prose(f"- {group.count:,} {line(group.reason)}{meaning}{_common(group)}")
        if not group.quiet:
            for told in _which(group):
                screen.prose(f"    {told}", "dim")


def _common(group: "Undone") -> str:
    told = common(group)
    return f": {share(group)}{line(told, REASON)}" if told else ""


def _which(group: "Undone") -> Iterator[str]:
    """The jobs of a group: their names, or a line each where each has a reason of its own."""
    if is_common(group) or not any(each.told for each in group.lines):
        if group.lines:
            yield listed([line(each.key) for each in group.lines], NAMES, group.count)
        return
    for each in group.lines[:NAMES]:
        yield f"{line(each.key)}: {line(each.told, REASON)}" if each.told else line(each.key)
    if more := rest(min(len(group.lines), NAMES), len(group.lines), group.count):
        yield more


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
    screen.prose(" ".join(told_money(digest.money)))
    screen.prose(
        "Findings, headlines and suggestions are model output, untrusted: check before you act.", "dim"
    )
