"""Alive: the dead man's switch; says what has gone quiet, from the state file alone."""

from datetime import datetime, timedelta

from lanectl.files import free_bytes
from lanectl.lane.context import Lane
from lanectl.lane.tick import LAST_GOOD
from lanectl.models import AttemptState
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt

TICK_PERIOD = timedelta(hours=1)
EXPIRY_SLACK = timedelta(hours=1)
NOTHING_ENDED = timedelta(hours=25)
UNKNOWN_FOR = timedelta(hours=1)
UNPULLED_FOR = timedelta(days=20)
LOW_DISK = 500_000_000


def alive(lane: Lane, *, period: timedelta = TICK_PERIOD) -> tuple[str, ...]:
    """One sentence for everything that somebody should look at; empty when the lane is well.

    `period` is how often `tick` is meant to run; it is looked at only once it has ever run.
    """
    said = [problem for attempt in attempts.list_attempts(lane.db) for problem in _about(lane, attempt)]
    last = runs.get_meta(lane.db, LAST_GOOD)
    if last is not None and lane.clock() - datetime.fromisoformat(last) > 2 * period:
        said.append(f"no good tick since {last}: lanectl tick")
    said.extend(
        f"run {run.id} is held: {run.held_reason}; {run.held_hint}"
        for run in runs.open_runs(lane.db)
        if run.held_reason
    )
    free = free_bytes(lane.settings.spool_dir)
    if free < LOW_DISK:
        said.append(f"only {free:,} bytes are free: lanectl clean --dry-run")
    return tuple(said)


def _about(lane: Lane, attempt: Attempt) -> list[str]:
    now = lane.clock()
    if attempt.state == AttemptState.ACCEPTED and attempt.expires_at:
        late = now - datetime.fromisoformat(attempt.expires_at)
        sent = now - datetime.fromisoformat(attempt.batch_created_at or attempt.created_at)
        if late > EXPIRY_SLACK:
            return [f"batch {attempt.batch_id} is past its expiry and was not seen to end: lanectl pull"]
        if sent > NOTHING_ENDED:
            return [f"batch {attempt.batch_id} was sent over 25 hours ago and has not ended: lanectl pull"]
    since = now - datetime.fromisoformat(attempt.sending_at or attempt.created_at)
    if attempt.state in (AttemptState.UNKNOWN, AttemptState.SENDING) and since > UNKNOWN_FOR:
        return [f"a submission of run {attempt.run} has been uncertain for over an hour: lanectl status"]
    if attempt.state != AttemptState.ENDED or attempt.batch_created_at is None:
        return []
    age = now - datetime.fromisoformat(attempt.batch_created_at)
    if age < UNPULLED_FOR:
        return []
    return [f"the results of {attempt.batch_id} are unpulled and deleted soon: lanectl pull {attempt.run}"]
