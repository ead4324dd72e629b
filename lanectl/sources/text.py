"""The source `text`: one text or its lines, from a file or from standard input."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lanectl.errors import ConfigError, UsageError
from lanectl.models import Item, Skip
from lanectl.recipe.beside import roots
from lanectl.recipe.tables import Recipe, TextSource
from lanectl.sources.credentials import is_credential
from lanectl.sources.place import Place
from lanectl.sources.reading import opened, text_of, too_large
from lanectl.text.clean import clean

STDIN = "stdin"
PIECE_BYTES = 1 << 16


def text(
    recipe: Recipe, source: TextSource, place: Place, stdin: Iterable[str] | None
) -> Iterator[Item | Skip]:
    """The item or named skip for the text, or one for each line that is not blank, named by its number.

    `stdin` yields lines with their ends. Raises `ConfigError` for a file that is missing or lies outside the
    recipe's folder and the repository, `UsageError` where standard input is needed and not given.
    """
    limit_bytes = recipe.run.max_item_bytes
    if source.path is None:
        if stdin is None:
            raise UsageError(
                "the recipe reads standard input, and there is none",
                where=f"{recipe.path or recipe.name} [source]",
                hint=f"lanectl submit {recipe.name} < FILE",
            )
        lines = (line.encode("utf-8", "surrogatepass") for line in stdin)
        yield from each_line(lines, limit_bytes) if source.lines else _whole(STDIN, lines, limit_bytes)
        return
    where = f"{recipe.path or recipe.name} [source] path"
    root, path = _inside(recipe, Path(source.path), place, where)
    if is_credential(path):
        yield Skip(clean(path), "credential file")
        return
    stream = opened(root, path)
    if stream is None:
        raise ConfigError(f'"{source.path}" is not there', where=where, hint=f"ls {place.root}")
    if isinstance(stream, Skip):
        yield stream
        return
    with stream:
        # Pieces of a bounded size: a file without a newline is one line.
        pieces = iter(lambda: stream.readline(PIECE_BYTES), b"")
        yield from each_line(pieces, limit_bytes) if source.lines else _whole(path, pieces, limit_bytes)


def _inside(recipe: Recipe, path: Path, place: Place, where: str) -> tuple[Path, str]:
    allowed = (place.root, *(roots(recipe.path, place.root) if recipe.path else ()))
    path = place.root / path
    path = path.parent.resolve() / path.name
    for root in allowed:
        if path.is_relative_to(root):
            return root, path.relative_to(root).as_posix()
    raise ConfigError(
        f'"{path}" is outside the recipe\'s folder and the repository',
        where=where,
        hint=f"lanectl submit {recipe.name} < FILE",
    )


def _whole(name: str, pieces: Iterator[bytes], limit_bytes: int) -> Iterator[Item | Skip]:
    data, size = bytearray(), 0
    for piece in pieces:
        size += len(piece)
        if size <= limit_bytes:
            data += piece
    yield _item(name, bytes(data), size, limit_bytes)


def each_line(pieces: Iterator[bytes], limit_bytes: int) -> Iterator[Item | Skip]:
    """An item or a skip a line; a piece without a line end is continued by the next."""
    number, size, line, blank = 1, 0, bytearray(), True
    for piece in pieces:
        bare = piece.rstrip(b"\r\n")
        size += len(bare)
        blank = blank and not bare.strip()
        if size <= limit_bytes:
            line += bare
        if piece.endswith(b"\n"):
            if not blank:
                yield _item(str(number), bytes(line), size, limit_bytes)
            number, size, line, blank = number + 1, 0, bytearray(), True
    if not blank:
        yield _item(str(number), bytes(line), size, limit_bytes)


def _item(name: str, data: bytes, size: int, limit_bytes: int) -> Item | Skip:
    if size > limit_bytes:
        return too_large(name, size, limit_bytes)
    found = text_of(data, name)
    return found if isinstance(found, Skip) else Item(name=name, fields={"name": name, "text": found})
