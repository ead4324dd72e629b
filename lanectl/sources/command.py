"""The source `command`: one item a line that a program of the recipe's choice writes."""

import json
import shlex
from collections.abc import Iterator

from lanectl.errors import LanectlError
from lanectl.models import Item, JsonValue, Skip
from lanectl.programs.start import run
from lanectl.recipe.tables import CommandSource, Recipe
from lanectl.sources.place import Place
from lanectl.sources.text import each_line
from lanectl.text.clean import clean

TIME_S = 300.0
OUTPUT_BYTES = 64 << 20
# Deeper data is no item's fields; templates copy it by recursion.
MOST_LEVELS = 40


def command(recipe: Recipe, source: CommandSource, place: Place) -> Iterator[Item | Skip]:
    """The item or named skip for each line that is not blank, named by its number.

    A JSON object becomes the item's fields, any other line its `text`; `name` is there in any case. The
    program runs without a shell, from the repository's root, in a built environment without the key. Whether
    it may run at all is not decided here. Raises `LanectlError` where it fails, is missing or knows no end.
    """
    done = run(source.argv, cwd=place.root, timeout_s=TIME_S, limit_bytes=OUTPUT_BYTES)
    if done.code:
        raise LanectlError(
            f"the program of the source failed with exit code {done.code}: {_complaint(done.err)}",
            where=f"{recipe.path or recipe.name} [source] argv",
            hint=shlex.join(source.argv),
        )
    for found in each_line(iter(done.out.splitlines(keepends=True)), recipe.run.max_item_bytes):
        yield found if isinstance(found, Skip) else _item(found)


def _item(line: Item) -> Item:
    fields = _object(str(line.fields["text"]))
    return line if fields is None else Item(name=line.name, fields={"name": line.name, **fields})


def _object(text: str) -> dict[str, JsonValue] | None:
    """The fields that a line of JSON gives, None where it is no object of plain data."""
    try:
        value = json.loads(text, parse_constant=_refused)
        return _plain(value, MOST_LEVELS) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def _plain(value: dict[str, JsonValue], levels: int) -> dict[str, JsonValue]:
    return {clean(key): _cleaned(inner, levels) for key, inner in value.items()}


def _cleaned(value: JsonValue, levels: int) -> JsonValue:
    if not levels:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return _plain(value, levels - 1)
    return [_cleaned(inner, levels - 1) for inner in value] if isinstance(value, list) else value


def _refused(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is no JSON number")


def _complaint(err: bytes) -> str:
    # Imported here: only a failure needs its table of formats.
    from lanectl.text.secrets import redact

    lines = [line.strip() for line in err.decode(errors="replace").splitlines() if line.strip()]
    return redact(lines[-1][:300]) if lines else "it said nothing"
