"""Makes text safe in an HTML page, as plain text or as the HTML of a Markdown subset."""

import re
from collections.abc import Callable
from html import escape as escape_html

from lanectl.text.clean import visible
from lanectl.text.html_inline import inline

_DEPTH = 8  # of quotes and lists within each other; deeper ones are paragraphs
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})")
_HEADING = re.compile(r" {0,3}(?P<level>#{1,6})(?=[ \t]|\Z)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_QUOTE = re.compile(r" {0,3}> ?")
_MARKER = re.compile(
    r"(?P<lead> {0,3}(?:(?P<bullet>[-*+])|(?P<number>\d{1,9})[.)])(?: {1,4}(?=\S)|[ \t]*\Z| ))"
)
_DELIMITER = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-+:?[ \t]*\|?[ \t]*\Z")
_TASK = re.compile(r"\[(?P<mark>[ xX])\] ")

_Taken = tuple[str, int] | None  # HTML of a block, and the line after it


def escape(text: str) -> str:
    """The text as it stands in an element or in a quoted attribute, unseen characters made visible."""
    return escape_html(visible(text))


def markdown(text: str) -> str:
    """Safe HTML of a Markdown subset; whatever is not in the subset is shown as the text it is.

    Headings, paragraphs, emphasis, inline and fenced code, lists, tables, quotes, rules, and http(s) links
    with their host beside them. Raw HTML is escaped, images become their alternative text, nothing is loaded
    from elsewhere.
    """
    return "\n".join(_blocks(visible(text).expandtabs(4).split("\n"), 0))


def _blocks(lines: list[str], depth: int, *, tight: bool = False) -> list[str]:
    blocks: list[str] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        html, at = _block(lines, at, depth) or _paragraph(lines, at, depth, tight=tight)
        blocks.append(html)
    return blocks


def _block(lines: list[str], at: int, depth: int) -> _Taken:
    takers: tuple[Callable[[list[str], int, int], _Taken], ...] = (
        _code,
        _heading,
        _rule,
        _quote,
        _list,
        _table,
    )
    return next((taken for take in takers if (taken := take(lines, at, depth))), None)


def _code(lines: list[str], at: int, _depth: int) -> _Taken:
    opening = _FENCE.match(lines[at])
    if opening is None:
        return None
    indent = len(lines[at]) - len(lines[at].lstrip(" "))
    fence = opening["fence"]
    close = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*\Z")
    end = next((n for n in range(at + 1, len(lines)) if close.match(lines[n])), len(lines))
    inside = "".join(re.sub(rf"^ {{0,{indent}}}", "", line) + "\n" for line in lines[at + 1 : end])
    return f"<pre><code>{escape_html(inside)}</code></pre>", end + 1


def _heading(lines: list[str], at: int, _depth: int) -> _Taken:
    found = _HEADING.match(lines[at])
    if found is None:
        return None
    level = len(found["level"])
    title = lines[at][found.end() :].strip()
    bare = title.rstrip("#")
    if not bare or bare[-1] in " \t":
        title = bare.rstrip()
    return f"<h{level}>{inline(title)}</h{level}>", at + 1


def _rule(lines: list[str], at: int, _depth: int) -> _Taken:
    return ("<hr>", at + 1) if _RULE.match(lines[at]) else None


def _quote(lines: list[str], at: int, depth: int) -> _Taken:
    if depth >= _DEPTH or not _QUOTE.match(lines[at]):
        return None
    end = at
    while end < len(lines) and _QUOTE.match(lines[end]):
        end += 1
    inside = _blocks([_QUOTE.sub("", line, count=1) for line in lines[at:end]], depth + 1)
    return "<blockquote>\n" + "\n".join(inside) + "\n</blockquote>", end


def _list(lines: list[str], at: int, depth: int) -> _Taken:
    marker = _MARKER.match(lines[at])
    if depth >= _DEPTH or marker is None:
        return None
    bullet = marker["bullet"]
    items: list[str] = []
    while at < len(lines) and (here := _MARKER.match(lines[at])) and here["bullet"] == bullet:
        if items and _RULE.match(lines[at]):
            break
        item, at = _item(lines, at, here)
        items.append(f"<li>{_item_html(item, depth)}</li>")
    start = f' start="{int(marker["number"])}"' if not bullet and int(marker["number"]) != 1 else ""
    tag = "ul" if bullet else "ol"
    return f"<{tag}{start}>\n" + "\n".join(items) + f"\n</{tag}>", at


def _item(lines: list[str], at: int, marker: re.Match[str]) -> tuple[list[str], int]:
    """The lines of one item, without its marker and indentation, and where the next block begins.

    Two blanks of indentation are enough to belong to it: models indent so, whatever the marker's width.
    """
    offset = len(marker["lead"])
    item = [lines[at][offset:]]
    in_code = _FENCE.match(item[0]) is not None
    at += 1
    while at < len(lines):
        line = lines[at]
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() and indent < 2 and not in_code and _leaves(line, item[-1]):
            break
        item.append(line[min(indent, offset) :])
        in_code ^= _FENCE.match(item[-1]) is not None
        at += 1
    while len(item) > 1 and not item[-1].strip():
        item.pop()
        at -= 1
    after = at
    while after < len(lines) and not lines[after].strip():
        after += 1
    return item, after


def _leaves(line: str, before: str) -> bool:
    """Whether a line that is not indented ends the item before it, and does not carry its paragraph on."""
    return not before.strip() or _FENCE.match(before) is not None or _begins(line)


def _item_html(item: list[str], depth: int) -> str:
    task = _TASK.match(item[0])
    box = ""
    if task:
        item[0] = item[0][task.end() :]
        box = "☐ " if task["mark"] == " " else "☑ "
    tight = all(line.strip() for line in item)
    return box + "\n".join(_blocks(item, depth + 1, tight=tight))


def _table(lines: list[str], at: int, _depth: int) -> _Taken:
    if not _begins_table(lines, at):
        return None
    head = _cells(lines[at])
    end = at + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [_row("td", _cells(line)[: len(head)]) for line in lines[at + 2 : end]]
    body = "<tbody>\n" + "\n".join(rows) + "\n</tbody>\n" if rows else ""
    return f"<table>\n<thead>\n{_row('th', head)}\n</thead>\n{body}</table>", end


def _begins_table(lines: list[str], at: int) -> bool:
    if "|" not in lines[at] or at + 1 == len(lines) or not _DELIMITER.match(lines[at + 1]):
        return False
    return len(_cells(lines[at])) == len(_cells(lines[at + 1]))


def _cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", line.strip())
    parts = parts[1:] if not parts[0].strip() else parts
    parts = parts[:-1] if parts and not parts[-1].strip() else parts
    return [part.replace("\\|", "|").strip() for part in parts]


def _row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{inline(cell)}</{tag}>" for cell in cells) + "</tr>"


def _begins(line: str) -> bool:
    """Whether a line ends the paragraph before it."""
    return any(form.match(line) for form in (_FENCE, _HEADING, _RULE, _QUOTE, _MARKER))


def _paragraph(lines: list[str], at: int, depth: int, *, tight: bool) -> tuple[str, int]:
    end = at + 1
    while end < len(lines) and lines[end].strip():
        if depth < _DEPTH and (_begins(lines[end]) or _begins_table(lines, end)):
            break
        end += 1
    html = inline("\n".join(line.lstrip() for line in lines[at:end]).rstrip())
    return (html if tight else f"<p>{html}</p>"), end
