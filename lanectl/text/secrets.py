"""Finds secrets before they are sent, and takes them out of what is logged and shown."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lanectl.text.formats import FORMATS, REACH, RUN, Format, made_up

REDACTED = "[redacted]"

# What repositories already carry to say "this is no secret": gitleaks, and detect-secrets.
_ALLOWED = re.compile(r"gitleaks:allow|pragma: ?(?:allowlist|whitelist) secret")
_TOKEN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_FLAT = bytes(ord("x") if code in _TOKEN else ord(" ") for code in range(256))
_NEEDLE = b"x" * RUN
_LITERALS = tuple((form, literal, literal.encode()) for form in FORMATS for literal in form.literals)
_WINDOW = 256  # the longest tail of a format that begins before its literal

_HEADER = re.compile(
    r"(?P<name>(?<![a-z0-9])(?:(?:proxy-)?authorization|x-api-key|(?:set-)?cookie)"
    r"(?:\\?[\"']?\s*[:=]\s*(?:[\[(](?!redacted\]))?\s*|\\?[\"']\s*,\s*))"
    r"(?:(?P<open>b?(?P<quote>\\?[\"']))(?:(?!(?P=quote))[^\r\n]){1,8000}(?=(?P=quote))"
    r"|(?:=\\?\"[^\"\r\n]*\"|[^\s\"'\\]|[ \t](?=\S))+)",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"(?P<name>\bbearer(?:\s+|%20|\+))(?!(?:tokens?|auth\w*|schemes?|credentials?|realms?)\b)"
    r"(?=[\w.~+/=-]*\d|[\w.~+/=-]{8})[\w.~+/=-]+",
    re.IGNORECASE | re.ASCII,
)
# The other lane's key as an error message may show it, cut short.
_OUR_KEY = re.compile(r"(?<![A-Za-z0-9])sk-ant-[\w-]{6,}", re.ASCII)
_IN_URL = r"(?:[^\s\"<>\\]|\\u[0-9a-fA-F]{4}|\\/)"
_URL = re.compile(
    r"(?P<scheme>:(?:\\?/){2})"
    r"(?P<user>[^\s/?#\"<>\\]*@|[^\s/?#\"<>\\:@]*:(?!\d{1,5}(?:[/?#\s\"'<>]|\Z))[^\s\"<>]{0,500}@)?"
    rf"(?P<path>(?:[^\s?#\"<>\\]|\\/)*)(?P<query>\?(?:(?!#){_IN_URL})+)?"
    rf"(?P<fragment>#(?={_IN_URL}{{0,200}}=){_IN_URL}*)?"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret found: its kind, its line (from 1), and a fingerprint to know it by that does not tell it."""

    kind: str
    line: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Find:
    """Where a secret stands; `last` is a place on the last line that may bear a mark for it."""

    start: int
    end: int
    last: int
    kind: str
    secret: str
    made_up: bool


def scan(text: str) -> list[Hit]:
    """Every secret of a known format in the text, in the order of the text; made-up ones are no hits.

    A line that bears `gitleaks:allow` or `pragma: allowlist secret` is accepted. The fingerprint is the first
    16 hexadecimal digits of the SHA-256 of kind, colon and secret.
    """
    hits: list[Hit] = []
    marked: dict[tuple[int, int], bool] = {}
    line, counted = 1, 0
    for find in _finds(text):
        if find.made_up or _accepted(text, find, marked):
            continue
        line, counted = line + text.count("\n", counted, find.start), find.start
        digest = hashlib.sha256(f"{find.kind}:{find.secret}".encode()).hexdigest()[:16]
        hits.append(Hit(find.kind, line, digest))
    return hits


def marked(text: str, first: int, last: int) -> bool:
    """Whether one of the lines `first` to `last` of the text (from 1) bears a mark that accepts what it
    holds."""
    return any(_ALLOWED.search(line) for line in text.split("\n")[first - 1 : last])


