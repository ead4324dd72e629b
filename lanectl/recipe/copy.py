"""A new recipe made of another one: the same file under another name, with what lies beside it."""

import re
import tomllib
from typing import Any

from lanectl.errors import ConfigError
from lanectl.recipe.tables import NAME_PATTERN, RESERVED_NAMES, Recipe


def new(name: str, original: Recipe) -> dict[str, bytes]:
    """The files of a recipe `name` like `original`, by their names; writing them is the caller's business.

    Comments and layout stay. Schema and tools get names of their own, so that two recipes of a folder never
    share a file. Raises ConfigError for a name that no recipe can have.
    """
    if not re.fullmatch(NAME_PATTERN, name) or name.lower() in RESERVED_NAMES:
        raise ConfigError(
            f'"{name}" is no name for a recipe: letters, digits, - and _',
            where="name",
            hint="lanectl recipes list",
        )
    if original.path is None:
        raise ConfigError("the recipe has no file to copy", where=original.name, hint="lanectl recipes list")
    text = original.path.read_bytes().decode("utf-8-sig")
    data = tomllib.loads(text)
    wanted = _changes(name, original)
    files: dict[str, bytes] = {}
    for (table, key), value in wanted.items():
        text = _with_value(text, table, key, value)
        if table is not None:
            files[value] = (original.path.parent / data[table][key]).read_bytes()
    return {f"{name}.toml": text.encode(), **files}


def _changes(name: str, original: Recipe) -> dict[tuple[str | None, str], str]:
    changes: dict[tuple[str | None, str], str] = {(None, "name"): name}
    if original.output.schema_ is not None:
        changes["output", "schema"] = f"{name}.schema.json"
    if original.prefix.tools is not None:
        changes["prefix", "tools"] = f"{name}.tools.json"
    return changes


def _with_value(text: str, table: str | None, key: str, value: str) -> str:
    """The TOML `text` with one value replaced on its own line, or written anew where that cannot be done."""
    wanted: dict[str, Any] = tomllib.loads(text)
    (wanted if table is None else wanted[table])[key] = value
    for found in re.finditer(rf'^(\s*{key}\s*=\s*)("[^"\n]*"|\'[^\'\n]*\')', text, re.MULTILINE):
        # A line inside a longer text may look the same: only what reads back as wanted is right.
        tried = f'{text[: found.start()]}{found[1]}"{value}"{text[found.end() :]}'
        try:
            if tomllib.loads(tried) == wanted:
                return tried
        except tomllib.TOMLDecodeError:
            continue
    import tomli_w

    return tomli_w.dumps(wanted, multiline_strings=True)
