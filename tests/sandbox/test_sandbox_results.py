"""A results file that arrives damaged, in each way it can; and single requests that end badly."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest

from lanectl.sandbox.faults import Faults, ItemFault, ResultsFault
from lanectl.sandbox.server import Sandbox

Connect = Callable[..., anthropic.Anthropic]
Fetch = Callable[..., bytes]
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["title", "n"],
    "additionalProperties": False,
}


def requests(count: int, **params: Any) -> Any:
    return [
        {
            "custom_id": f"job-{number}",
            "params": {
                "model": "claude-haiku-4-5",
                "max_tokens": 1_000,
                "messages": [{"role": "user", "content": f"Hello {number}."}],
                **params,
            },
        }
        for number in range(count)
    ]


def fetch(client: anthropic.Anthropic, batch: str) -> bytes:
    """The results file as it arrives, without the SDK's reader."""
    answer = client.get(
        f"/v1/messages/batches/{batch}/results",
        cast_to=httpx2.Response,
        options={"headers": {"X-Stainless-Raw-Response": "stream", "accept-encoding": "identity"}},
    )
    return b"".join(answer.iter_bytes())


class Case:
    """A batch of six that has ended, and its results file as it is."""

    def __init__(self, sandbox: Sandbox, client: anthropic.Anthropic) -> None:
        self.sandbox, self.client = sandbox, client
        self.batch = client.messages.batches.create(requests=requests(6)).id
        client.messages.batches.retrieve(self.batch)
        self.whole = fetch(client, self.batch)
        self.lines = self.whole.splitlines(keepends=True)

    def damaged(self, *faults: ResultsFault) -> bytes:
        self.sandbox.set_faults(Faults(results=faults))
        return fetch(self.client, self.batch)


@pytest.fixture
def case(sandbox: Sandbox, client: anthropic.Anthropic) -> Case:
    return Case(sandbox, client)


def test_undamaged_file_has_a_line_for_each_request(case: Case) -> None:
    assert sorted(json.loads(line)["custom_id"] for line in case.lines) == [f"job-{n}" for n in range(6)]


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("at", [0, 1, 700])
def test_file_cut_before_its_promised_end_is_an_error_of_the_transport(
    case: Case, framing: str, at: int
) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        case.damaged(ResultsFault("truncate", at=at, framing=framing))
    assert fetch(case.client, case.batch) == case.whole


@pytest.mark.parametrize("framing", ["close", "chunked-end"])
@pytest.mark.parametrize("at", [0, 1, 700])
def test_file_cut_cleanly_is_short_without_an_error(case: Case, framing: str, at: int) -> None:
    assert case.damaged(ResultsFault("truncate", at=at, framing=framing)) == case.whole[:at]


@pytest.mark.parametrize("framing", ["content-length", "close", "chunked"])
def test_whole_file_arrives_in_any_framing(case: Case, framing: str) -> None:
    assert case.damaged(ResultsFault("none", framing=framing)) == case.whole


def test_file_that_drips_arrives_whole(case: Case) -> None:
    assert case.damaged(ResultsFault("drip", at=400, seconds=0.001)) == case.whole


def test_lines_go_missing(case: Case) -> None:
    assert case.damaged(ResultsFault("missing", at=2, count=3)) == b"".join(case.lines[:2] + case.lines[5:])


def test_line_stands_twice_and_another_is_blank(case: Case) -> None:
    told = case.damaged(ResultsFault("duplicate", at=1), ResultsFault("blank", at=3))
    lines = case.lines
    assert told == b"".join([lines[0], lines[1], lines[1], lines[2], b"\n", *lines[3:]])


def test_malformed_line_is_not_json(case: Case) -> None:
    line = case.damaged(ResultsFault("malformed")).splitlines()[0]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(line)


def test_foreign_line_names_nobody_of_ours(case: Case) -> None:
    ids = [json.loads(line)["custom_id"] for line in case.damaged(ResultsFault("foreign", at=1)).splitlines()]
    assert ids[1] == "someone-elses-request"
    assert len(ids) == 7


def test_type_that_nobody_knows(case: Case) -> None:
    line = json.loads(case.damaged(ResultsFault("unknown-type")).splitlines()[0])
    assert line == {"custom_id": json.loads(case.lines[0])["custom_id"], "result": {"type": "postponed"}}


def test_bytes_that_are_not_utf8(case: Case) -> None:
    with pytest.raises(UnicodeDecodeError):
        case.damaged(ResultsFault("not-utf8")).decode()


def test_half_a_character_and_a_line_end_of_two(case: Case) -> None:
    told = case.damaged(ResultsFault("surrogate"), ResultsFault("crlf", at=1)).split(b"\n")
    assert "\ud800" in json.loads(told[0])["result"]["message"]["content"][0]["text"]
    assert told[1].endswith(b"}\r")


def test_damage_of_the_first_download_is_healed_in_the_second(case: Case) -> None:
    short = case.damaged(ResultsFault("truncate", at=10, framing="close", times=2, skip=0))
    assert len(short) == len(fetch(case.client, case.batch)) == 10
    assert fetch(case.client, case.batch) == case.whole


