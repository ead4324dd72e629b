"""The source `files`: one item a file of the repository that the recipe includes and nothing forbids."""

import codecs
import os
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby
from pathlib import Path, PurePosixPath

from lanectl.models import Item, Skip
from lanectl.programs.git import git_lines
from lanectl.recipe.tables import FilesSource, Recipe
from lanectl.sources.credentials import is_credential
from lanectl.sources.globs import matcher
from lanectl.sources.languages import language
from lanectl.sources.place import Place
from lanectl.sources.reading import read_bytes, text_of
from lanectl.text.clean import clean

OURS = ".lanectl"
# What tools make and nobody wrote, where no `.gitignore` is asked.
_MADE = frozenset(
    {".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__", "venv", ".venv", ".tox", ".nox", ".cache"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".gradle", ".idea", ".DS_Store", OURS}
)


def files(recipe: Recipe, source: FilesSource, place: Place) -> Iterator[Item | Skip]:
    """An item or a named skip for each file that the globs choose, sorted by path."""
    where = f"{recipe.path or recipe.name} [source]"
    for path in chosen(place, source.include, source.exclude, where=where):
        found = _found(place.root, path, recipe.run.max_item_bytes)
        if found is not None:
            yield found


def chosen(place: Place, include: Sequence[str], exclude: Sequence[str] = (), *, where: str) -> Iterator[str]:
    """The paths of a place's files that `include` matches and `exclude` does not, sorted.

    They may still be anything: links, devices, credential files. Raises `ConfigError` for a bad glob.
    """
    included = matcher(include, where=f"{where} include")
    excluded = matcher(exclude, where=f"{where} exclude")
    yield from (path for path in listed(place) if included(path) and not excluded(path))


def listed(place: Place) -> Iterator[str]:
    """The paths of a place's files, sorted: what git tracks or would track, else what lies in the folder.

    Nested repositories come as the path of their folder; our own artifacts do not come at all. Names that are
    not UTF-8 hold surrogates.
    """
    found = _tracked(place.root) if place.git else sorted(_lying(place.root))
    return (path for path in found if path.split("/", 1)[0] != OURS)


def _tracked(root: Path) -> Iterator[str]:
    # Each of the two listings is sorted by its bytes (the index is, and read_directory in git's dir.c sorts),
    # so that neither is held in memory. A file in conflict stands in the index up to three times.
    listings = (
        git_lines(root, "ls-files", *which, "-z", separator=b"\0")
        for which in (["-c"], ["-o", "--exclude-standard"])
    )
    for line, _ in groupby(merge(*listings)):
        yield os.fsdecode(line).removesuffix("/")


def _lying(root: Path) -> Iterator[str]:
    # A folder that cannot be opened, or is a link, is not walked but told of like a file.
    closed: list[str] = []
    for folder, folders, names in os.walk(root, onerror=lambda error: closed.append(str(error.filename))):
        folders[:] = [name for name in folders if name not in _MADE and not name.endswith(".egg-info")]
        below = PurePosixPath(Path(folder).relative_to(root).as_posix())
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from ((below / name).as_posix() for name in (*names, *links) if name not in _MADE)
    yield from (Path(folder).relative_to(root).as_posix() for folder in closed)


def _found(root: Path, path: str, limit_bytes: int) -> Item | Skip | None:
    if clean(path) != path:
        return Skip(clean(path), "not utf-8", "its name")
    if is_credential(path):
        return Skip(path, "credential file")
    data = read_bytes(root, path, limit_bytes=limit_bytes)
    if not isinstance(data, bytes):
        return data
    text = text_of(data, path)
    if not isinstance(text, str):
        return text
    # The model does not see a byte order mark; a patch of the first line must.
    mark = "\ufeff" if data.startswith(codecs.BOM_UTF8) else ""
    return Item(
        name=path,
        fields={
            "path": path,
            "name": path.rpartition("/")[2],
            "text": text,
            "bytes": len(text.encode()),
            "lines": text.count("\n") + (not text.endswith("\n")),
            "language": language(path),
        },
        material={"path": path, "text": mark + text},
    )
