"""The source `commits`: one item a commit, a day or a tag."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from lanectl.models import Item, JsonValue, Skip
from lanectl.programs.git import git
from lanectl.recipe.tables import CommitsSource, Recipe
from lanectl.sources.groups import GROUPS
from lanectl.sources.history import Change, Commit, changes_between, diffstat, log
from lanectl.sources.place import Place, with_history
from lanectl.sources.reading import too_large
from lanectl.sources.revisions import Span, Tag, since_day, span, tag_before, tags
from lanectl.text.clean import clean

SHORT = 12


def commits(recipe: Recipe, source: CommitsSource, place: Place, today: date) -> Iterator[Item | Skip]:
    """An item or a named skip for each commit, day or tag of the range, newest first.

    Without `range` and `since` that is what is new since the last tag, or with `by = "tag"` every tag.
    """
    with_history(place, source.kind)
    where = f"{recipe.path or recipe.name} [source]"
    since = since_day(source.since, today, where=f"{where} since")
    limit_bytes = recipe.run.max_item_bytes
    if source.by == "tag":
        for tag in tags(place, source.range, where=f"{where} range"):
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
        yield _item(commit.sha[:SHORT], commit.day, iter([commit]), limit_bytes)


def _by_day(place: Place, args: Sequence[str], limit_bytes: int) -> Iterator[Item | Skip]:
    # Clocks differ, so a day's commits need not stand together: their ids first, then each day by itself.
    days: defaultdict[str, list[bytes]] = defaultdict(list)
    for commit in log(place.root, *args, changes=False):
        days[commit.day].append(bytes.fromhex(commit.sha))
    for day in sorted(days, reverse=True):
        ids = "".join(f"{sha.hex()}\n" for sha in days[day])
        found = log(place.root, "--no-walk=unsorted", "--stdin", stdin=ids.encode())
        yield _item(day, day, found, limit_bytes)


def _of_tag(place: Place, tag: Tag, limit_bytes: int) -> Item | Skip:
    before = tag_before(place, tag.sha)
    found = log(place.root, *Span(before.sha if before else None, tag.sha).args)
    # The first tag has grown from nothing: git's empty tree, whose id depends on the hash in use.
    start = (
        before.sha if before else git(place.root, "hash-object", "-t", "tree", "--stdin", stdin=b"").decode()
    )
    changes = changes_between(place.root, start.strip(), tag.sha)
    previous = clean(before.name) if before else None
    return _item(clean(tag.name), tag.day, found, limit_bytes, previous=previous, changes=changes)


def _item(
    name: str,
    day: str,
    found: Iterator[Commit],
    limit_bytes: int,
    *,
    previous: str | None = None,
    changes: Sequence[Change] | None = None,
) -> Item | Skip:
    size = 0
    shown: list[dict[str, JsonValue]] = []
    every: list[Change] = []
    for commit in found:
        fields = commit.fields()
        size += _size(fields)
        if size <= limit_bytes:
            shown.append(fields)
            every.extend(commit.changes if changes is None else ())
    if size > limit_bytes:
        return too_large(name, size, limit_bytes)
    if not shown:
        return Skip(name, "empty", f"no commit since {previous}" if previous else "no commit")
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
            "diffstat": diffstat(every if changes is None else changes),
        },
        material={"commits": [_named(fields) for fields in shown]},
    )


def _grouped(shown: Sequence[dict[str, JsonValue]]) -> list[JsonValue]:
    members: defaultdict[object, list[JsonValue]] = defaultdict(list)
    for fields in shown:
        members[fields["group"]].append(fields)
    return [{"name": group, "commits": members[group]} for group in GROUPS if group in members]


def _named(fields: dict[str, JsonValue]) -> dict[str, str]:
    named = {key: str(fields[key]) for key in ("sha", "subject", "group")}
    return named if fields["pr"] is None else named | {"pr": str(fields["pr"])}


def _size(fields: dict[str, JsonValue]) -> int:
    paths = fields["files"]
    texts = [fields["subject"], fields["body"], fields["author"], *(paths if isinstance(paths, list) else [])]
    return sum(len(str(text).encode()) for text in texts)
