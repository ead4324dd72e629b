"""The source `commits`: one item a commit, a day or a tag."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from lanectl.errors import ConfigError
from lanectl.models import Item, JsonValue, Skip
from lanectl.programs.git import git
from lanectl.recipe.tables import CommitsSource, Recipe
from lanectl.sources.groups import GROUPS, number_of, title_of
from lanectl.sources.history import FILES, Change, Commit, changes_between, diffstat, entries, log
from lanectl.sources.place import Place, with_history
from lanectl.sources.reading import too_large
from lanectl.sources.revisions import Span, Tag, since_day, span, tags
from lanectl.text.clean import clean

SHORT = 12

# What stands before a tag's version: nothing, `app@`, `cli/`. Tags that share it are releases of one thing.
_VERSION = re.compile(r"(?P<family>.*?)[vV]?(?P<number>\d+[._]\d+.*|\d{4}-\d\d.*|\d+)", re.DOTALL)
# As PEP 440, SemVer and Maven call what comes before a release; as git's globs.
_BEFORE_RELEASE = (
    *("[aA]lpha", "[bB]eta", "[rR][cC]", "[cC][rR][0-9]", "[pP]re", "[dD]ev", "[nN]ightly", "[cC]anary"),
    *("[nN]ext", "[sS][nN][aA][pP]", "[aA][0-9]", "[bB][0-9]", "[cC][0-9]", "[mM][0-9]"),
)
_LATER = tuple(f"*[0-9]{sign}{word}*" for word in _BEFORE_RELEASE for sign in ("", "[-._+]"))

_KEEPS_THE_LOG = re.compile(
    r"\b(change ?logs?|news|releas(e|es|ed|ing)|version|bump(s|ed)?|merge[sd]?|prepare)\b"
    r"|v?\d+\.\d+\.\d+\S*\s*$",
    re.IGNORECASE,
)


def commits(recipe: Recipe, source: CommitsSource, place: Place, today: date) -> Iterator[Item | Skip]:
    """An item or a named skip for each commit, day or tag of the range, newest first.

    Without `range` and `since` that is what is new since the last tag, or with `by = "tag"` every tag.
    """
    with_history(place, source.kind)
    where = f"{recipe.path or recipe.name} [source]"
    since = since_day(source.since, today, where=f"{where} since")
    limit_bytes = recipe.run.max_item_bytes
    if source.by == "tag":
        found_tags = tags(place, source.range, where=f"{where} range")
        if not found_tags and source.range is None and place.commit is not None:
            # Many a clone is made without its tags, and would have nothing to send night after night.
            raise ConfigError("this clone has no tag", where=f"{where} by", hint="git fetch --tags")
        for tag in found_tags:
            if since is None or tag.day >= since.isoformat():
                yield _of_tag(place, tag, limit_bytes)
        return
    if source.range is None and since is not None and place.commit is not None:
        found: Span | None = Span(None, place.commit)
    else:
        found = span(place, source.range, where=f"{where} range")
    if found is None:
        return
    args = (*found.args, f"--since={since.isoformat()}T00:00:00Z") if since else found.args
    yield from (
        _by_day(place, args, limit_bytes) if source.by == "day" else _by_commit(place, args, limit_bytes)
    )


def _by_commit(place: Place, args: Sequence[str], limit_bytes: int) -> Iterator[Item | Skip]:
    for commit in log(place.root, *args):
        yield _item(place.root, commit.sha[:SHORT], commit.day, iter([commit]), limit_bytes)


def _by_day(place: Place, args: Sequence[str], limit_bytes: int) -> Iterator[Item | Skip]:
    # Clocks differ, so a day's commits need not stand together: their ids first, then each day by itself.
    days: defaultdict[str, list[bytes]] = defaultdict(list)
    for commit in log(place.root, *args, changes=False):
        days[commit.day].append(bytes.fromhex(commit.sha))
    for day in sorted(days, reverse=True):
        ids = "".join(f"{sha.hex()}\n" for sha in days[day])
        found = log(place.root, "--no-walk=unsorted", "--stdin", stdin=ids.encode())
        yield _item(place.root, day, day, found, limit_bytes)


def _of_tag(place: Place, tag: Tag, limit_bytes: int) -> Item | Skip:
    before = _release_before(place, tag)
    # A branch's commits stand together, below the merge that brought them.
    found = log(place.root, "--topo-order", *Span(before.sha if before else None, tag.sha).args)
    # The first tag has grown from nothing: git's empty tree, whose id depends on the hash in use.
    start = (
        before.sha if before else git(place.root, "hash-object", "-t", "tree", "--stdin", stdin=b"").decode()
    )
    changes = changes_between(place.root, start.strip(), tag.sha)
    previous = clean(before.name) if before else None
    return _item(place.root, clean(tag.name), tag.day, found, limit_bytes, previous=previous, changes=changes)


def _release_before(place: Place, tag: Tag) -> Tag | None:
    """The nearest tag in the history of `tag` whose readers the notes of `tag` are for.

    That is one of the same thing, and for a release the last that was no pre-release; where there is none,
    the nearest of any sort. Reached through any parent, so that a release may be merged and then tagged.
    """
    here = git(
        place.root, "for-each-ref", "--format=%(refname:strip=2)", f"--points-at={tag.sha}", "refs/tags"
    )
    names = {tag.name, *here.decode(errors="surrogateescape").splitlines()}
    apart = [f"--exclude={name}" for name in sorted(names)]
    version = _VERSION.fullmatch(tag.name)
    asked: list[list[str]] = [[]]
    if version:
        family = version["family"]
        alike = [f"--match={family}{sign}[0-9]*" for sign in ("", "v", "V")]
        asked.insert(0, alike)
        if not _is_before_release(tag.name, family):
            asked.insert(0, [*alike, *(f"--exclude={family}{later}" for later in _LATER)])
    for options in asked:
        name = git(place.root, "describe", "--tags", "--abbrev=0", *apart, *options, tag.sha, codes=(0, 128))
        if name:
            found = name.decode(errors="surrogateescape").removesuffix("\n")
            return next(iter(tags(place, found, where="")), None)
    return None


def _is_before_release(name: str, family: str) -> bool:
    return any(fnmatchcase(name.removeprefix(family), later) for later in _LATER)


def _item(
    repo: Path,
    name: str,
    day: str,
    found: Iterator[Commit],
    limit_bytes: int,
    *,
    previous: str | None = None,
    changes: Sequence[Change] | None = None,
) -> Item | Skip:
    size = 0
    held: list[Commit] = []
    for commit in found:
        size += _size(commit)
        if size <= limit_bytes:
            held.append(commit)
    version = _VERSION.fullmatch(previous) if previous else None
    released = version["number"] if version else None
    noted = entries(repo, held, released=released) if size <= limit_bytes else {}
    size += sum(len(entry.encode()) for entry in noted.values())
    if size > limit_bytes:
        return too_large(name, size, limit_bytes)
    if not held:
        return Skip(name, "empty", f"no commit since {previous}" if previous else "no commit")
    if changes is None:
        changes = [change for commit in held for change in commit.changes]
    shown = _shown(held, noted)
    return Item(
        name=name,
        fields={
            "name": name,
            "date": day,
            "first": shown[-1]["sha"],
            "last": shown[0]["sha"],
            "previous": previous,
            "commits": list(shown),
            "groups": _grouped(shown),
            "diffstat": diffstat(changes),
        },
        material={"commits": [_named(fields) for fields in shown]},
    )


def _shown(held: Sequence[Commit], noted: Mapping[str, str]) -> list[dict[str, JsonValue]]:
    """The fields of each commit, with what only its neighbours and the change log tell."""
    merges = _merges(held)
    brought: defaultdict[str, list[Commit]] = defaultdict(list)
    for commit in held:
        if merge := merges.get(commit.sha):
            brought[merge.sha].append(commit)
    shown = []
    for commit in held:
        fields = commit.fields()
        members = brought[commit.sha]
        if members:
            # A merge has no changes of its own: it is what its commits are.
            fields["group"] = commit.group_among([path for each in members for path in each.paths])
        if fields["group"] == "Internal" and _is_told(commit, members, noted):
            fields["group"] = "Changed"
        if fields["pr"] is None and commit.sha in merges:
            fields["pr"] = number_of(merges[commit.sha].subject)
        fields["entry"] = noted.get(commit.sha)
        shown.append(fields)
    return shown


def _is_told(commit: Commit, members: Sequence[Commit], noted: Mapping[str, str]) -> bool:
    """Whether the project told its users of this change, as opposed to keeping its change log in order."""
    change = (commit, *members)
    return (
        any(each.sha in noted for each in change)
        and any(len(each.log_changes) < len(each.paths) for each in change)
        and not _KEEPS_THE_LOG.search(title_of(commit.subject, commit.body))
    )


def _merges(held: Sequence[Commit]) -> dict[str, Commit]:
    """For each commit that a pull request brought in, the merge of it: the innermost where they nest."""
    commits = {commit.sha: commit for commit in held}
    found: dict[str, Commit] = {}
    for tip in held:
        lines: list[tuple[Iterator[Commit], Commit | None]] = [(_line(tip.sha, commits), None)]
        while lines:
            line, merge = lines[-1]
            commit = next(line, None)
            if commit is None:
                lines.pop()
                continue
            if merge:
                found[commit.sha] = merge
            inner = commit if number_of(commit.subject) else merge
            lines.extend((_line(parent, commits), inner) for parent in commit.parents[1:])
    return found


def _line(tip: str, left: dict[str, Commit]) -> Iterator[Commit]:
    """The first parents from `tip` on that are still `left`, which they leave: the oldest comes first.

    So whatever a branch was made from has its place before the merge of that branch is looked at.
    """
    line = []
    while commit := left.pop(tip, None):
        line.append(commit)
        tip = commit.parents[0] if commit.parents else ""
    return reversed(line)


def _grouped(shown: Sequence[dict[str, JsonValue]]) -> list[JsonValue]:
    members: defaultdict[object, list[JsonValue]] = defaultdict(list)
    for fields in shown:
        members[fields["group"]].append(fields)
    return [{"name": group, "commits": members[group]} for group in GROUPS if group in members]


def _named(fields: dict[str, JsonValue]) -> dict[str, str]:
    named = {key: str(fields[key]) for key in ("sha", "subject", "group")}
    return named if fields["pr"] is None else named | {"pr": str(fields["pr"])}


def _size(commit: Commit) -> int:
    texts = (commit.subject, commit.body, commit.author, *commit.paths[:FILES])
    return sum(len(text.encode()) for text in texts)
