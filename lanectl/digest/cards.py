"""The findings on the digest's page: a card each, those that were reported before folded away."""

from collections.abc import Callable, Iterator, Sequence

from lanectl.digest.merge import More, Reported, SeverityGroup, Source
from lanectl.digest.model import Digest
from lanectl.digest.pageparts import flat, linked, mark
from lanectl.digest.words import counted, left_out, news, of_kind, since, whole
from lanectl.models import Severity
from lanectl.text import html, html_inline, terminal
from lanectl.text.html import escape

Link = Callable[[str, str], str]


def findings(digest: Digest, link: Link) -> Iterator[str]:
    """All findings by severity in pieces of HTML, those beyond the cap folded away by category."""
    if not digest.severities:
        return
    yield f"<section data-part><h2>Findings{mark(digest)}</h2>\n"
    for group in digest.severities:
        yield from _group(digest, group, link)
    yield "</section>\n"


def _group(digest: Digest, group: SeverityGroup, link: Link) -> Iterator[str]:
    new = news([group])
    yield (
        f'<section class="{group.severity}" data-part><h3>{group.severity.capitalize()}'
        f"<small>{group.count:,}{f', {new}' if new else ''}</small></h3>\n"
    )
    yield from (_card(one, link) for one in group.findings if one.shown)
    hidden: dict[str, list[Reported]] = {}
    for one in group.findings:
        if one.new and not one.shown:
            hidden.setdefault(one.finding.category, []).append(one)
    for more in group.more:
        yield from _fold(more, hidden[more.category], link)
    yield from _still_there(group, link)
    if group.cut:
        command = escape(whole(digest.runs, "csv"))
        yield f'<p class="rest">{flat(left_out(group))}: <code>{command}</code></p>\n'
    yield "</section>\n"


def _fold(more: More, hidden: Sequence[Reported], link: Link) -> Iterator[str]:
    kind = of_kind(escape(more.category))
    told = f"plus {more.count:,} more {kind} in {counted(len(more.where), 'job')}"
    yield f'<details class="more"><summary>{told}</summary>\n'
    yield from (_card(one, link) for one in hidden)
    yield "</details>\n"


def _still_there(group: SeverityGroup, link: Link) -> Iterator[str]:
    """What was reported before: only the critical stand in the open, and these too without their words."""
    known = group.still_there
    if not known:
        return
    first = since(min(one.first_reported or "" for one in known))
    told = f"Still there: {len(known):,} reported before, {first}"
    opened = group.severity is Severity.CRITICAL
    yield f'<p class="rest">{told}</p>\n' if opened else f'<details class="more"><summary>{told}</summary>\n'
    yield from (_card(one, link) for one in known)
    if not opened:
        yield "</details>\n"


def _card(one: Reported, link: Link) -> str:
    finding = one.finding
    recipes = "\n".join(dict.fromkeys(source.recipe for source in (one.lead, *one.others)))
    meta = "".join(f"<span{attributes}>{told}</span>" for attributes, told in _meta(one, link))
    suggestion = _suggestion(finding.suggestion)
    words = suggestion + _details(one, link, "") if one.new else _details(one, link, suggestion)
    return (
        f'<article class="item finding {finding.severity}{"" if one.new else " known"}" tabindex="-1"'
        f' data-id="{one.identity}"'
        f' data-severity="{finding.severity}" data-recipe="{escape(recipes)}" data-outcome="succeeded"'
        f' data-path="{escape(finding.path)}">'
        f"<h4>{_title(finding.title)}"
        '<button type="button" class="mark" aria-label="Done" aria-pressed="false">✓</button>'
        f'</h4><p class="meta">{meta}</p>{words}</article>\n'
    )


def _meta(one: Reported, link: Link) -> Iterator[tuple[str, str]]:
    finding = one.finding
    if finding.path:
        place = f"{finding.path}:{finding.line}" if finding.line else finding.path
        yield ' class="loc"', f"<code>{flat(place)}</code>"
    if finding.category:
        yield "", flat(finding.category)
    yield "", linked(one.lead.run, one.lead.key, one.lead.artifact, link)
    if not one.new:
        yield "", since(one.first_reported)
    if one.times > 1:
        yield ' class="badge"', f"reported {one.times:,}×"
    if not finding.in_diff:
        yield "", "outside the diff"


def _details(one: Reported, link: Link, suggestion: str) -> str:
    """What is folded away on a card: why, with the suggestion of one that is known, and further reports."""
    why = one.finding.detail.strip()
    parts = [f'<div class="words">{html.markdown(one.finding.detail)}</div>'] if why else []
    parts += [suggestion] if suggestion else []
    parts += [_other(source, link) for source in one.others]
    unnamed = one.times - 1 - len(one.others)
    parts += [f'<p class="other">and {counted(unnamed, "further report")}</p>'] if unnamed else []
    if not parts:
        return ""
    told = "Why" if one.times == 1 else f"Why, and {counted(one.times - 1, 'further report')}"
    return f"<details><summary>{told}</summary>{''.join(parts)}</details>"


def _other(source: Source, link: Link) -> str:
    finding = source.finding
    where = linked(source.run, source.key, source.artifact, link)
    return (
        f'<div class="other"><p class="meta"><span>{where}</span>'
        f"<span>{finding.severity}</span><span>line {finding.line:,}</span></p><p>{_title(finding.title)}</p>"
        f'<div class="words">{html.markdown(finding.detail)}</div>{_suggestion(finding.suggestion)}</div>'
    )


def _title(title: str) -> str:
    return html_inline.inline(terminal.line(title))


def _suggestion(text: str) -> str:
    if not text.strip():
        return ""
    code = "\n" in text and "```" not in text and "~~~" not in text
    told = f"<pre><code>{escape(terminal.safe(text))}</code></pre>" if code else html.markdown(text)
    return f'<div class="fix words"><b>Suggestion</b>{told}</div>'
