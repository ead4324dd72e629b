"""Trust: which recipes of repositories may run programs, kept in the user's own folder; any edit revokes."""

import hashlib
import json
import os
import shlex
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lanectl.errors import HeldError, UsageError
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.recipe.load import load
from lanectl.recipe.tables import CommandSource, Recipe
from lanectl.sources.place import Place

NAME = "trusted.json"
PROGRAMS = "programs"


@dataclass(frozen=True, slots=True)
class Trusted:
    """One recipe that may run programs: its absolute path, the hash it was trusted with, and when."""

    path: str
    sha256: str
    at: str


def trust(lane: Lane, path: Path) -> Trusted:
    """Let the recipe at `path`, as it and the programs it names are now, run them.

    Raises `UsageError` where there is no file, `ConfigError` for one that is no recipe.
    """
    if not path.is_file():
        raise UsageError("there is no such recipe", where=str(path), hint="lanectl recipes list")
    recipe = load(path)
    record = Trusted(_plain(path), fingerprint(recipe, path, _root(path)), lane.now)
    with lane.locked():
        others = tuple(one for one in trusted(lane) if one.path != record.path)
        _keep(lane, (*others, record))
    return record


def untrust(lane: Lane, path: Path) -> None:
    """Take the permission back; raises `UsageError` where there was none."""
    with lane.locked():
        kept = trusted(lane)
        left = tuple(one for one in kept if one.path != _plain(path))
        if len(left) == len(kept):
            raise UsageError("this recipe is not trusted", where=str(path), hint="lanectl trust --list")
        _keep(lane, left)


def trusted(lane: Lane) -> tuple[Trusted, ...]:
    """Every recipe that was trusted, edited since or not."""
    with Folder.open(lane.settings.data_dir, create=True, private=True) as folder:
        try:
            with folder.read(NAME) as file:
                return tuple(Trusted(**record) for record in json.load(file))
        except (FileNotFoundError, ValueError, TypeError):
            return ()


def require(lane: Lane, recipe: Recipe, where: Place, *, allow: Collection[str]) -> None:
    """Raise `HeldError` for a recipe that would run a program and may not; never a question.

    A bundled recipe may, and one of the user's own folder; one that lies in a repository, or in the folder it
    is used on, only as it was trusted, or with `programs` in `allow`, which is trust for one command.
    """
    if not isinstance(recipe.source, CommandSource) or recipe.path is None:
        return
    if not _of_others(lane, recipe, recipe.path, where) or PROGRAMS in allow:
        return
    path = _plain(recipe.path)
    now = fingerprint(recipe, recipe.path, where.root)
    if any((one.path, one.sha256) == (path, now) for one in trusted(lane)):
        return
    raise HeldError(
        f"this recipe would run {recipe.source.argv[0]}; it is not trusted, or was edited since",
        where=path,
        hint=f"lanectl trust {shlex.quote(path)}",
    )


def fingerprint(recipe: Recipe, path: Path, root: Path) -> str:
    """Hex SHA-256 over a recipe's path, its bytes as they were read, and every file below `root` it names."""
    whole = hashlib.sha256()
    for part in (_plain(path), recipe.sha256, *_hashes(recipe, root)):
        data = os.fsencode(part)
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()


def named_files(recipe: Recipe, root: Path) -> Iterator[str]:
    """The words of a recipe's program that are files below `root`: scripts it runs, not what they run."""
    words = recipe.source.argv if isinstance(recipe.source, CommandSource) else ()
    for word in words:
        for name in dict.fromkeys((word, word.rpartition("=")[2])):
            path = os.path.normpath(root / name) if name and "\0" not in name else ""
            if path and Path(path).is_relative_to(root) and Path(path).is_file():
                yield os.path.relpath(path, root)


def _hashes(recipe: Recipe, root: Path) -> Iterator[str]:
    for name in named_files(recipe, root):
        yield name
        with (root / name).open("rb") as file:
            yield hashlib.file_digest(file, "sha256").hexdigest()


def _of_others(lane: Lane, recipe: Recipe, path: Path, where: Place) -> bool:
    """Whether somebody who can write to a repository could have written this recipe."""
    if recipe.origin in ("bundled", "user"):
        return False
    # By either name: a link into a repository, and a link out of one, are both the repository's.
    for one in (Path(_plain(path)), path.resolve()):
        if one.is_relative_to(lane.settings.recipes_dir):
            continue
        if one.is_relative_to(where.root) or any((up / ".git").exists() for up in one.parents):
            return True
    return False


def _root(path: Path) -> Path:
    """Where the programs of a recipe run: the repository around it, or else the folder one stands in."""
    folder = path.resolve().parent
    around = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), None)
    here = Path.cwd()
    return around or (here if folder.is_relative_to(here) else folder)


def _plain(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 -- `Path.absolute` keeps the `..` by which one file has two names


def _keep(lane: Lane, records: tuple[Trusted, ...]) -> None:
    with Folder.open(lane.settings.data_dir, create=True, private=True) as folder:
        folder.write(NAME, json.dumps([asdict(record) for record in records]).encode())
