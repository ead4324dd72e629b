"""What a pull request may not decide about itself: recipes and project memory are those of its base."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lanectl.config import Settings
from lanectl.errors import ConfigError, HeldError
from lanectl.lane.trust import named_files
from lanectl.programs.git import git, git_lines
from lanectl.recipe.load import parse
from lanectl.recipe.tables import Recipe
from lanectl.sources.place import Place
from lanectl.text.clean import clean

REMOTE = "refs/remotes/origin"
FILES = frozenset({"100644", "100755"})
MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Base:
    """The branch that a pull request goes into, as it is known here: `name` for people, `commit` in full."""

    name: str
    commit: str

    @property
    def note(self) -> str:
        """What is said about it wherever it is used."""
        return (
            f"a pull request's checkout: the repository's recipes and project memory are those of {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of a commit: `mode` as git writes it, `sha` that of its bytes."""

    path: str
    mode: str
    sha: str


def base_of(settings: Settings, where: Place) -> Base | None:
    """The base of the pull request whose checkout this is; None anywhere else.

    Raises `ConfigError` where the base branch is not in this clone: then none of it is believed.
    """
    branch = settings.pull_request_base
    if branch is None or not where.git:
        return None
    name = f"origin/{branch}"
    wanted = f"{REMOTE}/{branch}"
    found = git(where.root, "show-ref", "--verify", "--hash", "--end-of-options", wanted, codes=(0, 1, 128))
    if not found:
        refs = shlex.quote(f"+refs/heads/{branch}:{wanted}")
        raise ConfigError(
            f"this is a pull request's checkout, and the base branch {name} is not in it",
            where=str(where.root),
            hint=f"git fetch --depth=1 origin {refs}",
        )
    return Base(name, found.decode().strip())


def recipe_of(base: Base, recipe: Recipe, where: Place) -> Recipe:
    """The same recipe as the base has it, with the files it names; one from elsewhere comes back as it is.

    Raises `ConfigError` for a recipe that only the pull request has, `HeldError` where it would run a program
    whose file the pull request changed.
    """
    if recipe.origin in ("bundled", "user") or recipe.path is None:
        return recipe
    path = _within(recipe.path, where.root)
    if path is None:
        return recipe
    data = read(where, base, path)
    if data is None:
        raise ConfigError(
            f"this recipe is not in {base.name}: one that a pull request brings along is not used",
            where=str(recipe.path),
            hint=f"git show {shlex.quote(f'{base.name}:{path}')}",
        )

    def beside(file: Path) -> bytes | None:
        name = _within(file, where.root)
        return None if name is None else read(where, base, name)

    found = parse(data, recipe.path, origin=recipe.origin, repo=where.root, read=beside)
    _unchanged_programs(base, found, where)
    return found


def blobs(where: Place, base: Base) -> Iterator[Blob]:
    """Every file of the base, links and nested repositories included, sorted by path."""
    for line in git_lines(
        where.root, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", base.commit, separator=b"\0"
    ):
        yield _blob(line)


def read(where: Place, base: Base, path: str) -> bytes | None:
    """The bytes of a regular file of the base, None where there is none."""
    listed = git(where.root, "ls-tree", "-z", "--full-tree", base.commit, "--", path)
    found = [
        blob for blob in map(_blob, listed.split(b"\0")[:-1]) if blob.path == path and blob.mode in FILES
    ]
    return git(where.root, "show", found[0].sha, limit_bytes=MOST_BYTES) if found else None


def _blob(line: bytes) -> Blob:
    head, _, path = os.fsdecode(line).partition("\t")
    mode, _, sha = head.split(" ", 2)
    return Blob(path, mode, sha)


def _unchanged_programs(base: Base, recipe: Recipe, where: Place) -> None:
    for name in named_files(recipe, where.root):
        if (where.root / name).read_bytes() != read(where, base, name):
            raise HeldError(
                f"the recipe would run {clean(name)}, which this pull request changes",
                where=str(recipe.path),
                hint=f"git diff {shlex.quote(base.name)} -- {shlex.quote(name)}",
            )


def _within(path: Path, root: Path) -> str | None:
    """The path below `root` by its letters: where a link of the pull request leads to says nothing."""
    plain = Path(os.path.abspath(path))  # noqa: PTH100 -- takes `..` away without following links
    for one in (plain, plain.parent.resolve() / plain.name):
        if one.is_relative_to(root):
            return one.relative_to(root).as_posix()
    return None