def results(start: Any, connect: Connect, *faults: ItemFault, **params: Any) -> dict[str, Any]:
    client = connect(start(faults=Faults(items=faults)))
    batch = client.messages.batches.create(requests=requests(4, **params))
    client.messages.batches.retrieve(batch.id)
    lines = [json.loads(line) for line in fetch(client, batch.id).splitlines()]
    return {line["custom_id"]: line["result"] for line in lines}


def text_of(result: Any) -> str:
    return "".join(block.get("text", "") for block in result["message"]["content"])


ERRORS = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
]


@pytest.mark.parametrize("error", ERRORS)
def test_item_errs_as_told_in_the_doubly_nested_shape(start: Any, connect: Connect, error: str) -> None:
    found = results(start, connect, ItemFault("errored", error=error, message="Why.", index=(2,)))
    told = found["job-2"]
    request_id = told["error"].pop("request_id")
    assert told == {
        "type": "errored",
        "error": {"type": "error", "error": {"type": error, "message": "Why."}},
    }
    assert request_id.startswith("req_01Sandbox")
    assert [found[f"job-{n}"]["type"] for n in (0, 1, 3)] == ["succeeded"] * 3


def test_items_expire_and_are_canceled_by_index(start: Any, connect: Connect) -> None:
    found = results(start, connect, ItemFault("expired", index=(0,)), ItemFault("canceled", index=(1,)))
    assert found["job-0"] == {"type": "expired"}
    assert found["job-1"] == {"type": "canceled"}


def test_item_is_chosen_by_its_text(start: Any, connect: Connect) -> None:
    found = results(start, connect, ItemFault("expired", contains="Hello 3"))
    assert [found[f"job-{n}"]["type"] for n in range(4)] == ["succeeded"] * 3 + ["expired"]


def test_share_of_the_items_is_the_same_each_time(start: Any, connect: Connect, tmp_path: Any) -> None:
    told = []
    for folder in ("one", "two"):
        faults = Faults(items=(ItemFault("expired", share=0.3),))
        client = connect(start(folder=tmp_path / folder, faults=faults, seed=3))
        batch = client.messages.batches.create(requests=requests(200))
        lines = client.messages.batches.results(batch.id)
        told.append(sorted(line.custom_id for line in lines if line.result.type == "expired"))
    assert told[0] == told[1]
    assert 40 <= len(told[0]) <= 80


def test_items_fail_in_one_batch_and_not_in_the_next(start: Any, connect: Connect) -> None:
    client = connect(start(faults=Faults(items=(ItemFault("errored", batches=(1,)),))))
    counts = []
    for _ in range(2):
        batch = client.messages.batches.create(requests=requests(2))
        counts.append(client.messages.batches.retrieve(batch.id).request_counts.errored)
    assert counts == [2, 0]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("refusal", "refusal"),
        ("max_tokens", "max_tokens"),
        ("pause_turn", "pause_turn"),
        ("context", "model_context_window_exceeded"),
        ("empty", "end_turn"),
        ("no-content", "end_turn"),
    ],
)
def test_success_that_is_none_stops_for_another_reason(
    start: Any, connect: Connect, outcome: str, reason: str
) -> None:
    found = results(start, connect, ItemFault(outcome, index=(0,)))["job-0"]
    assert (found["type"], found["message"]["stop_reason"]) == ("succeeded", reason)
    assert found["message"]["usage"]["output_tokens"] >= 1
    if outcome == "refusal":
        assert found["message"]["stop_details"]["category"] == "general_harms"
    if outcome == "max_tokens":
        assert found["message"]["usage"]["output_tokens"] == 1_000
    if outcome in ("empty", "no-content"):
        assert text_of(found) == ""


def test_answer_to_a_schema_comes_in_shapes_it_should_not_have(
    start: Any, connect: Connect, tmp_path: Any
) -> None:
    told = {}
    for outcome in ("prose", "fenced", "wrong-json", "hostile", "surrogate"):
        client = connect(start(folder=tmp_path / outcome, faults=Faults(items=(ItemFault(outcome),))))
        config = {"format": {"type": "json_schema", "schema": SCHEMA}}
        batch = client.messages.batches.create(requests=requests(1, output_config=config))
        client.messages.batches.retrieve(batch.id)
        told[outcome] = text_of(json.loads(fetch(client, batch.id))["result"])
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(told["prose"])
    assert told["fenced"].startswith("Here it is:\n\n```json\n{")
    assert set(json.loads(told["wrong-json"])) == {"sandbox"}
    for outcome, sign in (("hostile", "\x1b]52;"), ("surrogate", "\ud800")):
        value = json.loads(told[outcome])
        assert sign in value["title"]
        assert isinstance(value["n"], int)


def test_hostile_answer_without_a_schema_holds_one_of_each(start: Any, connect: Connect) -> None:
    text = text_of(results(start, connect, ItemFault("hostile", index=(0,)))["job-0"])
    for sign in (
        "[sandbox]",
        "\x1b",
        "<script>",
        "[bold red]",
        "=HYPERLINK",
        "\u202e",
        "\u2028",
        "\0",
        "../",
        "@",
    ):
        assert sign in text


def test_huge_line_is_as_long_as_asked(start: Any, connect: Connect) -> None:
    text = text_of(results(start, connect, ItemFault("huge", index=(0,), size=3_000_000))["job-0"])
    assert len(text) == 3_000_000
