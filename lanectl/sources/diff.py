"""A diff as a reviewer needs it: new-side line numbers, old lines without, and the ranges it shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lanectl.programs.git import LINE_BYTES, git_lines
from lanectl.sources.credentials import is_credential
from lanectl.text.clean import clean

# Three lines of context and the default algorithm are what GitHub shows: a comment on any other line is
# refused there, and the review with it.
_OPTIONS = (
    *("diff-tree", "-r", "-p", "-M", "-U3", "--inter-hunk-context=0", "--diff-algorithm=default"),
    *("--no-color", "--submodule=short", "--ignore-submodules=none", "--full-index"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(slots=True)
class FileDiff:
    """One file's part of a diff: `text` is empty when it is larger than the limit, `size` tells in any case.

    `hunks` are new-side line ranges `[first, last]`, all lines of which the text shows.
    """

    path: str
    text: str = ""
    size: int = 0
    hunks: list[list[int]] = field(default_factory=list)


def numbered(repo: Path, old: str, new: str, *, limit_bytes: int) -> Iterator[FileDiff]:
    """The diff from commit `old` to `new`, file by file, in memory bounded by one file of `limit_bytes`."""
    lines = git_lines(repo, *_OPTIONS, old, new, "--", line_bytes=max(limit_bytes, LINE_BYTES))
    reader: _Reader | None = None
    for raw in lines:
        line = clean(raw.decode(errors="replace"))
        if line.startswith("diff --git ") and (reader is None or reader.between_hunks):
            if reader:
                yield reader.finished()
            reader = _Reader(line, limit_bytes)
        elif reader:
            reader.take(line)
    if reader:
        yield reader.finished()


class _Reader:
    """Takes the lines of one file's part of a git diff, from `diff --git` on."""

    def __init__(self, line: str, limit_bytes: int) -> None:
        self._found = FileDiff(path=_name_twice(line.removeprefix("diff --git ")))
        self._limit_bytes = limit_bytes
        self._lines: list[str] = []
        self._state = "modified"
        self._notes: list[str] = []
        self._old_mode = ""
        self._withheld = self._begun = False
        self._old_left = self._new_left = self._new_line = 0

    @property
    def between_hunks(self) -> bool:
        """Whether the last hunk is whole, so that the next line is git's own and not the file's."""
        return self._old_left <= 0 and self._new_left <= 0

    def take(self, line: str) -> None:
        """The next line."""
        if not self.between_hunks or line.startswith("\\"):
            self._take_content(line)
        elif hunk := _HUNK.fullmatch(line):
            self._begin()
            self._take_hunk(hunk)
        else:
            self._take_header(line)

    def finished(self) -> FileDiff:
        """What the lines have come to."""
        self._begin()
        self._found.text = "\n".join(self._lines)
        return self._found

    def _take_header(self, line: str) -> None:
        if line.startswith("new file mode "):
            self._state = "added"
            self._note_mode(line.removeprefix("new file "))
        elif line.startswith("deleted file mode "):
            self._state = "deleted"
        elif line.startswith("old mode "):
            self._old_mode = line.removeprefix("old mode ")
        elif line.startswith("new mode "):
            self._notes.append(f"mode {self._old_mode} -> {line.removeprefix('new mode ')}")
        elif line.startswith("rename from "):
            old = _unquoted(line.removeprefix("rename from "))
            self._withheld = is_credential(old)
            self._state = f"renamed from {_one_line(old)}"
        elif line.startswith("rename to "):
            self._found.path = _unquoted(line.removeprefix("rename to "))
        elif line.startswith("Binary files "):
            self._notes.append("binary, not shown")

    def _note_mode(self, mode: str) -> None:
        # A new link, a new program and a new submodule are worth a reviewer's look; a new plain file is none.
        if mode != "mode 100644":
            self._notes.append(mode)

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        if is_credential(self._found.path) or self._withheld:
            self._withheld = True
            self._notes.append("credential file, not shown")
        self._add(f"## {_one_line(self._found.path)} ({self._state})")
        for note in self._notes:
            self._add(note)

    def _take_hunk(self, hunk: re.Match[str]) -> None:
        self._old_left = int(hunk[1] or 1)
        self._new_left = int(hunk[3] or 1)
        self._new_line = first = int(hunk[2])
        last = first + self._new_left - 1 if self._new_left else first
        if self._withheld:
            return
        if self._new_left:
            self._found.hunks.append([first, last])
        self._add(f"@@ new lines {first}-{last} @@ {hunk[4]}".rstrip())

    def _take_content(self, line: str) -> None:
        sign = line[:1] or " "
        if sign == "\\":
            self._show(line)
        elif sign == "-":
            self._old_left -= 1
            self._show(line)
        else:
            self._show(line, f"{self._new_line:>6}")
            self._new_line += 1
            self._new_left -= 1
            self._old_left -= sign != "+"

    def _show(self, line: str, number: str = "      ") -> None:
        if not self._withheld:
            self._add(f"{number} {line}")

    def _add(self, line: str) -> None:
        self._found.size += len(line.encode()) + bool(self._lines or self._found.size)
        if self._found.size <= self._limit_bytes:
            self._lines.append(line)
        else:
            self._lines.clear()


def _name_twice(names: str) -> str:
    """The path in `a/PATH b/PATH`; for a rename, whose two names follow in lines of their own, anything."""
    if names.startswith('"'):
        return _unquoted(names[: names.find('" "b/') + 1]).removeprefix("a/")
    return names[: len(names) // 2].removeprefix("a/")


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    return _ESCAPE.sub(lambda found: _unescaped(found[1]), name[1:-1])


def _unescaped(code: str) -> str:
    return chr(int(code, 8)) if len(code) == 3 else _LETTERS.get(code, code)


def _one_line(name: str) -> str:
    """A name as part of a header: one with a newline could otherwise pass for headers of its own."""
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", name)
