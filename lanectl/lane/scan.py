"""Looks for secrets in what is about to be sent, and says where they stand without repeating them."""

from collections.abc import Iterable, Iterator

from lanectl.models import Item, JsonValue
from lanectl.text.secrets import Hit, scan

PREFIX = "secret:"


class Scanner:
    """Scans texts for secrets that neither the user's configuration nor the command line has accepted."""

    def __init__(self, allowed: Iterable[str], allow_flags: Iterable[str]) -> None:
        self._allowed = {
            *allowed,
            *(flag.removeprefix(PREFIX) for flag in allow_flags if flag.startswith(PREFIX)),
        }

    def scan(self, text: str) -> list[Hit]:
        """What is found and not accepted, in the order of the text."""
        return [hit for hit in scan(text) if hit.fingerprint not in self._allowed]

    def locate(self, item: Item, hit: Hit) -> str:
        """The file or field and the line of an item where a hit stands."""
        for name, text in _texts(item.fields):
            for inner in scan(text):
                if inner.fingerprint == hit.fingerprint:
                    path = item.fields.get("path")
                    return f"{path if name == 'text' and path else name} line {inner.line}"
        return item.name


def _texts(value: JsonValue | object, name: str = "item") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
