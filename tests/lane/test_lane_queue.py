"""Calls that nobody waits for: kept, grouped, sent once; late ones answered or reported, never both."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lanectl.config import Budget, Queue
from lanectl.errors import HeldError, UsageError
from lanectl.lane.compose import Question
from lanectl.lane.context import Lane
from lanectl.lane.flush import Flushed, flush
from lanectl.lane.pull import pull
from lanectl.lane.queue import Due, Queued, add, drop, due
from lanectl.lane.route import Call, route
from lanectl.lane.status import status
from lanectl.lane.sync import sync
from lanectl.lane.tick import tick
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import queue, runs
from lanectl.state.queue import Entry
from tests.lane.queue_night import (
    MODELS,
    NOBODY,
    account,
    ask_many,
    in_processes,
    killed_tick,
    night,
    prompt_of,
    tick_once,
)
from tests.lane.scene import OpenLane, Scene, prompts

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)


def entry(name: str, *, age_s: float = 0, due_s: float | None = None, group: str = "a") -> Entry:
    deadline = None if due_s is None else (NOW + timedelta(seconds=due_s)).isoformat()
    queued = (NOW - timedelta(seconds=age_s)).isoformat()
    return Entry(name, None, group, "", "{}", name, "waiting", queued, deadline)


@pytest.mark.parametrize(
    ("waiting", "groups", "late"),
    [
        pytest.param([], (), (), id="nothing waits"),
        pytest.param([entry("1"), entry("2")], (), (), id="few and young"),
        pytest.param([entry("1"), entry("2"), entry("3")], ("a",), (), id="enough"),
        pytest.param([entry("1"), entry("2"), entry("3", group="b")], (), (), id="enough only together"),
        pytest.param([entry("1"), entry("2", age_s=600)], ("a",), (), id="the oldest is old enough"),
        pytest.param([entry("1"), entry("2", age_s=599)], (), (), id="the oldest is a second too young"),
        pytest.param([entry("1", due_s=90_000)], ("a",), (), id="due in 25 hours: the last moment"),
        pytest.param([entry("1", due_s=90_001)], (), (), id="due in a second more: no hurry"),
        pytest.param([entry("1", due_s=86_400)], ("a",), (), id="due in 24 hours: just promised"),
        pytest.param([entry("1", due_s=86_399)], (), ("1",), id="due in less: no batch promises it"),
        pytest.param([entry("1", due_s=-5)], (), ("1",), id="overdue"),
        pytest.param(
            [entry("1", due_s=60), entry("2"), entry("3")], (), ("1",), id="a late one makes no batch full"
        ),
        pytest.param(
            [entry("1", age_s=700), entry("2", group="b"), entry("3", group="c", due_s=87_000)],
            ("a", "c"),
            (),
            id="groups go by themselves",
        ),
    ],
)
def test_what_is_due_is_what_must_go_now(
    waiting: list[Entry], groups: tuple[str, ...], late: tuple[str, ...]
) -> None:
    assert due(waiting, now=NOW, min_jobs=3, max_wait_s=600) == Due(groups, late)


def queued(lane: Lane, scene: Scene, prompt: str, **wanted: Any) -> Queued:
    key, deadline_s = wanted.pop("key", None), wanted.pop("deadline_s", None)
    model = wanted.pop("model", None)
    found = route(Call(model=model, lane=None), NOBODY, lane.settings)
    return add(lane, Question(prompt, repo=scene.repo, **wanted), found, key=key, deadline_s=deadline_s)


@contextmanager
def flushed(lane: Lane, *, every: bool = True) -> Iterator[Flushed]:
    with lane.locked():
        sync(lane)
        yield flush(lane, every=every)


def test_queued_call_waits_without_network_or_lock(open_lane: OpenLane, scene: Scene, box: Sandbox) -> None:
    lane = open_lane()
    with open_lane().locked():
        done = queued(lane, scene, "Why?")
    assert (done.fresh, done.waiting, done.entry.state, done.entry.title) == (True, 1, "waiting", "Why?")
    assert status(lane).queue == 1
    assert box.seen == ()


def test_same_key_is_the_same_call(open_lane: OpenLane, scene: Scene, box: Sandbox) -> None:
    lane = open_lane()
    first = queued(lane, scene, "Why?", key="pr-7")
    again = queued(open_lane(), scene, "Why?", key="pr-7")
    assert (again.fresh, again.entry.id, again.waiting, again.notes) == (False, first.entry.id, 1, ())
    with flushed(lane):
        pass
    after = queued(open_lane(), scene, "Why?", key="pr-7")
    assert (after.fresh, after.entry.state, after.waiting) == (False, "sent", 0)
    assert prompts(box) == {"Why?": 1}


def test_same_key_for_another_question_says_so(open_lane: OpenLane, scene: Scene) -> None:
    lane = open_lane()
    queued(lane, scene, "Why?", key="pr-7")
    other = queued(lane, scene, "How?", key="pr-7")
    assert other.notes == ("the key pr-7 was used for another question before: that one stands",)
    assert other.entry.title == "Why?"


def test_flush_sends_a_batch_for_each_model_and_prefix(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    for n in range(8):
        queued(lane, scene, f"q{n}", model=MODELS[n % 2], system="You review." if n < 4 else "")
    with flushed(lane) as done:
        assert sorted(jobs for _, jobs in done.runs) == [2, 2, 2, 2]
    assert prompts(box) == {f"q{n}": 1 for n in range(8)}
    for accepted in box.ledger():
        params = [request["params"] for request in box.requests(accepted.id)]
        assert len({(one["model"], str(one["system"])) for one in params}) == 1
    assert {run.recipe for run in runs.list_runs(lane.db)} == {"ask"}
    assert status(lane).queue == 0


def test_answers_arrive_as_artifacts_named_by_key_or_id(open_lane: OpenLane, scene: Scene) -> None:
    lane = open_lane()
    named, unnamed = queued(lane, scene, "Why?", key="pr-7"), queued(lane, scene, "How?")
    with flushed(lane) as done:
        ((run, _),) = done.runs
    pull(lane, wait=True)
    folder = scene.repo / ".lanectl" / "ask" / run
    assert {path.name for path in folder.glob("*.md")} == {"digest.md", "pr-7.md", f"{unnamed.entry.id}.md"}
    found = queue.named_entry(lane.db, "pr-7")
    assert (found.id, found.outcome, found.artifact) == (named.entry.id, "succeeded", str(folder / "pr-7.md"))


def test_tick_is_silent_while_nothing_is_due(open_lane: OpenLane, scene: Scene, box: Sandbox) -> None:
    lane = open_lane()
    queued(lane, scene, "Why?")
    assert tick(lane).said == ()
    assert box.seen == ()
    scene.clock.advance(3600)
    (said,) = tick(lane).said
    assert said.startswith("queue: 1 call to claude-opus-5-5 sent as run ")
    assert prompts(box) == {"Why?": 1}


def test_deadline_sends_a_batch_while_it_can_be_promised(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    queued(lane, scene, "Why?", deadline_s=26 * 3600)
    assert tick(lane).said == ()
    scene.clock.advance(3600)
    assert len(tick(lane).said) == 1
    assert prompts(box) == {"Why?": 1}


def test_late_call_is_answered_on_the_interactive_lane_and_never_batched(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    late = queued(lane, scene, "Why?", deadline_s=25.5 * 3600, key="pr-7")
    scene.clock.advance(2 * 3600)
    (said,) = tick(lane).said
    found = queue.named_entry(lane.db, late.entry.id)
    artifact = scene.repo / ".lanectl" / "ask" / late.entry.id / "pr-7.md"
    assert (found.state, found.artifact, found.error) == ("answered", str(artifact), None)
    assert said == f"queue: {late.entry.id} was due soon, so the interactive lane answered it: {artifact}"
    assert "No model was called" in artifact.read_text()
    scene.clock.advance(7200)
    assert tick(lane).said == ()
    assert box.ledger() == []
    assert sum(seen.path == "/v1/messages" for seen in box.seen) == 1
    assert lane.db.value("SELECT count(*) FROM calls WHERE verb = 'queue' AND state = 'answered'") == 1


def test_late_call_is_reported_once_and_waits_where_the_configuration_says_so(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane(queue=Queue(late="report"))
    late = queued(lane, scene, "Why?", deadline_s=25.5 * 3600)
    scene.clock.advance(2 * 3600)
    (said,) = tick(lane).said
    assert said.endswith("sooner than a batch promises: it waits for you")
    assert tick(lane).said == ()
    assert (box.ledger(), status(lane).queue) == ([], 1)
    assert not any(seen.path == "/v1/messages" for seen in box.seen)
    with flushed(lane) as done:
        assert [jobs for _, jobs in done.runs] == [1]
    assert queue.named_entry(lane.db, late.entry.id).state == "sent"


def test_late_call_that_the_provider_never_took_waits_again(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    late = queued(lane, scene, "Why?", deadline_s=25.5 * 3600)
    scene.clock.advance(2 * 3600)
    box.set_faults(Faults(wire=(WireFault("messages", status=529, times=-1),)))
    (said,) = tick(lane).said
    assert said.startswith("queue: not sent: ")
    assert queue.named_entry(lane.db, late.entry.id).state == "waiting"
    box.set_faults(Faults())
    tick(lane)
    assert queue.named_entry(lane.db, late.entry.id).state == "answered"


def test_late_call_whose_answer_broke_off_is_lost_and_not_sent_again(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    late = queued(lane, scene, "Why?", deadline_s=25.5 * 3600)
    scene.clock.advance(2 * 3600)
    box.set_faults(Faults(wire=(WireFault("messages", do="stream-cut", after=3),)))
    (said,) = tick(lane).said
    assert said.startswith(f"queue: the answer to {late.entry.id} broke off")
    assert tick(lane).said == ()
    with flushed(lane) as done:
        assert done.runs == ()
    assert queue.named_entry(lane.db, late.entry.id).state == "lost"
    assert drop(lane, late.entry.id).state == "dropped"


def test_call_left_by_a_dead_process_is_owned_up_to(open_lane: OpenLane, scene: Scene) -> None:
    lane = open_lane()
    late = queued(lane, scene, "Why?", deadline_s=25.5 * 3600)
    queue.move(lane.db, late.entry.id, "sending")
    (said,) = tick(lane).said
    assert said == (
        f"queue: the answer to {late.entry.id} is lost; it may have been paid for, and is not sent again"
    )
    assert queue.named_entry(lane.db, late.entry.id).state == "lost"


def test_dropped_call_is_never_sent(open_lane: OpenLane, scene: Scene, box: Sandbox) -> None:
    lane = open_lane()
    first, second = queued(lane, scene, "Why?"), queued(lane, scene, "How?")
    assert drop(lane, first.entry.id[:8]).state == "dropped"
    with flushed(lane):
        pass
    assert prompts(box) == {"How?": 1}
    with pytest.raises(UsageError, match="this call does not wait any more: it is sent"):
        drop(lane, second.entry.id)
    with pytest.raises(UsageError, match="no call nothere in the queue"):
        drop(lane, "nothere")


def test_flush_over_a_cap_keeps_the_calls_and_says_so_once(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane(budget=Budget(run_usd=0.0001))
    queued(lane, scene, "Why?")
    with pytest.raises(HeldError, match="over the cap"), flushed(lane):
        pass
    scene.clock.advance(3600)
    (said,) = tick(lane).said
    assert said.startswith("queue: 1 call stays: over the cap [budget] run_usd")
    assert tick(lane).said == ()
    assert (box.ledger(), status(lane).queue, runs.list_runs(lane.db)) == ([], 1, [])
    assert lane.spool.runs() == []


def test_lost_answer_to_the_batch_is_settled_as_any_other(
    open_lane: OpenLane, scene: Scene, box: Sandbox
) -> None:
    lane = open_lane()
    queued(lane, scene, "Why?")
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    with flushed(lane) as done:
        assert [one.state for one in done.sent] == ["unknown"]
    scene.clock.advance(60)
    pull(lane, wait=True)
    (found,) = queue.list_entries(lane.db)
    assert (found.state, found.outcome) == ("sent", "succeeded")
    assert prompts(box) == {"Why?": 1}


def test_call_outside_a_repository_leaves_its_answer_in_the_data_folder(
    open_lane: OpenLane, scene: Scene, tmp_path: Path
) -> None:
    lane = open_lane()
    plain = tmp_path / "plain"
    plain.mkdir()
    queued(lane, replace_repo(scene, plain), "Why?")
    with flushed(lane) as done:
        ((run, _),) = done.runs
    pull(lane, wait=True)
    (found,) = queue.list_entries(lane.db)
    assert found.artifact == str(lane.settings.data_dir / "ask" / run / f"{found.id}.md")
    assert list(plain.iterdir()) == []


def replace_repo(scene: Scene, folder: Path) -> Scene:
    """The same scene, asked from another folder."""
    other = Scene(scene.root, scene.clock, scene.url)
    other.repo = folder
    return other


def test_settled_calls_are_forgotten_with_their_results(open_lane: OpenLane, scene: Scene) -> None:
    lane = open_lane()
    queued(lane, scene, "Why?", key="old")
    with flushed(lane):
        pass
    scene.clock.advance(36 * 86_400)
    queued(lane, scene, "How?", key="new")
    with flushed(lane):
        pass
    assert [one.key for one in queue.list_entries(lane.db)] == ["new"]
    assert lane.db.value("SELECT count(*) FROM prefixes") == 0


def test_calls_of_many_processes_and_two_ticks_are_sent_once_each(tmp_path: Path) -> None:
    with night(tmp_path) as scene:
        in_processes(lambda n: ask_many(scene, n, 4), 6)
        assert len(tick_once(scene, min_jobs=3)) == 4
        assert tick_once(scene, min_jobs=3) == ()
        done = account(scene)
    assert done.accepted == Counter({prompt_of(p, n): 1 for p in range(6) for n in range(4)})
    assert (sorted(done.batches), done.groups, dict(done.states)) == ([6, 6, 6, 6], 4, {"sent": 24})


@pytest.mark.parametrize("at", [600, 1600, 2600, 3200, 4000])
def test_tick_killed_anywhere_loses_no_call_and_doubles_none(tmp_path: Path, at: int) -> None:
    with night(tmp_path) as scene:
        ask_many(scene, 0, 4)
        ask_many(scene, 1, 4)
        assert killed_tick(scene, at, min_jobs=1)
        for _ in range(4):
            scene.clock.advance(1000)
            tick_once(scene, min_jobs=1)
        done = account(scene)
    assert done.accepted == Counter({prompt_of(p, n): 1 for p in range(2) for n in range(4)})
    assert dict(done.states) == {"succeeded": 8}
