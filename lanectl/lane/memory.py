"""The project's memory: the files that a recipe puts into the prefix, in a stable order and from inside
the root."""

from collections.abc import Iterator
from datetime import date

from lanectl.errors import ConfigError
from lanectl.lane import baseline
from lanectl.lane.baseline import Base
from lanectl.models import Item, Skip
from lanectl.plan.prefix import MemoryFile
from lanectl.recipe.tables import FilesSource, Recipe
from lanectl.sources.credentials import is_credential
from lanectl.sources.gather import gather
from lanectl.sources.globs import matcher
from lanectl.sources.place import Place
from lanectl.sources.reading import text_of, too_large
from lanectl.text.clean import clean


def read_memory(recipe: Recipe, where: Place, *, today: date, base: Base | None = None) -> list[MemoryFile]:
    """The prefix's files, sorted by path; one that cannot be read as text is a `ConfigError`, never left
    out.

    With `base` they are those of that commit, not of the checkout.
    """
    if not recipe.prefix.files:
        return []
    if base is None:
        source = FilesSource(kind="files", include=recipe.prefix.files)
        found = gather(recipe.model_copy(update={"source": source}), where, stdin=None, today=today)
    else:
        found = _of_base(recipe, where, base)
    memory: list[MemoryFile] = []
    for each in found:
        if isinstance(each, Skip):
            if each.reason == "empty":
                continue
            raise ConfigError(
                f"{each.key} cannot stand in the prefix: {each.reason}",
                where=f"{recipe.path or recipe.name} [prefix] files",
                hint=f"lanectl recipes check {recipe.name}",
            )
        memory.append(MemoryFile(str(each.fields["path"]), clean(str(each.fields["text"]))))
    return sorted(memory, key=lambda file: file.path)


def _of_base(recipe: Recipe, where: Place, base: Base) -> Iterator[Item | Skip]:
    wanted = matcher(recipe.prefix.files, where=f"{recipe.path or recipe.name} [prefix] files")
    for blob in baseline.blobs(where, base):
        if not wanted(blob.path):
            continue
        path = clean(blob.path)
        if path != blob.path:
            yield Skip(path, "not utf-8", "its name")
        elif is_credential(path):
            yield Skip(path, "credential file")
        elif blob.mode not in baseline.FILES:
            yield Skip(path, "not a regular file")
        else:
            yield _text(where, base, path, recipe.run.max_item_bytes)


def _text(where: Place, base: Base, path: str, limit_bytes: int) -> Item | Skip:
    data = baseline.read(where, base, path) or b""
    if len(data) > limit_bytes:
        return too_large(path, len(data), limit_bytes)
    text = text_of(data, path)
    return text if isinstance(text, Skip) else Item(path, {"path": path, "text": text})
