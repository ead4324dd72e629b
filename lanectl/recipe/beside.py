"""The JSON files that a recipe names: found beside it, never outside, and checked."""

import json
import re
from collections.abc import Callable, Sequence
from os.path import normpath
from pathlib import Path
from typing import TypeAlias

from lanectl.recipe.complaints import Problem

# The bytes of a file, None where there is none.
Read: TypeAlias = Callable[[Path], bytes | None]

_MAX_BYTES = 1_000_000
# The API's rule for names of client tools.
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def roots(path: Path, repo: Path | None) -> tuple[Path, ...]:
    """Where files that the recipe at `path` names may lie: its own folder, and the repository around it."""
    folder = path.resolve().parent
    around = (
        repo.resolve()
        if repo
        else next((up for up in (folder, *folder.parents) if (up / ".git").exists()), None)
    )
    return (folder, around) if around and folder.is_relative_to(around) else (folder,)


def schema(
    place: str, name: str, folder: Path, allowed: Sequence[Path], read: Read | None = None
) -> dict[str, object] | Problem:
    """The JSON Schema in the file `name`, or what is wrong with it.

    Whether every keyword can be checked is decided where answers are checked.
    """
    value = _json(place, name, folder, allowed, read)
    if isinstance(value, Problem):
        return value
    if not isinstance(value, dict):
        return Problem(place, f'"{name}" must hold a JSON object')
    if value.get("type") != "object":
        return Problem(place, f'"{name}" must have "type": "object" at its top')
    return value


def tools(
    place: str, name: str, folder: Path, allowed: Sequence[Path], read: Read | None = None
) -> list[object] | Problem:
    """The tool definitions in the file `name`, or what is wrong with them."""
    value = _json(place, name, folder, allowed, read)
    if isinstance(value, Problem):
        return value
    if not isinstance(value, list) or not value:
        return Problem(place, f'"{name}" must hold a JSON list of tool definitions')
    names: set[str] = set()
    for number, tool in enumerate(value, start=1):
        complaint = _tool(tool, names)
        if complaint:
            return Problem(place, f'"{name}", tool {number}, {complaint}')
    return value


def _tool(tool: object, names: set[str]) -> str | None:
    if not isinstance(tool, dict):
        return "is not an object"
    name = tool.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        return "needs a name of letters, digits, - and _"
    if name in names:
        return f'has the name "{name}" a second time'
    names.add(name)
    if "cache_control" in tool:
        # A breakpoint of its own would take one of four places and may shorten the life of the whole prefix.
        return "must not set cache_control: where the cache ends is decided for the whole prefix"
    if "type" not in tool and not isinstance(tool.get("input_schema"), dict):
        return "needs an input_schema"
    return None


def _json(place: str, name: str, folder: Path, allowed: Sequence[Path], read: Read | None) -> object:
    if read is not None:
        found = read(Path(normpath(folder / name)))
        return _sized(place, name, found) if found is not None else Problem(place, f'"{name}" is not there')
    try:
        path = (folder / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return Problem(place, f'"{name}" is not there')
    if not any(path.is_relative_to(root) for root in allowed):
        return Problem(place, f'"{name}" is outside the recipe\'s folder and its repository')
    if not path.is_file():
        return Problem(place, f'"{name}" is not a regular file')
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        return Problem(place, f'"{name}" cannot be read: {error.strerror}')
    return _sized(place, name, data)


def _sized(place: str, name: str, data: bytes) -> object:
    if len(data) > _MAX_BYTES:
        return Problem(place, f'"{name}" is larger than {_MAX_BYTES} bytes')
    return _parsed(place, name, data)


def _parsed(place: str, name: str, data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError:
        return Problem(place, f'"{name}" is not UTF-8')
    except json.JSONDecodeError as error:
        return Problem(
            place, f'"{name}" is not JSON: {error.msg} at line {error.lineno}, column {error.colno}'
        )
    except RecursionError:
        return Problem(place, f'"{name}" is nested too deeply')
    except ValueError as error:
        return Problem(place, f'"{name}" is not JSON: {error}')


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")
