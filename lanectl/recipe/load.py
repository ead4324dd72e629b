"""Reads one recipe file: TOML in, a checked `Recipe` out, or one error with every complaint."""

import hashlib
import shlex
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lanectl.errors import ConfigError
from lanectl.recipe import beside
from lanectl.recipe.complaints import Problem, problems_of, refusal
from lanectl.recipe.tables import Origin, Recipe, RecipeFile, TextSource

_MAX_BYTES = 1_000_000


def load(path: Path, *, origin: Origin = "path", repo: Path | None = None) -> Recipe:
    """The recipe in the file at `path`, with its schema and tools read.

    Files it names lie in its own folder or in the repository: `repo`, or the nearest folder above that has a
    `.git`.
    Raises ConfigError: one for the file, naming table, key and the nearest valid key.
    """
    return parse(_read(path), path, origin=origin, repo=repo)


def parse(
    data: bytes, path: Path, *, origin: Origin, repo: Path | None = None, read: beside.Read | None = None
) -> Recipe:
    """The recipe that the bytes `data` of the file at `path` hold; raises ConfigError as `load` does.

    `read` gives the bytes of the files it names where those on the disk do not count.
    """
    table = _toml(data, path)
    try:
        recipe = RecipeFile.model_validate(table)
    except ValidationError as error:
        raise refusal(path, problems_of(error.errors(include_url=False))) from None
    found, problems = _with_neighbours(recipe, path, repo, read)
    if problems:
        raise refusal(path, problems)
    if isinstance(recipe.source, TextSource) and recipe.source.path is not None:
        table["source"]["path"] = str(path.absolute().parent / recipe.source.path)
    return Recipe.model_validate(
        {
            **table,
            **found,
            "path": path.absolute(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "origin": origin,
        }
    )


def _with_neighbours(
    recipe: RecipeFile, path: Path, repo: Path | None, read: beside.Read | None
) -> tuple[dict[str, object], list[Problem]]:
    allowed = beside.roots(path, repo)
    problems: list[Problem] = []
    found: dict[str, object] = {}
    wanted = (
        ("[output] schema", recipe.output.schema_, "schema_value", beside.schema),
        ("[prefix] tools", recipe.prefix.tools, "tools_value", beside.tools),
    )
    for place, name, field, checked in wanted:
        if name is None:
            continue
        value = checked(place, name, path.absolute().parent, allowed, read)
        if isinstance(value, Problem):
            problems.append(value)
        else:
            found[field] = value
    if recipe.output.schema_ is not None and recipe.output.kind != "json":
        problems.append(
            Problem("[output] schema", f'belongs to the kind "json", not to "{recipe.output.kind}"')
        )
    return found, problems


def _read(path: Path) -> bytes:
    hint = "lanectl recipes list"
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "is not there"
            raise ConfigError(f"the recipe {what}", where=str(path), hint=hint)
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the recipe cannot be read: {error}", where=str(path), hint=hint) from None
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"the recipe is larger than {_MAX_BYTES} bytes", where=str(path), hint=hint)
    return data


def _toml(data: bytes, path: Path) -> dict[str, Any]:
    hint = f"lanectl recipes check {shlex.quote(str(path))}"
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError("the recipe is not UTF-8", where=f"{path} line {line}", hint=hint) from None
    except RecursionError:
        raise ConfigError("the recipe is nested too deeply", where=str(path), hint=hint) from None
    except ValueError as error:
        text, _, place = str(error).rpartition(" (at ")
        if not text:
            text, place = str(error), ""
        advice = ": in ''' quotes a backslash is only a backslash" if "Unescaped" in text else ""
        where = f"{path} {place.rstrip(')')}".rstrip()
        raise ConfigError(f"not valid TOML: {text}{advice}", where=where, hint=hint) from None
