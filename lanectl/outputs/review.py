"""Writes a review: as Markdown for a person, and in the form that GitHub takes in one request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanectl.models import Finding, JsonValue
from lanectl.outputs.answer import code, fenced, untrusted
from lanectl.text import markdown as safe
from lanectl.text import terminal
from lanectl.text.jsontext import dumps

# GitHub refuses a body above 65,536 characters, and with it the whole review.
MAX_BODY = 60_000
MAX_COMMENTS = 50

Hunks = Mapping[str, Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Said:
    """A finding with its words made safe once: they stand in the page and in the form."""

    finding: Finding
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Review:
    """One review: `key` is its heading, `head` the commit it is of ("" where there is none)."""

    key: str
    summary: str
    said: tuple[Said, ...]
    head: str
    model: str


def said(finding: Finding) -> Said:
    """The finding's words as safe Markdown."""
    return Said(finding, safe.block(terminal.line(finding.title)), "\n".join(_body(finding)).rstrip())


def markdown(review: Review) -> str:
    """The review as a page, findings as they are ordered."""
    lines = [f"# {safe.inline(review.key)}", "", f"> {untrusted(review.model)}", ""]
    if review.head:
        lines += [f"Reviewed at commit {code(review.head)}.", ""]
    if review.summary.strip():
        lines += [_block(review.summary), ""]
    if not review.said:
        lines += ["Nothing found.", ""]
    for number, one in enumerate(review.said, 1):
        lines += [
            f"## {number}. {one.finding.severity}: {one.title}",
            "",
            _where(one.finding),
            "",
        ]
        lines += [one.body, ""] if one.body else []
    return "\n".join(lines).rstrip() + "\n"


def github(review: Review, hunks: Hunks) -> str:
    """The review as the body of `POST /repos/{owner}/{repo}/pulls/{number}/reviews`.

    One comment on a line outside the diff costs the whole review (422), so that only findings inside a hunk
    become comments; the others go into the body.
    """
    comments: list[JsonValue] = []
    rest: list[Said] = []
    for one in review.said:
        hunk = hunk_of(one.finding.path, one.finding.line, hunks)
        if hunk is None or len(comments) >= MAX_COMMENTS:
            rest.append(one)
        else:
            comments.append(_comment(one, hunk))
    form: dict[str, JsonValue] = {"commit_id": review.head} if review.head else {}
    form |= {"event": "COMMENT", "body": _cut("\n".join(_overview(review, rest))), "comments": comments}
    return dumps(form, indent=2)


def hunk_of(path: str, line: int, hunks: Hunks) -> tuple[int, int] | None:
    """The new-side range that holds the line, or None."""
    ranges = (
        (int(first), int(last)) for first, last in (hunk for hunk in hunks.get(path, ()) if len(hunk) == 2)
    )
    return next((found for found in ranges if found[0] <= line <= found[1]), None)


def _overview(review: Review, rest: Sequence[Said]) -> Iterator[str]:
    yield _block(review.summary) or "Nothing to add to the comments."
    if rest:
        yield f"\n**Not on a line of this diff, or too many for it ({len(rest)})**\n"
    for one in rest:
        yield f"**{one.finding.severity}** {one.title} {_where(one.finding)}\n\n{one.body}\n"
    yield f"\n<sub>{safe.inline(untrusted(review.model))}</sub>"


def _comment(one: Said, hunk: tuple[int, int]) -> dict[str, JsonValue]:
    finding = one.finding
    last = min(finding.end_line, hunk[1])
    comment: dict[str, JsonValue] = {"path": finding.path, "line": last, "side": "RIGHT"}
    if finding.line < last:
        comment |= {"start_line": finding.line, "start_side": "RIGHT"}
    head = f"**{finding.severity}** · {safe.inline(finding.category)} · {one.title}"
    return comment | {"body": _cut(f"{head}\n\n{one.body}".rstrip())}


def _where(finding: Finding) -> str:
    if not finding.path:
        return f"No one place · {safe.inline(finding.category)}"
    place = code(f"{finding.path}:{finding.line}" if finding.line else finding.path)
    span = f" to line {finding.end_line}" if finding.end_line > finding.line else ""
    outside = "" if finding.in_diff else " · outside the diff"
    return f"{place}{span} · {safe.inline(finding.category)}{outside}"


def _body(finding: Finding) -> Iterator[str]:
    if finding.detail:
        yield _block(finding.detail) + "\n"
    if finding.suggestion.strip():
        yield "**Suggestion**\n"
        yield _suggestion(finding.suggestion) + "\n"


def _suggestion(text: str) -> str:
    if "```" in text or "~~~" in text:
        return _block(text)
    return fenced(text) if "\n" in text else _block(text)


def _block(text: str) -> str:
    return safe.block(text).strip()


def _closed(text: str) -> str:
    """Safe Markdown that was cut, with the fence that the cut left open closed."""
    fence = ""
    for line in text.split("\n"):
        bare = line.strip()
        mark = bare[:1] if bare[:3] in ("```", "~~~") else ""
        run = bare[: len(bare) - len(bare.lstrip(mark))] if mark else ""
        if not fence:
            fence = run
        elif run.startswith(fence) and run == bare:
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _cut(text: str) -> str:
    if len(text) <= MAX_BODY:
        return text
    return _closed(text[:MAX_BODY]) + "\n\n(cut: the whole review is in the artifact)"
