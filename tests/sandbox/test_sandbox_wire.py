"""HTTP as it arrives: framings, permissions, limits, keys, headers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import anthropic
import pytest

from lanectl.sandbox.exchange import Seen
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox

BATCH = json.dumps(
    {
        "requests": [
            {
                "custom_id": "a",
                "params": {
                    "model": "claude-opus-5-5",
                    "max_tokens": 100,
                    "messages": [{"role": "user", "content": "x" * 3_000}],
                },
            }
        ]
    }
).encode()
Raw = Callable[[Sandbox], Any]


def port(sandbox: Sandbox) -> int:
    return int(sandbox.url.rsplit(":", 1)[1])


def head(sandbox: Sandbox, *lines: str) -> bytes:
    """The beginning of a POST of a batch."""
    told = [
        "POST /v1/messages/batches HTTP/1.1",
        f"Host: 127.0.0.1:{port(sandbox)}",
        "Authorization: Bearer k",
        "anthropic-version: 2026-10-21",
        *lines,
    ]
    return ("\r\n".join(told) + "\r\n\r\n").encode()


def test_every_answer_says_who_and_when_and_that_it_is_a_sandbox(
    sandbox: Sandbox, raw: Raw, clock: Any
) -> None:
    status, headers, _ = raw(sandbox)("GET", "/v1/messages/batches")
    assert status == 200
    assert headers["date"] == formatdate(clock.now, usegmt=True) == "Tue, 24 Nov 2026 00:00:00 GMT"
    assert headers["anthropic-workspace-id"] == "wrkspc_01SandboxDefault"
    assert headers["request-id"].startswith("req_01Sandbox")
    assert headers["lanectl-sandbox"] == "no model is called here"


def test_error_has_the_apis_shape_and_the_same_headers(sandbox: Sandbox, raw: Raw) -> None:
    status, headers, body = raw(sandbox)("GET", "/v1/messages/batches/msgbatch_none")
    assert status == 404
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "Message batch msgbatch_none not found."},
        "request_id": headers["request-id"],
    }
    assert headers["anthropic-workspace-id"] == "wrkspc_01SandboxDefault"


def test_one_connection_serves_many_requests(sandbox: Sandbox, raw: Raw) -> None:
    ask = raw(sandbox)
    ask("GET", "/v1/messages/batches")
    first = ask.connection.sock
    assert ask("POST", "/v1/messages/batches", BATCH)[0] == 200
    assert ask("GET", "/v1/nothing")[0] == 404
    assert ask("POST", "/v1/messages/batches/msgbatch_none/cancel", b"{}")[0] == 404
    assert ask("GET", "/v1/models")[0] == 200
    assert ask.connection.sock is first


def test_body_in_chunks_is_put_together(sandbox: Sandbox, raw: Raw) -> None:
    def pieces() -> Iterator[bytes]:
        for at in range(0, len(BATCH), 100):
            yield BATCH[at : at + 100]

    status, _, body = raw(sandbox)("POST", "/v1/messages/batches", pieces())
    assert status == 200
    assert sandbox.body(json.loads(body)["id"]).read_bytes() == BATCH
    assert sandbox.seen == (Seen("POST", "/v1/messages/batches", True, -1),)


def test_client_that_asks_is_permitted_to_send(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=120) as client:
        client.sendall(head(sandbox, f"Content-Length: {len(BATCH)}", "Expect: 100-continue"))
        assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BATCH)
        assert client.recv(1_000).startswith(b"HTTP/1.1 200 ")


def test_client_that_asks_with_a_body_too_large_is_refused_before_it_sends(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=120) as client:
        client.sendall(head(sandbox, "Content-Length: 256000001", "Expect: 100-continue"))
        assert client.recv(1_000).startswith(b"HTTP/1.1 413 ")


def test_body_of_256_000_001_bytes_is_refused_early_by_a_gateways_page(
    sandbox: Sandbox, client: anthropic.Anthropic
) -> None:
    class Zeros:
        left = 256_000_001

        def read(self, size: int) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return b" " * size

        def __iter__(self) -> Iterator[bytes]:
            while piece := self.read(1 << 20):
                yield piece

    with pytest.raises(anthropic.APIStatusError) as caught:
        client.post(
            "/v1/messages/batches",
            cast_to=object,
            content=Zeros(),
            options={"headers": {"content-type": "application/json", "content-length": "256000001"}},
        )
    assert (caught.value.status_code, caught.value.type) == (413, None)
    assert "<html>" in str(caught.value.body)
    assert sandbox.ledger() == []


def test_body_too_large_that_does_not_say_so_is_refused(sandbox: Sandbox) -> None:
    # In chunks, so that only counting tells.
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=120) as client:
        client.sendall(head(sandbox, "Transfer-Encoding: chunked"))
        piece = b"%x\r\n%b\r\n" % (1 << 20, b" " * (1 << 20))
        sender = threading.Thread(target=send_all, args=(client, piece, 245), daemon=True)
        sender.start()
        assert client.recv(1_000).startswith(b"HTTP/1.1 413 ")
        sender.join(timeout=120)
    assert sandbox.ledger() == []


def send_all(client: socket.socket, piece: bytes, times: int) -> None:
    try:
        for _ in range(times):
            client.sendall(piece)
    except OSError:
        return


def test_early_refusal_reaches_a_client_that_is_still_sending(start: Any, connect: Any) -> None:
    faults = Faults(wire=(WireFault("create", status=413, early=True, body="html"),))
    sandbox = start(faults=faults)
    body = b" " * 30_000_000
    with pytest.raises(anthropic.APIStatusError) as caught:
        connect(sandbox).post(
            "/v1/messages/batches",
            cast_to=object,
            content=body,
            options={"headers": {"content-type": "application/json"}},
        )
    assert caught.value.status_code == 413


def test_cut_body_is_not_accepted(sandbox: Sandbox, client: anthropic.Anthropic) -> None:
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=120) as cut:
        cut.sendall(head(sandbox, f"Content-Length: {len(BATCH)}") + BATCH[:-1])
    assert list(client.messages.batches.list()) == []
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"requests": {}}',
        b'{"requests": [}',
        b'{"requests": [{"custom_id": "a", "params": {"x": NaN}}]}',
        b'{"requests": [{"custom_id": "a", "params": {}}]',
        b'{"requests": [{"custom_id": "a", "params": {}}]} {}',
        b'{"requests": [{"custom_id": "a", "params": {}}], "name": "x"}',
        b'{"requests": [{"custom_id": "a", "params": {"x": "\xff"}}]}',
        b'{"requests": [{"custom_id": "a" "params": {}}]}',
        b'{"requests": [{"custom_id": "a", "params": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    ],
)
def test_body_that_is_no_batch_is_refused_in_the_apis_words(sandbox: Sandbox, raw: Raw, body: bytes) -> None:
    status, _, answer = raw(sandbox)("POST", "/v1/messages/batches", body)
    assert (status, json.loads(answer)["error"]["type"]) == (400, "invalid_request_error")
    assert sandbox.ledger() == []


def test_more_than_100_000_requests_are_refused(sandbox: Sandbox, raw: Raw) -> None:
    def body(count: int) -> bytes:
        lines = (b'{"custom_id":"%d","params":{}}' % number for number in range(count))
        return b'{"requests":[' + b",\n".join(lines) + b"]}"

    ask = raw(sandbox)
    status, _, answer = ask("POST", "/v1/messages/batches", body(100_001))
    assert (status, b"at most 100000" in answer) == (400, True)
    status, _, answer = ask("POST", "/v1/messages/batches", body(100_000))
    assert (status, json.loads(answer)["request_counts"]["processing"]) == (200, 100_000)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": ""}, 401),
        ({"x_api_key": "a-wrong-key"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"x_api_key": "", "authorization": "Basic abc"}, 401),
        ({"x_api_key": "", "authorization": "Bearer abc"}, 200),
        ({"anthropic_version": "2026-10-22"}, 400),
        ({"anthropic_version": "2023-06-01"}, 200),
        ({"host": "sandbox.evil.invalid"}, 403),
        ({"content_encoding": "gzip"}, 400),
    ],
)
def test_key_version_and_host_are_looked_at(
    sandbox: Sandbox, raw: Raw, headers: dict[str, str], status: int
) -> None:
    assert raw(sandbox)("GET", "/v1/messages/batches", **headers)[0] == status


def test_version_must_be_told(sandbox: Sandbox, raw: Raw) -> None:
    ask = raw(sandbox)
    del ask.headers["anthropic-version"]
    status, _, body = ask("GET", "/v1/models")
    assert (status, json.loads(body)["error"]["message"]) == (400, "anthropic-version: header is required")


@pytest.mark.parametrize("length", ["x", "-1", "1e3"])
def test_length_that_is_no_number_is_refused(sandbox: Sandbox, length: str) -> None:
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=120) as client:
        client.sendall(head(sandbox, f"Content-Length: {length}"))
        assert client.recv(1_000).startswith(b"HTTP/1.1 400 ")


def test_page_in_a_browser_cannot_turn_switches(sandbox: Sandbox, raw: Raw, clock: Any) -> None:
    status, _, _ = raw(sandbox)("POST", "/sandbox/clock", b'{"advance_s": 5}', content_type="text/plain")
    assert status == 415
    assert sandbox.now() == clock.now


def test_switches_are_set_and_read_over_the_wire(sandbox: Sandbox, raw: Raw, clock: Any) -> None:
    ask = raw(sandbox)

    def tell(method: str, path: str, value: Any) -> tuple[int, Any]:
        status, _, body = ask(method, f"/sandbox/{path}", json.dumps(value), content_type="application/json")
        return status, json.loads(body)

    faults = Faults(wire=(WireFault("list", status=503),), list_lag_s=2.0)
    assert tell("PUT", "faults", {"wire": [{"at": "list", "status": 503}], "list_lag_s": 2}) == (
        200,
        json.loads(json.dumps(faults.as_json())),
    )
    assert json.loads(ask("GET", "/sandbox/faults")[2])["list_lag_s"] == 2.0
    assert ask("GET", "/v1/messages/batches")[0] == 503
    assert tell("POST", "clock", {"advance_s": 60}) == (200, {"now": "2026-11-24T00:01:00.000000Z"})
    assert sandbox.now() == clock.now + 60
    assert tell("POST", "duration", {"duration_s": 9}) == (200, {"duration_s": 9.0})
    status, made = tell("POST", "foreign", {"batches": 2, "requests": 3})
    assert (status, len(made["batches"])) == (200, 2)
    assert tell("POST", f"batches/{made['batches'][0]}/deleted", {})[0] == 200
    assert json.loads(ask("GET", "/sandbox/ledger")[2]) == []
    assert json.loads(ask("GET", "/sandbox")[2])["sandbox"] is True


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"wires": []}, "faults: no such key 'wires'"),
        ({"wire": {}}, "faults.wire: a list is expected"),
        ({"wire": [{"at": "creation"}]}, "at: 'creation' is none of create, list"),
        ({"wire": [{"at": "create", "to_do": 1}]}, "WireFault: no such key 'to_do'"),
        ({"wire": [{}]}, "WireFault: "),
        ({"results": ["truncate"]}, "ResultsFault: an object is expected"),
        ({"items": [{"outcome": "lost"}]}, "outcome: 'lost' is none of errored"),
    ],
)
def test_wrong_switch_is_refused_by_name(sandbox: Sandbox, raw: Raw, value: Any, told: str) -> None:
    ask = raw(sandbox)
    before = ask("GET", "/sandbox/faults")[2]
    status, _, body = ask("PUT", "/sandbox/faults", json.dumps(value), content_type="application/json")
    assert status == 400
    assert json.loads(body)["error"]["message"].startswith(told)
    assert ask("GET", "/sandbox/faults")[2] == before


def test_prefix_of_a_gateway_is_kept_and_results_url_goes_around_it(start: Any, connect: Any) -> None:
    sandbox = start(prefix="/gateway")
    client = connect(sandbox)
    batch = client.messages.batches.create(requests=json.loads(BATCH)["requests"])
    ended = client.messages.batches.retrieve(batch.id)
    assert (
        ended.results_url == sandbox.url.removesuffix("/gateway") + f"/v1/messages/batches/{batch.id}/results"
    )
    assert len(list(client.messages.batches.results(batch.id))) == 1
    assert [seen.path for seen in sandbox.seen] == [
        "/gateway/v1/messages/batches",
        f"/gateway/v1/messages/batches/{batch.id}",
        f"/gateway/v1/messages/batches/{batch.id}",
        f"/v1/messages/batches/{batch.id}/results",
    ]


def test_taken_port_is_an_oserror(sandbox: Sandbox, start: Any) -> None:
    with pytest.raises(OSError, match="in use"):
        start(port=port(sandbox))


def test_server_ends_at_once_with_a_connection_open(start: Any, raw: Raw) -> None:
    before = set(threading.enumerate())
    sandbox = start()
    ask = raw(sandbox)
    ask("GET", "/v1/models")
    started = set(threading.enumerate()) - before
    assert len(started) == 2
    sandbox.stop()
    assert not started & set(threading.enumerate())
    with pytest.raises(OSError):  # noqa: PT011 -- refused or reset, as the system has it
        ask("GET", "/v1/models")
