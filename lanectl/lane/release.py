"""Release: a person has looked; what was held is sent, given up, or settled by hand."""

from dataclasses import dataclass
from datetime import datetime

from lanectl.api import NotFound
from lanectl.errors import HeldError, UsageError
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.pilot import overrule
from lanectl.lane.reconcile import DECLARED, prove
from lanectl.lane.settle import settle
from lanectl.lane.submit import Submitted, submitted
from lanectl.lane.sync import sync
from lanectl.models import AttemptState
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run


@dataclass(frozen=True, slots=True)
class Held:
    """What a release would send: why it is held, how many jobs wait, and what was reserved for the run."""

    reason: str | None
    waiting: int
    high_usd: float | None


def held(lane: Lane, run: Run) -> Held:
    """What a person should know before releasing a run."""
    high = run.estimate.get("high_usd")
    return Held(
        run.held_reason,
        runs.waiting_count(lane.db, run.id),
        float(high) if isinstance(high, (int, float)) else None,
    )


def release(lane: Lane, run: Run) -> Submitted:
    """Send what a run holds back; raises `HeldError` when it is over a cap, which a release does not lift."""
    with lane.locked():
        sync(lane)
        run = runs.get_run(lane.db, run.id)
        if run.dropped_at:
            raise UsageError("this run was given up", where=run.id, hint=f"lanectl submit {run.recipe}")
        _check_elsewhere(lane, run)
        with lane.db.write():
            overrule(lane, run)
            runs.unhold(lane.db, run.id)
            runs.allow_late(lane.db, run.id)
            attempts.clear_waits(lane.db, run.id)
            runs.add_event(lane.db, run.id, "released", now=lane.now)
        advance(lane, runs.get_run(lane.db, run.id))
    settle(lane, run.id, wait_s=float(run.policy.get("pilot_wait_s", 2700)))
    return submitted(lane, run.id, estimate=None)


def _check_elsewhere(lane: Lane, run: Run) -> None:
    """While a run was held, a later one may have taken its items: sending them again would pay twice."""
    later = runs.taken_over_by(lane.db, run.id)
    if later is not None and run.policy.get("repeat") != "always":
        raise HeldError(
            f"run {later} has sent jobs of this run since",
            where=run.id,
            hint=f"lanectl release {run.id} --drop",
        )


def drop(lane: Lane, run: Run) -> int:
    """Give up what was not sent; returns how many jobs that were."""
    with lane.locked():
        waiting = runs.waiting_count(lane.db, run.id)
        runs.mark_dropped(lane.db, run.id, now=lane.now)
        runs.add_event(lane.db, run.id, f"given up: {waiting} jobs", now=lane.now)
    return waiting


def settle_as(lane: Lane, run: Run, batch_id: str) -> Attempt:
    """The user says which batch an unknown attempt became; one of another size or owner is refused."""
    with lane.locked():
        sync(lane)
        attempt = _unknown(lane, run)
        owner = attempts.find_by_batch(lane.db, batch_id)
        if owner is not None:
            raise HeldError(
                f"{batch_id} belongs to run {owner.run}", where=run.id, hint="lanectl status --all"
            )
        try:
            batch = lane.api.get_batch(batch_id)
        except NotFound:
            raise UsageError(
                f"the provider shows no batch {batch_id}", where=lane.api.host, hint="lanectl doctor"
            ) from None
        if batch.counts.total != attempt.requests:
            raise HeldError(
                f"{batch_id} has {batch.counts.total} requests, and {attempt.requests} were sent",
                where=run.id,
                hint=f"lanectl show {run.id}",
            )
        if batch.processing_status == "ended" and prove(lane, attempt, batch) == "foreign":
            raise HeldError(
                f"the results of {batch_id} are of other requests",
                where=run.id,
                hint=f"lanectl show {run.id}",
            )
        attempts.mark_accepted(lane.db, attempt, batch, request_id=None, workspace=None, now=lane.now)
        runs.add_event(
            lane.db, run.id, f"settled by hand: batch {attempt.number} is {batch_id}", now=lane.now
        )
        return attempts.get_attempt(lane.db, run.id, attempt.number)


def settle_not_sent(lane: Lane, run: Run) -> Attempt:
    """The user says that an unknown attempt never arrived; it may be sent again, which is another command."""
    with lane.locked():
        sync(lane)
        attempt = _unknown(lane, run)
        attempts.mark_unsettled(
            lane.db, attempt, AttemptState.ABSENT, error=f"{DECLARED} by the user", now=lane.now
        )
        runs.add_event(lane.db, run.id, f"settled by hand: batch {attempt.number} was not sent", now=lane.now)
        runs.hold(
            lane.db,
            run.id,
            reason=f"batch {attempt.number} was declared not sent at "
            f"{datetime.fromisoformat(lane.now):%H:%M} UTC",
            hint=f"lanectl release {run.id}",
        )
        return attempts.get_attempt(lane.db, run.id, attempt.number)


def _unknown(lane: Lane, run: Run) -> Attempt:
    found = attempts.list_attempts(lane.db, run.id, AttemptState.UNKNOWN)
    if not found:
        raise UsageError(
            "no submission of this run is uncertain", where=run.id, hint=f"lanectl show {run.id}"
        )
    return found[0]
