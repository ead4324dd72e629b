"""Retry: the jobs that did not succeed are sent again as a further batch of the same run."""

from collections.abc import Collection
from dataclasses import dataclass

from lanectl.errors import UsageError
from lanectl.lane import budget
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.numbering import sendings_of
from lanectl.lane.pilot import PASSING_ERRORS
from lanectl.lane.reckon import rest_of
from lanectl.lane.settle import settle
from lanectl.lane.submit import Submitted, submitted
from lanectl.lane.sync import sync
from lanectl.models import AttemptState, Outcome, Role
from lanectl.plan import batches
from lanectl.plan.batches import Sized
from lanectl.plan.models import facts
from lanectl.plan.prefix import dumps, shared_of
from lanectl.state import answers, attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Job, Run, list_jobs

RETRYABLE = frozenset(Outcome) - {Outcome.SUCCEEDED}
GROWTH = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """Which jobs a retry would send, and with how many tokens for the answer."""

    jobs: tuple[Job, ...]
    max_tokens: int


def choose(lane: Lane, run: Run, only: Collection[str] | None) -> Choice:
    """The jobs that did not succeed, of the outcomes in `only` where given.

    A cut answer needs more room: `max_tokens` doubles up to the model's limit. Raises `UsageError` for an
    unknown outcome, when nothing is left, and when cut answers already had all the room there is.
    """
    wanted = frozenset(only) if only else frozenset(map(str, RETRYABLE))
    unknown = sorted(wanted - set(map(str, RETRYABLE)))
    if unknown:
        known = ", ".join(sorted(map(str, RETRYABLE)))
        raise UsageError(f"no such outcome: {unknown[0]} (there are {known})", hint=f"lanectl retry {run.id}")
    jobs = tuple(job for job in list_jobs(lane.db, run.id) if job.outcome in wanted)
    if not jobs:
        raise UsageError("no job of this run is left to retry", where=run.id, hint=f"lanectl show {run.id}")
    used = max(attempt.max_tokens for attempt in attempts.list_attempts(lane.db, run.id))
    if not any(job.outcome == Outcome.TRUNCATED for job in jobs):
        return Choice(jobs, used)
    known_model = facts(run.model)
    most = known_model.max_output if known_model else used * GROWTH
    if used >= most:
        raise UsageError(
            f"cut answers had {used:,} tokens, all that {run.model} writes; the items must become smaller",
            where=run.id,
            hint=f"lanectl retry {run.id} --only errored,expired",
        )
    return Choice(jobs, min(used * GROWTH, most))


def choose_by_itself(lane: Lane, run: Run) -> Choice | None:
    """What `tick` may send again unasked: only what the recipe allows and may end differently; None for
    nothing.
    """
    allowed = frozenset(run.policy.get("retry", ())) & {"errored", "expired"}
    if run.pulled_at is None or run.dropped_at or run.held_reason:
        return None
    if not allowed & set(runs.outcome_counts(lane.db, run.id)):
        return None
    done = sum(
        attempt.role == Role.RETRY and attempt.replaced_by is None
        for attempt in attempts.list_attempts(lane.db, run.id)
    )
    if done >= int(run.policy.get("retry_max", 1)):
        return None
    jobs = tuple(
        job for job in list_jobs(lane.db, run.id) if job.outcome in allowed and _passes(lane, run, job)
    )
    if not jobs:
        return None
    return Choice(jobs, max(one.max_tokens for one in attempts.list_attempts(lane.db, run.id)))


def retry(lane: Lane, run: Run, choice: Choice) -> Submitted:
    """Send the chosen jobs again; the latest outcome stands, the earlier ones stay in the history."""
    with lane.locked():
        sync(lane)
        plan(lane, run, choice, attended=True)
        advance(lane, runs.get_run(lane.db, run.id))
    settle(lane, run.id, wait_s=float(run.policy.get("pilot_wait_s", 2700)))
    return submitted(lane, run.id, estimate=None)


def plan(lane: Lane, run: Run, choice: Choice, *, attended: bool = False) -> None:
    """Record the further attempts and reserve for them; the caller holds the lock.

    Raises `HeldError` when they are over a cap; a price that nobody knows is for an `attended` retry only.
    """
    spooled = lane.spool.run(run.id)
    kept = spooled.read_json("shared.json")
    if kept is None or "jobs.jsonl" not in spooled.names():
        raise UsageError(
            "the requests of this run are no longer in the spool",
            where=run.id,
            hint=f"lanectl submit {run.recipe} --again",
        )
    shared_bytes = len(dumps(shared_of(kept).body(run.cache_mode, choice.max_tokens)))
    sized = (Sized(job.n, job.bytes) for job in choice.jobs)
    numbers_of_all = [job.n for job in choice.jobs]
    more = rest_of(
        lane, run, numbers_of_all, max_tokens=choice.max_tokens, cache_mode=run.cache_mode, primed=False
    )
    with lane.db.write():
        budget.commit_more(lane, run, more, numbers_of_all, attended=attended)
        for numbers in batches.split(sized, shared_bytes=shared_bytes):
            number = attempts.next_number(lane.db, run.id)
            attempt = Attempt(
                run=run.id,
                number=number,
                role=Role.RETRY,
                state=AttemptState.INTENT,
                requests=len(numbers),
                bytes=0,
                cache_mode=run.cache_mode,
                max_tokens=choice.max_tokens,
                created_at=lane.now,
            )
            attempts.add_attempt(lane.db, attempt, sendings_of(lane, run.id, number, numbers))
        runs.reset_jobs(lane.db, run.id, [job.n for job in choice.jobs])
        runs.take_up(lane.db, run.id)
        runs.allow_late(lane.db, run.id)
        runs.add_event(lane.db, run.id, f"retry of {len(choice.jobs)} jobs", now=lane.now)


def _passes(lane: Lane, run: Run, job: Job) -> bool:
    if job.outcome == Outcome.EXPIRED:
        return True
    last = answers.history(lane.db, run.id, job.n)
    error = last[-1].error if last else None
    return error is not None and error.type in PASSING_ERRORS
