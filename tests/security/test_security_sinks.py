"""Hostile words from keys, titles, arguments and models reach no terminal, page, sheet or message."""

import csv
import email.policy
import io
import json
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lanectl.text import csvtext, desktop, html, jsontext, mail, markdown, terminal
from tests.security.hostile_world import KEYS, WORDS, Cli, Ran, Relay, got_through

ALL = (*WORDS, *KEYS)
SEVERITIES = ("critical", "high", "medium", "low")
# What loads, runs or sends something by itself.
ACTING = frozenset(
    [
        *("applet", "audio", "base", "embed", "form", "frame", "iframe", "image", "img"),
        *("link", "object", "picture", "portal", "source", "track", "video", "animate", "foreignobject"),
        *("set", "use", "xmp", "noscript"),
    ]
)
RECIPE = """\
name = "{name}"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 4000

[source]
{source}

[job]
key = "{key}"
prompt = "Look at {{{{ item }}}}"

[output]
kind = "{kind}"
path = "{key}"

[run]
pilot = 0
"""


class Page(HTMLParser):
    """What a browser would find in a page: tags, event handlers, addresses it would load or link to."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTING:
            self.bad.append(f"<{tag}>")
        if tag == "script":
            self.scripts.append(str(self.getpos()))
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name.startswith("on") or (name in ("src", "srcset", "action", "formaction", "data", "poster")):
                self.bad.append(f"{tag} {name}={value}")
            schemed = name in ("href", "xlink:href") and ":" in address.split("/")[0]
            if schemed and not address.startswith(("http://", "https://", "file://")):
                self.bad.append(f"{tag} {name}={value}")

    handle_startendtag = handle_starttag


def page_faults(text: str, *, scripts: int) -> list[str]:
    page = Page(text)
    return [*page.bad, *page.scripts[scripts:], *got_through(text)]


def sheet_faults(text: str) -> list[str]:
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    return [cell[:40] for cell in cells if cell[:1] in tuple("=+-@\t\r") and not _number(cell)] + got_through(
        text
    )


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def header_faults(text: str) -> list[str]:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = text
    message.set_content("x")
    names = email.message_from_bytes(message.as_bytes()).keys()
    return [name for name in names if name.lower() == "bcc"] + got_through(text)


def pango_faults(text: str) -> list[str]:
    return [child.tag for child in ET.fromstring(f"<x>{text}</x>")] + got_through(text)


def json_faults(text: str) -> list[str]:
    json.loads(text)
    return [] if text.isascii() else ["not ASCII"]


SINKS: dict[str, tuple[Callable[[str], str], Callable[[str], list[str]]]] = {
    "terminal": (terminal.safe, got_through),
    "terminal line": (
        lambda text: terminal.line(text, 80),
        lambda text: got_through(text) + ["\n"] * text.count("\n"),
    ),
    "html": (html.escape, lambda text: page_faults(text, scripts=0)),
    "html attribute": (
        lambda text: f'<p title="{html.escape(text)}">',
        lambda text: page_faults(text, scripts=0),
    ),
    "html from Markdown": (html.markdown, lambda text: page_faults(text, scripts=0)),
    "markdown line": (
        markdown.inline,
        lambda text: page_faults(html.markdown(text), scripts=0) + ["\n"] * text.count("\n"),
    ),
    "markdown block": (markdown.block, lambda text: page_faults(html.markdown(text), scripts=0)),
    "csv": (lambda text: _row(csvtext.cell(text)), sheet_faults),
    "json": (lambda text: jsontext.dumps({text: text}), json_faults),
    "mail header": (mail.header, header_faults),
    "desktop": (desktop.pango, pango_faults),
}  # fmt: skip -- a table


def _row(cell: str) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([cell])
    return file.getvalue()


@pytest.mark.parametrize("sink", SINKS)
def test_no_hostile_word_gets_through_a_sink(sink: str) -> None:
    make, faults = SINKS[sink]
    words = (*ALL, *(f"x {word} y" for word in ALL), "".join(word for word in ALL if "\n" not in word))
    assert [(word[:40], found) for word in words if (found := faults(make(word)))] == []


def twisted(path: str, body: bytes) -> bytes:
    """The results with every text of the model in hostile words."""
    if not path.endswith("/results"):
        return body
    lines = [json.loads(line) for line in body.splitlines()]
    for n, line in enumerate(lines):
        for block in line["result"].get("message", {}).get("content", ()):
            if block["type"] == "text":
                block["text"] = _answer(block["text"], n)
    return b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"


def _answer(text: str, n: int) -> str:
    hostile = "\n\n".join(WORDS)
    try:
        return json.dumps(_evil(json.loads(text), n))
    except ValueError:
        return f"{text}\n\n{hostile}"


def _evil(value: Any, n: int) -> Any:
    if isinstance(value, dict):
        return {key: _evil(inner, n) for key, inner in value.items()}
    if isinstance(value, list):
        return [_evil(inner, n + place) for place, inner in enumerate(value)]
    return ALL[n % len(ALL)] + " and more" if isinstance(value, str) and value not in SEVERITIES else value


def told(ran: Ran) -> list[str]:
    """What got through in anything that a command printed."""
    return got_through(ran.out) + got_through(ran.err)


@pytest.fixture
def night(cli: Cli, relay: Relay, repo: Path, home: Path) -> list[str]:
    """Two runs that came back, with hostile keys, titles and answers; what got through while they did."""
    relay.twist = twisted
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    lines = home / "lines.jsonl"
    keys = dict.fromkeys(word if len(word) < 400 else word[:400] for word in ALL)
    lines.write_text(
        "".join(json.dumps({"key": f"{n} {key}", "text": key}) + "\n" for n, key in enumerate(keys))
    )
    source = f'kind = "command"\nargv = ["cat", "{lines}"]'
    key = "{{ item.key }}"
    (recipes / "words.toml").write_text(RECIPE.format(name="words", source=source, key=key, kind="markdown"))
    git = ["git", "-C", str(repo)]
    for n, word in enumerate(WORDS[:8]):
        title = word.replace("\x00", "").encode("utf-8", "replace").decode()
        subprocess.run([*git, "checkout", "-q", "-b", f"topic{n}", "main"], check=True)
        (repo / f"new{n}.txt").write_text(word.replace("\ud800", "?").replace("\udfff", "?"))
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", title], check=True)
    subprocess.run([*git, "checkout", "-q", "main"], check=True)
    source = 'kind = "pull-requests"\nfrom = "branches"\nbase = "main"'
    key = "{{ item.branch }} {{ item.title }}"
    (recipes / "pulls.toml").write_text(RECIPE.format(name="pulls", source=source, key=key, kind="findings"))
    # As on a terminal: a person is shown what will be sent.
    steps = [cli("submit", "words", "pulls", "--dry-run"), cli("submit", "words", "pulls", "--yes")]
    steps += [cli("status"), cli("status", "--json"), cli("pull", "--wait"), cli("status", "--all")]
    assert [ran.code for ran in steps[:4]] == [0, 0, 0, 0], steps[1].err
    return [found for ran in steps for found in told(ran)]


def test_real_output_with_hostile_keys_titles_and_answers_lets_nothing_through(
    cli: Cli, night: list[str], repo: Path, home: Path
) -> None:
    assert night == []
    printed = 0
    for run in ("words", "pulls"):
        data = json.loads(cli("show", run, "--json").out)["data"]
        keys = [job["key"] for job in data["settled"]]
        for argv in [("show", run), *(("show", f"{run}/{key}") for key in keys), ("digest", run, "-v")]:
            ran = cli(*argv)
            printed += len(ran.out)
            assert told(ran) == []
    for form in ("terminal", "markdown", "html", "json", "sarif", "csv"):
        ran = cli("digest", "words", "pulls", "--format", form)
        printed += len(ran.out)
        # A sheet's lines end as RFC 4180 has it.
        assert got_through(ran.out.replace("\r\n", "\n") if form == "csv" else ran.out) == []
        assert got_through(ran.err) == []
        if form == "html":
            assert page_faults(ran.out, scripts=1) == []
        if form == "csv":
            assert sheet_faults(ran.out.replace("\r\n", "\n")) == []
    assert printed > 50_000
    pages = [*repo.rglob("digest.html"), *home.rglob("morning.html")]
    assert len(pages) >= 3
    assert [fault for page in pages for fault in page_faults(page.read_text(), scripts=1)] == []
    for page in (*repo.rglob("digest.md"), *home.rglob("morning.md")):
        assert got_through(page.read_text()) == []
        assert page_faults(html.markdown(page.read_text()), scripts=0) == []


@pytest.mark.parametrize(
    "argv",
    [
        ("show",),
        ("submit",),
        ("config", "set", "budget.run_usd"),
        ("recipes", "show"),
        ("digest",),
        ("trust",),
        ("submit", "codemod", "--set"),
        ("submit", "codemod", "--only"),
        ("estimate",),
        ("release",),
        (),
    ],
)  # fmt: skip -- a table
def test_hostile_argument_is_repeated_safely(cli: Cli, repo: Path, argv: tuple[str, ...]) -> None:  # noqa: ARG001
    for word in ALL[:: {0: 1, 1: 2, 2: 4, 3: 12}[len(argv)]]:
        plain = word.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
        if argv == ("submit",) and plain.startswith("-"):
            continue
        ran = cli(*argv, plain)
        assert ran.code != 0 or argv[-1:] in (("--only",), ("--set",)) or plain == "--help"
        assert told(ran) == []
