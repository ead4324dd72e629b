"""Single messages, streams, counting, models and files, through the SDK."""

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

from lanectl.sandbox import calls
from lanectl.sandbox.exchange import Body
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.provider import Provider
from lanectl.sandbox.server import Sandbox
from lanectl.sandbox.store import Store
from lanectl.sandbox.validation import NEWEST_VERSION

Connect = Callable[..., anthropic.Anthropic]
HELLO: Any = [{"role": "user", "content": "Hello there."}]


def test_message_is_marked_and_billed_as_standard(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="claude-haiku-4-5", max_tokens=1_000, messages=HELLO)
    assert [block.type for block in message.content] == ["text"]
    assert "[sandbox]" in message.content[0].text  # type: ignore[union-attr] # a text block
    assert (message.role, message.model, message.stop_reason) == ("assistant", "claude-haiku-4-5", "end_turn")
    assert (message.usage.service_tier, message.usage.input_tokens) == ("standard", 3)


def test_answer_longer_than_max_tokens_is_cut(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="claude-haiku-4-5", max_tokens=5, messages=HELLO)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)
    assert message.content[0].text == "# [sandbox] An answ"  # type: ignore[union-attr] # a text block


def test_max_tokens_0_warms_the_cache_and_says_nothing(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="claude-haiku-4-5", max_tokens=0, messages=HELLO)
    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 0)


def test_stop_sequence_ends_the_answer(client: anthropic.Anthropic) -> None:
    message = client.messages.create(
        model="claude-haiku-4-5", max_tokens=500, messages=HELLO, stop_sequences=["model"]
    )
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "model")
    assert message.content[0].text.endswith("No ")  # type: ignore[union-attr] # a text block


def test_stream_gives_the_same_message_piece_by_piece(client: anthropic.Anthropic) -> None:
    asked: Any = {"model": "claude-opus-5-5", "max_tokens": 1_000, "messages": HELLO}
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert streamed.model_dump(exclude={"id"}) == whole.model_dump(exclude={"id"})
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("text") > 2


