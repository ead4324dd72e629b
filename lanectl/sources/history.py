"""Reads git's history: commits with what they changed, one after the other."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lanectl.models import JsonValue
from lanectl.programs.git import git_lines
from lanectl.sources.groups import group_of, is_breaking, number_of, title_of
from lanectl.text.clean import clean

BODY_CHARACTERS = 8_000
FILES = 200
STAT_LINES = 100
ENTRY_LINES = 80
ENTRY_CHARACTERS = 2_000
LOG_PATHS = 2_000
LAST_SECOND = 253_402_300_799

# A record begins with an empty field, which no path after the body can be: nothing in a message, which
# holds no NUL, can pass for the beginning of another commit.
_FIELDS = ("%H", "%P", "%an", "%ct", "%s", "%b")
_FORMAT = "--format=" + "".join(f"%x00{field}" for field in _FIELDS)

# A change log in one file, or in a file for each change as towncrier, changesets and reno keep it.
_LOG = re.compile(
    r"(.*/)?(change[-_ ]?log|changes|history|news|release[-_ ]?notes)(\.(md|rst|txt|adoc))?", re.IGNORECASE
)
_PARTS_OF_LOG = re.compile(
    r"(.*/)?(newsfragments|news|changes|change[-_]?logs?(\.d)?|\.changeset|releasenotes/notes)"
    r"/(?!readme)[^/]+\.(md|rst|txt|adoc|ya?ml)",
    re.IGNORECASE,
)
# `## [1.2.0] - 2026-01-31`, `Version 1.2.0`, `1.2.0 (unreleased)`.
_HEADING = r"(#+ *)?[\[(*]*([A-Za-z]+[ -])?v?{}(?![\w.])[\])*]*\s*([-–—(/,:\[{{]|\d{{4}}|$)"
_WHOLE = "-U99999999"
_LISTED = re.compile(r"\s*[-*+] +\S")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file of a commit or a range, `old` what it was called; binary files have no counts."""

    path: str
    added: int | None
    removed: int | None
    old: str | None = None


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

    @property
    def paths(self) -> list[str]:
        """The paths that it changed."""
        return [change.path for change in self.changes]

    @property
    def log_changes(self) -> list[Change]:
        """The project's change log, or the parts of it, that it wrote to."""
        written = [change for change in self.changes if change.added]
        return [each for each in written if _LOG.fullmatch(each.path) or _PARTS_OF_LOG.fullmatch(each.path)]

    def fields(self) -> dict[str, JsonValue]:
        """What templates see: at most `FILES` paths, and of the body the first `BODY_CHARACTERS`."""
        paths: list[JsonValue] = [*self.paths[:FILES]]
        return {
            "sha": self.sha,
            "subject": self.subject,
            "body": self.body,
            "author": self.author,
            "date": datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "files": paths,
            "more_files": max(0, len(self.changes) - FILES),
            "group": self.group_among(self.paths),
            "pr": number_of(self.subject),
            "merge": len(self.parents) > 1,
            "breaking": self.breaking,
        }

    @property
    def breaking(self) -> bool:
        """Whether it, or the pull request that it merged, says in the conventional way that it breaks."""
        return is_breaking(title_of(self.subject, self.body), self.body)

    def group_among(self, paths: Sequence[str]) -> str:
        """Its heading as a change of `paths`; what breaks others is never internal."""
        group = group_of(self.subject, self.body, paths)
        return "Changed" if group == "Internal" and self.breaking else group


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


def entries(repo: Path, commits: Iterable[Commit], *, released: str | None = None) -> dict[str, str]:
    """What each commit told in the project's own change log, by id; a merge tells nothing of its own.

    Not counted as told: what lists nothing, such as a new heading, more than `ENTRY_LINES`, which move or
    reformat the log, and what stands under the heading of the version `released` or below, which is mended
    later. Of an entry the first `ENTRY_CHARACTERS` are given, and of all files the first `LOG_PATHS` are
    looked at.
    """
    writers = {commit.sha: written for commit in commits if (written := commit.log_changes)}
    if not writers:
        return {}
    # Both names of a renamed log, or all of it would seem to be new.
    names = (name for written in writers.values() for each in written for name in (each.path, each.old))
    paths = [*dict.fromkeys(filter(None, names))][:LOG_PATHS]
    found = {}
    for sha, lines in _added(repo, writers, paths, released).items():
        text = "\n".join(lines).strip("\n")
        listed = any(map(_LISTED.match, lines)) or any(
            _PARTS_OF_LOG.fullmatch(each.path) for each in writers[sha]
        )
        if text and listed:
            found[sha] = text if len(text) <= ENTRY_CHARACTERS else text[:ENTRY_CHARACTERS] + "…"
    return found


def _added(
    repo: Path, shas: Collection[str], paths: Sequence[str], released: str | None
) -> dict[str, list[str]]:
    ids = "".join(f"{sha}\n" for sha in shas).encode()
    # To know the heading that a line stands under, all of the file is wanted.
    options = (
        "diff-tree",
        "--stdin",
        "--root",
        "-r",
        "-p",
        "-M",
        "--no-color",
        _WHOLE if released else "-U0",
    )
    past = re.compile(_HEADING.format(re.escape(released))) if released else None
    added: defaultdict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    sha, old_left, new_left, told_before = "", 0, 0, False
    for raw in git_lines(repo, *options, "--", *paths, stdin=ids):
        line = clean(raw.decode(errors="replace")).removesuffix("\r")
        # Counted, so that nothing in a file can pass for a line of git's own.
        if old_left or new_left:
            sign, text = line[:1], line[1:]
            old_left -= sign in (" ", "-")
            new_left -= sign in (" ", "+")
            told_before |= bool(past and sign in (" ", "+") and past.match(text))
            counts[sha] += sign == "+"
            if sign == "+" and not told_before and counts[sha] <= ENTRY_LINES:
                added[sha].append(text)
        elif hunk := _HUNK.match(line):
            old_left, new_left, told_before = int(hunk[1] or 1), int(hunk[2] or 1), False
        elif line in shas:
            sha = line
    return {sha: lines for sha, lines in added.items() if counts[sha] <= ENTRY_LINES}


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
        old = None
        if not path:
            old = clean(next(each))
            path = next(each)
        binary = added == "-"
        change = Change(clean(path), None if binary else int(added), None if binary else int(removed), old)
        changes.append(change)
    return changes
