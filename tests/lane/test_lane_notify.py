"""Telling people: once a morning, at least once each, in bounded time, and never at the cost of a pull."""

import importlib.util
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lanectl import notify
from lanectl.config import Target
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from lanectl.lane.tick import tick
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.server import Sandbox
from lanectl.state import outbox, runs
from tests.lane.scene import FakeClock, OpenLane, Scene
from tests.ports import deaf_port


class Listener(ThreadingHTTPServer):
    """A webhook on this machine: what it was posted, and how it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}/hook/a-secret"
        self.killed_after = False


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Listener)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append((self.headers.get("Idempotency-Key", ""), json.loads(body)))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def lane_to(open_lane: OpenLane, url: str, **more: Any) -> Lane:
    return open_lane(notify={"team": Target(url, allow_private=True)}, **more)


def night(scene: Scene, lane: Lane, **wishes: Any) -> str:
    """One run from submit to pull; its id."""
    done = submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes(again=True, **wishes))
    scene.clock.advance(60)
    pull(lane)
    assert done.run is not None
    return done.run


def flush(lane: Lane) -> tuple[str, ...]:
    return notify.flush(lane.db, lane.settings, lane.clock)


def test_settled_run_is_told_once_with_counts_and_cost(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    lane = lane_to(open_lane, listener.url)
    run = night(scene, lane)

    assert (flush(lane), flush(lane)) == ((), ())

    ((key, body),) = listener.got
    cost = f"{runs.usd(lane.db.value('SELECT sum(cost_pico) FROM answers')):,.2f}"
    title = f"notes {run}: 4 succeeded, ${cost}"
    assert body == {"id": key, "title": title, "text": f"{title}\nRead it: lanectl digest --open"}
    assert len(key) == 32


def test_notice_is_committed_with_what_it_tells(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    run = night(scene, lane)
    assert [(one.run, one.kind, one.target) for one in outbox.waiting(lane.db)] == [(run, "settled", "team")]

    def undone() -> None:
        with lane.db.write():
            runs.reopen(lane.db, run)
            runs.mark_pulled(lane.db, run, now=lane.now)
            raise KeyError(run)

    with pytest.raises(KeyError):
        undone()
    assert len(outbox.waiting(lane.db)) == 1


def test_several_runs_of_a_night_are_one_message_once_the_last_has_settled(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    lane = lane_to(open_lane, listener.url)
    first = night(scene, lane)
    out = submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes(again=True)).run
    flush(lane)
    assert listener.got == []

    scene.clock.advance(60)
    pull(lane)
    flush(lane)

    ((_, body),) = listener.got
    assert body["title"] == "lanectl: 2 runs"
    assert [line.split(":")[0] for line in body["text"].splitlines()[1:3]] == [
        f"notes {first}",
        f"notes {out}",
    ]


def test_run_that_waits_for_another_is_told_after_three_hours(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    lane = lane_to(open_lane, listener.url)
    first = night(scene, lane)
    submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes(again=True))
    scene.clock.advance(2 * 3600)
    flush(lane)
    assert listener.got == []
    scene.clock.advance(2 * 3600)
    flush(lane)
    assert [body["title"].split(":")[0] for _, body in listener.got] == [f"notes {first}"]


def test_two_nights_of_ticks_are_two_messages(scene: Scene, open_lane: OpenLane, listener: Listener) -> None:
    nights = []
    for _ in range(2):
        lane = lane_to(open_lane, listener.url)
        nights.append(submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes(again=True)).run)
        for _ in range(96):
            scene.clock.advance(900)
            tick(lane)
            assert flush(lane) == ()

    assert [body["title"].split(":")[0] for _, body in listener.got] == [f"notes {run}" for run in nights]
    assert len({key for key, _ in listener.got}) == 2


def test_held_run_is_told_at_once_without_what_mentions_anybody(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    lane = lane_to(open_lane, listener.url)
    run = submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes()).run
    assert run is not None
    runs.hold(lane.db, run, reason="the pilot said <!channel> @all sk-ant-api03-abc", hint="lanectl status")
    flush(lane)
    ((_, body),) = listener.got
    assert body["title"].startswith(f"notes {run} is held: the pilot said (!channel) (at)all ")
    assert "sk-ant-api03-abc" not in body["text"]
    assert body["text"].endswith("Look: lanectl status")


def test_late_run_is_told_once(scene: Scene, open_lane: OpenLane, listener: Listener) -> None:
    lane = lane_to(open_lane, listener.url)
    run = submit(lane, scene.recipe(notify=("team",), pilot=0), scene.wishes()).run
    scene.clock.advance(26 * 3600)
    flush(lane)
    flush(lane)
    assert [body["title"].split(":")[0] for _, body in listener.got] == [f"notes {run} is late"]


def test_run_with_few_successes_is_called_failing(
    scene: Scene, open_lane: OpenLane, listener: Listener, box: Sandbox
) -> None:
    box.set_faults(Faults.from_json({"items": [{"outcome": "errored"}]}))
    lane = lane_to(open_lane, listener.url)
    run = night(scene, lane)
    flush(lane)
    assert listener.got[0][1]["title"].startswith(f"notes {run} is failing: 4 errored")


def test_killed_between_send_and_record_it_is_sent_again_with_the_same_id(
    scene: Scene, open_lane: OpenLane, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_to(open_lane, listener.url)
    night(scene, lane)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        # The one moment that a fault from outside cannot hit: after the answer, before the row.
        patched.setattr(outbox, "mark_sent", killed)
        with pytest.raises(KeyboardInterrupt):
            flush(lane)
    flush(lane)
    assert len(listener.got) == 1
    scene.clock.advance(121)
    flush(lane)

    (first, again) = listener.got
    assert first == again
    assert [one.sent_at for one in outbox.messages(lane.db)] == [lane.now]


@pytest.mark.parametrize("status", [500, 404, 429, 301])
def test_refusal_is_said_once_tried_again_with_growing_pauses_and_changes_nothing(
    scene: Scene, open_lane: OpenLane, listener: Listener, status: int
) -> None:
    listener.status = status
    lane = lane_to(open_lane, listener.url)
    run = night(scene, lane)

    said = [flush(lane)]
    for minutes in (4, 2, 6, 10):
        scene.clock.advance(60 * minutes)
        said.append(flush(lane))

    assert len(said[0]) == 1
    assert "team could not be told" in said[0][0]
    assert "a-secret" not in said[0][0]
    assert said[1:] == [(), (), (), ()]
    assert len(listener.got) == 3
    assert runs.get_run(lane.db, run).pulled_at is not None
    listener.status = 204
    scene.clock.advance(7 * 3600)
    assert flush(lane) == ()
    assert len({key for key, _ in listener.got}) == 1


def test_target_that_is_down_for_two_days_is_given_up_loudly(
    scene: Scene, open_lane: OpenLane, clock: FakeClock
) -> None:
    with deaf_port() as number:
        lane = lane_to(open_lane, f"http://127.0.0.1:{number}/")
        run = night(scene, lane)
        began = clock()
        said: list[str] = []
        while clock() - began < timedelta(hours=60):
            said += flush(lane)
            clock.advance(3600)

    assert len(said) == 2
    assert said[1].startswith("gave up telling team after 48 hours (notes ")
    assert "team was never told" in runs.list_events(lane.db, run)[-1][1]
    assert 8 < outbox.messages(lane.db)[0].tries < 20


def test_target_that_hangs_is_left_within_its_time(
    scene: Scene, open_lane: OpenLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "WEBHOOK_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lane = lane_to(open_lane, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        night(scene, lane)
        (said,) = flush(lane)
    assert "no answer within 0.2 seconds" in said


def test_name_without_an_address_is_said_and_kept(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    night(scene, lane)
    (said,) = flush(lane)
    assert "the recipe names team, the configuration does not - [notify.team]" in said
    assert outbox.messages(lane.db)[0].sent_at is None


def test_address_of_this_machine_is_refused_unless_allowed(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    lane = open_lane(notify={"team": Target(listener.url.replace("http:", "https:"))})
    night(scene, lane)
    (said,) = flush(lane)
    assert "an address of this machine" in said
    assert listener.got == []


def test_sandbox_tells_nobody(scene: Scene, open_lane: OpenLane, listener: Listener) -> None:
    lane = lane_to(open_lane, listener.url)
    night(scene, lane)
    assert notify.flush(lane.db, scene.settings(sandbox=True), lane.clock) == ()
    assert listener.got == []


@pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="apprise is not installed")
def test_other_addresses_go_through_apprise_in_a_process_of_its_own(
    scene: Scene, open_lane: OpenLane, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apprise.py").write_text("raise SystemExit(0)  # a stranger's module where one stands")
    monkeypatch.chdir(tmp_path)
    lane = lane_to(open_lane, listener.url.replace("http://", "json://"))
    run = night(scene, lane)
    assert flush(lane) == ()
    ((_, body),) = listener.got
    assert body["title"].startswith(f"notes {run}: 4 succeeded")
    assert body["message"].strip() == "Read it: lanectl digest --open"


@pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="apprise is not installed")
def test_apprise_that_is_refused_is_told_without_the_address(
    scene: Scene, open_lane: OpenLane, listener: Listener
) -> None:
    listener.status = 500
    lane = lane_to(open_lane, listener.url.replace("http://", "json://"))
    night(scene, lane)
    assert flush(lane) == (
        "team could not be told, and will be again: a json address did not take it - [notify.team]",
    )
