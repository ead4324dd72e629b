"""Codemods: the answer as edits of the one file it was asked about, applied here, kept as a patch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lanectl.models import JsonValue, OutputFile
from lanectl.outputs.answer import Expected, InvalidAnswerError, Kept, Rules, place, sentence, unfenced
from lanectl.outputs.json_value import parsed
from lanectl.outputs.patch import counts, patch, unix
from lanectl.outputs.schema import Schema
from lanectl.outputs.syntax import broken
from lanectl.text import names

NO_CHANGE = "no change"

# Whole files survive better than search blocks (99 against 94 in a hundred answers well formed) while they
# are short enough to repeat; three lines of context make 92 blocks in a hundred unique (measured on 120
# commits of three repositories, and aider's leaderboards).
INSTRUCTIONS = """\
Answer with one JSON object: `summary`, `whole`, `edits`.
- `summary`: one sentence that says what you changed and why; where nothing is to change, why not.
- A file of up to about 400 lines: give its complete new text as `whole`, every line of it, and leave \
`edits` empty.
- A longer file: set `whole` to null and give `edits`. Each `search` is copied from the file character by \
character, blanks and indentation included, holds at least 3 lines of context around what changes, and \
stands exactly once in the file; `replace` stands in its place. No two searches overlap. All of them refer \
to the file as you were given it.
- Nothing to change: `whole` null and `edits` empty.
Keep everything that you were not asked to change: formatting, comments, the end of the file."""

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "whole": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"search": {"type": "string"}, "replace": {"type": "string"}},
                "required": ["search", "replace"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "whole", "edits"],
    "additionalProperties": False,
}


_CHECK = Schema(SCHEMA)


@dataclass(frozen=True, slots=True)
class Span:
    """Where one block of an answer (counted from 1) stands in the file, and what takes its place."""

    block: int
    start: int
    end: int
    text: str


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The patch that the answer amounts to, or "no change" without a file.

    Raises InvalidAnswerError for an answer that is no such object, a block that stands nowhere, more than
    once or over another, and for a text that no longer parses where the old one did.
    """
    value = parsed(answer, _CHECK)
    old, path = job.material.get("text"), job.material.get("path", "")
    if old is None or not path:
        raise InvalidAnswerError("no_file", "the job is about no file: edits need a source of kind files")
    new = _applied(value, unix(old))
    if "\0" in new and "\0" not in old:
        raise InvalidAnswerError("not_text", "the new text holds NUL characters: no text file does")
    why = broken(path, new) if broken(path, unix(old)) is None else None
    if why is not None:
        raise InvalidAnswerError("broken_syntax", f"{path} parsed before the edits and does not after: {why}")
    diff = patch(path, old, new)
    if not diff:
        return Kept(NO_CHANGE, value=value)
    added, removed = counts(diff)
    told = sentence(_string(value, "summary")) or path
    file = OutputFile(_place(job, rules), diff.encode("utf-8", "replace"))
    return Kept(f"{told} (+{added:,} -{removed:,})", (file,), value=value)


def _applied(value: JsonValue, old: str) -> str:
    answer = value if isinstance(value, dict) else {}
    whole, edits = answer.get("whole"), answer.get("edits")
    blocks = edits if isinstance(edits, list) else []
    if not (isinstance(whole, str) and whole):
        return _with_blocks(old, blocks)
    if blocks:
        raise InvalidAnswerError(
            "edit_mismatch", "the answer gives the whole file and edits of it: one too many"
        )
    new = unix(whole if old.lstrip().startswith(("```", "~~~")) else unfenced(whole))
    # Two things that answers drop and nobody asks them to: the mark at the start, the newline at the end.
    if old.startswith("\ufeff") and not new.startswith("\ufeff"):
        new = "\ufeff" + new
    return new + "\n" if old.endswith("\n") and not new.endswith("\n") else new


def _with_blocks(old: str, blocks: Sequence[JsonValue]) -> str:
    spans = sorted(
        (_found(old, number, block) for number, block in enumerate(blocks, 1)), key=lambda s: s.start
    )
    pieces, at, last = [], 0, 0
    for span in spans:
        if span.start < at:
            raise InvalidAnswerError("edit_mismatch", f"blocks {last} and {span.block} overlap")
        pieces += [old[at : span.start], span.text]
        at, last = span.end, span.block
    return "".join([*pieces, old[at:]])


def _found(old: str, number: int, block: JsonValue) -> Span:
    search, replace = unix(_string(block, "search")), unix(_string(block, "replace"))
    if not search:
        raise InvalidAnswerError("edit_mismatch", f"block {number} searches for nothing")
    start = old.find(search)
    if start < 0:
        raise InvalidAnswerError("edit_mismatch", f"block {number} is not in the file: {_shown(search)}")
    if old.find(search, start + 1) >= 0:
        raise InvalidAnswerError(
            "edit_mismatch", f"block {number} is in the file more than once: {_shown(search)}"
        )
    return Span(number, start, start + len(search), replace)


def _place(job: Expected, rules: Rules) -> str:
    # `apply` knows patches by their ending.
    if rules.path is not None and job.path:
        path = place(job, rules, ".patch")
        return path if path.endswith(".patch") else f"{path}.patch"
    stem = names.relative_path(job.material.get("path", "")) or names.file_name(job.key)
    return f"patches/{stem}.patch"


def _string(value: JsonValue, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _shown(search: str) -> str:
    return repr(next((line.strip() for line in search.split("\n") if line.strip()), search)[:80])
