"""Looks a recipe over before its first night: what will fail, and what will probably surprise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lanectl.recipe import scan
from lanectl.recipe.complaints import Problem
from lanectl.recipe.tables import FilesSource, Recipe, TextSource

# The API's documentation of effort: at xhigh and max, start from 64k tokens of room.
_ROOM_AT_HIGHEST_EFFORT = 64_000
_CHANGES_BY_ITSELF = ("today", "repo.commit", "repo.branch")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a recipe's author should know; with a problem the recipe is not used, with a warning it is."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def check(recipe: Recipe) -> Checked:
    """Everything that can be said about `recipe` without its items."""
    problems = scan.problems(recipe)
    spoken: dict[str, frozenset[str]] = {}
    if not problems:
        spoken = {place.name: scan.spoken(place) for place in scan.places(recipe)}
        problems = [*_keys(recipe, spoken), *_globs(recipe), *_output(recipe)]
    each: tuple[Callable[[Recipe, dict[str, frozenset[str]]], Iterator[Problem]], ...] = (
        _name,
        _lane,
        _prompt,
        _volatile,
        _unused,
    )
    warnings = [warning for found in each for warning in found(recipe, spoken)]
    return Checked(tuple(map(str, problems)), tuple(map(str, warnings)))


def _keys(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:
    if not _of_the_item(spoken["[job] key"]) and _many(recipe):
        yield Problem("[job] key", "is the same for every item: it must speak of the item")


def _globs(recipe: Recipe) -> Iterator[Problem]:
    globs = [("[prefix] files", glob) for glob in recipe.prefix.files]
    if isinstance(recipe.source, FilesSource):
        globs += [("[source] include", glob) for glob in recipe.source.include]
        globs += [("[source] exclude", glob) for glob in recipe.source.exclude]
    for place, glob in globs:
        if glob.startswith("/") or ".." in glob.split("/"):
            yield Problem(place, f'has "{glob}": globs stay below the repository')


def _output(recipe: Recipe) -> Iterator[Problem]:
    if recipe.output.kind == "edits" and not isinstance(recipe.source, FilesSource):
        yield Problem("[output] kind", '"edits" are edits of a file: they need the source kind "files"')
    path = recipe.output.path or ""
    if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path:
        yield Problem("[output] path", "leads out of the run's artifact folder")


def _name(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:  # noqa: ARG001 -- one of many checks
    if recipe.path is not None and recipe.path.stem != recipe.name:
        yield Problem(
            "name", f'is "{recipe.name}" in a file named {recipe.path.name}: found only by its path'
        )


def _lane(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:  # noqa: ARG001 -- one of many checks
    lane = recipe.lane
    if (
        lane.effort in ("xhigh", "max")
        and (lane.max_tokens or _ROOM_AT_HIGHEST_EFFORT) < _ROOM_AT_HIGHEST_EFFORT
    ):
        yield Problem(
            "[lane] max_tokens",
            f"counts thinking too: below {_ROOM_AT_HIGHEST_EFFORT} answers at {lane.effort} may be cut",
        )
    if recipe.output.kind == "json" and recipe.schema_value is None:
        yield Problem("[output] schema", "is missing: nothing but JSON itself is enforced")


def _prompt(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:
    if spoken and _many(recipe):
        if not _of_the_item(spoken["[job] prompt"]):
            yield Problem("[job] prompt", "does not speak of the item: every job asks the same")
        path = spoken.get("[output] path")
        if path is not None and not _of_the_item(path):
            yield Problem("[output] path", "is the same for every item: artifacts will need other names")


def _volatile(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:
    if recipe.run.repeat != "changed":
        return
    for place in ("[job] key", "[job] prompt"):
        for name in sorted(spoken.get(place, frozenset()).intersection(_CHANGES_BY_ITSELF)):
            yield Problem(
                place, f'speaks of {name}, which changes by itself: with repeat = "changed" all is sent again'
            )


def _unused(recipe: Recipe, spoken: dict[str, frozenset[str]]) -> Iterator[Problem]:
    # A template that names `vars` alone may use any of them.
    names = frozenset().union(*spoken.values())
    whole = spoken and any("vars" in place and not _members(place, "vars") for place in spoken.values())
    for name in recipe.vars:
        if spoken and not whole and f"vars.{name}" not in names:
            yield Problem(f"[vars] {name}", "is used by no template")


def _of_the_item(spoken: frozenset[str]) -> bool:
    return "item" in spoken


def _members(spoken: frozenset[str], owner: str) -> list[str]:
    return [name for name in spoken if name.startswith(f"{owner}.")]


def _many(recipe: Recipe) -> bool:
    one_text = isinstance(recipe.source, TextSource) and not recipe.source.lines
    return not one_text and recipe.source.limit != 1
