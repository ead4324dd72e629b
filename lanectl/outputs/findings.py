"""Reviews: findings of a fixed shape, held against the lines that were reviewed."""

from collections.abc import Mapping, Sequence
from typing import Any

from lanectl.models import Finding, JsonValue, Material, OutputFile, Severity
from lanectl.outputs import review
from lanectl.outputs.answer import Expected, Kept, Rules, counted, encoded, place, sentence
from lanectl.outputs.json_value import parsed
from lanectl.outputs.schema import Schema

# Readers act on about half of what a review says, less the longer it is: the schema cannot hold a count (the
# provider refuses `maxItems`), so that the instructions do.
ASKED = 10

INSTRUCTIONS = f"""\
Answer with one JSON object: `summary` (two or three sentences on the whole) and `findings`, worst first.
- Report what its author would change if told: wrong results, lost data, security holes, broken promises. \
Prefer three findings to ten, never more than {ASKED}. No praise, no style that a formatter settles, nothing \
you have not checked in the text you were given. Nothing to report: an empty list.
- `severity`: critical (data loss, a hole that can be used, an outage), high (wrong in common use), medium \
(wrong in rare use, or a trap for the next change), low (worth a line).
- `category`: one lower-case word for the kind of problem, such as correctness, security, concurrency, \
performance, compatibility, tests, docs; the same word for the same kind.
- `path`: the file as it is named in the text. `line` and `end_line`: numbers of the new side as they stand \
in the left column; the same number twice for a single line. A finding about no one place: path "" and both \
numbers 0.
- `title`: one sentence that stands on its own. `detail`: what happens, when, and how you know. \
`suggestion`: what to do instead, as code where code says it best; "" where there is nothing to suggest."""

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "severity": {"type": "string", "enum": [str(severity) for severity in Severity]},
                    "category": {"type": "string"},
                    "path": {"type": "string"},
                    "line": {"type": "integer"},
                    "end_line": {"type": "integer"},
                    "title": {"type": "string"},
                    "detail": {"type": "string"},
                    "suggestion": {"type": "string"},
                },
                "required": [
                    "severity",
                    "category",
                    "path",
                    "line",
                    "end_line",
                    "title",
                    "detail",
                    "suggestion",
                ],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "findings"],
    "additionalProperties": False,
}  # fmt: skip -- a table

_CHECK = Schema(SCHEMA)
_MOST_LINES = 10_000_000


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The findings, worst first, as a review to read and, where a diff was reviewed, as one to post.

    Raises InvalidAnswerError for an answer that is no such object.
    """
    value = parsed(answer, _CHECK)
    said: dict[str, Any] = value if isinstance(value, dict) else {}
    findings = tuple(
        sorted(
            (_finding(raw, job.material) for raw in said["findings"]), key=lambda found: found.severity.rank
        )
    )
    path = place(job, rules, ".md")
    name = path.rpartition("/")[2].removesuffix(".md")
    page = review.Review(
        key=name if job.key in name else job.key,
        summary=said["summary"],
        said=tuple(map(review.said, findings)),
        head=job.material.get("head", ""),
        model=rules.model,
    )
    files = [OutputFile(path, encoded(review.markdown(page)))]
    hunks = job.material.get("hunks")
    if hunks is not None:
        stem = path.removesuffix(".md")
        files.append(OutputFile(f"{stem}.review.json", encoded(review.github(page, hunks))))
    return Kept(_headline(said["summary"], findings), tuple(files), value=value, findings=findings)


def tally(findings: Sequence[Finding]) -> str:
    """`3 findings (1 high, 2 low)`, `no findings`."""
    if not findings:
        return "no findings"
    each = ((severity, sum(found.severity is severity for found in findings)) for severity in Severity)
    told = ", ".join(f"{number:,} {severity}" for severity, number in each if number)
    return f"{counted(len(findings), 'finding')} ({told})"


def _headline(summary: str, findings: Sequence[Finding]) -> str:
    told, count = sentence(summary), tally(findings)
    count = count[:1].upper() + count[1:]
    return f"{count}: {told}" if told else count


def _finding(raw: Mapping[str, Any], material: Material) -> Finding:
    path = _known(" ".join(str(raw["path"]).split()), material)
    line = _number(raw["line"]) if path else 0
    end = max(line, _number(raw["end_line"])) if line else 0
    return Finding(
        severity=Severity(raw["severity"]),
        path=path,
        line=line,
        end_line=end,
        title=" ".join(str(raw["title"]).split()) or "(no title)",
        detail=str(raw["detail"]).strip(),
        suggestion=str(raw["suggestion"]).strip("\n"),
        category=" ".join(str(raw["category"]).lower().split())[:40] or "other",
        in_diff=_in_diff(path, line, material),
    )


def _known(path: str, material: Material) -> str:
    """The path as the reviewed material spells it: models like to keep a diff's `a/` and `b/`."""
    spelled = {*material.get("hunks", {}), material.get("path", "")}
    trimmed = (path, path.removeprefix("./"), path.removeprefix("b/"), path.removeprefix("a/"))
    return next((candidate for candidate in trimmed if candidate in spelled), path)


def _in_diff(path: str, line: int, material: Material) -> bool:
    hunks = material.get("hunks")
    if hunks is None:
        # No diff was reviewed, so that nothing can lie outside it.
        return True
    return line > 0 and review.hunk_of(path, line, hunks) is not None


def _number(value: JsonValue) -> int:
    number = int(value) if isinstance(value, int | float) else 0
    return number if 0 < number < _MOST_LINES else 0
