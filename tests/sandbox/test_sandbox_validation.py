"""What a request may not say, in a batch (an errored result) and outside of one (a refusal at once)."""

from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.sandbox import prompts, replies, validation
from lanectl.sandbox.refusals import ApiError
from lanectl.sandbox.schema_limits import unsupported
from lanectl.sandbox.validation import NEWEST_VERSION, Terms

NOW = 1_795_478_400.0
HELLO = [{"role": "user", "content": "Hello."}]
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
HOUR: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
SCHEMA = {
    "type": "json_schema",
    "schema": {"type": "object", "properties": {}, "additionalProperties": False},
}
TOOL = {"name": "t", "input_schema": {"type": "object"}}
Connect = Callable[..., anthropic.Anthropic]


def text(words: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def said(params: Mapping[str, Any], **terms: Any) -> str:
    """What the sandbox says to a request: the complaint's type and message, or the model's name."""
    whole = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": HELLO, **params}
    try:
        return validation.check(whole, Terms(**{"version": NEWEST_VERSION, "now": NOW, **terms})).id
    except ApiError as error:
        return f"{error.type}: {error.message}"


INVALID = [
    ({"temperature": 1}, "temperature: not supported with anthropic-version 2026-10-21"),
    ({"top_p": None}, "top_p: not supported with anthropic-version 2026-10-21"),
    ({"top_k": 5}, "top_k: not supported with anthropic-version 2026-10-21"),
    ({"betas": ["x"]}, "betas: Extra inputs are not permitted"),
    ({"model": ""}, "model: Field required"),
    ({"max_tokens": "100"}, "max_tokens: Field required, an integer"),
    ({"max_tokens": True}, "max_tokens: Field required, an integer"),
    ({"max_tokens": -1}, "max_tokens: must be greater than or equal to 1"),
    (
        {"max_tokens": 128_001},
        "max_tokens: 128001 > 128000, the maximum number of output tokens of claude-opus-5-5",
    ),
    (
        {"max_tokens": 0, "stream": True},
        "max_tokens: 0 cannot be combined with stream, output_config.format or a",
    ),
    ({"messages": []}, "messages: at least one message is required"),
    (
        {"messages": [{"role": "bot", "content": "x"}]},
        "messages.0.role: Input should be 'user' or 'assistant'",
    ),
    (
        {"messages": [{"role": "user", "content": ""}]},
        "messages.0: user messages must have non-empty content",
    ),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: Input should be a string"),
    ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type: Field required"),
    (
        {"messages": [{"role": "user", "content": [text("")]}]},
        "messages.0.content.0.text: text content blocks must",
    ),
    (
        {"messages": [{"role": "user", "content": [text(citations=[{"type": "x"}])]}]},
        "messages.0.content.0.citations: not supported",
    ),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "document"}]}, *HELLO]},
        "messages.0.content.0: document blocks are not supported in assistant messages",
    ),
    (
        {"messages": [*HELLO, {"role": "assistant", "content": "{"}]},
        "This model does not support assistant message",
    ),
    ({"system": 7}, "system: Input should be a string or a list of text blocks"),
    ({"system": [text("")]}, "system.0.text: text content blocks must be non-empty"),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
        "thinking.type: 'enabled' is not supported by",
    ),
    ({"thinking": {"type": "disabled"}}, "thinking.type: 'disabled' is not supported by claude-opus-5-5"),
    ({"thinking": {"type": "auto"}}, "thinking.type: Input should be 'adaptive'"),
    ({"output_config": "max"}, "output_config: Input should be an object"),
    ({"output_config": {"effort": "extreme"}}, "output_config.effort: 'extreme' is not supported by"),
    ({"output_config": {"schema": {}}}, "output_config.schema: Extra inputs are not permitted"),
    (
        {"output_config": {"format": {"type": "json"}}},
        "output_config.format.type: Input should be 'json_schema'",
    ),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema: Field required"),
    (
        {"system": [text(**MARK)] * 3, "tools": [{**TOOL, **MARK}] * 2},
        "A maximum of 4 blocks with cache_control",
    ),
    (
        {"system": [text(**MARK)] * 4, **MARK},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        {"system": [text(**MARK), text(**HOUR)]},
        "cache_control: a ttl='1h' block must not come after a ttl='5m'",
    ),
    (
        {"system": [text(cache_control={"type": "ephemeral", "ttl": "1d"})]},
        "system.0.cache_control.ttl: Input should",
    ),
    ({"system": [text(cache_control={"type": "forever"})]}, "system.0.cache_control.type: Input should be"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        "tool_choice: 'any' is not supported by claude-opus-5-5",
    ),
    ({"model": "claude-opus-5", "tool_choice": {"type": "any"}}, "tool_choice: requires tools"),
    ({"tools": {"a": 1}}, "tools: Input should be a list of the right kind"),
    ({"tools": ["t"]}, "tools: Input should be a list of the right kind"),
    ({"stop_sequences": [1]}, "stop_sequences: Input should be a list of the right kind"),
    ({"tool_choice": "any"}, "tool_choice: Input should be an object"),
    ({"inference_geo": "moon"}, "inference_geo: 'moon' is not supported"),
    ({"model": "claude-haiku-4-5", "inference_geo": "us"}, "inference_geo: 'us' is not supported by"),
    ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, "output_config.effort: 'low' is not"),
    (
        {"model": "claude-sonnet-4-6", "output_config": {"effort": "xhigh"}},
        "output_config.effort: 'xhigh' is not",
    ),
    (
        {"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}},
        "thinking.type: 'adaptive' is not supported",
    ),
    (
        {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 512}},
        "thinking.enabled.budget_tokens: must be greater than or equal to 1024",
    ),
    (
        {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 2_000}},
        "max_tokens: must be greater than thinking.budget_tokens",
    ),
    (
        {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
        "thinking: cannot be turned off at effort 'max' on claude-haiku-5-5",
    ),
    (
        {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "x" * 800_004}]},
        "prompt is too long: 200001 tokens > 200000 maximum",
    ),
]


