"""Whatever a results line or an answer holds, reading it ends in an outcome and never in an exception."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.models import Material, Outcome
from lanectl.outputs.kinds import KINDS
from lanectl.outputs.read import Expected, custom_id_of
from tests.outputs.answers import a_line, a_reader, a_success

MATERIAL = Material(
    path="a.py",
    text="a = 1\nb = 2\n",
    hunks={"a.py": [[1, 2]]},
    head="h" * 40,
    commits=[{"sha": "1" * 40, "subject": "s", "group": "Added"}],
)
JOB = Expected("L1_job", "a.py", "a", MATERIAL)
READERS = [a_reader(kind) for kind in sorted(KINDS)]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "type",
        "message",
        "error",
        "content",
        "text",
        "usage",
        "stop_reason",
        "stop_details",
        "succeeded",
        "errored",
        "refusal",
        "max_tokens",
        "cache_creation",
        "input_tokens",
    ]
)  # fmt: skip -- the wire's words
SHAPED = st.recursive(
    WORDS | st.none() | st.integers() | st.booleans() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)
FINDING = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(["critical", "high", "medium", "low", "x"]),
        "category": st.text(max_size=5),
        "path": st.sampled_from(["a.py", "", "../x", "b/a.py"]) | st.text(max_size=5),
        "line": st.integers(),
        "end_line": st.integers(),
        "title": st.text(max_size=9),
        "detail": st.text(max_size=9),
        "suggestion": st.text(alphabet="`~\n ab", max_size=12),
    }
)
BLOCK = st.fixed_dictionaries(
    {
        "search": st.sampled_from(["a = 1", "\n", "b", ""]) | st.text(max_size=4),
        "replace": st.text(max_size=4),
    }
)
ANSWERS = st.one_of(
    st.text(),
    st.text(alphabet="`~\n #ab", max_size=40),
    JSON.map(json.dumps),
    st.fixed_dictionaries({"summary": st.text(max_size=9), "findings": st.lists(FINDING, max_size=4)}).map(
        json.dumps
    ),
    st.fixed_dictionaries(
        {
            "summary": st.text(max_size=9),
            "whole": st.none() | st.text(max_size=30),
            "edits": st.lists(BLOCK, max_size=3),
        }
    ).map(json.dumps),
)


def check(line: bytes) -> None:
    """Each reader gives exactly one outcome, an error unless it is a success, and no check breaks."""
    custom_id_of(line)
    for reader in READERS:
        result = reader.read(line, JOB)
        assert (result.error is None) is (result.outcome is Outcome.SUCCEEDED)
        assert result.error is None or result.error.type != "check_failed", result.error
        for text in (result.headline, result.error.message if result.error else ""):
            assert "\n" not in text
            text.encode()
        for file in result.files:
            assert not file.path.startswith(("/", "."))
            assert ".." not in file.path.split("/")
        json.dumps(result.value, allow_nan=False)


@given(st.binary())
def test_any_bytes_end_in_an_outcome(line: bytes) -> None:
    check(line)


@given(JSON)
def test_any_json_ends_in_an_outcome(value: Any) -> None:
    check(json.dumps(value).encode())


@given(SHAPED)
def test_any_result_ends_in_an_outcome(result: Any) -> None:
    check(a_line(result))


@given(SHAPED, SHAPED)
def test_any_message_ends_in_an_outcome(message: Any, usage: Any) -> None:
    message = (
        message | {"content": [{"type": "text", "text": "x"}], "usage": usage}
        if isinstance(message, dict)
        else message
    )
    check(a_line({"type": "succeeded", "message": message}))


@settings(max_examples=200)
@given(ANSWERS)
def test_any_answer_ends_in_an_outcome(answer: str) -> None:
    check(a_success(answer))


@given(st.data())
def test_line_with_broken_bytes_ends_in_an_outcome(data: st.DataObject) -> None:
    line = bytearray(a_success('{"summary": "é", "findings": []}'))
    for _ in range(data.draw(st.integers(1, 4))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(line[: data.draw(st.integers(0, len(line)))]))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_answer_of_one_character_repeated_is_read_soon(kind: str) -> None:
    for text in (
        "`" * 200_000,
        "[" * 200_000,
        " " * 200_000 + "x",
        "```\n" * 50_000,
        "a." * 100_000,
        "\n" * 200_000 + "x",
    ):
        result = a_reader(kind).read(a_success(text), JOB)
        assert result.error is None or result.error.type != "check_failed"
