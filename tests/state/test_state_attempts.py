"""Attempts: a row for each sending, with an id only once there is one, and never two rows for one batch."""

from dataclasses import replace

import pytest

from lanectl.errors import LanectlError
from lanectl.models import AttemptState, Counts
from lanectl.state import attempts
from lanectl.state.attempts import Attempt, Candidate, Placed, Sending
from lanectl.state.database import Database, StateBroken
from tests.state.facts import FACTS, FIRST, LATER, NOW, SECOND, add_attempt, add_run, batch, run, send


def get(db: Database, number: int = 0) -> Attempt:
    return attempts.get_attempt(db, FIRST, number)


def test_intent_has_every_custom_id_and_no_batch(db: Database) -> None:
    one = add_run(db, run())
    made = add_attempt(db, one, [2, 0])
    assert get(db) == made
    assert (made.state, made.batch_id, made.sending_at) == ("intent", None, None)
    assert list(attempts.list_sendings(db, made)) == [
        Sending(f"L1_{FIRST}_0_0", 0),
        Sending(f"L1_{FIRST}_0_2", 2),
    ]
    assert list(attempts.list_placed(db, made)) == [
        Placed(f"L1_{FIRST}_0_0", 0, 0, 100, "digest 0", None),
        (last := Placed(f"L1_{FIRST}_0_2", 2, 200, 100, "digest 2", None)),
    ]
    assert attempts.find_placed(db, made, f"L1_{FIRST}_0_2") == last
    assert attempts.find_placed(db, replace(made, number=1), f"L1_{FIRST}_0_2") is None
    assert attempts.find_placed(db, made, "someone-elses") is None
    assert attempts.find_sending(db, f"L1_{FIRST}_0_2") == (FIRST, 0, 2)
    assert attempts.find_sending(db, "someone-elses") is None
    assert attempts.next_number(db, FIRST) == 1
    assert attempts.next_number(db, SECOND) == 0


def test_intent_of_a_job_that_is_not_there_is_refused_whole(db: Database) -> None:
    one = add_run(db, run())
    with pytest.raises(StateBroken):
        add_attempt(db, one, [0, 7])
    assert attempts.list_attempts(db) == []
    assert attempts.find_sending(db, f"L1_{FIRST}_0_0") is None


def test_custom_id_is_sent_in_one_attempt_only(db: Database) -> None:
    one = add_run(db, run())
    made = add_attempt(db, one, [0])
    again = replace(made, number=1)
    with pytest.raises(StateBroken), db.write():
        attempts.add_attempt(db, again, [Sending(f"L1_{FIRST}_0_0", 0)])


def test_sending_is_told_with_all_that_proves_it_later(db: Database) -> None:
    made = add_attempt(db, add_run(db, run()), [0])
    attempts.mark_sending(db, made, facts=FACTS, now=LATER)
    assert get(db) == replace(made, state="sending", sending_at=LATER, **FACTS)


def test_only_an_intent_can_be_sent(db: Database) -> None:
    made = add_attempt(db, add_run(db, run()), [0])
    attempts.mark_sending(db, made, facts=FACTS, now=NOW)
    with pytest.raises(AssertionError):
        attempts.mark_sending(db, made, facts=FACTS, now=LATER)
    assert get(db).sending_at == NOW


def test_accepted_attempt_has_its_id_and_what_the_provider_says(db: Database) -> None:
    made = send(db, add_attempt(db, add_run(db, run()), [0]), AttemptState.ACCEPTED, "msgbatch_1")
    assert (made.state, made.batch_id, made.request_id, made.workspace) == (
        "accepted",
        "msgbatch_1",
        "req_1",
        "wrkspc_1",
    )
    assert (made.counts, made.processing_status) == (Counts(processing=3), "in_progress")
    assert made.results_expire_at == "2026-12-23T22:00:00+00:00"
    assert attempts.find_by_batch(db, "msgbatch_1") == made
    assert attempts.find_by_batch(db, "msgbatch_2") is None


def test_no_two_attempts_own_one_batch(db: Database) -> None:
    one = add_run(db, run())
    send(db, add_attempt(db, one, [0]), AttemptState.ACCEPTED, "msgbatch_1")
    other = send(db, add_attempt(db, one, [1], number=1), AttemptState.UNKNOWN)
    with pytest.raises(LanectlError):
        attempts.mark_accepted(db, other, batch("msgbatch_1"), request_id=None, workspace=None, now=LATER)
    assert get(db, 1) == other


@pytest.mark.parametrize("state", ["accepted", "ended", "pulled"])
def test_attempt_without_a_batch_cannot_be_called_accepted(db: Database, state: str) -> None:
    add_attempt(db, add_run(db, run()), [0])
    with pytest.raises(StateBroken), db.write():
        db.execute("UPDATE attempts SET state = ?", (state,))


