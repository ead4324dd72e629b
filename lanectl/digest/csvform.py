"""The digest as a table: one row a report of a finding, a job or a skipped item."""

import csv
import io
from collections.abc import Callable, Iterator

from lanectl.digest.merge import Source
from lanectl.digest.model import SANDBOX, Digest
from lanectl.text.csvtext import cell

COLUMNS = (
    "what",
    "run",
    "recipe",
    "key",
    "outcome",
    "severity",
    "category",
    "path",
    "line",
    "end_line",
    "in_diff",
    "title",
    "detail",
    "suggestion",
    "reported",
    "finding_id",
    "cost_usd",
    "artifact",
    "note",
    "first_reported",
    "stale",
    "was",
    "now",
)  # fmt: skip -- a table's head


def render(digest: Digest, *, link: Callable[[str, str], str]) -> str:
    """The digest as CSV, every cell quoted, with a head row and CRLF line ends (RFC 4180).

    `what` is `finding`, `job`, `skipped` or `out`; a finding that several jobs reported has one row a
    report, with one `finding_id`. Jobs that are still out are counted, not named. `stale` is `yes` where the
    branch has moved from the commit `was` to `now` since it was looked at.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in _rows(digest, link):
        note = {"note": SANDBOX} if digest.sandbox else {}
        writer.writerow([_written((row | note).get(column, "")) for column in COLUMNS])
    return out.getvalue()


def _rows(digest: Digest, link: Callable[[str, str], str]) -> Iterator[dict[str, object]]:
    stale = {(one.run, one.key): {"stale": "yes", "was": one.was, "now": one.now} for one in digest.moved}
    for group in digest.severities:
        for one in group.findings:
            told = {
                "reported": one.times,
                "finding_id": one.identity,
                "first_reported": one.first_reported,
            }
            for source in (one.lead, *one.others):
                yield _finding(source, link) | told | stale.get((source.run, source.key), {})
    for job in digest.done:
        row: dict[str, object] = {
            "what": "job",
            "run": job.run,
            "recipe": job.recipe,
            "key": job.key,
            "outcome": "succeeded",
            "title": job.headline,
            "cost_usd": job.cost_usd,
            "artifact": link(job.run, job.artifact) if job.artifact is not None else "",
        }
        yield row | stale.get((job.run, job.key), {})
    for undone in digest.undone:
        what = {"outcome": "job", "skip": "skipped"}.get(undone.kind, "out")
        for line in undone.lines:
            named = {"run": line.run, "recipe": line.recipe, "key": line.key}
            yield {**named, "what": what, "outcome": undone.reason, "detail": line.told}
        unnamed = undone.count - len(undone.lines)
        if unnamed:
            yield {"what": what, "outcome": undone.reason, "reported": unnamed, "run": " ".join(undone.runs)}


def _finding(source: Source, link: Callable[[str, str], str]) -> dict[str, object]:
    finding = source.finding
    return {
        "what": "finding",
        "run": source.run,
        "recipe": source.recipe,
        "key": source.key,
        "outcome": "succeeded",
        "severity": str(finding.severity),
        "category": finding.category,
        "path": finding.path,
        "line": finding.line or "",
        "end_line": finding.end_line or "",
        "in_diff": "yes" if finding.in_diff else "no",
        "title": finding.title,
        "detail": finding.detail,
        "suggestion": finding.suggestion,
        "artifact": link(source.run, source.artifact) if source.artifact is not None else "",
    }


def _written(value: object) -> str:
    # Numbers are ours and stay numbers; a text that begins like a formula must not become one.
    return "" if value is None else str(value) if isinstance(value, int | float) else cell(str(value))
