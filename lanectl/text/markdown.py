"""Makes untrusted text safe inside Markdown that others will read, on a forge above all."""

import re

from lanectl.text.clean import visible
from lanectl.text.spans import PUNCTUATION, Kind, Span, spans
from lanectl.text.terminal import line as one_line

# What a forge or a viewer turns into a link, a notification or a closed issue: addresses, @mentions, #1, GH-1
_LIVE = re.compile(r"://|www\.|@[\w.+-]|#\d|(?<![a-z0-9])gh-\d", re.IGNORECASE | re.ASCII)
_LEAD = re.compile(r"[(\[{\"'*_~,]*")
_TRAIL = ")]}\"'*_~,.;:!?"
_ENTITY = re.compile(r"&(?=#|[A-Za-z]{1,32}[0-9]{0,2};)")

# Of `inline`: printable ASCII but blank, backtick, `<`, `>` and `|`.
_WORD = re.compile(r"[!-;=?-_a-{}~]+")
_SPECIAL = re.compile(r"[\\`*\[\]~|$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What means something at the beginning of a line only: headings, lists, rules, quotes, a bot's /command.
_LEADING = re.compile(r"\d{1,9}(?=[.)])|(?=[#+=:/>-])")

# Of `block`: as `_WORD`, with escapes in it; then what is looked at by itself. A bar is no part of a word,
# escaped or not, for it may end the cell of a table.
_PIECE = re.compile(
    rf"(?P<word>(?:[!-;=?-\[\]-_a-{{}}~]|\\(?:[{PUNCTUATION}](?<![<>`|])|(?![{PUNCTUATION}])))+)"
    r"|(?P<less>\\?<)|(?P<ticks>`+)|\\[>`|]"
)
_ESCAPED = re.compile(rf"\\([{PUNCTUATION}])")
_TAMED = (
    (re.compile(r"!\["), r"!\\["),  # an image, which would be loaded
    (re.compile(r"\]\("), r"]\\("),  # a link that was not looked at
    (re.compile(r"\]:"), r"]\\:"),  # a definition for one
    (re.compile(r"&(?!(?:lt|gt|amp|quot|nbsp);)(?=#|[A-Za-z]{1,32}[0-9]{0,2};)"), "&amp;"),
)
_RELATIVE = re.compile(
    r"(?!www\.)[\w.-]+(?:/[\w.-]+)*/?(?:#[\w-]*)?|#[A-Za-z][\w-]*", re.IGNORECASE | re.ASCII
)
# A bar ends a table's cell even in code, and so the code.
_BAR = re.compile(r"(?<!\\)\||\\\\\|")
# All that the line under a table's head is made of, in whatever list or quote.
_DELIMITER = " \t>|:*+.)0123456789-"
_FENCE = re.compile(
    r"(?P<lead>[ \t]*(?:(?:[-*+]|\d{1,9}[.)]) +)?)(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})"
    r" *(?P<info>[\w+#.-]{0,30})",
    re.ASCII,
)
_FENCE_OF_TILDES = re.compile(r"~{3,}")
_COMMAND = re.compile(r"[\s>]*(?=/[A-Za-z])")
# Info strings that a forge draws as something else than text.
_DRAWN = frozenset({"mermaid", "geojson", "topojson", "stl", "math"})
_PASSES = 3  # an image in a link in a link


def inline(text: str) -> str:
    """One line of untrusted text inside Markdown: it shows as what it is, and none of it is Markdown or HTML.

    Addresses, @mentions and issue references become code, which no forge links, notifies or closes.
    """
    flat = one_line(text)
    drawn, done = "", 0
    for word in _WORD.finditer(flat):
        if _LIVE.search(word[0]):
            lead, core, _ = _parts(word[0])
            start = word.start() + len(lead)
            drawn += f"{_literal(flat[done:start])}`{core}`"
            done = start + len(core)
    drawn += _literal(flat[done:])
    led = _LEADING.match(drawn)
    return f"{led[0]}\\{drawn[led.end() :]}" if led else drawn


def block(text: str) -> str:
    """Untrusted Markdown kept as Markdown, without anything in it that loads, links, notifies or runs.

    Raw HTML shows as text, images as their alternative text, links that leave the page as text with their
    address, @mentions and issue references as code. Code is kept; every fence is written anew, so that a
    reader's parser sees the same code as this one.
    """
    lines = visible(text).split("\n")
    drawn: list[str] = []
    at = next((n for n, line in enumerate(lines) if not _is_blank(line)), len(lines))
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            at = _fenced(lines, at, fence, drawn)
            continue
        start = at
        while at < len(lines) and not _is_blank(lines[at]) and not _FENCE.match(lines[at]):
            at += 1
        drawn += _paragraph(lines[start:at]) if at > start else [""]
        at += at == start
    return "\n".join(drawn)


def _is_blank(line: str) -> bool:
    """As CommonMark has it: a no-break space is text."""
    return not line.strip(" \t")


def _paragraph(lines: list[str]) -> list[str]:
    """Lines without a blank one between them: only here can a table be, and in a table a bar ends code."""
    drawn = [_line(line, bars=True) for line in lines]
    return [_line(line, bars=False) for line in lines] if any(map(_may_delimit, drawn)) else drawn


def _may_delimit(line: str) -> bool:
    return "-" in line and ("|" in line or ":" in line) and not line.strip(_DELIMITER)


def _fenced(lines: list[str], at: int, fence: re.Match[str], drawn: list[str]) -> int:
    """Write a fenced block with blank lines around it and all its lines at least as far in as its fence.

    So it is code for every parser, whatever list it stands in. Gives the line after it.
    """
    lead = fence["lead"].expandtabs(4)
    if lead.strip():
        drawn.append(lead.rstrip())
    if drawn and not _is_blank(drawn[-1]):
        drawn.append("")
    indent = len(lead) if drawn else 0
    mark = fence["fence"]
    close = re.compile(rf"[ ]{{0,{len(lead) + 3}}}{mark[0]}{{{len(mark)},}}[ \t]*\Z")
    end = next((n for n in range(at + 1, len(lines)) if close.match(lines[n])), len(lines))
    inside = [_dedented(line, len(lead)) for line in lines[at + 1 : end]]
    longest = max((len(run) for line in inside for run in re.findall("`+", line)), default=0)
    ticks = " " * indent + "`" * max(3, longest + 1)
    info = "" if fence["info"].lower() in _DRAWN else fence["info"]
    drawn += [ticks + info, *(" " * indent + line if line else "" for line in inside), ticks]
    if end + 1 < len(lines) and not _is_blank(lines[end + 1]):
        drawn.append("")
    return end + 1


def _dedented(line: str, by: int) -> str:
    if not by:
        return line
    body = line.lstrip(" \t")
    return " " * (len(line[: len(line) - len(body)].expandtabs(4)) - by) + body


def _line(source: str, *, bars: bool) -> str:
    for _ in range(_PASSES):
        bare = "".join(_unlinked(source, span) for span in spans(source))
        if bare == source:
            break
        source = bare
    drawn = _drawn(source, bars=bars)
    text, tick, rest = drawn.partition("`")
    drawn = _FENCE_OF_TILDES.sub(lambda run: "\\~" * len(run[0]), text) + tick + rest
    command = _COMMAND.match(drawn)
    return f"{command[0]}\\{drawn[command.end() :]}" if command else drawn


def _unlinked(source: str, span: Span) -> str:
    """The source of a span, an image and a link that leaves the page made into text."""
    if span.kind is Kind.IMAGE:
        return span.text
    if span.kind is not Kind.LINK or _RELATIVE.fullmatch(span.url):
        return source[span.start : span.end]
    url = span.url.replace("`", "%60").replace("|", "%7C")
    return f"{span.text} (`{url}`)" if url else span.text


def _drawn(source: str, *, bars: bool) -> str:
    """The line's text made harmless, its relative links and its code kept; code with a bar only if `bars`."""
    pieces: list[str] = []
    waiting = ""
    for span in spans(source):
        raw = source[span.start : span.end]
        if span.kind is Kind.CODE and (bars or not _BAR.search(raw)):
            pieces += [_harmless(waiting), raw]
        elif span.kind is Kind.LINK and _RELATIVE.fullmatch(span.url):
            pieces += [_harmless(waiting), f"[{_drawn(span.text, bars=bars)}]({span.url})"]
        else:
            waiting += raw
            continue
        waiting = ""
    return _parted([*pieces, _harmless(waiting)])


def _parted(pieces: list[str]) -> str:
    """The pieces as one text; two runs of backticks that belong to different pieces must not become one."""
    drawn = ""
    for piece in pieces:
        drawn += f" {piece}" if drawn.endswith("`") and piece.startswith("`") else piece
    return drawn


def _harmless(text: str) -> str:
    return _PIECE.sub(_tamed, text)


def _tamed(piece: re.Match[str]) -> str:
    if piece["less"]:
        return "&lt;"
    if piece["ticks"]:
        return "\\`" * len(piece["ticks"])
    word = piece["word"]
    if not word:
        return piece[0]
    plain = _ESCAPED.sub(r"\1", word)
    if not _LIVE.search(plain):
        return _without_marks(word)
    lead, core, trail = _parts(word) if plain == word else ("", plain, "")
    beside = piece.start() > 0 and piece.string[piece.start() - 1] == "`" and not lead
    return f"{' ' if beside else ''}{_without_marks(lead)}`{core}`{_without_marks(trail)}"


def _without_marks(word: str) -> str:
    for form, instead in _TAMED:
        word = form.sub(instead, word)
    return word


def _parts(word: str) -> tuple[str, str, str]:
    """A word's punctuation before, its core, and the punctuation after it."""
    lead = _LEAD.match(word)
    start = lead.end() if lead else 0
    core = word[start:].rstrip(_TRAIL)
    if word.startswith(")", start + len(core)) and core.count("(") > core.count(")"):
        core += ")"  # of an address that holds a pair
    return word[:start], core, word[start + len(core) :]


def _literal(text: str) -> str:
    return _ENTITY.sub("&amp;", _SPECIAL.sub(r"\\\g<0>", text)).replace("<", "&lt;")
