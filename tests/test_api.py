"""The door to the provider, with the real SDK: money is risked once, and the key goes to one host only."""

import gzip
import io
import json
import os
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from lanectl.api import AnswerLost, Api, BadRequest, Created, NotAccepted, NotFound, connect, refusals, wire
from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.models import Counts
from lanectl.sandbox.faults import Faults, ResultsFault, WireFault
from lanectl.sandbox.server import Sandbox
from tests.ports import deaf_port
from tests.raw_server import Answer, RawServer, http
from tests.waits import until

KEY = "sk-ant-sandbox-0123456789"
# What a test waits for at most where nothing is to be waited for.
ENOUGH_S = 120.0
NOW = 1_795_557_600.0  # 2026-11-24T22:00:00Z
SECRET = "the text of a private prompt"
PARAMS: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": SECRET}],
}
BODY = json.dumps({"requests": [{"custom_id": f"job-{n}", "params": PARAMS} for n in range(3)]}).encode()
BATCH = {
    "id": "msgbatch_01",
    "type": "message_batch",
    "processing_status": "in_progress",
    "created_at": "2026-11-24T22:00:00Z",
    "request_counts": {"processing": 3, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
}


@pytest.fixture(autouse=True, scope="module")
def _certificates_loaded_once() -> Iterator[None]:
    """Every client loads all certificates of the machine, which takes longer than most of these tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssl, "create_default_context", lru_cache(ssl.create_default_context))
        yield


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def start(stack: ExitStack, tmp_path: Path) -> Callable[..., Sandbox]:
    """Starts a sandbox whose batches have ended when they are first looked at."""

    def one(*wire_faults: WireFault, prefix: str = "", **faults: Any) -> Sandbox:
        asked = Faults(wire=wire_faults, **faults)
        made = Sandbox(tmp_path / "sandbox", clock=lambda: NOW, duration_s=0, faults=asked, prefix=prefix)
        return stack.enter_context(made)

    return one


@pytest.fixture
def raw(stack: ExitStack) -> Callable[..., RawServer]:
    """Starts a server that answers with the given bytes."""

    def one(answer: Answer = b"", *, rude: bool = False) -> RawServer:
        return stack.enter_context(RawServer(answer, rude=rude))

    return one


@pytest.fixture
def api(stack: ExitStack) -> Callable[..., Api]:
    """Connects to a server; closed with the test."""

    def one(server: Sandbox | RawServer | str, *, timeout_s: float = ENOUGH_S, key: str = KEY) -> Api:
        url = server if isinstance(server, str) else server.url
        made = connect(salt=b"salt", timeout_s=timeout_s, base_url=url, key=key)
        stack.callback(made.close)
        return made

    return one


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The sleeps that the SDK would have slept."""
    told: list[float] = []
    monkeypatch.setattr(time, "sleep", told.append)
    return told


def create(api: Api, body: bytes = BODY, *, timeout_s: float = ENOUGH_S) -> Created:
    return api.create_batch(io.BytesIO(body), length=len(body), timeout_s=timeout_s)


def posts(sandbox: Sandbox) -> int:
    return sum(seen.method == "POST" for seen in sandbox.seen)


def test_creation_is_sent_once_with_its_length_and_comes_back_with_its_id(start: Any, api: Any) -> None:
    sandbox = start()
    created = create(api(sandbox))
    assert [one.id for one in sandbox.ledger()] == [created.batch.id]
    assert created.batch.processing_status == "in_progress"
    assert created.batch.created_at == "2026-11-24T22:00:00+00:00"
    assert created.batch.counts == Counts(processing=3)
    assert created.request_id is not None
    assert created.workspace is not None
    assert sandbox.body(created.batch.id).read_bytes() == BODY
    assert [(one.method, one.body_bytes) for one in sandbox.seen] == [("POST", len(BODY))]


def test_open_file_is_sent_as_it_lies(start: Any, api: Any, tmp_path: Path) -> None:
    path, sandbox = tmp_path / "body", start()
    path.write_bytes(BODY)
    with path.open("rb") as file:
        created = api(sandbox).create_batch(file, length=len(BODY), timeout_s=ENOUGH_S)
    assert sandbox.body(created.batch.id).read_bytes() == BODY


REFUSED = [
    *((WireFault("create", status=status), None, status in (401, 402, 403)) for status in refusals.CERTAIN),
    (WireFault("create", status=413, body="html"), None, False),
    (WireFault("create", status=413, body="html", early=True), None, False),
    (WireFault("create", status=429, retry_after="7"), 7.0, False),
    (WireFault("create", status=429, body="html"), 60.0, False),
    (WireFault("create", status=429, body="empty", retry_after="99999999"), 86_400.0, False),
    (WireFault("create", status=529, body="html", retry_after="nan"), 60.0, False),
    (WireFault("create", status=529, retry_after="soon"), 60.0, False),
    (WireFault("create", status=529, headers={"retry-after-ms": "1500"}), 1.5, False),
    (WireFault("create", status=429, code="enforced_spend_limit_reached"), None, True),
    (WireFault("create", status=429, code="ramp_limit_exceeded", retry_after="3"), 3.0, False),
    (
        WireFault(
            "create", status=400, message="You have reached your specified API usage limits. Regain 12-01."
        ),
        None,
        True,
    ),
]


@pytest.mark.parametrize(("fault", "retry_after_s", "stop"), REFUSED)
def test_what_was_certainly_not_taken_may_be_sent_again(
    start: Any, api: Any, naps: list[float], fault: WireFault, retry_after_s: float | None, *, stop: bool
) -> None:
    sandbox = start(fault)
    with pytest.raises(NotAccepted) as caught:
        create(api(sandbox))
    refusal = caught.value
    assert (refusal.status, refusal.retry_after_s, refusal.stop) == (fault.status, retry_after_s, stop)
    assert (posts(sandbox), sandbox.ledger(), naps) == (1, [], [])


def done(status: int, body: str = "api") -> WireFault:
    return WireFault("create", do="answer", status=status, body=body)


LOST = {
    "dropped": WireFault("create", do="drop"),
    "cut while sent": WireFault("create", do="cut", after=10),
    "hangs": WireFault("create", do="hang", seconds=5),
    **{f"{code} after the deed": done(code) for code in (408, 409, 500, 504)},
    **{f"{code} before it": WireFault("create", status=code) for code in (408, 409, 412, 431, 499, 500, 503)},
    **{f"200 {body}": done(200, body) for body in ("html", "empty", "object", "list", "cut", "text")},
    **{f"400 {body}": WireFault("create", status=400, body=body) for body in ("html", "empty", "object")},
    "401 of a portal": WireFault("create", status=401, body="html"),
    "403 of a gateway": WireFault("create", status=403, body="text"),
    "404 of a gateway": WireFault("create", status=404, body="list"),
    "told to try again": WireFault("create", status=500, headers={"x-should-retry": "true"}),
    "told when": WireFault("create", status=503, retry_after="1"),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_lost_answer_is_lost_after_a_single_post(
    start: Any, api: Any, naps: list[float], fault: WireFault
) -> None:
    sandbox = start(fault)
    with pytest.raises(AnswerLost) as caught:
        create(api(sandbox), timeout_s=0.5 if fault.do == "hang" else ENOUGH_S)
    assert caught.value.where == sandbox.url.removeprefix("http://")
    # Who gives up waiting may do so before the server has looked at what lies in its socket.
    until(lambda: posts(sandbox) > 0)
    assert (posts(sandbox), naps) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirected_creation_is_lost_and_nobody_else_hears_of_it(api: Any, raw: Any, status: int) -> None:
    elsewhere = raw(http(json.dumps(BATCH).encode()))
    answer = http(b"", f"Location: {elsewhere.url}/v1/messages/batches", status=f"{status} Moved")
    with pytest.raises(AnswerLost) as caught:
        create(api(raw(answer)))
    assert caught.value.message == f"the provider answered {status}"
    assert elsewhere.requests == []


GARBAGE = {
    "closed": b"",
    "no http": b"220 smtp.example.org ESMTP\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": http(json.dumps(BATCH).encode()[:50], length=500),
    "another type": http(json.dumps({**BATCH, "type": "message"}).encode()),
    "no id": http(json.dumps({**BATCH, "id": None}).encode()),
    "a number for an id": http(json.dumps({**BATCH, "id": 7}).encode()),
    "an empty id": http(json.dumps({**BATCH, "id": ""}).encode()),
    "an id that leads away": http(json.dumps({**BATCH, "id": ".."}).encode()),
    "an id that is no text": http(json.dumps({**BATCH, "id": "\ud800"}).encode()),
    "no times at all": http(json.dumps({**BATCH, "created_at": None}).encode()),
    "deep nesting": http(b"[" * 100_000),
    "not utf-8": http(b"\xff\xfe"),
    "gzip that is none": http(b"no gzip", "Content-Encoding: gzip"),
    "error without a code": http(b'{"type": "error", "error": {"type": 3, "message": 4}}', status="400 Bad"),
    "error of someone else": http(b'{"error": {"type": "blocked", "message": "by policy"}}', status="403 No"),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
def test_answer_that_proves_nothing_is_lost_after_a_single_post(api: Any, raw: Any, answer: bytes) -> None:
    server = raw(answer)
    with pytest.raises(AnswerLost):
        create(api(server))
    assert len(server.requests) == 1


def test_batch_that_does_not_say_when_is_dated_by_the_answer(api: Any, raw: Any) -> None:
    bare = http(
        json.dumps({"id": "b/1", "type": "message_batch"}).encode(), "Date: Tue, 24 Nov 2026 22:00:07 GMT"
    )
    created = create(api(raw(bare)))
    assert (created.batch.id, created.batch.created_at) == ("b/1", "2026-11-24T22:00:07+00:00")


def test_unreachable_host_has_certainly_taken_nothing(api: Any) -> None:
    with deaf_port() as number, pytest.raises(NotAccepted) as caught:
        create(api(f"http://127.0.0.1:{number}"))
    refusal = caught.value
    assert (refusal.status, refusal.retry_after_s, refusal.stop) == (None, 0.0, False)
    assert refusal.message == "no connection (ConnectError)"


def test_host_that_speaks_no_tls_has_certainly_taken_nothing(api: Any, raw: Any) -> None:
    with pytest.raises(NotAccepted) as caught:
        create(api(raw(b"220 plain text\r\n", rude=True).url.replace("http:", "https:")))
    assert caught.value.message == "no connection (ConnectError)"


class Torn(io.BytesIO):
    """A body on a disk that fails in the middle."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError("input/output error")
        return super().read(min(size or 0, 10))


@pytest.mark.parametrize("body", [io.BytesIO(BODY[:-1]), Torn(BODY)], ids=["shorter than told", "unreadable"])
def test_body_that_ends_early_is_lost(start: Any, api: Any, body: io.BytesIO) -> None:
    sandbox = start()
    with pytest.raises(AnswerLost):
        api(sandbox).create_batch(body, length=len(BODY), timeout_s=ENOUGH_S)
    assert sandbox.ledger() == []


def test_no_failure_tells_the_prompt_or_the_key(start: Any, api: Any) -> None:
    echo = WireFault("create", status=400, message=f"messages.0: {SECRET} " * 50)
    with pytest.raises(NotAccepted) as caught:
        create(api(start(echo)))
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert len(caught.value.message) <= 300
    assert caught.value.__context__ is None


def calls(api: Api) -> dict[str, Callable[[], object]]:
    """Every call that is no creation."""
    return {
        "list": lambda: api.list_batches(),
        "get": lambda: api.get_batch("msgbatch_01"),
        "cancel": lambda: api.cancel_batch("msgbatch_01"),
        "delete": lambda: api.delete_batch("msgbatch_01"),
        "results": lambda: read(api, "msgbatch_01"),
        "count": lambda: api.count_tokens(PARAMS),
        "models": lambda: api.models(),
        "stream": lambda: list(api.stream(PARAMS)),
    }


NAMES = ["list", "get", "cancel", "delete", "results", "count", "models", "stream"]


def read(api: Api, batch_id: str) -> bytes:
    with api.results(batch_id, timeout_s=ENOUGH_S) as chunks:
        return b"".join(chunks)


def api_error(kind: str, message: str, **details: str) -> bytes:
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": message, "details": details}}
    ).encode()


READ_FAILURES: list[tuple[str, bytes, type[LanectlError]]] = [
    ("400 Bad", api_error("invalid_request_error", "said"), BadRequest),
    ("401 No", api_error("authentication_error", "said"), NoAccess),
    ("402 No", api_error("billing_error", "said"), NoAccess),
    ("403 No", b"<html>", NoAccess),
    ("404 None", api_error("not_found_error", "said"), NotFound),
    ("413 Large", b"", BadRequest),
    ("302 Found", b"", TryLater),
    ("429 Slow", api_error("rate_limit_error", "said", error_code="enforced_spend_limit_reached"), NoAccess),
    ("400 Bad", api_error("invalid_request_error", "your specified API usage limits are reached"), NoAccess),
    ("500 Oh", b"", TryLater),
    ("529 Busy", api_error("overloaded_error", "said"), TryLater),
]


def refusing(status: str, body: bytes) -> bytes:
    headers = ("X-Should-Retry: false", "Location: http://127.0.0.1:9/", "Content-Type: application/json")
    return http(body, *headers, status=status)


@pytest.mark.parametrize(("status", "body", "kind"), READ_FAILURES)
def test_failure_of_a_read_is_told_by_what_can_be_done(
    api: Any, raw: Any, status: str, body: bytes, kind: type[LanectlError]
) -> None:
    server = raw(refusing(status, body))
    with pytest.raises(kind) as caught:
        api(server).list_batches()
    assert type(caught.value) is kind
    assert caught.value.where == server.url.removeprefix("http://")
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_read_tells_its_failures_the_same_way(api: Any, raw: Any, name: str) -> None:
    server = raw(refusing("404 None", api_error("not_found_error", "said  so\n")))
    with pytest.raises(NotFound) as caught:
        calls(api(server))[name]()
    assert caught.value.message == "said so"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "delete"])
def test_page_of_a_captive_portal_is_no_answer(api: Any, raw: Any, name: str) -> None:
    with pytest.raises(TryLater) as caught:
        calls(api(raw(http(b"<html>", "Content-Type: text/html"))))[name]()
    assert caught.value.message == "the answer is not the API's"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"data": {}}', b"[" * 100_000])
def test_answer_that_is_not_the_apis_is_tried_later(api: Any, raw: Any, body: bytes) -> None:
    opened = api(raw(http(body)))
    for name in ("list", "get", "count"):
        with pytest.raises(TryLater) as caught:
            calls(opened)[name]()
        assert caught.value.message == "the answer is not the API's"


@pytest.mark.parametrize("name", NAMES)
def test_dropped_read_is_tried_three_times_and_then_later(
    api: Any, raw: Any, naps: list[float], name: str
) -> None:
    server = raw(b"")
    with pytest.raises(TryLater):
        calls(api(server))[name]()
    assert len(server.requests) == 3
    assert len(naps) == 2
    assert sum(naps) < 2


@pytest.mark.parametrize(
    "asked",
    [
        "Retry-After: 7200",
        "Retry-After-Ms: 99999999",
        "Retry-After: Fri, 27 Nov 2026 22:00:00 GMT",
        "Retry-After: inf",
    ],
)
def test_long_wait_is_never_slept_through(api: Any, raw: Any, naps: list[float], asked: str) -> None:
    server = raw(http(b"", asked, "Date: Tue, 24 Nov 2026 22:00:00 GMT", status="429 Slow"))
    with pytest.raises(TryLater):
        api(server).list_batches()
    assert (len(server.requests), naps) == (1, [])


def test_short_wait_is_slept(api: Any, raw: Any, naps: list[float]) -> None:
    server = raw(http(b"", "Retry-After: 2", status="429 Slow"))
    with pytest.raises(TryLater):
        api(server).list_batches()
    assert (len(server.requests), naps) == (3, [2.0, 2.0])


def test_pages_of_the_list_follow_their_cursors(start: Any, api: Any) -> None:
    opened = api(start())
    made = [create(opened).batch.id for _ in range(5)]
    first = opened.list_batches(limit=2)
    assert ([one.id for one in first.batches], first.has_more) == (made[:2:-1], True)
    older = opened.list_batches(limit=10, after_id=first.batches[-1].id)
    assert ([one.id for one in older.batches], older.has_more) == (made[2::-1], False)
    newer = opened.list_batches(before_id=made[2])
    assert [one.id for one in newer.batches] == made[:2:-1]
    assert first.server_date == "2026-11-24T22:00:00+00:00"
    assert first.workspace is not None


@pytest.mark.parametrize(
    "entry", [None, 7, {}, {"id": "x"}, {**BATCH, "id": None}, {**BATCH, "created_at": "soon"}]
)
def test_entry_that_cannot_be_read_fails_its_page(api: Any, raw: Any, entry: object) -> None:
    page = {"data": [BATCH, entry], "has_more": False}
    with pytest.raises(TryLater):
        api(raw(http(json.dumps(page).encode()))).list_batches()


def test_unknown_words_of_a_batch_are_passed_through(api: Any, raw: Any) -> None:
    odd = {
        **BATCH,
        "processing_status": "paused",
        "request_counts": {"processing": 1, "lost": 2, "errored": "x"},
    }
    found = api(raw(http(json.dumps(odd).encode()))).get_batch("msgbatch_01")
    assert (found.processing_status, found.counts) == ("paused", Counts(processing=1))


def test_batch_is_followed_to_its_end(start: Any, api: Any) -> None:
    sandbox = start()
    opened = api(sandbox)
    batch_id = create(opened).batch.id
    ended = opened.get_batch(batch_id)
    assert (ended.processing_status, ended.counts) == ("ended", Counts(succeeded=3))
    lines = read(opened, batch_id).splitlines()
    assert sorted(json.loads(line)["custom_id"] for line in lines) == ["job-0", "job-1", "job-2"]
    with pytest.raises(BadRequest) as caught:
        opened.cancel_batch(batch_id)
    assert "has already ended" in caught.value.message
    opened.delete_batch(batch_id)
    with pytest.raises(NotFound):
        opened.get_batch(batch_id)


@pytest.mark.parametrize("batch_id", ["", ".", "..", "a\nb", "x" * 300])
def test_what_can_be_no_id_is_never_asked_for(start: Any, api: Any, batch_id: str) -> None:
    sandbox = start()
    for act in (api(sandbox).get_batch, api(sandbox).cancel_batch, api(sandbox).delete_batch):
        with pytest.raises(BadRequest):
            act(batch_id)
    assert sandbox.seen == ()


def test_odd_id_stays_one_part_of_the_path(api: Any, raw: Any) -> None:
    server = raw(http(json.dumps(BATCH).encode()))
    api(server).get_batch("../../v1/models?x=#é")
    line = server.requests[0].split(b"\r\n")[0]
    assert line == b"GET /v1/messages/batches/..%2F..%2Fv1%2Fmodels%3Fx%3D%23%C3%A9 HTTP/1.1"


def test_results_come_from_the_configured_host_whatever_their_url_says(
    start: Any, api: Any, raw: Any
) -> None:
    elsewhere = raw(http(b"stolen"))
    sandbox = start(results_origin=elsewhere.url)
    opened = api(sandbox)
    assert len(read(opened, create(opened).batch.id).splitlines()) == 3
    assert elsewhere.requests == []


@pytest.mark.parametrize("name", NAMES)
def test_redirected_read_is_not_followed(api: Any, raw: Any, name: str) -> None:
    elsewhere = raw(http(json.dumps(BATCH).encode()))
    moved = http(b"", f"Location: {elsewhere.url}/", "X-Should-Retry: false", status="307 Moved")
    with pytest.raises(TryLater):
        calls(api(raw(moved)))[name]()
    assert elsewhere.requests == []


def test_gateways_prefix_is_kept_by_every_call(start: Any, api: Any) -> None:
    sandbox = start(prefix="/gateway/v9")
    opened = api(sandbox)
    batch_id = create(opened).batch.id
    opened.list_batches()
    assert len(read(opened, batch_id).splitlines()) == 3
    assert opened.count_tokens(PARAMS) > 0
    assert len(sandbox.seen) == 4
    assert all(seen.path.startswith("/gateway/v9/v1/") and seen.with_key for seen in sandbox.seen)


def test_whole_connection_is_cut_short_of_nothing_but_told(start: Any, api: Any) -> None:
    fault = ResultsFault("truncate", at=100, framing="content-length", times=-1)
    opened = api(start(results=(fault,)))
    with pytest.raises(TryLater) as caught:
        read(opened, create(opened).batch.id)
    assert caught.value.message.startswith("no connection (")


def test_results_that_end_cleanly_and_short_are_what_came(start: Any, api: Any) -> None:
    opened = api(start(results=(ResultsFault("truncate", at=100, framing="close", times=-1),)))
    assert len(read(opened, create(opened).batch.id)) == 100


def test_drip_arrives_as_it_drips(api: Any, raw: Any) -> None:
    def drip(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for letter in b"drip":
            time.sleep(0.01)
            yield bytes([letter])

    with api(raw(drip)).results("msgbatch_01", timeout_s=ENOUGH_S) as chunks:
        assert list(chunks) == [b"d", b"r", b"i", b"p"]


def test_long_line_takes_no_time(api: Any, raw: Any) -> None:
    line = b'{"custom_id": "' + b"x" * 8_000_000 + b'"}\n'
    began = time.process_time()
    assert read(api(raw(http(line))), "msgbatch_01") == line
    assert time.process_time() - began < 20


def test_compressed_results_of_a_gateway_are_read(api: Any, raw: Any) -> None:
    server = raw(http(gzip.compress(b"{}\n"), "Content-Encoding: gzip"))
    assert read(api(server), "msgbatch_01") == b"{}\n"
    assert b"\r\naccept-encoding: identity\r\n" in server.requests[0].lower()


def test_broken_compression_is_tried_later(api: Any, raw: Any) -> None:
    with pytest.raises(TryLater):
        read(api(raw(http(b"no gzip", "Content-Encoding: gzip"))), "msgbatch_01")


def test_only_what_is_counted_is_sent_to_be_counted(api: Any, raw: Any) -> None:
    server = raw(http(b'{"input_tokens": 7}'))
    assert api(server).count_tokens({**PARAMS, "system": "s", "inference_geo": "us"}) == 7
    sent = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert sorted(sent) == ["messages", "model", "system"]


def test_models_are_plain_objects(start: Any, api: Any) -> None:
    found = api(start()).models()
    assert "claude-opus-5-5" in {model["id"] for model in found}


def test_stream_ends_with_the_whole_message(start: Any, api: Any) -> None:
    events = list(api(start()).stream(PARAMS))
    kinds = [event.kind for event in events]
    assert kinds == ["start", *["text"] * (len(events) - 2), "message"]
    assert len(events) > 3
    whole = events[-1].message
    content = whole["content"]
    assert isinstance(content, list)
    assert isinstance(content[-1], dict)
    assert "".join(event.text for event in events) == content[-1]["text"]


@pytest.mark.parametrize("do", ["stream-cut", "stream-error"])
def test_stream_that_breaks_is_tried_later(start: Any, api: Any, do: str) -> None:
    events = api(start(WireFault("messages", do=do, after=4, times=-1))).stream(PARAMS)
    with pytest.raises(TryLater) as caught:
        list(events)
    assert "200" not in caught.value.message


@pytest.mark.parametrize("key", ["two words", "schlüssel", "a\nb", "a\x00b", "\x7f", " ", ""])
def test_what_can_be_no_key_is_refused_without_telling_it(
    start: Any, api: Any, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    sandbox = start()
    with pytest.raises(NoAccess) as caught:
        api(sandbox, key=key)
    assert not key.strip() or key not in str(caught.value)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        if "\x00" not in key:
            monkeypatch.setenv(name, key)
            with pytest.raises(NoAccess):
                connect(salt=b"salt", timeout_s=10, base_url=sandbox.url)
            monkeypatch.delenv(name, raising=False)
    assert sandbox.seen == ()


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_key_of_the_environment_is_sent_without_its_newline(
    start: Any, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, name: str
) -> None:
    sandbox = start()
    monkeypatch.setenv(name, f"  {KEY}\r\n")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", sandbox.url)
    opened = connect(salt=b"salt", timeout_s=10)
    stack.callback(opened.close)
    opened.list_batches()
    assert [seen.with_key for seen in sandbox.seen] == [True]


def test_blank_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, " \n")
    with pytest.raises(NoAccess) as caught:
        connect(salt=b"salt", timeout_s=10)
    assert str(caught.value) == "no API key - ANTHROPIC_API_KEY and the SDK's profiles"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.org",
        "http://10.0.0.1:8080/x",
        "ftp://127.0.0.1",
        "http://127.0.0.1.example.org",
        "x",
    ],
)
def test_address_that_is_neither_https_nor_this_machine_is_refused(api: Any, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api(url)
    assert caught.value.where == "ANTHROPIC_BASE_URL"


@pytest.mark.parametrize(
    "url", ["https://api.example.org", "http://127.0.0.1:1", "http://LocalHost:1/x", "http://[::1]:1"]
)
def test_https_and_this_machine_are_taken(api: Any, url: str) -> None:
    assert api(url).host == url.lower().split("/")[2]


def test_address_with_a_password_is_refused_without_telling_it(api: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        api("https://me:hunter2@api.example.org")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_stands_before_this_machine(
    start: Any, api: Any, raw: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy, sandbox = raw(http(b"{}")), start()
    monkeypatch.setenv(name, proxy.url)
    create(api(sandbox))
    assert (proxy.requests, posts(sandbox)) == ([], 1)


def test_proxy_that_cannot_be_used_is_told_without_its_password(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://me:hunter2@proxy.example.org")
    with pytest.raises(ConfigError) as caught:
        api("https://api.example.org")
    assert "hunter2" not in str(caught.value)
    assert caught.value.where == "HTTPS_PROXY, ALL_PROXY"


def test_key_print_tells_keys_apart_and_holds_none(api: Any) -> None:
    url = "http://127.0.0.1:1"
    prints = {api(url).key_print, api(url, key=KEY + "x").key_print}
    assert len(prints) == 2
    assert api(url).key_print in prints
    assert all(len(one) == 16 and KEY not in one for one in prints)


def test_only_the_names_of_custom_headers_are_kept(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway: hunter2\nnonsense\n X-Team : a:b")
    assert api("http://127.0.0.1:1").custom_header_names == ("X-Gateway", "X-Team")


def test_users_own_headers_go_to_the_provider_and_not_to_another_address(
    raw: Any, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway: hunter2")
    server = raw(http(b'{"data": []}'))
    for own_headers in (True, False):
        opened = connect(salt=b"salt", timeout_s=10, base_url=server.url, key=KEY, own_headers=own_headers)
        stack.callback(opened.close)
        opened.models()
    theirs, others = (request.lower() for request in server.requests)
    assert b"\r\nx-gateway: hunter2\r\n" in theirs
    assert b"hunter2" not in others
    assert f"\r\nx-api-key: {KEY}\r\n".encode() in others
    assert os.environ["ANTHROPIC_CUSTOM_HEADERS"] == "X-Gateway: hunter2"


LOGGED = """
import io, sys
from lanectl.api import connect
api = connect(salt=b"salt", timeout_s=10)
body = sys.stdin.buffer.read()
api.list_batches()
print(api.create_batch(io.BytesIO(body), length=len(body), timeout_s=10).batch.id)
message = {"role": "user", "content": sys.argv[1]}
print(api.count_tokens({"model": "claude-sonnet-5-5", "messages": [message]}))
api.close()
"""


def test_debug_variable_of_the_sdk_logs_neither_prompt_nor_key(start: Any) -> None:
    sandbox = start()
    env = {
        **os.environ,
        "ANTHROPIC_LOG": "debug",
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": sandbox.url,
    }
    env["ANTHROPIC_AUTH_TOKEN"] = "shadowed"
    done = subprocess.run(
        [sys.executable, "-c", LOGGED, SECRET],
        input=BODY,
        env=env,
        capture_output=True,
        check=True,
        timeout=ENOUGH_S,
    )
    assert done.stderr == b""
    assert done.stdout.split()[0].decode() == sandbox.ledger()[0].id


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-24T22:00:00Z", "2026-11-24T22:00:00+00:00"),
        ("2026-11-24T22:00:00.999999999+01:00", "2026-11-24T21:00:00+00:00"),
        ("2026-11-24T22:00:00", "2026-11-24T22:00:00+00:00"),
        ("0001-01-01T00:00:00+05:00", None),
        ("soon", None),
        (7, None),
        (None, None),
    ],
)
def test_times_become_utc_text(text: object, utc: str | None) -> None:
    assert wire.utc(text) == utc


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-7"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "7", "retry-after-ms": "x"}, 7.0),
        ({"retry-after": "Tue, 24 Nov 2026 22:01:00 GMT"}, None),
        ({"retry-after": "Tue, 24 Nov 2026 22:01:00 GMT", "date": "Tue, 24 Nov 2026 22:00:00 GMT"}, 60.0),
        ({"retry-after": "Tue, 24 Nov 2026 21:01:00 GMT", "date": "Tue, 24 Nov 2026 22:00:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 24 Nov 99999 22:01:00 GMT", "date": "x"}, None),
    ],
)
def test_wait_that_is_asked_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert wire.retry_after_s(headers) == seconds
