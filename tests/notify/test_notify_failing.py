"""A tick or a pull that does not get through: one message to each target, until it works again."""

import json

import pytest

from lanectl import notify
from lanectl.config import Target
from lanectl.errors import LanectlError
from lanectl.lane.cancel import cancel
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.notify import failing
from lanectl.notify.failing import Failure, failed, worked
from lanectl.state import episode, outbox, runs
from tests.disk_faults import file_size_limit
from tests.lane.scene import OpenLane, Scene
from tests.notify.program import Program, night, sent

REFUSED = Failure("lanectl tick", "invalid x-api-key - api.example", lasting=True)
AWAY = Failure("lanectl tick", "no connection (ConnectError) - api.example", lasting=False)
QUARTER_S = 900


@pytest.fixture
def lane(open_lane: OpenLane, program: Program) -> Lane:
    """A command whose target `team` is the program."""
    return open_lane(notify={"team": Target(command=(str(program.path),))})


def tick(scene: Scene, lane: Lane, failure: Failure | None = None) -> tuple[str, ...]:
    """A quarter of an hour later a command fails, or works; what it says of telling."""
    scene.clock.advance(QUARTER_S)
    if failure is None:
        worked(lane.db, lane.clock())
    else:
        failed(lane.db, failure, lane.clock())
    return notify.flush(lane.db, lane.settings, lane.clock)


def test_refused_key_is_told_at_once_and_once(scene: Scene, lane: Lane, program: Program) -> None:
    first, second = sent(scene, lane, "team"), sent(scene, lane, "team")

    assert [tick(scene, lane, REFUSED) for _ in range(40)] == [()] * 40

    (message,) = program.messages
    (kept,) = outbox.messages(lane.db)
    title = "lanectl tick is failing: invalid x-api-key - api.example"
    assert message == {
        "id": kept.id,
        "title": title,
        "text": f"{title}\nnotes {first} waits\nnotes {second} waits\nLook: lanectl doctor",
    }


def test_failure_after_it_worked_is_another_one(scene: Scene, lane: Lane, program: Program) -> None:
    sent(scene, lane, "team")
    for failure in (REFUSED, REFUSED, None, None, REFUSED, None):
        tick(scene, lane, failure)
    assert program.titles == ["lanectl tick is failing"] * 2
    assert len({message["id"] for message in program.messages}) == 2
    assert episode.current(lane.db) is None


def test_what_passes_by_itself_is_told_only_when_it_has_not_for_three_hours(
    scene: Scene, lane: Lane, program: Program
) -> None:
    run = sent(scene, lane, "team")
    began = lane.clock()
    while not program.messages:
        tick(scene, lane, AWAY)
    waited = lane.clock() - began
    assert waited.total_seconds() == 3 * 3600 + QUARTER_S
    (message,) = program.messages
    assert message["text"].splitlines() == [
        "lanectl tick is failing: no connection (ConnectError) - api.example",
        "since 2026-11-24T22:15Z",
        f"notes {run} waits",
        "Look: lanectl doctor",
    ]


def test_two_failures_far_apart_are_no_reason_to_tell(scene: Scene, lane: Lane, program: Program) -> None:
    sent(scene, lane, "team")
    tick(scene, lane, AWAY)
    scene.clock.advance(9 * 3600)
    tick(scene, lane, AWAY)
    assert program.messages == []
    tick(scene, lane, AWAY)
    assert program.titles == ["lanectl tick is failing"]


def test_success_between_begins_the_count_anew(scene: Scene, lane: Lane, program: Program) -> None:
    sent(scene, lane, "team")
    for _ in range(8):
        for failure in (*[AWAY] * 11, None):
            tick(scene, lane, failure)
    assert program.messages == []
    assert outbox.messages(lane.db) == []


