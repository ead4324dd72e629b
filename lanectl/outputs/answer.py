"""What the kinds share: the job an answer is for, what a good answer leaves, and how text is fenced."""

import re
from dataclasses import dataclass, field

from lanectl.models import Finding, JsonValue, Material, OutputFile
from lanectl.outputs.schema import Schema
from lanectl.text import names, terminal

HEADLINE_WIDTH = 160

_BACKTICKS = re.compile(r"`+")
_MARKS = re.compile(r"^[\s#>*+-]+(?=\S)")


@dataclass(frozen=True, slots=True)
class Expected:
    """The job that an answer is for; `path` is the rendered `output.path`, "" where the recipe names none."""

    custom_id: str
    key: str
    path: str
    material: Material = field(default_factory=lambda: Material())


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run asks of every answer: `path` is the recipe's own template, `schema` that of kind `json`."""

    path: str | None
    schema: Schema | None
    model: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a good answer leaves: `files[0]` is the artifact; `text` or `value` goes to `results.jsonl`."""

    headline: str
    files: tuple[OutputFile, ...] = ()
    text: str | None = None
    value: JsonValue = None
    findings: tuple[Finding, ...] = ()


class InvalidAnswerError(Exception):
    """The answer fails its kind's checks: `type` is the check's name, the message says what is wrong."""

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message


def untrusted(model: str) -> str:
    """The sentence that stands in every artifact with room for it."""
    return f"Model output ({terminal.line(model, 60)}), untrusted: check it before you act on it."


def place(job: Expected, rules: Rules, suffix: str) -> str:
    """Where the job's artifact goes below the run's folder: as the recipe says, else named after the job.

    Only in the second case is `suffix` added, since a key says what was asked about and not what came back.
    """
    path = names.relative_path(job.path) if job.path else None
    if path is not None and rules.path is not None:
        return path
    stem = path or names.file_name(job.key)
    return stem if stem.endswith(suffix) else stem + suffix


def encoded(text: str) -> bytes:
    """`text` as the bytes of a file, ending in a newline."""
    return (text if not text or text.endswith("\n") else text + "\n").encode("utf-8", "replace")


def unfenced(text: str) -> str:
    """`text` without the one code fence that stands around the whole of it, if there is one.

    Blocks inside must name their language to be told from the end of the outer one, as CommonMark leaves
    open.
    """
    lines = text.strip().split("\n")
    mark = lines[0][:1]
    fence = lines[0][: len(lines[0]) - len(lines[0].lstrip(mark))] if mark and mark in "`~" else ""
    if len(fence) < 3 or len(lines) < 2 or not _closes(lines[-1], fence):
        return text
    inside = False
    for inner in lines[1:-1]:
        if _closes(inner, fence):
            if not inside:
                return text
            inside = False
        elif inner.startswith(fence):
            inside = True
    return text if inside else "".join(f"{inner}\n" for inner in lines[1:-1])


def _closes(text: str, fence: str) -> bool:
    bare = text.strip()
    return len(bare) >= len(fence) and not bare.strip(fence[0])


def fenced(text: str) -> str:
    """`text` as a code block that nothing inside it can close."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{terminal.safe(text).strip(chr(10))}\n{fence}"


def code(text: str) -> str:
    """`text` as a code span on one line that nothing inside it can close."""
    flat = terminal.line(text) or " "
    longest = max((len(run) for run in _BACKTICKS.findall(flat)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{space}{flat}{space}{ticks}"


def sentence(text: str) -> str:
    """The first sentence of `text` on one line, at most 160 columns, "" where there is none."""
    for raw in text.split("\n"):
        flat = terminal.line(_MARKS.sub("", raw)).strip(" *_`#")
        if flat:
            stop = re.search(r"[.!?](?=\s+[A-Z\"'(])", flat)
            return terminal.line(flat[: stop.end()] if stop else flat, HEADLINE_WIDTH)
    return ""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 finding`, `3 findings`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
