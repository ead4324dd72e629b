"""The life of a batch, seen through the SDK."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from lanectl.sandbox.ledger import Accepted
from lanectl.sandbox.server import Sandbox

DAY = 86_400
Connect = Callable[..., anthropic.Anthropic]


def request(custom_id: str, text: str = "Hello.", **params: Any) -> Any:
    """One request of a batch."""
    message = {"role": "user", "content": text}
    return {
        "custom_id": custom_id,
        "params": {"model": "claude-opus-5-5", "max_tokens": 4_000, "messages": [message], **params},
    }


def requests(count: int) -> list[Any]:
    return [request(f"job-{number}", f"Hello {number}.") for number in range(count)]


def counts(batch: Any) -> dict[str, int]:
    return {key: value for key, value in batch.request_counts.model_dump().items() if value}


def test_new_batch_is_in_progress_with_nothing_but_processing(start: Any, connect: Connect) -> None:
    client = connect(start(duration_s=3.0))
    batch = client.messages.batches.create(requests=requests(3))
    assert batch.model_dump(mode="json") == {
        "id": batch.id,
        "archived_at": None,
        "cancel_initiated_at": None,
        "created_at": "2026-11-24T00:00:00Z",
        "ended_at": None,
        "expires_at": "2026-11-25T00:00:00Z",
        "processing_status": "in_progress",
        "request_counts": {"canceled": 0, "errored": 0, "expired": 0, "processing": 3, "succeeded": 0},
        "results_url": None,
        "type": "message_batch",
    }
    assert batch.id.startswith("msgbatch_01Sandbox")


def test_counts_stay_zero_until_the_whole_batch_has_ended(start: Any, connect: Connect, clock: Any) -> None:
    client = connect(start(duration_s=3.0))
    batch = client.messages.batches.create(requests=requests(3))
    clock.now += 2.9
    assert counts(client.messages.batches.retrieve(batch.id)) == {"processing": 3}
    clock.now += 0.1
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, counts(ended)) == ("ended", {"succeeded": 3})
    assert ended.ended_at is not None
    assert ended.ended_at.timestamp() == clock.now
    assert ended.results_url == f"{client.base_url}/v1/messages/batches/{batch.id}/results"


def test_results_come_once_each_and_out_of_order(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=requests(50))
    ids = [line.custom_id for line in client.messages.batches.results(batch.id)]
    assert sorted(ids) == sorted(f"job-{number}" for number in range(50))
    assert ids != [f"job-{number}" for number in range(50)]


def test_result_is_a_message_marked_as_the_sandboxs_and_billed_as_batch(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=requests(1))
    (line,) = client.messages.batches.results(batch.id)
    assert line.result.type == "succeeded"
    message = line.result.message
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert "[sandbox]" in message.content[1].text  # type: ignore[union-attr] # a text block
    assert (message.stop_reason, message.usage.service_tier) == ("end_turn", "batch")
    assert message.usage.output_tokens_details is not None
    assert 0 < message.usage.output_tokens_details.thinking_tokens < message.usage.output_tokens


def test_results_before_the_end_are_refused(start: Any, connect: Connect) -> None:
    client = connect(start(duration_s=3.0))
    batch = client.messages.batches.create(requests=requests(1))
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        client.messages.batches.results(batch.id)
    with pytest.raises(anthropic.BadRequestError, match="still in progress"):
        client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)


def test_listing_is_newest_first_and_pages_both_ways(client: anthropic.Anthropic, clock: Any) -> None:
    made = []
    for _ in range(5):
        clock.now += 1
        made.append(client.messages.batches.create(requests=requests(1)).id)
    newest_first = made[::-1]
    assert [one.id for one in client.messages.batches.list(limit=2)] == newest_first
    page = client.messages.batches.list(limit=2, after_id=newest_first[1])
    assert [one.id for one in page.data] == newest_first[2:4]
    assert (page.first_id, page.last_id, page.has_more) == (newest_first[2], newest_first[3], True)
    before = client.messages.batches.list(limit=2, before_id=newest_first[3])
    assert [one.id for one in before.data] == newest_first[1:3]
    assert before.has_more is True
    assert [one.id for one in before] == [*newest_first[1:3], newest_first[0]]
    assert client.messages.batches.list(before_id=newest_first[0]).data == []


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 1_001}, {"after_id": "msgbatch_none"}, {"after_id": "a", "before_id": "b"}],
    ids=["limit 0", "limit above 1000", "unknown cursor", "two cursors"],
)
def test_wrong_page_is_refused(client: anthropic.Anthropic, query: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.list(**query)


def test_cancel_finishes_what_has_started_and_cancels_the_rest(
    start: Any, connect: Connect, clock: Any
) -> None:
    client = connect(start(duration_s=100.0))
    batch = client.messages.batches.create(requests=requests(10))
    clock.now += 30
    canceling = client.messages.batches.cancel(batch.id)
    assert (canceling.processing_status, counts(canceling)) == ("canceling", {"processing": 10})
    assert client.messages.batches.cancel(batch.id).cancel_initiated_at == canceling.cancel_initiated_at
    clock.now += 1
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, counts(ended)) == ("ended", {"succeeded": 4, "canceled": 6})
    kinds = [line.result.type for line in client.messages.batches.results(batch.id)]
    assert (kinds.count("succeeded"), kinds.count("canceled")) == (4, 6)


def test_cancel_after_the_end_is_refused(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=requests(1))
    with pytest.raises(anthropic.BadRequestError, match="already ended"):
        client.messages.batches.cancel(batch.id)


def test_delete_needs_an_ended_batch_and_leaves_nothing(start: Any, connect: Connect, clock: Any) -> None:
    sandbox = start(duration_s=3.0)
    client = connect(sandbox)
    batch = client.messages.batches.create(requests=requests(1))
    with pytest.raises(anthropic.BadRequestError, match="in progress"):
        client.messages.batches.delete(batch.id)
    clock.now += 3
    assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(batch.id)
    assert client.messages.batches.list().data == []
    assert [one.id for one in sandbox.ledger()] == [batch.id]


def test_batch_that_takes_longer_than_a_day_expires_in_part(start: Any, connect: Connect, clock: Any) -> None:
    client = connect(start(duration_s=4.0 * DAY))
    batch = client.messages.batches.create(requests=requests(8))
    clock.now += DAY
    ended = client.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, counts(ended)) == ("ended", {"succeeded": 2, "expired": 6})


def test_results_are_archived_29_days_after_creation(client: anthropic.Anthropic, clock: Any) -> None:
    batch = client.messages.batches.create(requests=requests(1))
    clock.now += 29 * DAY - 1
    assert len(list(client.messages.batches.results(batch.id))) == 1
    clock.now += 1
    archived = client.messages.batches.list().data[0]
    assert archived.archived_at is not None
    assert archived.archived_at.timestamp() == clock.now
    assert (archived.results_url, counts(archived)) == (None, {"succeeded": 1})
    with pytest.raises(anthropic.NotFoundError, match="no longer available"):
        client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)


def test_batches_of_another_workspace_are_neither_listed_nor_found(
    sandbox: Sandbox, connect: Connect
) -> None:
    ours, theirs = connect(sandbox, api_key="workspace-ours"), connect(sandbox, api_key="workspace-theirs")
    made = ours.messages.batches.with_raw_response.create(requests=requests(1))
    assert made.workspace_id == "wrkspc_01Sandboxours"
    batch = made.parse()
    assert [one.id for one in ours.messages.batches.list()] == [batch.id]
    assert list(theirs.messages.batches.list()) == []
    with pytest.raises(anthropic.NotFoundError) as caught:
        theirs.messages.batches.retrieve(batch.id)
    assert caught.value.workspace_id == "wrkspc_01Sandboxtheirs"
    any_of_them = connect(sandbox)
    assert any_of_them.messages.batches.retrieve(batch.id, workspace_id="wrkspc_01Sandboxours").id == batch.id
    with pytest.raises(anthropic.PermissionDeniedError):
        theirs.messages.batches.list(workspace_id="wrkspc_01Sandboxours")


def test_ledger_holds_what_was_accepted_to_the_byte(sandbox: Sandbox, client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=requests(2))
    body = sandbox.body(batch.id).read_bytes()
    assert sandbox.ledger() == [
        Accepted(
            id=batch.id,
            created_at="2026-11-24T00:00:00.000000Z",
            workspace="wrkspc_01SandboxDefault",
            sha256=hashlib.sha256(body).hexdigest(),
            bytes=len(body),
            custom_ids=("job-0", "job-1"),
        )
    ]
    assert list(sandbox.requests(batch.id)) == json.loads(body)["requests"] == requests(2)


def test_refused_batch_is_not_in_the_ledger(sandbox: Sandbox, client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.create(requests=[])
    assert sandbox.ledger() == []
    assert list((sandbox.folder / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([], "requests: List should have at least 1 item"),
        ([request("a"), request("a")], "requests.1.custom_id: a stands more than once"),
        ([request("")], "requests.0.custom_id: String should match pattern"),
        ([request("a b")], "requests.0.custom_id: String should match pattern"),
        ([request("é")], "requests.0.custom_id: String should match pattern"),
        ([request("x" * 65)], "requests.0.custom_id: String should match pattern"),
        ([request("a\n")], "requests.0.custom_id: String should match pattern"),
        ([{"custom_id": 7, "params": {}}], "requests.0.custom_id: String should match pattern"),
        ([{"custom_id": "a"}], "requests.0.params: Field required"),
        ([{**request("a"), "tag": "b"}], "requests.0.tag: Extra inputs are not permitted"),
        (["a"], "requests.0: Input should be an object"),
    ],
)
def test_wrong_list_of_requests_is_refused_at_once(
    client: anthropic.Anthropic, wrong: list[Any], told: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.batches.create(requests=wrong)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.api_message is not None
    assert caught.value.api_message.startswith(told)


def test_custom_id_of_64_characters_is_taken(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=[request("A-z_9" * 12 + "abcd")])
    assert counts(client.messages.batches.retrieve(batch.id)) == {"succeeded": 1}


def test_beta_batches_take_the_extended_output(client: anthropic.Anthropic) -> None:
    long = request("a", max_tokens=300_000)
    with_header = client.beta.messages.batches.create(requests=[long], betas=["output-300k-2026-03-24"])
    without = client.beta.messages.batches.create(requests=[long])
    assert counts(client.beta.messages.batches.retrieve(with_header.id)) == {"succeeded": 1}
    assert counts(client.beta.messages.batches.retrieve(without.id)) == {"errored": 1}


def test_same_seed_and_requests_give_the_same_answers(start: Any, connect: Connect, tmp_path: Any) -> None:
    told = []
    for folder in ("one", "two"):
        client = connect(start(folder=tmp_path / folder, seed=7))
        batch = client.messages.batches.create(requests=requests(5))
        told.append([line.model_dump() for line in client.messages.batches.results(batch.id)])
    assert told[0] == told[1]


def test_strangers_batches_are_listed_and_not_in_the_ledger(
    sandbox: Sandbox, client: anthropic.Anthropic
) -> None:
    ours = client.messages.batches.create(requests=requests(2)).id
    theirs = sandbox.foreign(2, requests=2, age_s=60)
    named = sandbox.foreign(custom_ids=("L1_a", "L1_b"))
    assert [one.id for one in client.messages.batches.list()] == [*named, ours, *theirs[::-1]]
    assert {line.custom_id for line in client.messages.batches.results(named[0])} == {"L1_a", "L1_b"}
    assert [one.id for one in sandbox.ledger()] == [ours]


@pytest.mark.parametrize(
    ("fate", "status", "told"),
    [
        ("canceled", "canceling", {"processing": 4}),
        ("expired", "ended", {"succeeded": 2, "expired": 2}),
        ("ended", "ended", {"succeeded": 4}),
    ],
)
def test_what_others_do_to_a_batch_is_seen(
    start: Any, connect: Connect, clock: Any, fate: str, status: str, told: dict[str, int]
) -> None:
    sandbox = start(duration_s=100.0)
    client = connect(sandbox)
    batch = client.messages.batches.create(requests=requests(4))
    clock.now += 50
    sandbox.befall(batch.id, fate)
    found = client.messages.batches.retrieve(batch.id)
    assert (found.processing_status, counts(found)) == (status, told)


def test_batch_deleted_or_archived_elsewhere_is_gone(sandbox: Sandbox, client: anthropic.Anthropic) -> None:
    kept, lost = (client.messages.batches.create(requests=requests(1)).id for _ in range(2))
    sandbox.befall(lost, "deleted")
    sandbox.befall(kept, "archived")
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(lost)
    assert client.messages.batches.retrieve(kept).archived_at is not None


def test_unknown_fate_and_unknown_batch_are_told(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="'lost' is none of canceled"):
        sandbox.befall("msgbatch_x", "lost")
    with pytest.raises(KeyError, match="msgbatch_x"):
        sandbox.befall("msgbatch_x", "deleted")
    with pytest.raises(KeyError):
        sandbox.body("msgbatch_x")


def test_clock_can_be_moved_for_every_process_on_the_folder(start: Any, connect: Connect) -> None:
    sandbox = start(duration_s=3_600.0)
    batch = connect(sandbox).messages.batches.create(requests=requests(1))
    later = start(duration_s=3_600.0)
    assert connect(later).messages.batches.retrieve(batch.id).processing_status == "in_progress"
    sandbox.advance(3_600)
    assert connect(later).messages.batches.retrieve(batch.id).processing_status == "ended"
