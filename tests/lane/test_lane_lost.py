"""Lost answers: whatever the wire does to a creation, each batch is accepted once, and nothing of others is
touched.
"""

import dataclasses
from datetime import timedelta

import pytest

from lanectl.errors import HeldError, UsageError
from lanectl.lane.advance import advance
from lanectl.lane.pull import pull
from lanectl.lane.reconcile import known_by
from lanectl.lane.release import release, settle_as, settle_not_sent
from lanectl.lane.status import status
from lanectl.lane.submit import submit
from lanectl.lane.sync import sync
from lanectl.models import AttemptState
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, attempts, runs
from lanectl.state.journal import Noted, note, read
from tests.lane.scene import OpenLane, Scene, prompts, states, the_run, tries
from tests.waits import until

LOST = {
    "dropped": WireFault("create", do="drop"),
    "cut before the body": WireFault("create", do="cut", after=0),
    "cut in the body": WireFault("create", do="cut", after=300),
    **{
        f"accepted and {status}": WireFault("create", do="answer", status=status)
        for status in (408, 409, 500, 504)
    },
    **{
        f"refused with {status}": WireFault("create", status=status)
        for status in (408, 409, 500, 502, 503, 504)
    },
    **{
        f"200 {body}": WireFault("create", do="answer", status=200, body=body)
        for body in ("html", "empty", "object")
    },
    **{
        f"200 as {body}": WireFault("create", do="answer", status=200, body=body)
        for body in ("list", "cut", "text")
    },
    "an html 400": WireFault("create", status=400, body="html"),
    "redirected": WireFault("create", do="redirect", status=307, to="http://127.0.0.1:9"),
}


@pytest.mark.parametrize("dedicated", [False, True], ids=["shared", "dedicated"])
@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_lost_answer_ends_with_each_request_accepted_once(
    scene: Scene, box: Sandbox, open_lane: OpenLane, fault: WireFault, dedicated: bool
) -> None:
    box.set_faults(Faults(wire=(fault,)))
    lane = open_lane(provider={"dedicated_workspace": dedicated})
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(1000)
    pull(lane)
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}


def test_answer_that_comes_too_late_is_looked_for(
    scene: Scene, box: Sandbox, open_lane: OpenLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="hang", seconds=240.0),)))
    advance = scene.clock.advance

    def once_it_is_taken(seconds: float) -> None:
        """No time passes before the provider has done what it was asked: it is slow to answer, not to act."""
        until(box.ledger)
        advance(seconds)

    monkeypatch.setattr(scene.clock, "advance", once_it_is_taken)
    lane = open_lane(provider={"timeout_s": 1})
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    assert states(lane) in ([("main", "ended")], [("main", "accepted")])
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


@pytest.mark.parametrize("lag", [0, 20, 120, 600])
def test_slow_list_delays_the_proof_and_doubles_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane, lag: int
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=lag))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(1000)
    pull(lane)
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}


def test_unknown_attempt_holds_its_own_items_and_no_other_run(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    first = submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0, only="[ab]*"))
    assert states(lane) == [("main", "unknown")]
    again = submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    assert [skip.reason for skip in again.skipped] == [f"in flight in {first.run}"] * 2
    assert again.jobs == 2
    assert again.state == "in_progress"


