"""Takes runs further: sends what waits and may be sent, and nothing that a person must look at first."""

from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta

from lanectl.lane.context import Lane
from lanectl.lane.numbering import sendings_of
from lanectl.lane.pilot import gate
from lanectl.lane.send import Snapshot, preflight, send
from lanectl.models import AttemptState, Role
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run

# A plan that is older describes a repository that has moved on, and a price that somebody may have forgotten.
STALE_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Advanced:
    """What was sent for one run; `blocked` is why nothing (more) was: `held`, `later`, `unknown`, or None."""

    sent: tuple[Attempt, ...]
    blocked: str | None


def advance(lane: Lane, run: Run, *, snapshot: Snapshot | None = None) -> Advanced:
    """Send everything of a run that waits and is due; the caller holds the lock and has synced."""
    sent: list[Attempt] = []
    while True:
        run = runs.get_run(lane.db, run.id)
        blocked = _blocked(lane, run)
        due = [] if blocked else _passed(lane, run, due_attempts(lane, run))
        if due and lane.late:
            return Advanced(tuple(sent), "later")
        if not due:
            return Advanced(tuple(sent), blocked or _why_later(lane, run))
        ready = due[0] if due[0].state == AttemptState.INTENT else again(lane, run, due[0])
        # Each creation has its own look just before it: the snapshot says which batches are older than ours.
        looked = snapshot or preflight(lane)
        snapshot = None
        done = send(lane, ready, looked)
        sent.append(done)
        if done.state == AttemptState.UNKNOWN:
            return Advanced(tuple(sent), "unknown")
        if done.state == AttemptState.REFUSED:
            return Advanced(tuple(sent), _blocked(lane, runs.get_run(lane.db, run.id)) or "later")


def due_attempts(lane: Lane, run: Run) -> list[Attempt]:
    """The attempts of a run that may be sent now: never sent, refused for a while that is over, or proven
    absent.
    """
    waiting = [
        attempt
        for attempt in attempts.list_attempts(
            lane.db, run.id, AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT
        )
        if attempt.replaced_by is None
    ]
    return [one for one in waiting if one.not_before is None or one.not_before <= lane.now]


def again(lane: Lane, run: Run, old: Attempt) -> Attempt:
    """A further attempt of the same jobs, with ids of its own and otherwise the same bytes."""
    number = attempts.next_number(lane.db, run.id)
    jobs = array("q", (sending.job for sending in attempts.list_sendings(lane.db, old)))
    fresh = Attempt(
        run=run.id,
        number=number,
        role=old.role,
        state=AttemptState.INTENT,
        requests=old.requests,
        bytes=old.bytes,
        cache_mode=old.cache_mode,
        max_tokens=old.max_tokens,
        created_at=lane.now,
    )
    with lane.db.write():
        attempts.add_attempt(lane.db, fresh, sendings_of(lane, run.id, number, jobs))
        attempts.replace(lane.db, old, number)
    return fresh


def _blocked(lane: Lane, run: Run) -> str | None:
    if run.held_reason:
        return "held"
    if run.dropped_at or run.canceled_at:
        return "dropped"
    age = lane.clock() - datetime.fromisoformat(run.created_at)
    if age > STALE_AFTER and _has_unsent(lane, run) and not run.policy.get("released"):
        runs.hold(
            lane.db,
            run.id,
            reason="planned over a day ago and not sent since",
            hint=f"lanectl release {run.id}",
        )
        return "held"
    return None


def _passed(lane: Lane, run: Run, due: list[Attempt]) -> list[Attempt]:
    """What the pilot lets through: itself first, and everything else once it is judged."""
    opened = gate(lane, run, hurry=lane.hurry())
    if opened.open:
        return due
    return [one for one in due if one.role == Role.PILOT]


def _has_unsent(lane: Lane, run: Run) -> bool:
    unsent = attempts.list_attempts(
        lane.db, run.id, AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT
    )
    return any(one.replaced_by is None for one in unsent)


def _why_later(lane: Lane, run: Run) -> str | None:
    if runs.get_run(lane.db, run.id).held_reason:
        return "held"
    if attempts.list_attempts(lane.db, run.id, AttemptState.UNKNOWN, AttemptState.SENDING):
        return "unknown"
    return "later" if _has_unsent(lane, run) else None
