"""Makes the unified diff between two texts of one file, as `git apply` wants it."""

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

CONTEXT = 3

Step: TypeAlias = tuple[str, int, int, int, int]


def unix(text: str) -> str:
    """`text` with `\\n` for every line ending: what is compared, whatever the file keeps."""
    return text.replace("\r\n", "\n")


def patch(path: str, old: str, new: str) -> str:
    """The diff that turns `old` into `new`, "" when they differ in nothing but line endings.

    Lines that stay keep their own ending, new ones get the ending most of the old file has.
    """
    before, after = _lines(unix(old)), _lines(unix(new))
    if before == after:
        return ""
    crlf = old.count("\r\n") * 2 > old.count("\n")
    kept = _lines(old)
    made = [line[:-1] + "\r\n" if crlf and line.endswith("\n") else line for line in after]
    steps = list(_steps(before, after))
    name_old, name_new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    # git ends a name with blanks in it by a tab, or it would read the rest as a date.
    tab = "\t" if " " in path else ""
    out = [
        f"diff --git {name_old} {name_new}\n",
        f"index {_blob(old)}..{_blob(_joined(steps, kept, made))}\n",
        f"--- {name_old}{tab}\n",
        f"+++ {name_new}{tab}\n",
    ]
    for hunk in _hunks(steps):
        out.extend(_hunk(hunk, kept, made))
    return "".join(out)


def counts(diff: str) -> tuple[int, int]:
    """Lines added and removed by a diff of `patch`."""
    body = diff.split("\n")[4:]
    return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    whole = [line + "\n" for line in lines[:-1]]
    return [*whole, lines[-1]] if lines[-1] else whole


def _steps(before: Sequence[str], after: Sequence[str]) -> Iterator[Step]:
    # difflib is quadratic where lines repeat: what is equal at both ends is not its business.
    most = min(len(before), len(after))
    head = next((i for i in range(most) if before[i] != after[i]), most)
    tail = next((i for i in range(most - head) if before[-1 - i] != after[-1 - i]), most - head)
    if head:
        yield ("equal", 0, head, 0, head)
    middle = difflib.SequenceMatcher(None, before[head : len(before) - tail], after[head : len(after) - tail])
    for tag, i1, i2, j1, j2 in middle.get_opcodes():
        yield (tag, i1 + head, i2 + head, j1 + head, j2 + head)
    if tail:
        yield ("equal", len(before) - tail, len(before), len(after) - tail, len(after))


def _hunks(steps: Sequence[Step]) -> Iterator[list[Step]]:
    hunk: list[Step] = []
    for number, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag != "equal":
            hunk.append((tag, i1, i2, j1, j2))
            continue
        last = number == len(steps) - 1
        if hunk and (last or i2 - i1 > 2 * CONTEXT):
            size = min(CONTEXT, i2 - i1)
            yield [*hunk, (tag, i1, i1 + size, j1, j1 + size)]
            hunk = []
        if not last:
            size = i2 - i1 if hunk else min(CONTEXT, i2 - i1)
            hunk.append((tag, i2 - size, i2, j2 - size, j2))
    if hunk:
        yield hunk


def _hunk(hunk: Sequence[Step], kept: Sequence[str], made: Sequence[str]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
    for tag, i1, i2, j1, j2 in hunk:
        if tag == "equal":
            yield from (_line(" ", line) for line in kept[i1:i2])
            continue
        yield from (_line("-", line) for line in kept[i1:i2])
        yield from (_line("+", line) for line in made[j1:j2])


def _range(start: int, end: int) -> str:
    # A range of no lines is named by the line before it.
    length = end - start
    return f"{start + 1 if length else start},{length}"


def _line(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _joined(steps: Sequence[Step], kept: Sequence[str], made: Sequence[str]) -> str:
    return "".join("".join(kept[i1:i2] if tag == "equal" else made[j1:j2]) for tag, i1, i2, j1, j2 in steps)


def _blob(text: str) -> str:
    data = text.encode("utf-8", "replace")
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _quoted(name: str) -> str:
    if not any(char in '"\\' or ord(char) < 32 or ord(char) == 127 for char in name):
        return name
    return '"' + "".join(_escaped(char) for char in name) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char
