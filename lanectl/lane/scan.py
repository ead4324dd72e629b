"""Looks for secrets in what is about to be sent, and says where they stand without repeating them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lanectl.models import Item, JsonValue, Skip
from lanectl.programs import gitleaks
from lanectl.text.secrets import Hit, marked, scan

PREFIX = "secret:"
# What gitleaks is shown at once: it takes 0.4 s to start and reads 4 MB a second.
GROUP_CHARACTERS = 2_000_000
GROUP_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item with the prompt that would be sent for it; `secret` says what withholds it, and where."""

    key: str
    item: Item
    prompt: str
    secret: str | None = None


class Scanner:
    """Scans texts for secrets that neither the user's configuration nor the command line has accepted.

    With `with_gitleaks` that program is asked too; its errors are those of `programs.gitleaks.findings`.
    """

    def __init__(
        self, allowed: Iterable[str], allow_flags: Iterable[str], *, with_gitleaks: bool = False
    ) -> None:
        self._allowed = {
            *allowed,
            *(flag.removeprefix(PREFIX) for flag in allow_flags if flag.startswith(PREFIX)),
        }
        self._with_gitleaks = with_gitleaks

    def scan(self, text: str) -> list[Hit]:
        """What our own table of formats finds and nobody accepted, in the order of the text."""
        return [hit for hit in scan(text) if hit.fingerprint not in self._allowed]

    def first(self, texts: Sequence[str]) -> Hit | None:
        """The first hit in texts that are sent together."""
        own = (hit for text in texts for hit in self.scan(text))
        return next(own, None) or next((hit for hits in self._asked(texts) for hit, _ in hits), None)

    def looked_at(
        self, found: Iterable[Candidate | Skip], *, room: Callable[[], int]
    ) -> Iterator[Candidate | Skip]:
        """What was found, in its order and with what withholds it; skips pass through.

        `room` is how many more candidates are wanted before anybody counts again: no more are taken ahead.
        Without gitleaks each passes at once, with it they wait for their group.
        """
        rest = iter(found)
        while group := list(self._group(rest, room())):
            yield from self._judged(group)

    def _group(self, rest: Iterator[Candidate | Skip], room: int) -> Iterator[Candidate | Skip]:
        if not self._with_gitleaks:
            yield from islice(rest, 1)
            return
        characters, candidates = 0, 0
        for found in islice(rest, GROUP_ITEMS):
            yield found
            if isinstance(found, Candidate):
                characters += len(found.prompt)
                candidates += 1
            if characters >= GROUP_CHARACTERS or candidates >= room:
                return

    def _judged(self, group: Sequence[Candidate | Skip]) -> Iterator[Candidate | Skip]:
        own = [self._own(found) if isinstance(found, Candidate) else found for found in group]
        shown = [_shown(one) for one in own if isinstance(one, Candidate) and one.secret is None]
        answers = iter(self._asked([text for texts in shown for _, text in texts]))
        rest = iter(shown)
        for found in own:
            if isinstance(found, Candidate) and found.secret is None:
                hits = [(name, hit) for name, _ in next(rest) for hit in next(answers, [])]
                yield _withheld(found, *hits[0]) if hits else found
            else:
                yield found

    def _own(self, candidate: Candidate) -> Candidate:
        hits = self.scan(candidate.prompt)
        if not hits:
            return candidate
        return _because(candidate, hits[0], _located(candidate.item, hits[0]))

    def _asked(self, texts: Sequence[str]) -> list[list[tuple[Hit, str]]]:
        """What gitleaks finds in each text and nobody accepted, with the secret itself; [] if not asked."""
        if not self._with_gitleaks:
            return []
        return [
            [
                (Hit(one.rule, one.first, one.fingerprint), one.secret)
                for one in found
                if one.fingerprint not in self._allowed and not marked(text, one.first, one.last)
            ]
            for text, found in zip(texts, gitleaks.findings(texts), strict=True)
        ]


def _located(item: Item, hit: Hit) -> str:
    for name, text in _texts(item.fields):
        for inner in scan(text):
            if inner.fingerprint == hit.fingerprint:
                return _place(item, name, inner.line)
    return item.name


def _shown(candidate: Candidate) -> list[tuple[str, str]]:
    """The prompt (named ""), and each field that stands in it as JSON only: rules for `key = "value"` do not
    know `key = \\"value\\"`."""
    prompt = candidate.prompt
    inner = [
        (name, text)
        for name, text in _texts(candidate.item.fields)
        if text not in prompt and json.dumps(text, ensure_ascii=False)[1:-1] in prompt
    ]
    return [("", prompt), *inner]


def _withheld(candidate: Candidate, name: str, found: tuple[Hit, str]) -> Candidate:
    hit, secret = found
    if name:
        return _because(candidate, hit, _place(candidate.item, name, hit.line))
    for field, text in _texts(candidate.item.fields):
        at = text.find(secret)
        if at >= 0:
            return _because(candidate, hit, _place(candidate.item, field, text.count("\n", 0, at) + 1))
    # It stands there encoded, or the recipe's own words are a part of it.
    return _because(candidate, hit, f"line {hit.line} of the prompt for {candidate.item.name}")


def _because(candidate: Candidate, hit: Hit, place: str) -> Candidate:
    said = f"{hit.kind} in {place}, fingerprint {hit.fingerprint}"
    return Candidate(candidate.key, candidate.item, candidate.prompt, said)


def _place(item: Item, name: str, line: int) -> str:
    path = item.fields.get("path")
    return f"{path if name == 'text' and path else name} line {line}"


def _texts(value: JsonValue | object, name: str = "item") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
