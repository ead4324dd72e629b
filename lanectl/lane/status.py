"""Status: what needs a person first, from the state file; asks the provider at most once a minute and
never sends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lanectl.digest.words import without_success
from lanectl.lane.account import account_of
from lanectl.lane.context import Lane
from lanectl.lane.reconcile import known_by
from lanectl.lane.residency import ELSEWHERE
from lanectl.lane.sync import asked_lately, sync
from lanectl.models import AttemptState, RunAccount
from lanectl.state import answers, attempts, queue, runs
from lanectl.state.answers import Sums
from lanectl.state.attempts import Attempt, Candidate
from lanectl.state.lock import Holder, holder
from lanectl.state.runs import Run

RESULTS_WARN_AFTER = timedelta(days=21)
RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run as status shows it; `needs` are sentences that ask something of a person."""

    run: Run
    account: RunAccount
    state: str
    waiting: int
    attempts: tuple[Attempt, ...]
    candidates: Mapping[int, tuple[Candidate, ...]]
    sums: Sums
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The runs asked for, newest first, who holds the lock, and when the provider was last asked."""

    runs: tuple[RunStatus, ...]
    queue: int
    holder: Holder | None
    asked_at: str | None


def refresh(lane: Lane, *, force: bool) -> bool:
    """Settle and look, unless that happened within the last minute or another process is at it; True when
    it did."""
    if not force and asked_lately(lane):
        return False
    if holder(lane.lock_path) is not None:
        return False
    if not runs.open_runs(lane.db):
        return False
    with lane.locked(wait_s=0):
        sync(lane)
    return True


def status(lane: Lane, run: Run | None = None, *, every: bool = False) -> Status:
    """The state file's word on one run, on those that are open or young, or on every one of them."""
    if run is not None:
        wanted = [run]
    elif every:
        wanted = runs.list_runs(lane.db)
    else:
        young = runs.list_runs(lane.db, since=(lane.clock() - RECENT).isoformat(timespec="seconds"))
        open_ids = {one.id for one in runs.open_runs(lane.db)}
        older = [one for one in reversed(runs.open_runs(lane.db)) if one.id not in {y.id for y in young}]
        wanted = [one for one in young if one.id in open_ids or one.pulled_at or one.dropped_at] + older
    return Status(
        runs=tuple(_of(lane, one) for one in wanted),
        queue=queue.count(lane.db),
        holder=holder(lane.lock_path),
        asked_at=runs.get_meta(lane.db, "last_asked_at"),
    )


def _of(lane: Lane, run: Run) -> RunStatus:
    tried = attempts.list_attempts(lane.db, run.id)
    account = account_of(lane, run)
    return RunStatus(
        run=run,
        account=account,
        state=runs.run_state(lane.db, run),
        waiting=runs.waiting_count(lane.db, run.id),
        attempts=tuple(tried),
        candidates={
            one.number: tuple(attempts.list_candidates(lane.db, one))
            for one in tried
            if one.state == AttemptState.UNKNOWN
        },
        sums=answers.sums(lane.db, run.id),
        needs=(*_needs(lane, run, tried), *_failed(lane, run, account)),
    )


def _needs(lane: Lane, run: Run, tried: list[Attempt]) -> list[str]:
    said: list[str] = []
    if run.held_reason:
        said.append(f"held: {run.held_reason}; {run.held_hint}")
    elsewhere = answers.error_count(lane.db, run.id, ELSEWHERE)
    if elsewhere:
        noun = "answers" if elsewhere > 1 else "answer"
        what = f"{elsewhere:,} {noun} computed in another region than was asked for"
        said.append(f"{what}: lanectl show {run.id}")
    for one in tried:
        if one.state in (AttemptState.UNKNOWN, AttemptState.SENDING):
            said.append(_about_unknown(lane, one))
        if one.state == AttemptState.ENDED:
            said.append(f"batch {one.number} has ended: lanectl pull {run.id}")
        if one.state in (AttemptState.ACCEPTED, AttemptState.ENDED):
            said.extend(_about_age(lane, one))
    waiting = [
        one
        for one in tried
        if one.state in (AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT)
        and one.replaced_by is None
    ]
    if waiting and not run.held_reason and not run.dropped_at:
        later = max((one.not_before or "" for one in waiting), default="")
        said.append(f"not sent yet{f', not before {later}' if later else ''}: lanectl tick")
    return said


def _failed(lane: Lane, run: Run, account: RunAccount) -> Iterator[str]:
    """The jobs of the last day's runs that have no success, once nothing of the run is out any more."""
    if run.pulled_at and lane.clock() - datetime.fromisoformat(run.pulled_at) < RECENT:
        lost = without_success(account)
        if lost:
            yield lost


def _about_unknown(lane: Lane, one: Attempt) -> str:
    left = [each for each in attempts.list_candidates(lane.db, one) if each.verdict == "open"]
    if left:
        ids = ", ".join(each.batch_id for each in left)
        return f"the answer to batch {one.number} was lost; it may be {ids}, known when that has ended"
    known = known_by(lane, one).isoformat(timespec="minutes")
    return f"the answer to batch {one.number} was lost; known by {known}"


def _about_age(lane: Lane, one: Attempt) -> list[str]:
    created = one.batch_created_at
    if created is None:
        return []
    age = lane.clock() - datetime.fromisoformat(created)
    if age < RESULTS_WARN_AFTER:
        return []
    gone = (one.results_expire_at or "")[:10]
    return [f"the provider deletes the results of {one.batch_id} on {gone}: lanectl pull"]
