"""The switches of the wire: what a client meets, and what was accepted all the same."""

import time
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest

from lanectl.sandbox.faults import ENDPOINTS, Faults, ItemFault, ResultsFault, WireFault
from lanectl.sandbox.server import Sandbox
from tests.waits import until

HANGS_S = 240.0
Connect = Callable[..., anthropic.Anthropic]
ONE: Any = [
    {
        "custom_id": "a",
        "params": {
            "model": "claude-opus-5-5",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello."}],
        },
    }
]


def create(client: anthropic.Anthropic) -> Any:
    return client.messages.batches.create(requests=ONE)


def posts(sandbox: Sandbox) -> int:
    return sum(seen.method == "POST" for seen in sandbox.seen)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("body", ["api", "html", "empty"])
def test_refused_creation_is_not_accepted(start: Any, connect: Connect, status: int, body: str) -> None:
    faults = Faults(wire=(WireFault("create", status=status, body=body, retry_after="7", code="why"),))
    sandbox = start(faults=faults)
    client = connect(sandbox)
    with pytest.raises(anthropic.APIStatusError) as caught:
        create(client)
    assert caught.value.status_code == status
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.error_code == ("why" if body == "api" else None)
    assert sandbox.ledger() == []
    create(client)
    assert len(sandbox.ledger()) == 1