@pytest.mark.parametrize(("params", "told"), INVALID, ids=[told[:40] for _, told in INVALID])
def test_wrong_request_is_told_what_is_wrong(params: dict[str, Any], told: str) -> None:
    assert said(params).startswith(f"invalid_request_error: {told}")
    # A batch judges alike, only later.
    assert said(params, batch=True).startswith("invalid_request_error: ")


BATCH_ONLY = [
    ({"stream": True}, "stream: streaming is not supported in a Message Batch"),
    ({"speed": "fast"}, "speed: not supported in a Message Batch"),
    ({"fallbacks": [{"model": "claude-opus-5"}]}, "fallbacks: not supported in a Message Batch"),
    ({"thread": {"id": "t"}}, "thread: not supported in a Message Batch"),
    ({"max_tokens": 0}, "max_tokens: must be greater than or equal to 1"),
    (
        {"billing_policy": {"bill_to": "user_profile"}},
        "billing_policy.bill_to: 'user_profile' is not supported",
    ),
]


@pytest.mark.parametrize(("params", "told"), BATCH_ONLY, ids=[told[:20] for _, told in BATCH_ONLY])
def test_request_that_only_a_batch_refuses(params: dict[str, Any], told: str) -> None:
    assert said(params) == "claude-opus-5-5"
    assert said(params, batch=True).startswith(f"invalid_request_error: {told}")


TAKEN = [
    {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}, "output_config": {"effort": "high"}},
    {"model": "claude-sonnet-5-5", "thinking": {"type": "between_tools"}},
    {
        "model": "claude-opus-4-6",
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "max_tokens": 2_000,
    },
    {"model": "claude-haiku-4-5-20251001", "messages": [*HELLO, {"role": "assistant", "content": "{"}]},
    {"model": "claude-opus-4-5", "output_config": {"effort": "high"}},
    {"system": [text(**HOUR), text(**MARK)], "output_config": {"effort": "max", "format": SCHEMA}},
    {"inference_geo": "us", "metadata": {"user_id": "x"}, "service_tier": "auto", "stop_sequences": ["x"]},
    {"tools": [TOOL], "tool_choice": {"type": "auto"}},
    {"messages": [{"role": "system", "output_config": {"effort": "low"}}, *HELLO]},
]


@pytest.mark.parametrize("params", TAKEN, ids=range(len(TAKEN)))
def test_right_request_is_taken_on_both_lanes(params: dict[str, Any]) -> None:
    expected = params.get("model", "claude-opus-5-5")
    assert (said(params), said(params, batch=True)) == (expected, expected)


def test_unknown_and_retired_models_are_not_found() -> None:
    assert said({"model": "gpt"}) == "not_found_error: model: gpt"
    assert said({"model": "claude-mythos-preview"}) == "not_found_error: model: claude-mythos-preview"
    assert said({"model": "claude-sonnet-4-5"}) == "claude-sonnet-4-5"
    assert (
        said({"model": "claude-sonnet-4-5"}, now=NOW + 6 * 86_400)
        == "not_found_error: model: claude-sonnet-4-5"
    )


def test_sampling_lives_on_in_the_old_version_for_old_models() -> None:
    old = {"version": "2023-06-01"}
    assert said({"model": "claude-haiku-4-5", "temperature": 0.5}, **old) == "claude-haiku-4-5"
    assert said({"model": "claude-opus-5-5", "temperature": 1}, **old) == "claude-opus-5-5"
    assert said({"model": "claude-opus-5-5", "temperature": 0.5}, **old).startswith(
        "invalid_request_error: temperature: only the default"
    )