def test_status_says_when_an_uncertain_submission_will_be_known(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    (attempt,) = tries(lane)
    (shown,) = status(lane).runs
    assert shown.needs == (
        f"the answer to batch 0 was lost; known by {known_by(lane, attempt).isoformat(timespec='minutes')}",
    )


def test_foreign_batches_of_equal_size_are_neither_adopted_nor_touched(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    theirs = box.foreign(3, requests=4)
    for _ in range(6):
        scene.clock.advance(200)
        pull(lane)
    scene.clock.advance(200)
    pull(lane)
    assert not [one for one in tries(lane) if one.batch_id in theirs]
    assert not [seen for seen in box.seen if seen.path.endswith("/cancel") or seen.method == "DELETE"]
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_foreign_batch_in_a_workspace_called_dedicated_is_let_go_when_its_ids_speak(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane(provider={"dedicated_workspace": True})
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    box.foreign(1, requests=4)
    for _ in range(8):
        scene.clock.advance(200)
        pull(lane)
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert not (scene.repo / ".lanectl/notes" / the_run(lane).id / "someone-elses-0").exists()


def test_foreign_line_in_our_results_takes_nothing_from_the_proof(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(
        Faults.from_json(
            {"wire": [{"at": "create", "do": "drop"}], "results": [{"do": "foreign", "at": 0, "times": -1}]}
        )
    )
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    assert [one.state for one in tries(lane)] == ["ended"]
    pull(lane)
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}
    assert len(box.ledger()) == 1


def test_late_twin_is_told_and_its_results_count_once(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=1500))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    for _ in range(4):
        scene.clock.advance(600)
        pull(lane)
    run = the_run(lane)
    first, second = tries(lane)
    assert (first.late, second.late, second.state) == (True, False, "pulled")
    assert first.state == "pulled"
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    assert answers.sums(lane.db, run.id).answers == 8
    assert len(answers.list_artifacts(lane.db, run.id)) == 4
    assert any("has turned up" in text for _, text in runs.list_events(lane.db, run.id))
    assert run.pulled_at is not None


def test_batch_that_turns_up_before_it_is_sent_again_makes_the_attempt_uncertain_again(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_duration(5000)
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=1000))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    for _ in range(3):
        scene.clock.advance(310)
        sync(lane)
    assert states(lane) == [("main", "absent")]
    scene.clock.advance(200)
    pull(lane)
    assert states(lane) == [("main", "unknown")]
    scene.clock.advance(5000)
    pull(lane)
    assert states(lane) == [("main", "pulled")]
    assert len(box.ledger()) == 1


def test_two_uncertain_attempts_of_one_run_are_told_apart(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop", times=2),)))
    lane = open_lane(hurry=True)
    submit(lane, scene.recipe(), scene.wishes(pilot="2", pilot_wait_s=0))
    run = the_run(lane)
    (pilot, main) = tries(lane)
    assert (pilot.state, main.state) == ("unknown", "intent")
    runs.mark_judged(lane.db, run.id)
    with lane.locked():
        advance(lane, run)
    assert [one.state for one in tries(lane)] == ["unknown", "unknown"]
    # Two batches of one size, two attempts: in a dedicated workspace too, only their ids tell which is which.
    lane = open_lane(provider={"dedicated_workspace": True})
    for _ in range(3):
        sync(lane)
    assert [one.state for one in tries(lane)] == ["unknown", "unknown"]
    scene.clock.advance(100)
    pull(lane)
    assert [one.state for one in tries(lane)] == ["pulled", "pulled"]
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    assert len(box.ledger()) == 2


def test_hurry_does_not_turn_the_wait_for_a_lost_answer_into_a_flood(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    submit(open_lane(hurry=True), scene.recipe(), scene.wishes(pilot_wait_s=600))
    assert sum(seen.path == "/v1/messages/batches" and seen.method == "GET" for seen in box.seen) < 12
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_lost_pilot_keeps_the_rest_back(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot_wait_s=0))
    assert states(lane) == [("pilot", "unknown"), ("main", "intent")]


def test_released_by_hand_as_a_batch_it_goes_on(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=9000))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    (accepted,) = box.ledger()
    attempt = settle_as(lane, the_run(lane), accepted.id)
    assert (attempt.state, attempt.batch_id) == ("accepted", accepted.id)
    scene.clock.advance(100)
    pull(lane)
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}


