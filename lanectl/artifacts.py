"""The artifact folder: what the user sees, a folder a run, written so that no edit of theirs is lost."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from lanectl.errors import LanectlError
from lanectl.files import Folder, Pen
from lanectl.files.disk import Blocked
from lanectl.models import OutputFile
from lanectl.text import names

OURS = frozenset({"digest.html", "digest.md", "manifest.json", "results.jsonl"})
MOST_TWINS = 1000
IN_REPOSITORY = ".lanectl"


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that is whole on disk: its path below the folder, its hash, and whether it was there already."""

    path: str
    sha256: str
    unchanged: bool


class ArtifactFolder:
    """One run's folder. Raises `DiskError`; files are durable after `sync()`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = Folder.open(root, create=True, own=_own(root))
        self._spelled: dict[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.close()

    def place(self, file: OutputFile, *, known_sha256: str | None, taken: bool) -> Placed:
        """Put a file in its place, or beside it (`name.2.md`) when what stands there is not ours.

        `known_sha256` is what we last wrote there: a file that differs was edited by the user. `taken` says
        that another job of the run owns the path.
        """
        path = safe_path(file.path)
        if not self._folder.can_hold(path):
            # Another job's artifact bears the name of this one's folder.
            path = names.file_name(path.replace("/", "-"))
        sha256 = hashlib.sha256(file.data).hexdigest()
        for n, candidate in enumerate(_candidates(path)):
            if (n == 0 and taken) or self._has_twin(candidate):
                continue
            try:
                there = self._folder.digest(candidate)
            except Blocked:
                continue
            if there == sha256:
                # Whoever wrote it may have been killed before its name was durable.
                self._folder.sync_later(candidate)
                return Placed(candidate, sha256, unchanged=True)
            if there is None or (n == 0 and there == known_sha256):
                self._folder.write(candidate, file.data, later=True)
                self._names()[names.fold(candidate)] = candidate
                return Placed(candidate, sha256, unchanged=False)
        raise LanectlError("no free name for an artifact", where=str(self.root / path), hint="lanectl clean")

    def _has_twin(self, path: str) -> bool:
        """Whether something is there that a disk which folds case would take for this path."""
        return self._names().get(names.fold(path), path) != path

    def _names(self) -> dict[str, str]:
        """Everything in the folder as it is spelled, by how such a disk sees it."""
        if self._spelled is None:
            self._spelled = {}
            for folder, folders, files in os.walk(self.root):
                below = os.path.relpath(folder, self.root)
                for name in (*folders, *files):
                    path = name if below == "." else f"{below}/{name}"
                    self._spelled[names.fold(path)] = path
        return self._spelled

    def digest(self, path: str) -> str | None:
        """What a file holds, as hex SHA-256; None where there is none."""
        return self._folder.digest(path)

    def write_ours(self, name: str, data: bytes) -> None:
        """Replace one of the files that are derived and always ours."""
        self._folder.write(name, data)

    def pen(self, name: str) -> Pen:
        """One of our own files in the making."""
        return self._folder.pen(name)

    def sync(self) -> None:
        """Make every placed file durable."""
        self._folder.sync()

    def sweep(self) -> int:
        """Remove what a killed process left half-written, in the folder and below it."""
        return self._folder.sweep()


def ignore_all(folder: Path) -> None:
    """Keep git out of the artifact folder of a repository: its `.gitignore` holds `*`."""
    with Folder.open(folder, create=True, own=int(folder.name == IN_REPOSITORY)) as opened:
        if opened.digest(".gitignore") is None:
            opened.sweep(below=False)
            opened.write(".gitignore", b"*\n")


def point_latest(folder: Path, run: str) -> None:
    """Point `latest` beside a recipe's runs at the newest pulled one."""
    with Folder.open(folder, own=_own(folder / run) - 1) as opened:
        opened.sweep(below=False)
        opened.link("latest", run)


def write_page(path: Path, pieces: Iterable[bytes]) -> None:
    """Put one page into the user's own data folder, written as its pieces come."""
    with Folder.open(path.parent, create=True, private=True) as opened:
        opened.sweep(below=False)
        with opened.pen(path.name) as pen:
            for piece in pieces:
                pen.write(piece)


def safe_path(path: str) -> str:
    """A path that stays below its folder and is none of our own files; odd ones become a safe file name."""
    relative = names.relative_path(path) or names.file_name(path)
    first = relative.partition("/")[0]
    return f"artifact-{relative}" if names.fold(first) in OURS else relative


def _own(root: Path) -> int:
    """How many parts at the end of a run's folder are ours: `RECIPE/RUN`, and `.lanectl` in a repository.

    A repository may bring a link of that name along; what the user gave as `--out` may be their own link.
    """
    return 3 if root.parent.parent.name == IN_REPOSITORY else 2


def _candidates(path: str) -> Iterator[str]:
    yield path
    for n in range(2, MOST_TWINS):
        yield _twin(path, n)


def _twin(path: str, n: int) -> str:
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}.{n}{pure.suffix}"))
