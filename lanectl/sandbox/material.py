"""Finds in a prompt what an answer can be about: fenced material, diffs with their lines, commits, paths."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"<data-([0-9a-f]{16})>")
_HEADING: Final = re.compile(r"## (.+) \((modified|added|deleted|renamed from .+)\)")
_LINE: Final = re.compile(r" {0,5}(\d+) ([+ ])(.*)", re.DOTALL)
_COMMIT: Final = re.compile(
    r"^([ \t>*#`\[(-]*(?:commit[ \t]+)?)([0-9a-f]{7,40})\b[`\])]*[ \t:|—–-]*(.*)$", re.MULTILINE
)
_ANY_ID: Final = re.compile(r"(?<![\w#.@/-])([0-9a-f]{40}|[0-9a-f]{7,12})(?![\w-]|\.\w)")
_PATH: Final = re.compile(
    r"(?<![\w:/.@+-])(?:[\w.@+-]*(?:/[\w.@+-]+)+|[\w@+-]+(?:\.[\w@+-]+)*\.[A-Za-z][A-Za-z0-9]{0,7}\b)"
)
_SPEECH: Final = frozenset(("e.g", "i.e", "etc.", "and/or", "he/she", "input/output", "read/write", "yes/no"))
_WORDS: Final = re.compile(r"[^\s<>`#*_|]+")


@dataclass(frozen=True, slots=True)
class Material:
    """What a prompt holds.

    `prompt` is all of it without fence marks, `outside` what stands in no block fence; `main` the diff or the
    largest fenced text (the prompt where there is none) and `own` the last path before it; `mentioned` the
    paths outside of block fences; `added` the new-side numbers of added lines by path where the material is
    a `diff`; `commits` pairs of id and subject.
    """

    prompt: str
    outside: str
    main: str
    own: str
    mentioned: tuple[str, ...]
    diff: bool
    added: Mapping[str, tuple[int, ...]]
    commits: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """The path the prompt is about, as far as it can be seen; empty if it cannot."""
        return next(iter(self.added), "") or self.own or next(iter(self.mentioned), "")

    def first_words(self, most: int = 8) -> str:
        """The material's first words, on one line."""
        found = (match[0] for match in _WORDS.finditer(self.main[:2_000]))
        return " ".join(word for word, _ in zip(found, range(most), strict=False))[:120] or "nothing"


def read(text: str) -> Material:
    """The material of a prompt (the text of the user's turns)."""
    fences, pieces = _unfenced(text)
    outside = "".join(pieces)
    prompt = _FENCE.sub("", re.sub(r"</data-[0-9a-f]{16}>", "", text))
    main, place = max(fences, key=_weight, default=(prompt, 0))
    diff, added = _added(main)
    return Material(
        prompt=prompt,
        outside=outside,
        main=main,
        own=next(iter([*_paths("".join(pieces[:place]))][::-1]), ""),
        mentioned=tuple(dict.fromkeys(_paths(outside))),
        diff=diff,
        added=added,
        commits=() if diff else tuple(_commits(prompt)),
    )


def _unfenced(text: str) -> tuple[list[tuple[str, int]], list[str]]:
    """Each fence's text with the number of pieces before it, and the pieces that stand in no block fence."""
    fences: list[tuple[str, int]] = []
    pieces: list[str] = []
    at = 0
    while match := _FENCE.search(text, at):
        end = text.find(f"</data-{match[1]}>", match.end())
        if end < 0:
            pieces.append(text[at : match.end()])
            at = match.end()
            continue
        inner = text[match.end() : end]
        pieces.append(text[at : match.start()])
        is_block = "\n" in inner
        fences.append((inner[1:-1] if is_block else inner, len(pieces)))
        if not is_block:
            pieces.append(inner)
        at = end + len(f"</data-{match[1]}>")
    pieces.append(text[at:])
    return fences, pieces


def _weight(fence: tuple[str, int]) -> tuple[bool, bool, int]:
    """What makes a fenced text the material: being a diff, then more than one line, then its length."""
    text = fence[0]
    return "@@ new lines " in text and _added(text)[0], "\n" in text, len(text)


def _paths(text: str) -> Iterator[str]:
    for match in _PATH.finditer(text):
        path = match[0].rstrip(".")
        if path.lower() not in _SPEECH and not path.startswith("www."):
            yield path


def _added(text: str) -> tuple[bool, dict[str, tuple[int, ...]]]:
    found: dict[str, list[int]] = {}
    path = ""
    for line in text.split("\n"):
        heading = _HEADING.fullmatch(line.rstrip("\r"))
        if heading:
            path = heading[1]
            continue
        match = _LINE.fullmatch(line) if path else None
        if match and match[2] == "+":
            found.setdefault(path, []).append(int(match[1]))
    return bool(path), {path: tuple(lines) for path, lines in found.items()}


def _commits(text: str) -> Iterator[tuple[str, str]]:
    found = _COMMIT.findall(text)
    # The messages of commits quote ids too: those of the list itself stand behind the same marks.
    marks = Counter(mark for mark, sha, _ in found if _certain(sha)).most_common(1)
    lines = [(sha, subject.strip()) for mark, sha, subject in found if marks and mark == marks[0][0]]
    # Seven digits may be a date and seven letters a word: they count where a certain id has the same length.
    sure = {len(sha) for sha, _ in lines if _certain(sha)}
    seen: set[str] = set()
    for sha, subject in lines:
        if len(sha) in sure and sha not in seen:
            seen.add(sha)
            yield sha, subject
    if not seen and "commit" in text.lower():
        yield from _scattered(text)


def _scattered(text: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for line in text.split("\n"):
        match = _ANY_ID.search(line)
        if match and _certain(match[1]) and match[1] not in seen:
            seen.add(match[1])
            yield match[1], (line[: match.start()] + line[match.end() :]).strip(" \t\r-*:()[]`,")


def _certain(sha: str) -> bool:
    return len(sha) == 40 or not (sha.isdigit() or sha.isalpha())
