"""Gathers a recipe's items, one after the other, from whichever source it names."""

from collections.abc import Iterable, Iterator
from datetime import date

from lanectl.models import Item, Skip
from lanectl.recipe.tables import CommandSource, CommitsSource, FilesSource, Recipe, TextSource
from lanectl.sources.place import Place


def gather(
    recipe: Recipe, place: Place, *, stdin: Iterable[str] | None, today: date
) -> Iterator[Item | Skip]:
    """The recipe's items, at most `limit` of them, and a named skip for each that cannot be sent.

    Nothing is read before it is asked for, and of the whole source only names are held in memory. Raises
    `ConfigError` for globs, ranges and paths that lead nowhere, and what `programs` raises where git or gh
    fail.
    """
    source = recipe.source
    if isinstance(source, FilesSource):
        from lanectl.sources.files import files

        return _first(source.limit, files(recipe, source, place))
    if isinstance(source, CommitsSource):
        from lanectl.sources.commits import commits

        return _first(source.limit, commits(recipe, source, place, today))
    if isinstance(source, TextSource):
        from lanectl.sources.text import text

        return _first(source.limit, text(recipe, source, place, stdin))
    if isinstance(source, CommandSource):
        from lanectl.sources.command import command

        return _first(source.limit, command(recipe, source, place))
    from lanectl.sources.pull_requests import pull_requests

    # It counts by itself: one that is split is several items.
    return pull_requests(recipe, source, place)


def _first(limit: int | None, found: Iterator[Item | Skip]) -> Iterator[Item | Skip]:
    left = limit
    for each in found:
        yield each
        if left is not None and isinstance(each, Item):
            left -= 1
            if left == 0:
                return