def test_user_profile_that_differs_from_the_header_is_refused() -> None:
    assert said({"user_profile_id": "a"}, user_profile="a", batch=True) == "claude-opus-5-5"
    assert said({"user_profile_id": "a"}, user_profile="b", batch=True) == (
        "invalid_request_error: user_profile_id: conflicts with the batch's header"
    )


def test_wrong_request_of_a_batch_is_an_errored_result_and_the_rest_is_answered(
    client: anthropic.Anthropic,
) -> None:
    good: Any = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": HELLO}
    sent: Any = [
        {"custom_id": "good", "params": good},
        {"custom_id": "hot", "params": {**good, "temperature": 1}},
        {"custom_id": "empty", "params": {}},
        {"custom_id": "unknown", "params": {**good, "model": "claude-none"}},
    ]
    batch = client.messages.batches.create(requests=sent)
    results = {line.custom_id: line.result.model_dump() for line in client.messages.batches.results(batch.id)}
    assert results["good"]["type"] == "succeeded"
    assert {key: value["error"]["error"] for key, value in results.items() if key != "good"} == {
        "hot": {
            "type": "invalid_request_error",
            "message": "temperature: not supported with anthropic-version 2026-10-21",
        },
        "empty": {"type": "invalid_request_error", "message": "model: Field required"},
        "unknown": {"type": "not_found_error", "message": "model: claude-none"},
    }
    assert results["hot"]["error"]["type"] == "error"
    assert results["hot"]["error"]["request_id"].startswith("req_01Sandbox")


def test_model_that_retires_under_way_is_not_found_in_what_comes_after(
    start: Any, connect: Connect, clock: Any
) -> None:
    clock.now += 6 * 86_400 - 3_600
    client = connect(start(duration_s=7_200.0))
    one: Any = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": HELLO}
    batch = client.messages.batches.create(requests=[{"custom_id": f"{n}", "params": one} for n in range(4)])
    clock.now += 7_200
    counts = client.messages.batches.retrieve(batch.id).request_counts
    assert (counts.succeeded, counts.errored) == (2, 2)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "integer", "minimum": 1}, "For 'integer' type, property 'minimum' is not supported"),
        ({"type": "string", "maxLength": 5}, "For 'string' type, property 'maxLength' is not supported"),
        (
            {"type": "array", "items": {}, "minItems": 2},
            "For 'array' type, 'minItems' values other than 0 or 1",
        ),
        ({"type": "object"}, "For 'object' type, 'additionalProperties' must be explicitly set to false"),
        ({"anyOf": [{"type": "array", "items": {"type": "number", "maximum": 1}}]}, "For 'number' type"),
        ({"$defs": {"a": {"type": "string", "minLength": 1}}}, "For 'string' type"),
    ],
)
def test_schema_the_provider_does_not_take_is_told_when_asked_for(schema: dict[str, Any], told: str) -> None:
    complaint = unsupported(schema)
    assert complaint is not None
    assert complaint.startswith(told)
    params = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    assert said(params) == "claude-opus-5-5"
    assert said(params, strict_schemas=True).startswith(
        f"invalid_request_error: output_config.format.schema: {told}"
    )


def test_schema_the_provider_takes_is_taken() -> None:
    part = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    schema = {"$defs": {"p": part}, "type": "array", "items": {"$ref": "#/$defs/p"}, "minItems": 1}
    assert unsupported(schema) is None


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5_000)
    | st.sampled_from(["", "x", "text", "any", "user", "enabled", "1h"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "role", "content", "cache_control", "ttl", "effort", "format", "schema"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
KEYS = [
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "stop_sequences",
]


@settings(deadline=None, max_examples=400)
@given(params=st.dictionaries(st.sampled_from([*KEYS, "max_tokens", "metadata", "inference_geo"]), ANYTHING))
def test_whatever_is_sent_is_answered_or_refused(params: dict[str, Any]) -> None:
    whole = {"model": "claude-opus-4-6", "max_tokens": 100, "messages": HELLO, **params}
    try:
        model = validation.check(whole, Terms(NEWEST_VERSION, batch=True, now=NOW))
        made = replies.reply(whole, model, 0)
    except ApiError:
        return
    assert made.visible_tokens <= whole["max_tokens"]
    assert prompts.count(whole, model) >= 1


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": ["a"]},
        {"type": "string", "minLength": "x"},
        {"type": "array", "items": {}, "minItems": None},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
    ids=["properties", "minLength", "minItems", "endless"],
)
def test_what_is_no_schema_is_an_error_of_its_item_alone(client: anthropic.Anthropic, schema: Any) -> None:
    good: Any = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": HELLO}
    bad = {**good, "output_config": {"format": {"type": "json_schema", "schema": schema}}}
    sent: Any = [{"custom_id": "good", "params": good}, {"custom_id": "bad", "params": bad}]
    batch = client.messages.batches.create(requests=sent)
    counts = client.messages.batches.retrieve(batch.id).request_counts
    assert (counts.succeeded, counts.errored) == (1, 1)
