"""The sections of the digest's page, each a piece of HTML in which everything from outside is made safe."""

from collections.abc import Callable, Iterator, Sequence

from lanectl.digest.markdown import address, figures, told_money
from lanectl.digest.merge import label
from lanectl.digest.model import SANDBOX, Digest, Done
from lanectl.digest.undone import Undone, common, earlier, is_common, unchanged
from lanectl.digest.words import counted, listed, rest, whole
from lanectl.text import terminal
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
    return f'<section class="needs"><h2>Needs you{mark(digest)}</h2><ul>{lines}</ul></section>'


def done(digest: Digest, link: Link) -> Iterator[str]:
    """Every job that succeeded, with its headline and artifact; files without a change only counted."""
    total = digest.succeeded
    if not total.jobs:
        return
    title = f"<h2>Done <small>{total.jobs:,}</small>{mark(digest)}</h2>"
    yield f'<section data-part>{title}\n<ul class="rows">'
    rows = [one for one in digest.done if one.artifact is not None or one.kind == "findings"]
    yield from (_row(one, link) for one in rows)
    if more := rest(len(rows), len(rows), total.jobs - total.same):
        yield f'<li class="row rest">{more}</li>\n'
    if total.same:
        same = [one for one in digest.done if one.artifact is None and one.kind != "findings"]
        yield _same(digest, same, total.same)
    yield "</ul></section>\n"


def undone(digest: Digest) -> str:
    """Everything without success, by reason."""
    if not digest.undone:
        return ""
    count = f"<small>{sum(group.count for group in digest.undone):,}</small>"
    groups = "".join(map(_undone, digest.undone))
    return f"<section data-part><h2>Not done {count}{mark(digest)}</h2>\n{groups}</section>"


def stale(digest: Digest, link: Link) -> str:
    """What was reviewed at a commit that is not the newest any more."""
    if not digest.moved:
        return ""
    rows = "".join(
        f'<li class="item row" tabindex="-1" data-id="{escape(one.run)}/{escape(one.key)}/moved"'
        f' data-recipe="{escape(one.recipe)}" data-outcome="succeeded" data-path="{escape(one.key)}">'
        f"<span>{linked(one.run, one.key, one.artifact, link)}</span>"
        f'<span class="say">reviewed <code>{flat(one.was[:12])}</code>, now <code>{flat(one.now[:12])}</code>'
        '</span><span class="tag">stale</span></li>\n'
        for one in digest.moved
    )
    if more := rest(len(digest.moved), digest.stale, digest.stale):
        told = f"{more}: <code>{escape(whole(digest.runs, 'json'))}</code>"
        rows += f'<li class="row rest">{told}</li>\n'
    title = f"<h2>Stale <small>{digest.stale:,}</small>{mark(digest)}</h2>"
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
        f'<section><h2>Runs and money{mark(digest)}</h2><p class="account">{told}</p>\n'
        '<div class="scroll" tabindex="0" role="region" aria-label="Runs and money">'
        f'<table class="runs">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></section>"
    )


def mark(digest: Digest) -> str:
    """What a title says of the sandbox, "" of a real night."""
    return f" <small>{SANDBOX}</small>" if digest.sandbox else ""


def _command(need: str) -> str:
    told, colon, command = need.rpartition(": ")
    return (
        f"{escape(told)}: <code>{escape(command)}</code>"
        if colon and command.startswith("lanectl ")
        else escape(need)
    )


def _row(one: Done, link: Link) -> str:
    tone = one.worst or ("good" if one.kind == "findings" else "")
    tag = {"edits": "patch"}.get(one.kind, escape(one.kind))
    if one.kind == "findings":
        tag = counted(one.findings, "finding") if one.findings else "no findings"
    return (
        f'<li class="item row {tone}" tabindex="-1" data-id="{escape(one.run)}/{escape(one.key)}"'
        f' data-recipe="{escape(one.recipe)}" data-outcome="succeeded" data-path="{escape(one.key)}">'
        f"<span>{linked(one.run, one.key, one.artifact, link)}</span>"
        f'<span class="say">{flat(one.headline)}</span><span class="tag">{tag}</span></li>\n'
    )


def _same(digest: Digest, same: Sequence[Done], count: int) -> str:
    run_ids = {one.run for one in digest.successes if one.same}
    recipes = "\n".join(dict.fromkeys(run.recipe for run in digest.runs if run.run in run_ids))
    names = listed([flat(label(one.key)) for one in same], NAMES, count)
    return (
        f'<li class="item row" tabindex="-1" data-recipe="{escape(recipes)}" data-outcome="succeeded">'
        f'<span>{counted(count, "file")}</span><span class="say">{names}</span>'
        '<span class="tag">no change</span></li>\n'
    )


def _undone(group: Undone) -> str:
    recipes = "\n".join(group.recipes)
    said = common(group)
    if said:
        share = "" if group.common_count == group.count else f"{group.common_count:,} of {group.count:,}: "
        said = f"<p>{share}<code>{flat(said)}</code></p>"
    names = _which(group)
    meaning = f"<small>{flat(group.meaning)}</small>" if group.meaning else ""
    tone = "" if group.quiet else " high"
    identity = escape(f"{group.reason}/{' '.join(group.runs)}")
    return (
        f'<div class="item why{tone}" tabindex="-1" data-id="{identity}"'
        f' data-recipe="{escape(recipes)}" data-outcome="{escape(group.reason)}">'
        f"<h3>{group.count:,} {flat(group.reason)}{meaning}</h3>{said}{names}</div>\n"
    )


def _which(group: Undone) -> str:
    if not group.lines:
        return f"<p>in {listed([flat(run) for run in group.runs], NAMES)}</p>"
    said = group.common if is_common(group) else ""
    shown = []
    for line in group.lines[:NAMES]:
        before = earlier(line) if unchanged(group) else None
        if before is not None:
            shown.append(f'<li><a href="{escape(address(before))}">{flat(label(line.key))}</a></li>')
            continue
        why = f" <span>{flat(line.told)}</span>" if line.told != said else ""
        shown.append(f"<li>{flat(label(line.key))}{why}</li>")
    if more := rest(len(shown), len(shown), group.count):
        shown.append(f"<li>{more}</li>")
    names = f"<ul>{''.join(shown)}</ul>"
    return names if len(shown) <= FEW else f"<details><summary>Which</summary>{names}</details>"


def linked(run: str, key: str, artifact: str | None, link: Link) -> str:
    """A job's name as a link to its artifact, where there is one."""
    if artifact is None:
        return flat(label(key))
    return f'<a href="{escape(address(link(run, artifact)))}">{flat(label(key))}</a>'


def flat(text: str) -> str:
    """Text from outside on one line of a page."""
    return escape(terminal.line(text))