LOST = {
    "drop": WireFault("create", do="drop"),
    "500": WireFault("create", do="answer", status=500),
    "502": WireFault("create", do="answer", status=502, body="html"),
    "503": WireFault("create", do="answer", status=503, body="text"),
    "504": WireFault("create", do="answer", status=504, body="empty"),
    "408": WireFault("create", do="answer", status=408),
    "409": WireFault("create", do="answer", status=409),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_lost_answer_leaves_an_accepted_batch(start: Any, connect: Connect, fault: WireFault) -> None:
    sandbox = start(faults=Faults(wire=(fault,)))
    client = connect(sandbox)
    with pytest.raises(anthropic.APIError):
        create(client)
    assert [one.id for one in client.messages.batches.list()] == [one.id for one in sandbox.ledger()]
    assert len(sandbox.ledger()) == 1


@pytest.mark.parametrize("status", [408, 409, 500, 504])
def test_sdk_left_to_itself_pays_three_times(start: Any, connect: Connect, status: int) -> None:
    # The header shortens the SDK's own waiting, nothing else.
    fault = WireFault("create", do="answer", status=status, headers={"retry-after-ms": "1"}, times=-1)
    sandbox = start(faults=Faults(wire=(fault,)))
    with pytest.raises(anthropic.APIStatusError):
        create(connect(sandbox, max_retries=2))
    assert posts(sandbox) == len(sandbox.ledger()) == 3


def test_answer_that_hangs_is_given_up_and_the_batch_is_there(start: Any, connect: Connect) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", do="hang", seconds=HANGS_S),)))
    with pytest.raises(anthropic.APITimeoutError):
        create(connect(sandbox, timeout=0.2))
    until(sandbox.ledger)
    assert len(sandbox.ledger()) == 1


def test_server_that_ends_does_not_wait_for_its_hanging_answers(start: Any, connect: Connect) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", do="hang", seconds=HANGS_S),)))
    with pytest.raises(anthropic.APITimeoutError):
        create(connect(sandbox, timeout=0.2))
    until(sandbox.ledger)
    began = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - began < HANGS_S / 2


def test_answer_that_hangs_comes_in_the_end(start: Any, connect: Connect) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", do="hang", seconds=0.01),)))
    assert create(connect(sandbox)).id == sandbox.ledger()[0].id


@pytest.mark.parametrize("body", ["html", "empty", "object", "list", "cut", "text"])
def test_garbage_with_200_after_accepting(start: Any, connect: Connect, body: str) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", do="answer", status=200, body=body),)))
    try:
        answer = create(connect(sandbox))
    except ValueError:
        answer = None
    assert not isinstance(getattr(answer, "id", None), str)
    assert len(sandbox.ledger()) == 1


def test_body_that_is_cut_off_is_not_accepted(start: Any, connect: Connect) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", do="cut", after=10),)))
    with pytest.raises(anthropic.APIConnectionError):
        create(connect(sandbox))
    assert sandbox.ledger() == []


@pytest.mark.parametrize("status", [302, 307])
def test_redirect_to_another_origin_takes_what_the_client_lets_it(
    start: Any, connect: Connect, tmp_path: Any, status: int
) -> None:
    stranger = start(folder=tmp_path / "stranger")
    faults = Faults(wire=(WireFault("create", do="redirect", status=status, to=stranger.url, times=-1),))
    sandbox = start(faults=faults)
    careful = connect(sandbox, http_client=anthropic.DefaultHttpxClient(follow_redirects=False))
    with pytest.raises(anthropic.APIStatusError) as caught:
        create(careful)
    assert caught.value.status_code == status
    assert stranger.seen == ()
    with pytest.raises(anthropic.APIStatusError):
        create(connect(sandbox))
    assert [seen.method for seen in stranger.seen] == (["GET"] if status == 302 else ["POST"])
    assert sandbox.ledger() == stranger.ledger() == []


def test_fault_waits_for_its_turn_and_goes_when_used_up(start: Any, connect: Connect) -> None:
    sandbox = start(faults=Faults(wire=(WireFault("create", status=503, skip=1, times=2),)))
    client = connect(sandbox)
    told = []
    for _ in range(5):
        try:
            told.append(create(client).type)
        except anthropic.APIStatusError as error:
            told.append(str(error.status_code))
    assert told == ["message_batch", "503", "503", "message_batch", "message_batch"]


def test_faults_of_one_endpoint_follow_each_other(start: Any, connect: Connect) -> None:
    wire = (WireFault("create", status=429), WireFault("list", status=500), WireFault("create", status=529))
    client = connect(start(faults=Faults(wire=wire)))
    for status in (429, 529):
        with pytest.raises(anthropic.APIStatusError) as caught:
            create(client)
        assert caught.value.status_code == status
    assert create(client).type == "message_batch"
    with pytest.raises(anthropic.InternalServerError):
        client.messages.batches.list()


CALLS: dict[str, Callable[[anthropic.Anthropic, str], Any]] = {
    "create": lambda client, _: create(client),
    "list": lambda client, _: client.messages.batches.list(),
    "retrieve": lambda client, batch: client.messages.batches.retrieve(batch),
    "results": lambda client, batch: list(client.messages.batches.results(batch)),
    "cancel": lambda client, batch: client.messages.batches.cancel(batch),
    "delete": lambda client, batch: client.messages.batches.delete(batch),
    "messages": lambda client, _: client.messages.create(**ONE[0]["params"]),
    "count_tokens": lambda client, _: client.messages.count_tokens(
        model="claude-opus-5-5", messages=ONE[0]["params"]["messages"]
    ),
    "models": lambda client, _: client.models.list(),
    "files": lambda client, _: client.files.list(),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("status", [404, 500])
def test_every_endpoint_can_fail_once_and_then_works(
    start: Any, connect: Connect, endpoint: str, status: int
) -> None:
    sandbox = start(duration_s=3_600.0 if endpoint == "cancel" else 0.0)
    client = connect(sandbox)
    batch = create(client).id
    sandbox.set_faults(Faults(wire=(WireFault(endpoint, status=status),)))
    with pytest.raises(anthropic.APIStatusError) as caught:
        CALLS[endpoint](client, batch)
    assert caught.value.status_code == status
    CALLS[endpoint](client, batch)


def test_new_batch_is_missing_from_the_list_for_a_while_and_found_by_its_id(
    start: Any, connect: Connect, clock: Any
) -> None:
    client = connect(start(faults=Faults(list_lag_s=14.0)))
    batch = create(client)
    clock.now += 13.9
    assert client.messages.batches.list().data == []
    assert client.messages.batches.retrieve(batch.id).id == batch.id
    clock.now += 0.1
    assert [one.id for one in client.messages.batches.list()] == [batch.id]


def test_results_url_of_another_origin_is_followed_with_the_key_by_the_sdk(
    start: Any, connect: Connect, tmp_path: Any
) -> None:
    stranger = start(folder=tmp_path / "stranger")
    sandbox = start(faults=Faults(results_origin=stranger.url))
    client = connect(sandbox)
    batch = create(client)
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.results(batch.id)
    assert [(seen.path, seen.with_key) for seen in stranger.seen] == [
        (f"/v1/messages/batches/{batch.id}/results", True)
    ]
    own = client.get(
        f"/v1/messages/batches/{batch.id}/results",
        cast_to=httpx2.Response,
        options={"headers": {"X-Stainless-Raw-Response": "stream"}},
    )
    assert own.read().count(b"\n") == 1


def test_extra_headers_are_sent(start: Any, connect: Connect) -> None:
    fault = WireFault("create", status=500, headers={"x-should-retry": "false"})
    sandbox = start(faults=Faults(wire=(fault,)))
    with pytest.raises(anthropic.InternalServerError):
        create(connect(sandbox, max_retries=2))
    assert posts(sandbox) == 1


def test_faults_belong_to_the_folder_until_they_are_set_anew(start: Any, connect: Connect) -> None:
    start(faults=Faults(wire=(WireFault("create", status=503, times=2),))).stop()
    second = start()
    with pytest.raises(anthropic.InternalServerError):
        create(connect(second))
    second.stop()
    third = start(faults=Faults())
    assert create(connect(third)).type == "message_batch"


def test_switches_survive_json() -> None:
    faults = Faults(
        wire=(WireFault("create", do="drop", headers={"a": "b"}), WireFault("list", status=404)),
        results=(ResultsFault("truncate", at=7, framing="close"),),
        items=(ItemFault("errored", index=(1, 2), batches=(1,)), ItemFault("expired", share=0.5)),
        list_lag_s=2.5,
        results_origin="http://127.0.0.1:1",
    )
    assert Faults.from_json(faults.as_json()) == faults
    assert Faults.parse("{}") == Faults()
    with pytest.raises(ValueError, match="faults: an object is expected"):
        Faults.parse("[]")
