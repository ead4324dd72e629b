"""Three rooms that read what others wrote, each with a strategy for its inputs and its one error."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lanectl.errors import ConfigError
from lanectl.outputs.read import Expected, Reader, custom_id_of
from lanectl.recipe.check import check
from lanectl.recipe.load import parse
from lanectl.recipe.tables import OutputTable
from lanectl.recipe.templates import Templates
from lanectl.text import clean, csvtext, desktop, html, jsontext, mail, markdown, names, secrets, terminal

ANY_TEXT = st.text(st.characters(), max_size=300)
# Pieces that mean something to one of the text functions, in any order between any characters.
PIECES = st.sampled_from(
    [
        *"<>&\"'`*_[]()!#|~\\/\n\r\t =+-@:.%",
        "\x1b[",
        "\x9b",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\ud800",
        "```",
        "![",
        "](",
        "http://",
        "https://",
        "javascript:",
        "<!--",
        "-->",
        "<script>",
        "&lt;",
        "&#60;",
        "| - |",
        "closes #1",
        "@me",
        "..",
        "CON",
        ".git",
        "sk-ant-api03-",
        "ghp_",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "xoxb-",
        "Authorization: Bearer ",
    ]
)  # fmt: skip -- a table
TEXTS = st.one_of(ANY_TEXT, st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=60).map("".join))

KEYS = st.sampled_from(
    [
        *(
            "name",
            "description",
            "lane",
            "prefix",
            "source",
            "job",
            "output",
            "run",
            "vars",
            "kind",
            "model",
            "effort",
        ),
        *(
            "max_tokens",
            "system",
            "files",
            "tools",
            "cache",
            "include",
            "exclude",
            "argv",
            "limit",
            "key",
            "prompt",
        ),
        *(
            "path",
            "schema",
            "pilot",
            "retry",
            "max_cost_usd",
            "thinking",
            "from",
            "base",
            "range",
            "by",
            "lines",
            "x",
        ),
    ]
)  # fmt: skip -- a table
WORDS = st.sampled_from(
    [
        *(
            "files",
            "commits",
            "pull-requests",
            "text",
            "command",
            "markdown",
            "json",
            "findings",
            "edits",
            "file",
            "auto",
        ),
        *(
            "{{ item.path }}",
            "{{ item }}",
            "{{ vars.x }}",
            "{% for x in item %}{{ x }}{% endfor %}",
            "{{",
            "{%",
            "{{ 1/0 }}",
        ),
        *(
            "{{ item.__class__ }}",
            "{% include 'x' %}",
            "../x",
            "/etc/passwd",
            "-x",
            "~",
            "\\x00",
            "latest",
            "con",
            "a b",
        ),
    ]
)  # fmt: skip -- a table
LEAVES = st.one_of(
    WORDS,
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(WORDS, max_size=3),
    st.none(),
)
TABLES = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=8),
    lambda inner: st.dictionaries(KEYS, st.one_of(LEAVES, inner), max_size=8),
    max_leaves=12,
)
BASE: dict[str, Any] = {
    "name": "x",
    "source": {"kind": "files"},
    "job": {"key": "{{ item.path }}", "prompt": "p"},
    "output": {"kind": "text"},
}


def _toml(value: Any, at: tuple[str, ...] = ()) -> str:
    """A table as TOML, or nearly: what TOML cannot say is written as it comes."""
    lines = [f"{key} = {_value(inner)}" for key, inner in value.items() if not isinstance(inner, dict)]
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines += [f"[{'.'.join((*at, key))}]", _toml(inner, (*at, key))]
    return "\n".join(lines)


def _value(value: Any) -> str:
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")


def _merged(change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(BASE)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


RECIPES = st.one_of(
    st.binary(max_size=300),
    TABLES.map(_toml).map(str.encode),
    TABLES.map(_merged).map(_toml).map(lambda text: text.encode("utf-8", "surrogatepass")),
)

RESULT_KEYS = st.sampled_from(
    [
        *(
            "custom_id",
            "result",
            "type",
            "message",
            "content",
            "text",
            "stop_reason",
            "usage",
            "error",
            "input_tokens",
        ),
        *(
            "output_tokens",
            "cache_creation",
            "request_id",
            "stop_details",
            "model",
            "findings",
            "edits",
            "inference_geo",
        ),
    ]
)  # fmt: skip -- a table
RESULT_WORDS = st.sampled_from(
    [
        *(
            "succeeded",
            "errored",
            "expired",
            "canceled",
            "message",
            "text",
            "thinking",
            "tool_use",
            "end_turn",
            "refusal",
        ),
        *(
            "max_tokens",
            "mine",
            '{"findings": []}',
            '{"edits": [{"old": "a", "new": "b"}]}',
            "[[[[",
            '{"a": NaN}',
            "us",
        ),
    ]
)  # fmt: skip -- a table
RESULT_LEAVES = st.one_of(
    RESULT_WORDS,
    ANY_TEXT,
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.just(10**400),
    st.just(-1),
)
VALUES = st.recursive(
    RESULT_LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(RESULT_KEYS, inner, max_size=6)),
    max_leaves=20,
)


def _message(text: Any, stop: Any, usage: Any) -> dict[str, Any]:
    message = {
        "type": "message",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "usage": usage,
    }
    return {"custom_id": "mine", "result": {"type": "succeeded", "message": message}}


LINES = st.one_of(
    st.binary(max_size=400),
    VALUES.map(json.dumps).map(str.encode),
    st.builds(_message, st.one_of(VALUES, VALUES.map(json.dumps), TEXTS), VALUES, VALUES)
    .map(json.dumps)
    .map(str.encode),
    st.integers(1, 4000).map(lambda depth: b"[" * depth),
)
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"a": {"type": "string", "pattern": "^a+$"}},
    "required": ["a"],
    "additionalProperties": False,
}
READERS = [
    *(
        Reader(OutputTable(kind=kind), None, "m")
        for kind in ("text", "markdown", "json", "findings", "file", "edits")
    ),
    Reader(OutputTable(kind="json", schema="s.json"), SCHEMA, "m"),
]
EXPECTED = Expected("mine", "a.py", "a.py", {"path": "a.py", "text": "a = 1\n", "hunks": {"a.py": [[1, 2]]}})
PATH = Path("/nowhere/x.toml")


def read_recipe(data: bytes) -> None:
    """Read a recipe, look it over and prepare its templates, as `recipes check` and `submit` do."""
    try:
        recipe = parse(data, PATH, origin="path")
        check(recipe)
        Templates(recipe, fence_key=b"k" * 32)
    except ConfigError as error:
        str(error).encode("utf-8", "surrogatepass")


def read_result(line: bytes) -> None:
    """Read a line of results in every output kind."""
    custom_id_of(line)
    for reader in READERS:
        reader.read(line, EXPECTED)


def make_safe(text: str) -> None:
    """Send a text through the whole text room."""
    for made in (
        clean.clean,
        terminal.safe,
        terminal.line,
        html.escape,
        html.markdown,
        markdown.inline,
        markdown.block,
        csvtext.cell,
        jsontext.dumps,
        mail.header,
        desktop.pango,
        names.slug,
        names.file_name,
        names.relative_path,
        names.fold,
        secrets.redact,
        secrets.scan,
    ):  # fmt: skip -- a list
        made(text)
    terminal.line(text, 10)
    secrets.redact(text, text[:20])
    clean.decode(text.encode("utf-8", "surrogatepass"))