class Waits(threading.Event):
    """Counts the waits instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def test_stream_is_paced_by_the_tokens_of_each_piece(tmp_path: Path, clock: Any) -> None:
    waits = Waits()
    provider = Provider(Store(tmp_path, seed=0), clock, tokens_per_s=600.0, ending=waits)
    asked = {"model": "claude-haiku-4-5", "max_tokens": 500, "messages": HELLO, "stream": True}
    sent = json.dumps(asked).encode()
    body = Body(io.BytesIO(sent), {"content-length": str(len(sent))}, None)
    caller = calls.Caller("wrkspc_x", NEWEST_VERSION)
    answer = calls.create(provider, caller, body, "req_x", None)
    assert not isinstance(answer.body, bytes)
    deltas = [event for event in answer.body if b"event: content_block_delta" in event]
    assert waits.seconds == [0.01] * len(deltas)
    assert len(deltas) > 2


@pytest.mark.parametrize(
    ("do", "error"), [("stream-cut", Exception), ("stream-error", anthropic.APIStatusError)]
)
def test_stream_that_breaks_off_is_told_by_the_sdk(
    start: Any, connect: Connect, do: str, error: type[Exception]
) -> None:
    client = connect(start(faults=Faults(wire=(WireFault("messages", do=do, after=5),))))
    with (
        client.messages.stream(model="claude-haiku-4-5", max_tokens=500, messages=HELLO) as stream,
        pytest.raises(error) as caught,
    ):
        list(stream.text_stream)
    if do == "stream-error":
        assert "overloaded_error" in str(caught.value)
    with client.messages.stream(model="claude-haiku-4-5", max_tokens=500, messages=HELLO) as again:
        assert again.get_final_message().stop_reason == "end_turn"


def test_forced_tool_is_called_with_valid_input(client: anthropic.Anthropic) -> None:
    tool: Any = {
        "name": "report",
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    }
    message = client.messages.create(
        model="claude-opus-5",
        max_tokens=500,
        messages=HELLO,
        tools=[tool],
        tool_choice={"type": "tool", "name": "report"},
    )
    (block,) = message.content
    assert (message.stop_reason, block.type) == ("tool_use", "tool_use")
    assert isinstance(block.input["n"], int)  # type: ignore[union-attr] # a tool call


def test_count_is_what_the_message_is_billed(client: anthropic.Anthropic) -> None:
    asked: Any = {"messages": HELLO, "system": "Zürich " * 100}
    for model, tokens in (("claude-haiku-4-5", 203), ("claude-haiku-5-5", 264)):
        counted = client.messages.count_tokens(model=model, **asked)
        billed = client.messages.create(model=model, max_tokens=100, **asked).usage
        assert counted.input_tokens == billed.input_tokens == tokens


def test_thinking_with_a_budget_is_counted(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(
        model="claude-haiku-4-5", messages=HELLO, thinking={"type": "enabled", "budget_tokens": 32_000}
    )
    assert counted.input_tokens == 3


def test_message_above_32_mb_is_refused(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.count_tokens(
            model="claude-haiku-5-5", messages=[{"role": "user", "content": "x" * 32_000_000}]
        )
    assert (caught.value.status_code, caught.value.type) == (413, "request_too_large")


def test_models_are_listed_newest_first_without_the_retired(client: anthropic.Anthropic) -> None:
    listed = list(client.models.list(limit=4))
    assert [model.created_at for model in listed] == sorted((m.created_at for m in listed), reverse=True)
    assert listed[0].id == "claude-fable-5-2"
    assert {model.lifecycle for model in listed} == {"active", "deprecated"}
    retired = client.models.list(lifecycle=["retired"]).data
    assert [model.id for model in retired] == ["claude-mythos-preview"]


def test_model_tells_its_limits_and_its_end(client: anthropic.Anthropic, clock: Any) -> None:
    old = client.models.retrieve("claude-sonnet-4-5")
    assert (old.lifecycle, old.max_input_tokens, old.max_tokens, old.line) == (
        "deprecated",
        200_000,
        64_000,
        "sonnet",
    )
    assert str(old.retires_at) == "2026-11-30 00:00:00+00:00"
    assert old.capabilities is not None
    assert old.capabilities.effort.supported is False
    clock.now += 6 * 86_400
    assert client.models.retrieve("claude-sonnet-4-5").lifecycle == "retired"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("claude-none")


def test_files_are_kept_listed_read_and_deleted(client: anthropic.Anthropic, clock: Any) -> None:
    first = client.files.upload(file=("folder/notes é.txt", b"--\r\nhello\r\n", "text/plain"))
    clock.now += 1
    second = client.files.upload(file=("b.bin", b"", None), expires_in_seconds=3_600)
    assert (first.filename, first.size_bytes, first.mime_type) == ("notes é.txt", 11, "text/plain")
    assert client.files.download(first.id).read() == b"--\r\nhello\r\n"
    assert [one.id for one in client.files.list(limit=1)] == [second.id, first.id]
    assert [one.id for one in client.files.list(ids=[first.id])] == [first.id]
    clock.now += 3_600
    with pytest.raises(anthropic.NotFoundError):
        client.files.retrieve_metadata(second.id)
    assert client.files.delete(first.id).type == "file_deleted"
    assert client.files.list().data == []
    with pytest.raises(anthropic.BadRequestError):
        client.files.upload(file=("c", b"c"), expires_in_seconds=1)


def test_unknown_endpoint_is_a_404_of_the_api(client: anthropic.Anthropic, sandbox: Sandbox) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.get("/v1/complete", cast_to=object)
    assert caught.value.type == "not_found_error"
    assert [seen.path for seen in sandbox.seen] == ["/v1/complete"]
