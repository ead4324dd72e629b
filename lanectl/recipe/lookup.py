"""Finds a recipe by its name: the user's own, the repository's, the bundled ones, in this order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lanectl.errors import ConfigError
from lanectl.recipe.complaints import nearest
from lanectl.recipe.load import load
from lanectl.recipe.tables import NAME_PATTERN, Origin, Recipe

_HINT = "lanectl recipes list"
_NAME = re.compile(NAME_PATTERN)
_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True)
class Listed:
    """One recipe file: `problem` says why it cannot be used, `note` why it is not found by its name."""

    name: str
    description: str
    origin: Origin
    path: Path
    problem: str | None = None
    note: str | None = None


def bundled_folder() -> Path:
    """Where the recipes that come with lanectl lie: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "bundled"
    return installed if installed.is_dir() else package.parent / "recipes"


def find(name: str, *, user_dir: Path, repo: Path | None) -> Recipe:
    """The recipe in the file that `name` is the path of (it ends in `.toml`), or the one of that name.

    A repository's recipe that bears a bundled name is used only by its path: who may write to one must
    not replace what a user knows by name. Raises ConfigError when there is none, with the nearest name.
    """
    if name.endswith(_SUFFIX):
        return load(Path(name), repo=_around(Path(name), repo))
    if _NAME.fullmatch(name):
        for origin, path in _candidates(name, user_dir, repo):
            return _named(load(path, origin=origin, repo=repo if origin == "repository" else None))
    close = nearest(
        name, [entry.name for entry in listing(user_dir=user_dir, repo=repo) if entry.note is None]
    )
    raise ConfigError(f'there is no recipe "{name}"{close}', where=_places(user_dir, repo), hint=_HINT)


def listing(*, user_dir: Path, repo: Path | None) -> list[Listed]:
    """Every recipe file of the three places, sorted by name within each, and why one is not found."""
    entries: list[Listed] = []
    taken: set[str] = set()
    for origin, folder in _folders(user_dir, repo):
        found = [_listed(path, origin, repo, taken) for path in _files(folder)]
        taken.update(entry.name.casefold() for entry in found if entry.note is None)
        entries += found
    return entries


def _listed(path: Path, origin: Origin, repo: Path | None, taken: set[str]) -> Listed:
    name, description, problem = path.stem, "", None
    note = "hidden by another recipe of this name" if name.casefold() in taken else None
    if origin == "repository":
        if not _inside(path, repo):
            problem = "outside the repository"
        elif name.casefold() in _bundled_names():
            note = "bears a bundled name: used only by its path"
    try:
        recipe = load(path, origin=origin) if problem is None else None
    except ConfigError as error:
        recipe, problem = None, str(error)
    if recipe is not None:
        description = recipe.description
        if recipe.name != name:
            problem = f'its name is "{recipe.name}", not "{name}": used only by its path'
    return Listed(name, description, origin, path, problem, note)


def _candidates(name: str, user_dir: Path, repo: Path | None) -> Iterator[tuple[Origin, Path]]:
    for origin, folder in _folders(user_dir, repo):
        path = folder / f"{name}{_SUFFIX}"
        if not path.is_file():
            continue
        if origin == "repository" and (name.casefold() in _bundled_names() or not _inside(path, repo)):
            continue
        yield origin, path


def _named(recipe: Recipe) -> Recipe:
    if recipe.path is not None and recipe.name != recipe.path.stem:
        # Runs are filed under the name inside: a file that claims another recipe's name must be meant.
        raise ConfigError(
            f'the recipe\'s name is "{recipe.name}", not "{recipe.path.stem}": use it by its path',
            where=f"{recipe.path} name",
            hint=f"lanectl recipes check {recipe.path}",
        )
    return recipe


def _folders(user_dir: Path, repo: Path | None) -> Iterator[tuple[Origin, Path]]:
    yield "user", user_dir
    bundled = bundled_folder()
    if repo is not None and (repo / "recipes").resolve() != bundled:
        yield "repository", repo / "recipes"
    yield "bundled", bundled


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX and path.is_file())
    except OSError:
        return []


def _bundled_names() -> set[str]:
    # Folded, since some file systems do not tell Pr-Review from pr-review.
    return {path.stem.casefold() for path in _files(bundled_folder())}


def _inside(path: Path, repo: Path | None) -> bool:
    return repo is not None and path.resolve().is_relative_to(repo.resolve())


def _around(path: Path, repo: Path | None) -> Path | None:
    return repo if _inside(path, repo) else None


def _places(user_dir: Path, repo: Path | None) -> str:
    return ", ".join(str(folder) for _, folder in _folders(user_dir, repo))