def test_unknown_word_for_a_state_is_refused(db: Database) -> None:
    add_attempt(db, add_run(db, run()), [0])
    with pytest.raises(StateBroken), db.write():
        db.execute("UPDATE attempts SET state = 'perhaps'")


def test_batch_that_has_ended_ends_its_attempt_and_keeps_it_ended(db: Database) -> None:
    made = send(db, add_attempt(db, add_run(db, run()), [0]), AttemptState.ACCEPTED, "msgbatch_1")
    attempts.fold(db, made, batch(processing_status="canceling"))
    assert get(db).state == "accepted"
    ended = batch(processing_status="ended", ended_at=LATER, counts=Counts(succeeded=2, errored=1))
    attempts.fold(db, made, ended)
    assert (get(db).state, get(db).ended_at, get(db).counts) == ("ended", LATER, ended.counts)
    with db.write():
        attempts.mark_pulled(db, made, results_sha256="5a", now=LATER)
    attempts.fold(db, made, ended)
    assert get(db).state == "pulled"


def test_refusal_waits_until_its_time_or_a_person_says_otherwise(db: Database) -> None:
    made = add_attempt(db, add_run(db, run()), [0])
    attempts.mark_sending(db, made, facts=FACTS, now=NOW)
    attempts.mark_unsettled(db, made, AttemptState.REFUSED, error="429", not_before=LATER, now=NOW)
    assert (get(db).state, get(db).error, get(db).not_before) == ("refused", "429", LATER)
    attempts.clear_waits(db, FIRST)
    assert get(db).not_before is None


def test_looks_and_candidates_are_counted(db: Database) -> None:
    made = send(db, add_attempt(db, add_run(db, run()), [0]), AttemptState.UNKNOWN)
    attempts.add_look(db, made, now=NOW)
    attempts.see_candidate(db, made, batch("b"), now=NOW)
    attempts.add_look(db, made, now=LATER)
    attempts.see_candidate(db, made, batch("b"), now=LATER)
    attempts.see_candidate(db, made, batch("a", created_at=LATER), now=LATER)
    attempts.judge_candidate(db, made, "a", "foreign")
    looked = get(db)
    assert (looked.looks, looked.first_look_at, looked.last_look_at) == (2, NOW, LATER)
    assert attempts.list_candidates(db, made) == [
        Candidate("b", NOW, 2, NOW, "open"),
        Candidate("a", LATER, 1, LATER, "foreign"),
    ]


def test_batch_that_was_not_shown_counts_until_it_is_shown_again(db: Database) -> None:
    made = send(db, add_attempt(db, add_run(db, run()), [0]), AttemptState.ACCEPTED)
    attempts.count_not_found(db, made, now=NOW)
    attempts.count_not_found(db, made, now=LATER)
    assert (get(db).not_found, get(db).first_not_found_at) == (2, NOW)
    attempts.fold(db, made, batch(made.batch_id or ""))
    assert (get(db).not_found, get(db).first_not_found_at) == (0, None)


def test_fetches_are_counted_from_the_first(db: Database) -> None:
    made = send(db, add_attempt(db, add_run(db, run()), [0]), AttemptState.ENDED)
    attempts.count_fetch(db, made, now=NOW)
    attempts.count_fetch(db, made, now=LATER)
    assert (get(db).fetches, get(db).first_fetch_at) == (2, NOW)


def test_attempts_are_listed_by_run_and_state(db: Database) -> None:
    for run_id in (FIRST, SECOND):
        one = add_run(db, run(run_id))
        send(db, add_attempt(db, one, [0]), AttemptState.ACCEPTED)
        send(db, add_attempt(db, one, [1], number=1), AttemptState.UNKNOWN)
        add_attempt(db, one, [2], number=2)

    def found(*asked: AttemptState, of: str | None = None) -> list[tuple[str, int]]:
        return [(one.run, one.number) for one in attempts.list_attempts(db, of, *asked)]

    assert found() == [(run_id, number) for run_id in (FIRST, SECOND) for number in range(3)]
    assert found(of=SECOND) == [(SECOND, 0), (SECOND, 1), (SECOND, 2)]
    assert found(AttemptState.UNKNOWN) == [(FIRST, 1), (SECOND, 1)]
    assert found(AttemptState.INTENT, AttemptState.ACCEPTED, of=FIRST) == [(FIRST, 0), (FIRST, 2)]
    assert found(AttemptState.PULLED) == []


def test_missing_attempt_is_told(db: Database) -> None:
    with pytest.raises(LookupError):
        attempts.get_attempt(db, FIRST, 0)


def test_first_job_is_taken_out_of_what_is_not_sent(db: Database) -> None:
    one = add_run(db, run())
    send(db, add_attempt(db, one, [0], role="pilot"), AttemptState.PULLED)
    add_attempt(db, one, [1, 2], number=1)
    taken = []
    for _ in range(3):
        with db.write():
            taken.append(attempts.take_first_job(db, FIRST))
    assert taken == [1, 2, None]
    assert [made.number for made in attempts.list_attempts(db)] == [0]