def test_released_as_a_batch_that_cannot_be_it_is_refused(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    run = the_run(lane)
    (other_size,) = box.foreign(1, requests=5)
    (other_ids,) = box.foreign(1, requests=4)
    with pytest.raises(HeldError, match="has 5 requests, and 4 were sent"):
        settle_as(lane, run, other_size)
    with pytest.raises(UsageError, match="shows no batch"):
        settle_as(lane, run, "msgbatch_0000")
    scene.clock.advance(100)
    with pytest.raises(HeldError, match="are of other requests"):
        settle_as(lane, run, other_ids)
    assert states(lane) == [("main", "unknown")]


def test_declared_not_sent_it_waits_for_a_release_and_is_sent_again(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    attempt = settle_not_sent(lane, the_run(lane))
    assert attempt.state == "absent"
    pull(lane)
    assert states(lane) == [("main", "absent")]
    done = release(lane, the_run(lane))
    assert done.state == "in_progress"
    assert states(lane) == [("main", "absent"), ("main", "accepted")]
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    with pytest.raises(UsageError, match="no submission of this run is uncertain"):
        settle_not_sent(lane, the_run(lane))


@pytest.mark.parametrize("hours", [-5, 30], ids=["back", "forward"])
def test_clock_that_jumps_after_a_lost_answer_doubles_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane, hours: int
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    # Only our clock jumps: the provider's is put back by as much.
    scene.clock.advance(hours * 3600)
    box.advance(-hours * 3600)
    for _ in range(4):
        scene.clock.advance(310)
        pull(lane)
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}


def test_wrong_clock_from_the_beginning_doubles_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.advance(-7 * 3600)
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    (attempt,) = tries(lane)
    assert abs((attempt.skew_s or 0) + 7 * 3600) < 2
    assert attempt.state in (AttemptState.ACCEPTED, AttemptState.ENDED)


def test_id_in_the_journal_comes_home_before_anything_is_sent(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=90_000))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    (accepted,) = box.ledger()
    assert note(lane.journal_path, Noted(the_run(lane).id, 0, accepted.id, "req_1"))
    scene.clock.advance(100)
    pull(lane)
    (attempt,) = tries(lane)
    assert (attempt.state, attempt.batch_id, attempt.request_id) == ("pulled", accepted.id, "req_1")
    assert read(lane.journal_path) == []


def test_journal_of_an_attempt_nobody_knows_is_kept_and_stops_nothing(
    scene: Scene, open_lane: OpenLane
) -> None:
    said: list[str] = []
    lane = open_lane(tell=said.append)
    submit(lane, scene.recipe(), scene.wishes())
    strange = Noted("aaaaaaaaaa", 3, "msgbatch_0000", None)
    assert note(lane.journal_path, strange)
    scene.clock.advance(100)
    pull(lane)
    assert read(lane.journal_path) == [strange]
    assert any("msgbatch_0000" in line for line in said)
    assert runs.outcome_counts(lane.db, the_run(lane).id) == {"succeeded": 4}


def test_candidate_that_its_owner_deleted_does_not_hold_a_run_for_ever(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_duration(50_000)
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    (theirs,) = box.foreign(1, requests=4)
    scene.clock.advance(600)
    sync(lane)
    box.befall(theirs, "ended")
    box.befall(theirs, "deleted")
    for _ in range(3):
        scene.clock.advance(600)
        sync(lane)
    assert states(lane) == [("main", "unknown")]
    scene.clock.advance(timedelta(hours=25).total_seconds())
    sync(lane)
    assert states(lane) == [("main", "absent")]


def test_given_up_run_whose_lost_batch_is_absent_lets_its_items_go(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    run = the_run(lane)
    runs.mark_dropped(lane.db, run.id, now=lane.now)
    assert submit(lane, scene.recipe(), scene.wishes()).jobs == 0
    for _ in range(4):
        scene.clock.advance(310)
        pull(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"canceled": 4}
    assert submit(lane, scene.recipe(), scene.wishes()).jobs == 4


def test_candidates_are_kept_with_their_verdict(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    (theirs,) = box.foreign(1, requests=4)
    sync(lane)
    (attempt,) = tries(lane)
    (seen,) = attempts.list_candidates(lane.db, attempt)
    assert (seen.batch_id, seen.verdict, seen.looks) == (theirs, "open", 1)
    scene.clock.advance(100)
    sync(lane)
    (judged,) = attempts.list_candidates(lane.db, attempt)
    assert dataclasses.replace(seen, verdict="foreign", looks=2) == judged