def redact(text: str, *values: str) -> str:
    """The text with what must not be told replaced by `[redacted]`; doing it twice changes nothing more.

    That is: the given values (also percent- or JSON-escaped, in any mixture), the values of authorization
    headers, bearer tokens, every known format, and of every URL the user part, the query, and a fragment that
    holds a `=`.
    """
    known = tuple(sorted({value.strip() for value in values} - {""}, key=len, reverse=True))
    if known:
        text = _any_form(known).sub(REDACTED, text)
    text = _HEADER.sub(lambda found: found["name"] + (found["open"] or "") + REDACTED, text)
    text = _BEARER.sub(rf"\g<name>{REDACTED}", text)
    text = _OUR_KEY.sub(REDACTED, text)
    pieces, end = [], 0
    for find in _finds(text):
        if find.start >= end:
            pieces += [text[end : find.start], REDACTED]
        end = max(end, find.end)
    return _URL.sub(_bare_url, "".join(pieces) + text[end:])


def _finds(text: str) -> list[_Find]:
    raw = text.encode("ascii", "replace")
    dense = _dense(raw)
    finds: list[_Find] = []
    for form, literal, needle in _LITERALS:
        if needle in (dense if form.dense else raw):
            finds += _at(literal, form, text)
    return sorted(finds, key=lambda find: find.start)


def _dense(raw: bytes) -> bytes:
    """The parts of a text that a secret could stand in: its long runs, and a little before each.

    They are an eighth of a typical source file, so that sixty literals cost as much as eight.
    """
    flat = raw.translate(_FLAT)
    parts = []
    start = flat.find(_NEEDLE)
    while start >= 0:
        end = flat.find(b" ", start)
        end = len(flat) if end < 0 else end
        parts.append(raw[max(0, start - REACH) : end])
        start = flat.find(_NEEDLE, end)
    return b"\n".join(parts)


def _at(literal: str, form: Format, text: str) -> Iterator[_Find]:
    place = text.find(literal)
    while place >= 0:
        after = place + len(literal)
        if form.back:
            found = form.pattern.search(text, max(0, place - form.back), place + _WINDOW)
        else:
            found = form.pattern.match(text, place)
        secret = form.read(found) if found else None
        if found and secret:
            # Nobody knows where a private key that is cut off ends: only its first line may bear a mark.
            last = found.start("body") if found.lastgroup == "body" else found.end()
            fake = form.words and made_up(text[after : found.end()])
            yield _Find(found.start(), found.end(), last, form.kind, secret, fake)
            after = max(after, found.end())
        place = text.find(literal, after)


def _accepted(text: str, find: _Find, marked: dict[tuple[int, int], bool]) -> bool:
    first, last = text.rfind("\n", 0, find.start) + 1, text.find("\n", find.last)
    lines = (first, last if last >= 0 else len(text))
    if lines not in marked:
        marked[lines] = _ALLOWED.search(text, *lines) is not None
    return marked[lines]


@lru_cache(maxsize=8)
def _any_form(values: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join("".join(map(_any_character, value)) for value in values))


def _any_character(character: str) -> str:
    """A pattern for one character as it is, percent-escaped, or as JSON escapes it."""
    percent = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    short = {
        '"': r"\\\"|",
        "\\": r"\\\\|",
        "/": r"\\/|",
        "\n": r"\\n|",
        "\t": r"\\t|",
        "\r": r"\\r|",
        " ": r"\+|",
    }
    return f"(?:{short.get(character, '')}{re.escape(character)}|(?i:{percent}|{escaped}))"


def _bare_url(url: re.Match[str]) -> str:
    user = f"{REDACTED}@" if url["user"] else ""
    query = f"?{REDACTED}" if url["query"] else ""
    fragment = f"#{REDACTED}" if url["fragment"] else ""
    return f"{url['scheme']}{user}{url['path']}{query}{fragment}"
