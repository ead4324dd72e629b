"""The source `pull-requests`: one item a pull request, with its diff made here and its new lines numbered."""

from collections.abc import Iterator, Sequence

from lanectl.models import Item, JsonValue, Skip
from lanectl.recipe.tables import PullRequestsSource, Recipe
from lanectl.sources.branches import branches
from lanectl.sources.candidate import Candidate, merge_base
from lanectl.sources.diff import FileDiff, numbered
from lanectl.sources.github import open_ones
from lanectl.sources.history import Commit, log
from lanectl.sources.merges import merges
from lanectl.sources.place import Place, with_history
from lanectl.sources.reading import too_large

COMMITS = 250


def pull_requests(recipe: Recipe, source: PullRequestsSource, place: Place) -> Iterator[Item | Skip]:
    """An item, its parts, or a named skip for each pull request; `limit` counts those that gave an item."""
    with_history(place, source.kind)
    given = 0
    for candidate in _candidates(recipe, source, place):
        if isinstance(candidate, Skip):
            yield candidate
            continue
        items = 0
        for found in _items(recipe, place, candidate):
            items += isinstance(found, Item)
            yield found
        given += bool(items)
        if given == source.limit:
            return


def _candidates(recipe: Recipe, source: PullRequestsSource, place: Place) -> Iterator[Candidate | Skip]:
    where = f"{recipe.path or recipe.name} [source]"
    if source.from_ == "merges":
        return merges(place, source.range, where=f"{where} range")
    if source.from_ == "branches":
        return branches(place, source.base, where=f"{where} base")
    # One more than a run may hold, so that what is left out is refused there and not forgotten here; with a
    # limit, room for the drafts among them.
    most = recipe.run.max_jobs + 1 if source.limit is None else 2 * source.limit + 100
    return open_ones(place, source, most)


def _items(recipe: Recipe, place: Place, candidate: Candidate) -> Iterator[Item | Skip]:
    limit_bytes = recipe.run.max_item_bytes
    parted = merge_base(place, candidate.target, candidate.head)
    if parted is None:
        yield Skip(candidate.name, "no common ancestor", f"with {candidate.base}")
        return
    files: list[FileDiff] = []
    sizes: list[int] = []
    for file in numbered(place.root, parted, candidate.head, limit_bytes=limit_bytes):
        sizes.append(file.size)
        if _joined(sizes) <= limit_bytes:
            files.append(file)
        else:
            files.clear()
    if not sizes:
        yield Skip(candidate.name, "empty", f"no difference to {candidate.base}")
    elif files:
        yield _item(candidate, candidate.name, files, _commits(place, candidate))
    elif recipe.run.too_large == "skip":
        yield too_large(candidate.name, _joined(sizes), limit_bytes)
    else:
        yield from _parts(place, candidate, parted, sizes, limit_bytes)


def _parts(
    place: Place, candidate: Candidate, parted: str, sizes: Sequence[int], limit_bytes: int
) -> Iterator[Item | Skip]:
    """As many whole files a part as fit; the diff is made again, so that not all of it is held in memory."""
    counts = _packed(sizes, limit_bytes)
    commits = _commits(place, candidate)
    diff = numbered(place.root, parted, candidate.head, limit_bytes=limit_bytes)
    for part, count in enumerate(counts, start=1):
        files = [next(diff) for _ in range(count)]
        name = f"{candidate.name}.{part}"
        if files[0].size > limit_bytes:
            skip = too_large(name, files[0].size, limit_bytes)
            yield Skip(skip.key, skip.reason, f"{files[0].path}: {skip.detail}")
        else:
            yield _item(candidate, name, files, commits, part=part, parts=len(counts))


def _packed(sizes: Sequence[int], limit_bytes: int) -> list[int]:
    """How many files go into each part, in order; one that is too large has a part of its own."""
    counts: list[int] = []
    used = limit_bytes
    for size in sizes:
        if used + 1 + size > limit_bytes:
            counts.append(0)
            used = -1
        counts[-1] += 1
        used += 1 + size
    return counts


def _item(
    candidate: Candidate,
    name: str,
    files: Sequence[FileDiff],
    commits: Sequence[Commit],
    *,
    part: int = 1,
    parts: int = 1,
) -> Item:
    # A file that became a link is deleted and added: two parts of the diff, one path.
    paths: list[JsonValue] = list(dict.fromkeys(file.path for file in files))
    shown: list[JsonValue] = [commit.fields() for commit in commits]
    labels: list[JsonValue] = list(candidate.labels)
    return Item(
        name=name,
        fields={
            "number": name,
            "pr": candidate.number,
            "part": part,
            "parts": parts,
            "title": candidate.title,
            "body": candidate.body,
            "author": candidate.author or (commits[-1].author if commits else ""),
            "labels": labels,
            "url": candidate.url,
            "branch": candidate.branch,
            "base": candidate.base,
            "head": candidate.head,
            "diff": "\n".join(file.text for file in files),
            "files": paths,
            "commits": shown,
        },
        material={"head": candidate.head, "hunks": {file.path: file.hunks for file in files}},
    )


def _commits(place: Place, candidate: Candidate) -> list[Commit]:
    args = ("-n", str(COMMITS), candidate.head, f"^{candidate.target}")
    return list(log(place.root, *args, changes=False))


def _joined(sizes: Sequence[int]) -> int:
    return sum(sizes) + max(0, len(sizes) - 1)
