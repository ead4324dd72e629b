"""Reads git's history: commits with what they changed, one after the other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lanectl.models import JsonValue
from lanectl.programs.git import git_lines
from lanectl.sources.groups import group_of, is_breaking, number_of
from lanectl.text.clean import clean

BODY_CHARACTERS = 8_000
FILES = 200
STAT_LINES = 100
LAST_SECOND = 253_402_300_799

# A record begins with an empty field, which no path after the body can be: nothing in a message, which
# holds no NUL, can pass for the beginning of another commit.
_FIELDS = ("%H", "%P", "%an", "%ct", "%s", "%b")
_FORMAT = "--format=" + "".join(f"%x00{field}" for field in _FIELDS)


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file of a commit or a range; the counts are None for a binary file."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `at` is when it was committed, in seconds since 1970; a merge has no changes of its own."""

    sha: str
    parents: tuple[str, ...]
    author: str
    at: int
    subject: str
    body: str
    changes: tuple[Change, ...]

    @property
    def day(self) -> str:
        """The day it was committed, in UTC."""
        return day_of(self.at)

    def fields(self) -> dict[str, JsonValue]:
        """What templates see: at most `FILES` paths, and of the body the first `BODY_CHARACTERS`."""
        paths: list[JsonValue] = [change.path for change in self.changes[:FILES]]
        return {
            "sha": self.sha,
            "subject": self.subject,
            "body": self.body,
            "author": self.author,
            "date": datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "files": paths,
            "more_files": max(0, len(self.changes) - FILES),
            "group": group_of(self.subject, self.body, [change.path for change in self.changes]),
            "pr": number_of(self.subject),
            "merge": len(self.parents) > 1,
            "breaking": is_breaking(self.subject, self.body),
        }


def day_of(seconds: int) -> str:
    """The UTC day of a moment in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def log(repo: Path, *args: str, changes: bool = True, stdin: bytes | None = None) -> Iterator[Commit]:
    """The commits that `git log args...` shows, in its order; `args` are options and full commit ids."""
    shown = ("--numstat", "-M") if changes else ("--no-patch",)
    options = ("log", "-z", _FORMAT, *shown, "--encoding=UTF-8", "--no-notes", "--no-mailmap", *args, "--")
    record: list[str] = []
    for raw in git_lines(repo, *options, separator=b"\0", stdin=stdin):
        field = raw.decode(errors="replace")
        if field == "" and len(record) > len(_FIELDS):
            yield _commit(record)
            record = []
        record.append(field)
    if record:
        yield _commit(record)


def changes_between(repo: Path, old: str, new: str) -> list[Change]:
    """What changed from one commit or tree to another, renames found."""
    options = ("diff-tree", "-r", "-M", "-z", "--numstat", old, new, "--")
    return _changes([raw.decode(errors="replace") for raw in git_lines(repo, *options, separator=b"\0")])


def diffstat(changes: Iterable[Change]) -> str:
    """One line a file (the first `STAT_LINES` by path), then the sums; counts of the same path are added."""
    added: defaultdict[str, int] = defaultdict(int)
    removed: defaultdict[str, int] = defaultdict(int)
    binary = set()
    for change in changes:
        added[change.path] += change.added or 0
        removed[change.path] += change.removed or 0
        if change.added is None:
            binary.add(change.path)
    paths = sorted(added)
    lines = [
        f"{path} | binary" if path in binary else f"{path} | +{added[path]} -{removed[path]}"
        for path in paths[:STAT_LINES]
    ]
    if len(paths) > STAT_LINES:
        lines.append(f"and {len(paths) - STAT_LINES} more files")
    sums = f"+{sum(added.values())} -{sum(removed.values())}"
    return "\n".join((*lines, f"{len(paths)} {'file' if len(paths) == 1 else 'files'} changed, {sums}"))


def _commit(record: list[str]) -> Commit:
    _, sha, parents, author, at, subject, body, *changed = record
    body = clean(body.strip())
    if len(body) > BODY_CHARACTERS:
        body = body[:BODY_CHARACTERS] + "…"
    if changed:
        # git ends the message with a newline before the first file.
        changed[0] = changed[0].removeprefix("\n")
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        author=clean(author),
        # A commit can claim any moment; those that no calendar holds become its first or its last.
        at=min(max(int(at), 0), LAST_SECOND),
        subject=clean(subject),
        body=body,
        changes=tuple(_changes(changed)),
    )


def _changes(words: list[str]) -> list[Change]:
    """From `--numstat -z`: `added TAB removed TAB path`, or no path there and then the old and the new."""
    changes, each = [], iter(words)
    for word in each:
        added, removed, path = word.split("\t", 2)
        if not path:
            next(each)
            path = next(each)
        binary = added == "-"
        changes.append(Change(clean(path), None if binary else int(added), None if binary else int(removed)))
    return changes
