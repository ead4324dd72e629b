"""Cancel: asks the provider; the state changes when the provider says so, and what was never sent is given
up.
"""

import contextlib
from dataclasses import dataclass

from lanectl.api import BadRequest, NotFound
from lanectl.lane.context import Lane
from lanectl.lane.sync import sync
from lanectl.models import AttemptState
from lanectl.state import attempts, runs
from lanectl.state.runs import Run


@dataclass(frozen=True, slots=True)
class Canceled:
    """What a cancel did: batches asked to stop, jobs that were never sent, and batches whose fate is not
    known.
    """

    run: str
    asked: tuple[str, ...]
    dropped: int
    unknown: int


def cancel(lane: Lane, run: Run) -> Canceled:
    """Ask for every open batch of a run to be canceled; requests under way may still complete and cost.

    A run that is settled stays what it is.
    """
    with lane.locked():
        sync(lane)
        if runs.get_run(lane.db, run.id).pulled_at is not None:
            return Canceled(run.id, (), 0, 0)
        runs.mark_canceled(lane.db, run.id, now=lane.now)
        dropped = runs.waiting_count(lane.db, run.id)
        runs.mark_dropped(lane.db, run.id, now=lane.now)
        asked: list[str] = []
        for attempt in attempts.list_attempts(lane.db, run.id, AttemptState.ACCEPTED):
            if attempt.batch_id is None:
                continue
            # Ended in the meantime or not visible yet: the next look tells which.
            with contextlib.suppress(NotFound, BadRequest):
                attempts.fold(lane.db, attempt, lane.api.cancel_batch(attempt.batch_id))
            asked.append(attempt.batch_id)
        runs.add_event(lane.db, run.id, f"cancel asked for {len(asked)} batches", now=lane.now)
        unknown = len(attempts.list_attempts(lane.db, run.id, AttemptState.UNKNOWN, AttemptState.SENDING))
    return Canceled(run.id, tuple(asked), dropped, unknown)
