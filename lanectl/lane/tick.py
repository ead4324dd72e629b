"""Tick: one line for cron; settles, sends what waits, pulls, retries what recipes allow; silent with nothing
to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lanectl.errors import LanectlError, NoAccess, TryLater
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.erase import erasable
from lanectl.lane.flush import flush
from lanectl.lane.pull import Pulled, pull
from lanectl.lane.queue import is_due
from lanectl.lane.retry import choose_by_itself, plan
from lanectl.models import AttemptState
from lanectl.state import attempts, runs
from lanectl.state.runs import Run

LAST_GOOD = "last_good_tick_at"
# A plan is good for a day, a batch for another: what is older has been read in the meantime.
RETRY_WITHIN = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did; `said` holds one sentence an event, and is empty when nothing happened."""

    pulled: Pulled
    retried: tuple[str, ...]
    said: tuple[str, ...]


def idle(lane: Lane) -> bool:
    """Whether nothing is due, by the state file alone: no open run, none to retry, no call that must go."""
    if runs.open_runs(lane.db) or _twins(lane) or _retryable(lane):
        return False
    return not erasable(lane) and not is_due(lane)


def tick(lane: Lane) -> Ticked:
    """Take everything one step further; raises `NoAccess` and `TryLater` when the provider cannot be asked.

    No step is begun after `tick_limit_s`, counted from when the lock was free.
    """
    if idle(lane):
        runs.set_meta(lane.db, LAST_GOOD, lane.now)
        return Ticked(Pulled((), 0, None), (), ())
    with lane.locked():
        lane.deadline = lane.clock() + timedelta(seconds=lane.settings.provider.tick_limit_s)
        try:
            return _tick(lane)
        finally:
            lane.deadline = None


def _tick(lane: Lane) -> Ticked:
    pulled = pull(lane)
    said = [
        f"{one.account.recipe} {one.account.run}: {_counts(one.account.outcomes)}"
        for one in pulled.runs
        if one.settled_now
    ]
    said.extend(
        f"{one.account.recipe} {one.account.run}: {one.account.elsewhere} computed in another region"
        for one in pulled.runs
        if one.settled_now and one.account.elsewhere
    )
    retried: list[str] = []
    for run in _retryable(lane):
        choice = choose_by_itself(lane, run)
        if choice is None or lane.late:
            continue
        try:
            plan(lane, run, choice)
            advance(lane, runs.get_run(lane.db, run.id))
        except LanectlError as error:
            # Told once, with the results; every later tick would only say it again.
            if any(one.settled_now and one.account.run == run.id for one in pulled.runs):
                said.append(f"{run.recipe} {run.id}: not retried: {error}")
            continue
        retried.append(run.id)
        said.append(f"{run.recipe} {run.id}: {len(choice.jobs)} jobs sent again")
    said.extend(f"run {one.run}: {one.requests} requests sent, {one.state}" for one in pulled.sent)
    try:
        said.extend(flush(lane).said)
    except (NoAccess, TryLater) as error:
        # What was pulled is worth telling all the same; the calls wait for the next tick.
        said.append(f"queue: not sent: {error}")
    runs.set_meta(lane.db, LAST_GOOD, lane.now)
    return Ticked(pulled, tuple(retried), tuple(said))


def _retryable(lane: Lane) -> list[Run]:
    """Runs settled lately whose recipes allow another try; not only this tick's, which may have died."""
    since = (lane.clock() - RETRY_WITHIN).isoformat(timespec="seconds")
    settled = runs.list_runs(lane.db, since=since)
    return [run for run in reversed(settled) if choose_by_itself(lane, run) is not None]


def _twins(lane: Lane) -> bool:
    """Whether an answer is still lost somewhere, even in a run that was given up."""
    return bool(
        attempts.list_attempts(lane.db, None, AttemptState.UNKNOWN, AttemptState.SENDING, AttemptState.ENDED)
    )


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in outcomes.items())