def test_every_target_of_an_open_run_hears_of_it_and_no_other(
    scene: Scene, open_lane: OpenLane, program: Program
) -> None:
    lane = open_lane(
        notify={name: Target(command=(str(program.path), name)) for name in ("team", "me", "done", "new")}
    )
    night(scene, lane, "done")
    notify.flush(lane.db, lane.settings, lane.clock)
    dropped = sent(scene, lane, "gone")
    sent(scene, lane, "team", "me")
    cancel(lane, runs.get_run(lane.db, dropped))
    scene.clock.advance(60)
    told = len(program.messages)

    tick(scene, lane, REFUSED)
    assert sorted(one.target for one in outbox.messages(lane.db))[1:] == ["gone", "me", "team"]
    assert len(program.messages) - told == 2

    # A run that goes out in the middle of it brings a target of its own.
    sent(scene, lane, "new", "team")
    tick(scene, lane, REFUSED)
    assert len(program.messages) - told == 3
    assert program.arguments == ["new"]


def test_failure_that_nobody_waits_for_leaves_nothing_behind(scene: Scene, lane: Lane) -> None:
    before = lane.db.rows("SELECT * FROM meta")
    night(scene, lane)
    sent(scene, lane)
    assert tick(scene, lane, REFUSED) == ()
    assert outbox.messages(lane.db) == []
    assert episode.current(lane.db) is None
    assert {row["key"] for row in lane.db.rows("SELECT * FROM meta")} - {row["key"] for row in before} == {
        "last_asked_at"
    }


def test_what_was_never_taken_is_not_told_once_it_works_again(
    scene: Scene, lane: Lane, program: Program
) -> None:
    sent(scene, lane, "team")
    program.then("exit 1")
    (said,) = tick(scene, lane, REFUSED)
    assert said.startswith("team could not be told, and will be again: tell ended with exit code 1")
    program.then("")
    assert tick(scene, lane) == ()
    for _ in range(20):
        tick(scene, lane)
    assert len(program.messages) == 1
    (kept,) = outbox.messages(lane.db)
    assert (kept.sent_at, kept.dropped_at, kept.error) == (
        None,
        "2026-11-24T22:30:00+00:00",
        "it works again",
    )


def test_failure_of_two_days_is_given_up_loudly_and_once(scene: Scene, lane: Lane, program: Program) -> None:
    sent(scene, lane, "team")
    program.then("exit 1")
    said = [text for _ in range(4 * 60) for text in tick(scene, lane, REFUSED)]
    ours = [text for text in said if "is failing" in text]
    assert len(ours) == 1
    assert ours[0].startswith(
        "gave up telling team after 48 hours (lanectl tick is failing: invalid x-api-key"
    )


def test_hostile_words_are_one_safe_line_that_mentions_nobody(
    scene: Scene, lane: Lane, program: Program
) -> None:
    sent(scene, lane, "team")
    words = "said <!channel> @all\r\n`x`\x1b[2J\u202e" + "x" * 500
    tick(scene, lane, Failure("lanectl tick", words, lasting=True))
    title = program.messages[0]["title"]
    assert title.startswith("lanectl tick is failing: said (!channel) (at)all 'x'␛[2J")
    assert len(title) <= 200
    assert not {"\n", "\r", "\x1b", "\u202e"} & set(title)


def test_many_runs_that_wait_are_counted(scene: Scene, lane: Lane, program: Program) -> None:
    for _ in range(failing.MOST_RUNS + 2):
        sent(scene, lane, "team")
    tick(scene, lane, REFUSED)
    lines = program.messages[0]["text"].splitlines()
    assert (len(lines), lines[-2:]) == (failing.MOST_RUNS + 3, ["2 more wait", "Look: lanectl doctor"])


def test_failure_and_a_night_that_settles_are_two_messages(
    scene: Scene, lane: Lane, program: Program
) -> None:
    run = sent(scene, lane, "team")
    tick(scene, lane, REFUSED)
    pull(lane)
    tick(scene, lane)
    assert program.titles == ["lanectl tick is failing", f"notes {run}"]


def test_disk_that_is_full_leaves_the_state_file_as_it_was(scene: Scene, lane: Lane) -> None:
    sent(scene, lane, "team")
    size = lane.settings.state_path.stat().st_size
    words = json.dumps({"x": "y" * 200})
    with file_size_limit(size // 2), pytest.raises(LanectlError):
        failed(lane.db, Failure("lanectl tick", words, lasting=True), lane.clock())
    assert outbox.messages(lane.db) == []
    assert episode.current(lane.db) is None
