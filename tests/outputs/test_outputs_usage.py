"""The tokens of an answer are those the provider billed, and nothing else counts as tokens."""

import pytest

from lanectl.models import JsonValue, Usage
from lanectl.outputs.usage import usage_of

WHOLE: JsonValue = {
    "input_tokens": 1,
    "output_tokens": 2,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 9,
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
    "output_tokens_details": {"thinking_tokens": 6},
    "service_tier": "batch",
    "inference_geo": "us",
    "server_tool_use": {"web_search_requests": 1},
}


def test_every_field_is_read() -> None:
    assert usage_of(WHOLE) == Usage(1, 2, 3, 4, 5, 6, "batch", "us")


def test_cache_writes_without_the_split_count_as_five_minutes() -> None:
    assert usage_of({"cache_creation_input_tokens": 9}) == Usage(cache_write_5m_tokens=9)


def test_cache_writes_that_the_split_leaves_over_count_as_five_minutes() -> None:
    value: JsonValue = {
        "cache_creation_input_tokens": 9,
        "cache_creation": {"ephemeral_1h_input_tokens": 5},
    }
    assert usage_of(value) == Usage(cache_write_5m_tokens=4, cache_write_1h_tokens=5)


def test_split_larger_than_the_total_is_believed() -> None:
    value: JsonValue = {
        "cache_creation_input_tokens": 1,
        "cache_creation": {"ephemeral_1h_input_tokens": 5},
    }
    assert usage_of(value) == Usage(cache_write_1h_tokens=5)


@pytest.mark.parametrize("value", [None, [], "x", 4, {}, {"input_tokens": None}])
def test_absent_usage_is_zero(value: JsonValue) -> None:
    assert usage_of(value) == Usage()


@pytest.mark.parametrize("count", [-1, True, 1.5, "12", [3], {"a": 1}, 10**30, None])
def test_what_is_no_count_is_zero(count: JsonValue) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    value: JsonValue = {
        **dict.fromkeys(names, count),
        "cache_creation": {"ephemeral_5m_input_tokens": count, "ephemeral_1h_input_tokens": count},
        "output_tokens_details": {"thinking_tokens": count},
    }
    assert usage_of(value) == Usage()


@pytest.mark.parametrize("word", [3, None, ["batch"], "x" * 65])
def test_what_is_no_word_is_none(word: JsonValue) -> None:
    assert usage_of({"service_tier": word, "inference_geo": word}) == Usage()
