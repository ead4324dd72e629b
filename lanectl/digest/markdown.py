"""The digest as Markdown: for a file, a mail, a comment."""

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from lanectl.digest.account import Money, dollars, hit_rate, saved
from lanectl.digest.merge import Reported, SeverityGroup, label
from lanectl.digest.model import SANDBOX, Digest
from lanectl.digest.undone import Undone, UndoneLine, common, earlier, is_common, unchanged
from lanectl.digest.words import counted, left_out, listed, of_kind, rest, share, since, whole
from lanectl.models import RunAccount, Severity
from lanectl.text import terminal
from lanectl.text.markdown import block, inline

# Names listed before "and N more": the counts are always whole, and manifest.json names everything.
NAMES = 20
# Longer suggestions are cut here; the artifact has them whole.
SUGGESTION_LINES = 20

_BACKTICKS = re.compile(r"`+")

Link = Callable[[str, str], str]


def render(digest: Digest, *, link: Link) -> str:
    """The digest as Markdown; `link` gives the address of an artifact of a run, as a path or a URL."""
    mark = f" ({SANDBOX})" if digest.sandbox else ""
    lines = [f"# {_plain(digest.headline)}", ""]
    lines += _listed(f"## Needs you{mark}", [f"- {_need(need)}" for need in digest.needs])
    if digest.severities:
        lines += [f"## Findings{mark}", ""]
    for group in digest.severities:
        lines += [
            f"### {group.severity.capitalize()} ({group.count:,})",
            "",
            *_group(digest, group, link),
            "",
        ]
    lines += _listed(f"## Written{mark}", list(_written(digest, link)))
    lines += _listed(f"## Not done{mark}", list(_undone(digest.undone)))
    lines += _listed(f"## Stale{mark}", list(_moved(digest, link)))
    if digest.runs:
        lines += [f"## Runs and money{mark}", "", *_runs(digest), "", _account(digest), ""]
        lines += [
            "Findings, headlines and suggestions are model output, untrusted: check before you act.",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def told_money(money: Money) -> Iterator[str]:
    """What was paid, what the other lane would have cost, what the cache did: a sentence each."""
    paid = "Would have cost" if money.sandbox else "Paid"
    if money.unknown_runs:
        known = f"{dollars(money.known_usd)} known, " if money.known_usd else ""
        yield f"{paid}: {known}the cost of {counted(money.unknown_runs, 'run')} unknown."
    else:
        yield f"{paid} {dollars(money.paid_usd)}."
    if money.list_usd == 0 == money.paid_usd:
        # Nothing was billed on either lane: there is nothing to compare.
        pass
    elif money.list_usd is not None:
        told = f"On the other lane the same work lists at {dollars(money.list_usd)}"
        less = money.saved_usd
        yield told + (
            "." if less is None else f": {dollars(abs(less))} {'saved' if less >= 0 else 'more paid'}."
        )
    else:
        yield "The price on the other lane is unknown."
    if money.expected_usd is not None and money.paid_usd is not None:
        yield f"Estimated before: {dollars(money.expected_usd)}."
    if money.hit_rate is not None:
        yield (
            f"Cache: {money.hit_rate:.0%} of the shared tokens read from it"
            f" ({money.cache_read_tokens:,} read, {money.cache_written_tokens:,} written){_of_cache(money)}."
        )
    for cause in money.cache_causes:
        yield f"Likely cause of few hits: {cause}."


def _of_cache(money: Money) -> str:
    less = money.cache_saved_usd
    if less is None:
        return ""
    return f", {dollars(abs(less))} {'saved' if less >= 0 else 'lost'} against no cache"


def percent(rate: float | None) -> str:
    """`83%`, or a dash where there is no rate."""
    return "–" if rate is None else f"{rate:.0%}"


def address(target: str) -> str:
    """`target` as an address that may stand in Markdown or HTML: a URL as it is, a path percent-encoded."""
    if target.startswith(("https://", "http://", "file://")):
        return quote(target, safe="/:?#[]@!$&*+,;=%~-._", errors="replace")
    return quote(target, safe="/@+,=~-._", errors="replace")


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [title, "", *items, ""] if items else []


def _group(digest: Digest, group: SeverityGroup, link: Link) -> Iterator[str]:
    for reported in group.findings:
        if reported.shown:
            yield from _finding(reported, link)
    for more in group.more:
        where = listed([_linked(run, key, artifact, link) for run, key, artifact in more.where], NAMES)
        yield f"- plus {more.count:,} more {of_kind(inline(more.category))}, in {where}"
    yield from _still_there(digest, group, link)
    if group.cut:
        yield from ("", f"{inline(left_out(group))}: {_code(whole(digest.runs, 'csv'))}")


def _still_there(digest: Digest, group: SeverityGroup, link: Link) -> Iterator[str]:
    """What was reported before, a line each; of what is critical none is left away."""
    known = group.still_there
    if not known:
        return
    if len(known) < len(group.findings):
        yield ""
    yield "Still there, reported before:"
    yield ""
    shown = known if group.severity is Severity.CRITICAL else known[:NAMES]
    for one in shown:
        lead = one.lead
        notes = f"{since(one.first_reported)}; {_linked(lead.run, lead.key, lead.artifact, link)}"
        yield f"- {_where(one)}{block(terminal.line(one.finding.title))} ({notes})"
    if len(known) > len(shown):
        yield f"- {rest(len(shown), len(known), len(known))}: {_code(whole(digest.runs, 'csv'))}"


def _finding(reported: Reported, link: Link) -> Iterator[str]:
    finding, lead = reported.finding, reported.lead
    notes = [inline(finding.category)] if finding.category else []
    notes += [] if finding.in_diff else ["outside the diff"]
    if reported.others:
        others = [_linked(other.run, other.key, other.artifact, link) for other in reported.others]
        also = listed(others, NAMES, reported.times - 1, manifest=False)
        notes.append(f"reported {reported.times:,}×, also in {also}")
    notes.append(_linked(lead.run, lead.key, lead.artifact, link))
    yield f"- {_where(reported)}**{block(terminal.line(finding.title))}** ({'; '.join(notes)})"
    if finding.suggestion.strip():
        yield from (f"  {line}".rstrip() for line in _suggestion(finding.suggestion).split("\n"))


def _suggestion(text: str) -> str:
    lines = text.strip("\n").split("\n")
    if len(lines) == 1:
        return f"Suggestion: {block(terminal.line(text))}"
    cut = "\n".join(lines[:SUGGESTION_LINES]) + ("\n…" if len(lines) > SUGGESTION_LINES else "")
    return f"Suggestion:\n\n{block(cut if '```' in cut or '~~~' in cut else _fenced(cut))}\n"


def _where(reported: Reported) -> str:
    finding = reported.finding
    if not finding.path:
        return ""
    return _code(f"{finding.path}:{finding.line}" if finding.line else finding.path) + " "


def _written(digest: Digest, link: Link) -> Iterator[str]:
    total = digest.succeeded
    files = [one for one in digest.done if one.kind != "findings" and one.artifact is not None]
    for one in files:
        yield f"- {_linked(one.run, one.key, one.artifact, link)}: {inline(one.headline)}"
    if more := rest(len(files), len(files), total.files):
        yield f"- {more}"
    reviews = [one for one in digest.done if one.kind == "findings"]
    for told, some, count in (
        ("without findings", [one for one in reviews if not one.findings], total.clean),
        ("with findings", [one for one in reviews if one.findings], total.reviews),
    ):
        if count:
            names = [_linked(one.run, one.key, one.artifact, link) for one in some]
            yield f"- {counted(count, 'review')} {told}: {listed(names, NAMES, count)}"
    if total.same:
        same = [one for one in digest.done if one.kind != "findings" and one.artifact is None]
        names = [inline(label(one.key)) for one in same]
        yield f"- {counted(total.same, 'file')} without a change: {listed(names, NAMES, total.same)}"


def _undone(groups: Sequence[Undone]) -> Iterator[str]:
    for group in groups:
        meaning = f" ({inline(group.meaning)})" if group.meaning else ""
        yield f"- **{group.count:,} {inline(group.reason)}**{meaning}{_common(group)}"
        if unchanged(group):
            yield f"  {listed([_before(line) for line in group.lines], NAMES, group.count)}"
        elif group.lines and not group.quiet:
            yield f"  {listed([_named(line, group) for line in group.lines], NAMES, group.count)}"
        elif group.runs:
            yield f"  in {listed([inline(run) for run in group.runs], NAMES)}"


def _before(line: UndoneLine) -> str:
    target = earlier(line)
    name = inline(label(line.key))
    return name if target is None else f"[{name}](<{address(target)}>)"


def _moved(digest: Digest, link: Link) -> Iterator[str]:
    for one in digest.moved:
        name = _linked(one.run, one.key, one.artifact, link)
        yield f"- {name}: reviewed {_code(one.was[:12])}, now {_code(one.now[:12])}"
    if more := rest(len(digest.moved), digest.stale, digest.stale):
        yield f"- {more}: {_code(whole(digest.runs, 'json'))}"


def _named(line: UndoneLine, group: Undone) -> str:
    key = inline(label(line.key))
    return f"{key} ({inline(line.told)})" if line.told and not is_common(group) else key


def _common(group: Undone) -> str:
    told = common(group)
    return f": {share(group)}{inline(told)}" if told else ""


def _runs(digest: Digest) -> Iterator[str]:
    columns = ["run", "recipe", "jobs", "done", "paid", "other lane", "saved", "cache hits"]
    columns += ["note"] if digest.sandbox else []
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * 2 + "---:|" * 6 + ("---|" if digest.sandbox else "")
    for run in digest.runs:
        cells = [inline(run.run), inline(run.recipe), *figures(run)]
        cells += [SANDBOX if run.sandbox else ""] if digest.sandbox else []
        yield f"| {' | '.join(cells)} |"


def figures(run: RunAccount) -> list[str]:
    """A run's jobs, successes, cost, list price, saving and cache hit rate, as its row in a table shows
    them.
    """
    return [
        f"{run.jobs:,}",
        f"{run.outcomes.get('succeeded', 0):,}",
        dollars(run.cost_usd),
        dollars(run.list_usd),
        dollars(saved(run.cost_usd, run.list_usd)),
        percent(hit_rate(run.cache_read_tokens, run.cache_written_tokens)),
    ]


def _account(digest: Digest) -> str:
    return " ".join(told_money(digest.money))


def _need(need: str) -> str:
    told, colon, command = need.rpartition(": ")
    named = colon and command.startswith("lanectl ")
    return f"{_plain(told)}: {_code(command)}" if named else _plain(need)


def _plain(text: str) -> str:
    # The first thing read, also in a terminal: no backslash before each amount of money.
    return inline(text).replace("\\$", "$")


def _linked(run: str, key: str, artifact: str | None, link: Link) -> str:
    return (
        inline(label(key))
        if artifact is None
        else f"[{inline(label(key))}](<{address(link(run, artifact))}>)"
    )


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def _code(text: str) -> str:
    flat = terminal.line(text)
    ticks = "`" * (max((len(run) for run in _BACKTICKS.findall(flat)), default=0) + 1)
    space = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{space}{flat}{space}{ticks}"
