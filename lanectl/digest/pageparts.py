"""The sections of the digest's page, each a piece of HTML in which everything from outside is made safe."""

from collections.abc import Callable, Iterator, Sequence

from lanectl.digest.markdown import address, figures, told_money
from lanectl.digest.merge import More, Reported, SeverityGroup, Source, label
from lanectl.digest.model import SANDBOX, Digest, Done
from lanectl.digest.undone import Undone, earlier, is_common, unchanged
from lanectl.digest.words import counted
from lanectl.text import html, html_inline, terminal
from lanectl.text.html import escape

Link = Callable[[str, str], str]

# Names listed in one place before "and N more"; the page would be slow with thousands in a line.
NAMES = 200
# Up to here names stand in the open.
FEW = 8


def needs(digest: Digest) -> str:
    """What a person has to do, "" when that is nothing."""
    if not digest.needs:
        return ""
    lines = "".join(f"<li>{_command(need)}</li>" for need in digest.needs)
    return f'<section class="needs"><h2>Needs you{_mark(digest)}</h2><ul>{lines}</ul></section>'


def findings(digest: Digest, link: Link) -> str:
    """All findings by severity, those beyond the cap folded away by category."""
    if not digest.severities:
        return ""
    groups = "".join(_group(group, link) for group in digest.severities)
    return f"<section data-part><h2>Findings{_mark(digest)}</h2>\n{groups}</section>"


def done(digest: Digest, link: Link) -> str:
    """Every job that succeeded, with its headline and artifact; files without a change only counted."""
    rows = [_row(one, link) for one in digest.done if one.artifact is not None or one.kind == "findings"]
    same = [one for one in digest.done if one.artifact is None and one.kind != "findings"]
    rows += [_same(same)] if same else []
    if not rows:
        return ""
    count = f"<small>{len(digest.done):,}</small>"
    title = f"<h2>Done {count}{_mark(digest)}</h2>"
    return f'<section data-part>{title}\n<ul class="rows">{"".join(rows)}</ul></section>'


def undone(digest: Digest) -> str:
    """Everything without success, by reason."""
    if not digest.undone:
        return ""
    count = f"<small>{sum(group.count for group in digest.undone):,}</small>"
    groups = "".join(_undone(group) for group in digest.undone)
    return f"<section data-part><h2>Not done {count}{_mark(digest)}</h2>\n{groups}</section>"


def stale(digest: Digest, link: Link) -> str:
    """What was reviewed at a commit that is not the newest any more."""
    if not digest.moved:
        return ""
    rows = "".join(
        f'<li class="item row" tabindex="-1" data-id="{escape(one.run)}/{escape(one.key)}/moved"'
        f' data-recipe="{escape(one.recipe)}" data-outcome="succeeded" data-path="{escape(one.key)}">'
        f"<span>{_linked(one.run, one.key, one.artifact, link)}</span>"
        f'<span class="say">reviewed <code>{flat(one.was[:12])}</code>, now <code>{flat(one.now[:12])}</code>'
        '</span><span class="tag">stale</span></li>\n'
        for one in digest.moved
    )
    title = f"<h2>Stale <small>{len(digest.moved):,}</small>{_mark(digest)}</h2>"
    return f'<section data-part>{title}\n<ul class="rows">{rows}</ul></section>'


def money(digest: Digest) -> str:
    """What the runs cost, in words and as a table."""
    if not digest.runs:
        return ""
    told = " ".join(escape(sentence) for sentence in told_money(digest.money))
    heads = ("run", "recipe", "jobs", "done", "paid", "other lane", "saved", "cache hits")
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in (run.run, run.recipe, *figures(run)))
        + "</tr>"
        for run in digest.runs
    )
    caption = f"<caption>{SANDBOX}</caption>" if digest.sandbox else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<section><h2>Runs and money{_mark(digest)}</h2><p class="account">{told}</p>\n'
        '<div class="scroll" tabindex="0" role="region" aria-label="Runs and money">'
        f'<table class="runs">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></section>"
    )


def _mark(digest: Digest) -> str:
    return f" <small>{SANDBOX}</small>" if digest.sandbox else ""


def _command(need: str) -> str:
    told, colon, command = need.rpartition(": ")
    return (
        f"{escape(told)}: <code>{escape(command)}</code>"
        if colon and command.startswith("lanectl ")
        else escape(need)
    )


def _group(group: SeverityGroup, link: Link) -> str:
    shown = "".join(_finding(one, link) for one in group.findings if one.shown)
    hidden: dict[str, list[Reported]] = {}
    for one in group.findings:
        if not one.shown:
            hidden.setdefault(one.finding.category, []).append(one)
    folds = "".join(_fold(more, hidden[more.category], link) for more in group.more)
    return (
        f'<section class="{group.severity}" data-part><h3>{group.severity.capitalize()}'
        f"<small>{len(group.findings):,}</small></h3>\n{shown}{folds}</section>\n"
    )


def _fold(more: More, hidden: Sequence[Reported], link: Link) -> str:
    told = f"plus {more.count:,} more of {escape(more.category)} in {counted(len(more.where), 'job')}"
    cards = "".join(_finding(one, link) for one in hidden)
    return f'<details class="more"><summary>{told}</summary>\n{cards}</details>\n'


