"""Runs, attempts and answers for the tests of the state file, each as plain as it can be."""

from decimal import Decimal
from typing import Any

from lanectl.models import AttemptState, Batch, Counts, JobError, Outcome, Result, Skip, Usage
from lanectl.state import answers, attempts, runs
from lanectl.state.answers import Price
from lanectl.state.attempts import Attempt, Sending
from lanectl.state.database import Database
from lanectl.state.runs import PlannedJob, Run

NOW = "2026-11-24T22:00:00+00:00"
LATER = "2026-11-24T23:00:00+00:00"
FIRST = "abcdefghij"
SECOND = "bcdefghijk"
FACTS: dict[str, Any] = {
    "sha256": "5a",
    "bytes": 900,
    "base_url": "https://api.example.org",
    "workspace": "wrkspc_1",
    "key_print": "00ff",
    "snapshot_id": "msgbatch_0",
    "skew_s": 1.5,
    "boot_id": "boot",
}


def run(run_id: str = FIRST, **changed: Any) -> Run:
    """A run as it is planned."""
    told: dict[str, Any] = {
        "recipe": "notes",
        "recipe_sha256": "00",
        "description": "One note a file",
        "repo": "/repo",
        "repo_name": "repo",
        "commit_sha": "c0ffee",
        "branch": "main",
        "model": "claude-opus-5-5",
        "output": {"table": {"kind": "text"}, "schema_value": None},
        "policy": {"pilot": 0},
        "estimate": {"high_usd": 1.5},
        "cache_mode": "1h",
        "prefix_sha256": "11",
        "prefix_bytes": 5000,
        "form": "form-1",
        "artifacts": f"/repo/.lanectl/notes/{run_id}",
        "reserved_usd": Decimal("1.5"),
        "created_at": NOW,
        **changed,
    }
    return Run(id=run_id, **told)


def add_run(db: Database, one: Run, *, jobs: int = 3, skips: tuple[Skip, ...] = ()) -> Run:
    """Record a run of some jobs `key 0`, `key 1`, ... with digests of their own."""
    planned = (PlannedJob(n, f"key {n}", f"digest {n}", n * 100, 100, 60) for n in range(jobs))
    with db.write():
        runs.add_run(db, one, planned, skips)
    return one


def add_attempt(db: Database, one: Run, jobs: list[int], *, number: int = 0, role: str = "main") -> Attempt:
    """Record an attempt of some jobs as an intent."""
    made = Attempt(one.id, number, role, AttemptState.INTENT, len(jobs), 0, "1h", 500, NOW)
    with db.write():
        attempts.add_attempt(db, made, (Sending(f"L1_{one.id}_{number}_{n}", n) for n in jobs))
    return made


def batch(batch_id: str = "msgbatch_1", **changed: Any) -> Batch:
    """A batch that the provider shows."""
    told: dict[str, Any] = {
        "processing_status": "in_progress",
        "created_at": NOW,
        "expires_at": "2026-11-25T22:00:00+00:00",
        "ended_at": None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "counts": Counts(processing=3),
        **changed,
    }
    return Batch(id=batch_id, **told)


def send(db: Database, attempt: Attempt, state: AttemptState, batch_id: str | None = None) -> Attempt:
    """Bring an intent as far as `state`, the way it gets there."""
    attempts.mark_sending(db, attempt, facts=FACTS, now=NOW)
    if state in (AttemptState.ACCEPTED, AttemptState.ENDED, AttemptState.PULLED):
        taken = batch(batch_id or f"msgbatch_{attempt.run}_{attempt.number}")
        attempts.mark_accepted(db, attempt, taken, request_id="req_1", workspace=None, now=NOW)
        if state != AttemptState.ACCEPTED:
            ended = batch(taken.id, processing_status="ended", ended_at=LATER, counts=Counts(succeeded=3))
            attempts.fold(db, attempt, ended)
        if state == AttemptState.PULLED:
            with db.write():
                attempts.mark_pulled(db, attempt, results_sha256="5a", now=LATER)
    elif state != AttemptState.SENDING:
        attempts.mark_unsettled(db, attempt, state, error="lost", now=NOW)
    return attempts.get_attempt(db, attempt.run, attempt.number)


def result(outcome: Outcome = Outcome.SUCCEEDED, **changed: Any) -> Result:
    """An answer of 100 tokens in and 20 out; one without success has an error."""
    error = None if outcome == Outcome.SUCCEEDED else JobError("api_error", f"was {outcome}", "req_2")
    told = {"usage": Usage(input_tokens=100, output_tokens=20), "error": error, "headline": f"it {outcome}"}
    return Result(outcome, **{**told, **changed})


def answer(
    db: Database,
    attempt: Attempt,
    job: int,
    outcome: Outcome = Outcome.SUCCEEDED,
    *,
    cost: str | None = "0.25",
) -> None:
    """Record an answer that cost `cost` dollars, twice that on the other lane, and thrice without a cache."""
    usd = None if cost is None else Decimal(cost)
    price = Price(usd, *((None, None) if usd is None else (usd * 2, usd * 3)))
    with db.write():
        answers.add_answer(db, attempt.run, attempt.number, job, result(outcome), price, now=LATER)
