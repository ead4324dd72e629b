"""Waits for what a run's own command can settle: its pilot, lost answers, passing refusals; one cron line
is enough."""

from datetime import datetime, timedelta

from lanectl.errors import TryLater
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull_run
from lanectl.lane.sync import sync
from lanectl.models import AttemptState, Role
from lanectl.state import attempts, runs

LOST_LOOKS_S = (5.0, 15.0, 60.0)
LOST_THEN_S = 180.0
PILOT_LOOKS_S = (20.0, 30.0, 45.0)
PILOT_THEN_S = 60.0
SANDBOX_LOOK_S = 0.5


def settle(lane: Lane, run_id: str, *, wait_s: float) -> None:
    """Look again, collect the pilot and send what becomes due, until nothing is waited for or the time is
    over.

    The lock is held only while looking, never while waiting. A busy provider or lock is met by the next look;
    after the last one a late pilot lets the rest go, or holds it, as the recipe says.
    """
    deadline = lane.clock() + timedelta(seconds=wait_s)
    look = 0
    _announce(lane, run_id)
    while True:
        pause = _pause(lane, run_id, look)
        if pause is None:
            return
        left = (deadline - lane.clock()).total_seconds()
        if left < 0:
            return
        if not _hurried(lane, run_id):
            lane.sleep(min(pause, left + 1.0))
        look += 1
        try:
            with lane.locked():
                sync(lane)
                _collect_pilot(lane, run_id)
                advance(lane, runs.get_run(lane.db, run_id))
        except TryLater as later:
            lane.tell(f"{later}; looking again")


def _announce(lane: Lane, run_id: str) -> None:
    """Say before the waiting begins what is waited for, and how not to."""
    accepted = attempts.list_attempts(lane.db, run_id, AttemptState.ACCEPTED)
    out = any(one.role == Role.PILOT for one in accepted)
    rest = sum(one.requests for one in attempts.list_attempts(lane.db, run_id, AttemptState.INTENT))
    if out and rest:
        lane.remark(
            f"pilot sent; the other {rest:,} follow when it has ended, usually 2 to 15 minutes.\n"
            "Keep this machine awake, or press Enter to send them now."
        )


def _hurried(lane: Lane, run_id: str) -> bool:
    """Whether a person wants the rest sent now: that ends waiting for a pilot, and for nothing else."""
    lost = attempts.list_attempts(
        lane.db, run_id, AttemptState.UNKNOWN, AttemptState.SENDING, AttemptState.REFUSED
    )
    return lane.hurry() and all(one.replaced_by is not None for one in lost)


def _collect_pilot(lane: Lane, run_id: str) -> None:
    ended = attempts.list_attempts(lane.db, run_id, AttemptState.ENDED)
    if any(one.role == Role.PILOT for one in ended):
        pull_run(lane, runs.get_run(lane.db, run_id), named=False)


def _pause(lane: Lane, run_id: str, look: int) -> float | None:
    """Seconds until the next look; None when there is nothing to look for."""
    run = runs.get_run(lane.db, run_id)
    lost = attempts.list_attempts(lane.db, run_id, AttemptState.UNKNOWN, AttemptState.SENDING)
    if lost:
        lane.tell("an answer was lost; looking at the provider before anything else is sent")
        return _look(lane, LOST_LOOKS_S, LOST_THEN_S, look)
    if run.held_reason or run.dropped_at or run.canceled_at:
        return None
    unsent = [
        one
        for one in attempts.list_attempts(
            lane.db, run_id, AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT
        )
        if one.replaced_by is None
    ]
    if not unsent:
        return None
    waits = [one.not_before for one in unsent if one.not_before is not None and one.not_before > lane.now]
    if waits:
        seconds = (datetime.fromisoformat(min(waits)) - lane.clock()).total_seconds()
        lane.tell(f"the provider asks for patience: sending again in {seconds:,.0f} s")
        return max(seconds, 1.0)
    lane.tell("waiting for the pilot")
    return _look(lane, PILOT_LOOKS_S, PILOT_THEN_S, look)


def _look(lane: Lane, first: tuple[float, ...], then: float, look: int) -> float:
    if lane.settings.sandbox:
        return SANDBOX_LOOK_S
    return first[look] if look < len(first) else then