def _finding(one: Reported, link: Link) -> str:
    finding = one.finding
    recipes = "\n".join(dict.fromkeys(source.recipe for source in (one.lead, *one.others)))
    meta = "".join(f"<span{attributes}>{told}</span>" for attributes, told in _meta(one, link))
    return (
        f'<article class="item finding {finding.severity}" tabindex="-1" data-id="{one.identity}"'
        f' data-severity="{finding.severity}" data-recipe="{escape(recipes)}" data-outcome="succeeded"'
        f' data-path="{escape(finding.path)}">'
        f"<h4>{_title(finding.title)}"
        '<button type="button" class="mark" aria-label="Done" aria-pressed="false">✓</button>'
        f'</h4><p class="meta">{meta}</p>{_suggestion(finding.suggestion)}{_details(one, link)}</article>\n'
    )


def _meta(one: Reported, link: Link) -> Iterator[tuple[str, str]]:
    finding = one.finding
    if finding.path:
        place = f"{finding.path}:{finding.line}" if finding.line else finding.path
        yield ' class="loc"', f"<code>{flat(place)}</code>"
    if finding.category:
        yield "", flat(finding.category)
    yield "", _linked(one.lead.run, one.lead.key, one.lead.artifact, link)
    if one.others:
        yield ' class="badge"', f"reported {one.times:,}×"
    if not finding.in_diff:
        yield "", "outside the diff"


def _details(one: Reported, link: Link) -> str:
    parts = (
        [f'<div class="words">{html.markdown(one.finding.detail)}</div>']
        if one.finding.detail.strip()
        else []
    )
    parts += [_other(source, link) for source in one.others]
    if not parts:
        return ""
    told = "Why" if not one.others else f"Why, and {counted(len(one.others), 'further report')}"
    return f"<details><summary>{told}</summary>{''.join(parts)}</details>"


def _other(source: Source, link: Link) -> str:
    finding = source.finding
    where = _linked(source.run, source.key, source.artifact, link)
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


def _row(one: Done, link: Link) -> str:
    tone = one.worst or ("good" if one.kind == "findings" else "")
    tag = {"edits": "patch"}.get(one.kind, escape(one.kind))
    if one.kind == "findings":
        tag = counted(one.findings, "finding") if one.findings else "no findings"
    return (
        f'<li class="item row {tone}" tabindex="-1" data-id="{escape(one.run)}/{escape(one.key)}"'
        f' data-recipe="{escape(one.recipe)}" data-outcome="succeeded" data-path="{escape(one.key)}">'
        f"<span>{_linked(one.run, one.key, one.artifact, link)}</span>"
        f'<span class="say">{flat(one.headline)}</span><span class="tag">{tag}</span></li>\n'
    )


def _same(same: Sequence[Done]) -> str:
    recipes = "\n".join(dict.fromkeys(one.recipe for one in same))
    names = _names([label(one.key) for one in same])
    return (
        f'<li class="item row" tabindex="-1" data-recipe="{escape(recipes)}" data-outcome="succeeded">'
        f'<span>{counted(len(same), "file")}</span><span class="say">{names}</span>'
        '<span class="tag">no change</span></li>\n'
    )


def _undone(group: Undone) -> str:
    recipes = "\n".join(dict.fromkeys(line.recipe for line in group.lines))
    common = ""
    if is_common(group):
        share = "" if group.common_count == group.count else f"{group.common_count:,} of {group.count:,}: "
        common = f"<p>{share}<code>{flat(group.common)}</code></p>"
    names = _which(group)
    meaning = f"<small>{flat(group.meaning)}</small>" if group.meaning else ""
    tone = "" if group.quiet else " high"
    identity = escape(f"{group.reason}/{' '.join(group.runs)}")
    return (
        f'<div class="item why{tone}" tabindex="-1" data-id="{identity}"'
        f' data-recipe="{escape(recipes)}" data-outcome="{escape(group.reason)}">'
        f"<h3>{group.count:,} {flat(group.reason)}{meaning}</h3>{common}{names}</div>\n"
    )


def _which(group: Undone) -> str:
    if not group.lines:
        return f"<p>in {_names(group.runs)}</p>"
    said = group.common if is_common(group) else ""
    shown = []
    for line in group.lines[:NAMES]:
        before = earlier(line) if unchanged(group) else None
        if before is not None:
            shown.append(f'<li><a href="{escape(address(before))}">{flat(label(line.key))}</a></li>')
            continue
        why = f" <span>{flat(line.told)}</span>" if line.told != said else ""
        shown.append(f"<li>{flat(label(line.key))}{why}</li>")
    rest = group.count - len(shown)
    shown += [f"<li>and {rest:,} more, named in manifest.json</li>"] if rest else []
    names = f"<ul>{''.join(shown)}</ul>"
    return names if len(shown) <= FEW else f"<details><summary>Which</summary>{names}</details>"


def _linked(run: str, key: str, artifact: str | None, link: Link) -> str:
    if artifact is None:
        return flat(label(key))
    return f'<a href="{escape(address(link(run, artifact)))}">{flat(label(key))}</a>'


def _names(names: Sequence[str]) -> str:
    rest = len(names) - NAMES
    return ", ".join(map(flat, names[:NAMES])) + (f" and {rest:,} more" if rest > 0 else "")


def flat(text: str) -> str:
    """Text from outside on one line of a page."""
    return escape(terminal.line(text))
