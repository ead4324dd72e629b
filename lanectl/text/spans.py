"""Reads one run of Markdown text into its spans: text, escapes, code, links and images."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

PUNCTUATION = r"!-/:-@\[-`{-~"

# Every quantifier has a limit, so that hostile text costs no more than its length. A label holds code and one
# level of images; a destination holds one level of parentheses (CommonMark 0.31, 6.3).
_POINT = re.compile(rf"\\[{PUNCTUATION}]|`+|!?\[")
_LINK = re.compile(
    r"!?\[(?P<label>(?:`[^`\n]{1,200}`|!\[[^\[\]\n]{0,200}\]\([^()\s]{0,1000}\)|[^\[\]\\`]|\\.){0,300})\]"
    r"\(\s{0,3}<?(?P<url>[^\s()<>]{0,1000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,1000})?)>?"
    r"(?:\s{1,3}(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'))?\s{0,3}\)"
)


class Kind(StrEnum):
    """What a span is; `TEXT` may hold backticks that open nothing."""

    TEXT = "text"
    ESCAPE = "escape"
    CODE = "code"
    LINK = "link"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the source, `start` to `end`: `text` is what it shows, `url` where it leads, both raw."""

    kind: Kind
    start: int
    end: int
    text: str
    url: str = ""


def spans(source: str) -> Iterator[Span]:
    """The spans of one paragraph, heading or cell, in order and without gaps."""
    closers = _backticks(source)
    done = place = 0
    while point := _POINT.search(source, place):
        span = _at(source, point, closers)
        place = span.end if span else point.end()
        if span:
            if done < span.start:
                yield Span(Kind.TEXT, done, span.start, source[done : span.start])
            yield span
            done = span.end
    if done < len(source):
        yield Span(Kind.TEXT, done, len(source), source[done:])


def _at(source: str, point: re.Match[str], closers: dict[int, list[int]]) -> Span | None:
    start, mark = point.start(), point[0]
    if mark[0] == "\\":
        return Span(Kind.ESCAPE, start, point.end(), mark[1])
    if mark[0] == "`":
        return _code(source, start, point.end(), closers[len(mark)])
    link = _LINK.match(source, start)
    if link is None:
        return None
    kind = Kind.IMAGE if mark[0] == "!" else Kind.LINK
    return Span(kind, start, link.end(), link["label"], link["url"])


def _code(source: str, start: int, inner: int, closers: list[int]) -> Span | None:
    """A code span closes at the next run of as many backticks; runs that were passed are dropped for good."""
    while closers and closers[-1] < inner:
        closers.pop()
    if not closers:
        return None
    close = closers[-1]
    text = source[inner:close].replace("\n", " ")
    if text.startswith(" ") and text.endswith(" ") and text.strip():
        text = text[1:-1]
    return Span(Kind.CODE, start, close + inner - start, text)


def _backticks(source: str) -> dict[int, list[int]]:
    """Where runs of backticks begin, by their length, last first."""
    places: dict[int, list[int]] = defaultdict(list)
    for run in re.finditer(r"`+", source):
        places[len(run[0])].append(run.start())
    for each in places.values():
        each.reverse()
    return places
