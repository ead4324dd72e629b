"""Draws one run of Markdown text as safe HTML: emphasis, code, and links that show where they lead."""

import re
from html import escape, unescape

from lanectl.text.clean import visible
from lanectl.text.spans import Kind, Span, spans

_DEPTH = 8  # of emphasis within emphasis
# A link leads to a host that can be read: ASCII, without a user before it that poses as one.
_HTTP = re.compile(
    r"https?://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?)(?::\d{1,5})?(?:[/?#][^\s\"<>\\^`{|}]*)?",
    re.IGNORECASE,
)
_POINT = re.compile(r"\bhttps?://[^\s\"<>\\^`{|}]+|\*{1,3}|_{1,3}|~~|(?:(?<! ) {2,}|\\)\n", re.IGNORECASE)
_TRAILING = ".,;:!?'*_~])}"
_TAGS = {"*1": "em", "_1": "em", "*2": "strong", "_2": "strong", "~2": "del"}


def inline(source: str) -> str:
    """HTML of one paragraph, heading or cell of Markdown; the source must have passed `clean.visible`.

    Only `em strong del code br a span` come out; `a` has `href` (http or https) and `rel`, `span` has
    `class`.
    """
    return _Line(source).html()


def _shown(text: str) -> str:
    """Text as HTML; an entity in it is the character it names, unless that is an unseen one."""
    return escape(visible(unescape(text)) if "&" in text else text)


def _link(label: str, url: str) -> str:
    """A link with its host beside it, unless the label is the address; the label if it is no http link."""
    found = _HTTP.fullmatch(url)
    if found is None:
        return label
    href = escape(url)
    shown = "" if label == href else f' <span class="host">({escape(found["host"].lower())})</span>'
    return f'<a href="{href}" rel="noopener noreferrer nofollow">{label}</a>{shown}'


class _Line:
    """One run of text in the drawing: pieces of HTML, and the emphasis that is open among them."""

    def __init__(self, source: str, *, links: bool = True) -> None:
        self._source = source
        self._links = links
        self._pieces: list[str] = []
        self._open: list[tuple[str, int, int]] = []  # the mark's character, its size, its piece

    def html(self) -> str:
        for span in spans(self._source):
            if span.kind is Kind.TEXT:
                self._text(span)
            elif span.kind is Kind.ESCAPE:
                self._pieces.append(escape(span.text))
            elif span.kind is Kind.CODE:
                self._pieces.append(f"<code>{escape(span.text)}</code>")
            else:
                self._reference(span)
        return "".join(self._pieces)

    def _reference(self, span: Span) -> None:
        label = _Line(span.text, links=False).html()
        drawn = label if span.kind is Kind.IMAGE or not self._links else _link(label, span.url)
        self._pieces.append(drawn)

    def _text(self, span: Span) -> None:
        done = place = span.start
        while point := _POINT.search(self._source, place, span.end):
            self._pieces.append(_shown(self._source[done : point.start()]))
            done = place = point.end()
            mark = point[0]
            if mark[0] in "*_~":
                self._mark(mark, point.start(), point.end())
            elif mark[-1] == "\n":
                self._pieces.append("<br>\n")
            else:
                url = _trimmed(mark)
                done = place = point.start() + len(url)
                self._pieces.append(_link(escape(url), url) if self._links else escape(url))
        self._pieces.append(_shown(self._source[done : span.end]))

    def _mark(self, run: str, start: int, end: int) -> None:
        before = self._source[start - 1] if start else " "
        after = self._source[end] if end < len(self._source) else " "
        opens, closes = not after.isspace(), not before.isspace()
        if run[0] == "_":  # names_like_this are no emphasis
            opens, closes = opens and not before.isalnum(), closes and not after.isalnum()
        left = len(run)
        while closes and left and (size := self._close(run[0], left)):
            left -= size
        while left:
            size = min(left, 2)
            if opens and len(self._open) < _DEPTH:
                self._open.append((run[0], size, len(self._pieces)))
            self._pieces.append(run[0] * size)
            left -= size

    def _close(self, character: str, left: int) -> int:
        """Close the innermost emphasis of that character that fits in `left`; gives its size, or 0."""
        for depth in reversed(range(len(self._open))):
            opened, size, piece = self._open[depth]
            if opened == character and size <= left:
                tag = _TAGS[f"{character}{size}"]
                self._pieces[piece] = f"<{tag}>"
                self._pieces.append(f"</{tag}>")
                del self._open[depth:]
                return size
        return 0


def _trimmed(url: str) -> str:
    """An address without the prose's punctuation after it; a closing parenthesis stays if one opened."""
    kept = url.rstrip(_TRAILING)
    return f"{kept})" if url[len(kept) :].startswith(")") and kept.count("(") > kept.count(")") else kept
