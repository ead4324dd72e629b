"""Runs and jobs: found by what a user calls them, and as far as their attempts are."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.errors import UsageError
from lanectl.models import AttemptState, Outcome, Role, RunState, Skip
from lanectl.state import answers, attempts, runs
from lanectl.state.answers import Artifact
from lanectl.state.database import Database, StateBroken
from lanectl.state.runs import Earlier, Job, PlannedJob, pico, usd
from tests.state.facts import FIRST, LATER, NOW, SECOND, add_attempt, add_run, answer, batch, run, send

INTENT, SENDING, UNKNOWN = AttemptState.INTENT, AttemptState.SENDING, AttemptState.UNKNOWN
ACCEPTED, REFUSED, ABSENT = AttemptState.ACCEPTED, AttemptState.REFUSED, AttemptState.ABSENT
ENDED, PULLED = AttemptState.ENDED, AttemptState.PULLED


def test_run_comes_back_as_it_was_planned(db: Database) -> None:
    skips = (Skip("b.bin", "binary"), Skip("a\ud800", "secret", "line 3"))
    planned = add_run(db, run(), skips=skips)
    assert runs.get_run(db, FIRST) == planned
    assert runs.has_run(db, FIRST)
    assert runs.list_skips(db, FIRST) == [Skip("b.bin", "binary"), Skip("a\ufffd", "secret", "line 3")]
    assert list(runs.list_jobs(db, FIRST)) == [
        Job(n, f"key {n}", f"digest {n}", n * 100, 100, None, None) for n in range(3)
    ]
    assert [job.n for job in runs.find_jobs(db, FIRST, [0, 2])] == [0, 2]
    found = runs.find_job(db, FIRST, "key 1")
    assert found is not None
    assert found.n == 1
    assert runs.find_job(db, FIRST, "no key") is None


def test_run_with_two_jobs_of_one_key_is_not_recorded_at_all(db: Database) -> None:
    twins = [PlannedJob(n, "same", f"digest {n}", 0, 1, 1) for n in range(2)]
    with pytest.raises(StateBroken), db.write():
        runs.add_run(db, run(), twins, ())
    assert not runs.has_run(db, FIRST)


@pytest.mark.parametrize("amount", [None, "0", "0.000000000001", "25.5", "1234567.123456789012"])
def test_money_comes_back_to_the_last_picodollar(amount: str | None) -> None:
    dollars = None if amount is None else Decimal(amount)
    assert usd(pico(dollars)) == dollars


@given(st.lists(st.decimals(0, 100, places=14), min_size=2, max_size=20))
def test_sum_does_not_depend_on_the_order_of_its_parts(parts: list[Decimal]) -> None:
    kept = [pico(part) or 0 for part in parts]
    assert sum(kept) == sum(reversed(kept))
    assert abs(Decimal(sum(kept)) / 10**12 - sum(parts)) < Decimal("1e-10")


def test_run_is_found_by_what_a_user_calls_it(db: Database) -> None:
    add_run(db, run(FIRST))
    add_run(db, run(SECOND, created_at=LATER))
    add_run(db, run("bcdefghijz", recipe="review"))
    assert runs.named_run(db, "latest").id == SECOND
    assert runs.named_run(db, FIRST).id == FIRST
    assert runs.named_run(db, "abc").id == FIRST
    assert runs.named_run(db, "notes").id == SECOND
    assert runs.named_run(db, "review").id == "bcdefghijz"
    assert [one.id for one in runs.list_runs(db)] == [SECOND, "bcdefghijz", FIRST]
    assert [one.id for one in runs.list_runs(db, since=LATER)] == [SECOND]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bcd", "bcd is the beginning of several runs (bcdefghijk, bcdefghijz)"),
        ("zzz", "no run or recipe zzz"),
        ("", "no run or recipe "),
        ("_", "no run or recipe _"),
        ("%", "no run or recipe %"),
        ("\\", "no run or recipe \\"),
    ],
)
def test_name_that_names_no_single_run_is_told(db: Database, name: str, message: str) -> None:
    add_run(db, run(SECOND))
    add_run(db, run("bcdefghijz"))
    with pytest.raises(UsageError) as caught:
        runs.named_run(db, name)
    assert caught.value.message == message
    assert caught.value.hint == "lanectl status --all"


def test_no_run_at_all_is_told(db: Database) -> None:
    with pytest.raises(UsageError):
        runs.named_run(db, "latest")
    with pytest.raises(UsageError):
        runs.get_run(db, FIRST)
    assert runs.list_runs(db) == runs.open_runs(db) == []


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([(INTENT, Role.MAIN)], RunState.PLANNED),
        ([(REFUSED, Role.MAIN)], RunState.PLANNED),
        ([(ABSENT, Role.MAIN)], RunState.PLANNED),
        ([(ACCEPTED, Role.PILOT), (INTENT, Role.MAIN)], RunState.PILOTING),
        ([(SENDING, Role.PILOT), (INTENT, Role.MAIN)], RunState.PILOTING),
        ([(UNKNOWN, Role.PILOT), (INTENT, Role.MAIN)], RunState.PILOTING),
        ([(PULLED, Role.PILOT), (ACCEPTED, Role.MAIN)], RunState.IN_PROGRESS),
        ([(ACCEPTED, Role.PILOT), (ACCEPTED, Role.MAIN)], RunState.IN_PROGRESS),
        ([(UNKNOWN, Role.MAIN)], RunState.IN_PROGRESS),
        ([(ENDED, Role.MAIN), (INTENT, Role.MAIN)], RunState.PLANNED),
        ([(ENDED, Role.MAIN), (PULLED, Role.PILOT)], RunState.ENDED),
        ([(PULLED, Role.MAIN)], RunState.PULLED),
    ],
)
def test_run_is_as_far_as_its_attempts(
    db: Database, states: list[tuple[AttemptState, Role]], state: RunState
) -> None:
    one = add_run(db, run())
    for number, (reached, role) in enumerate(states):
        made = add_attempt(db, one, [number], number=number, role=role)
        if reached != INTENT:
            send(db, made, reached)
    assert runs.run_state(db, one) == state


def test_replaced_attempt_that_turns_up_after_all_is_out_again(db: Database) -> None:
    one = add_run(db, run(), jobs=1)
    lost = send(db, add_attempt(db, one, [0]), ABSENT)
    again = add_attempt(db, one, [0], number=1)
    with db.write():
        attempts.replace(db, lost, 1)
    send(db, again, PULLED)
    assert runs.run_state(db, one) == RunState.PULLED
    late = send_late(db, lost.number)
    assert runs.run_state(db, one) == RunState.IN_PROGRESS
    attempts.mark_ended(db, late, error="seen", now=LATER)
    assert runs.run_state(db, one) == RunState.ENDED


def send_late(db: Database, number: int) -> attempts.Attempt:
    one = attempts.get_attempt(db, FIRST, number)
    attempts.mark_accepted(db, one, batch("late"), request_id=None, workspace=None, late=True, now=LATER)
    return attempts.get_attempt(db, FIRST, number)


def test_jobs_wait_while_nothing_of_theirs_is_at_the_provider(db: Database) -> None:
    one = add_run(db, run(), jobs=4)
    assert runs.waiting_count(db, FIRST) == 4
    send(db, add_attempt(db, one, [0]), REFUSED)
    sent = send(db, add_attempt(db, one, [1, 2], number=1), ACCEPTED)
    assert runs.waiting_count(db, FIRST) == 2
    answer(db, sent, 1)
    assert runs.outcome_counts(db, FIRST) == {"": 3, "succeeded": 1}


def test_dropped_run_gives_up_only_what_is_not_out(db: Database) -> None:
    one = add_run(db, run(), jobs=4)
    failed = send(db, add_attempt(db, one, [0], number=0), PULLED)
    answer(db, failed, 0, Outcome.ERRORED)
    runs.reset_jobs(db, FIRST, [0])
    out = send(db, add_attempt(db, one, [1], number=1), ACCEPTED)
    add_attempt(db, one, [0, 2, 3], number=2)
    runs.hold(db, FIRST, reason="a budget", hint="lanectl release")
    runs.mark_dropped(db, FIRST, now=LATER)
    assert [job.outcome for job in runs.list_jobs(db, FIRST)] == ["errored", None, "canceled", "canceled"]
    dropped = runs.get_run(db, FIRST)
    assert (dropped.dropped_at, dropped.held_reason, dropped.held_hint) == (LATER, None, None)
    assert runs.run_state(db, dropped) == RunState.IN_PROGRESS
    answer(db, out, 1)
    assert runs.outcome_counts(db, FIRST) == {"errored": 1, "succeeded": 1, "canceled": 2}


def test_success_is_never_reset(db: Database) -> None:
    one = add_run(db, run())
    sent = send(db, add_attempt(db, one, [0, 1]), PULLED)
    answer(db, sent, 0)
    answer(db, sent, 1, Outcome.TRUNCATED)
    runs.reset_jobs(db, FIRST, [0, 1, 2])
    assert [job.outcome for job in runs.list_jobs(db, FIRST)] == ["succeeded", None, None]
    assert [one.outcome for one in answers.history(db, FIRST, 1)] == ["truncated"]


def test_same_request_is_known_from_an_earlier_run(db: Database) -> None:
    one = add_run(db, run())
    assert runs.earlier(db, "digest 0") == Earlier(FIRST, 0, "key 0", None, NOW, None)
    assert runs.earlier(db, "digest 9") is None
    sent = send(db, add_attempt(db, one, [0, 1]), PULLED)
    answer(db, sent, 0)
    answer(db, sent, 1, Outcome.ERRORED)
    with db.write():
        answers.add_artifacts(db, FIRST, 0, [Artifact("key-0.md", "5a"), Artifact("more.patch", "5b")], ())
    known = runs.earlier(db, "digest 0")
    assert known == Earlier(FIRST, 0, "key 0", "succeeded", NOW, f"/repo/.lanectl/notes/{FIRST}/key-0.md")
    assert runs.earlier(db, "digest 1") is None
    assert runs.form_succeeded(db, "form-1")
    assert not runs.form_succeeded(db, "form-2")


def test_what_was_given_up_unsent_is_no_earlier_request(db: Database) -> None:
    add_run(db, run())
    runs.mark_dropped(db, FIRST, now=LATER)
    assert runs.earlier(db, "digest 0") is None


def test_run_is_open_until_it_is_pulled_or_given_up(db: Database) -> None:
    for run_id in (FIRST, SECOND):
        add_run(db, run(run_id))
    assert [one.id for one in runs.open_runs(db)] == [FIRST, SECOND]
    runs.mark_pulled(db, FIRST, now=LATER)
    runs.mark_dropped(db, SECOND, now=LATER)
    assert runs.open_runs(db) == []
    runs.reopen(db, FIRST)
    runs.take_up(db, SECOND)
    assert [one.id for one in runs.open_runs(db)] == [FIRST, SECOND]


def test_hold_and_release_are_remembered(db: Database) -> None:
    add_run(db, run())
    runs.hold(db, FIRST, reason="over the cap", hint="lanectl release x")
    held = runs.get_run(db, FIRST)
    assert (held.held_reason, held.held_hint) == ("over the cap", "lanectl release x")
    runs.unhold(db, FIRST)
    runs.allow_late(db, FIRST)
    released = runs.get_run(db, FIRST)
    assert (released.held_reason, released.policy) == (None, {"pilot": 0, "released": True})


def test_first_cancel_is_the_one_that_counts(db: Database) -> None:
    add_run(db, run())
    runs.mark_canceled(db, FIRST, now=NOW)
    runs.mark_canceled(db, FIRST, now=LATER)
    assert runs.get_run(db, FIRST).canceled_at == NOW


def test_history_is_told_in_order(db: Database) -> None:
    add_run(db, run())
    runs.add_event(db, FIRST, "sent \ud800", now=NOW)
    runs.add_event(db, FIRST, "settled", now=LATER)
    assert runs.list_events(db, FIRST) == [(NOW, "sent \ufffd"), (LATER, "settled")]


def test_remembered_fact_is_replaced(db: Database) -> None:
    assert runs.get_meta(db, "last_asked_at") is None
    runs.set_meta(db, "last_asked_at", NOW)
    runs.set_meta(db, "last_asked_at", LATER)
    assert runs.get_meta(db, "last_asked_at") == LATER
