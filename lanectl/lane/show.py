"""Show: everything that is known of one run or one job."""

from dataclasses import dataclass
from typing import Any

from lanectl.errors import UsageError
from lanectl.lane.context import Lane
from lanectl.lane.status import RunStatus, status
from lanectl.models import JobLine
from lanectl.state import answers, runs
from lanectl.state.answers import Answer, Artifact
from lanectl.state.runs import Job, Run


@dataclass(frozen=True, slots=True)
class ShownRun:
    """One run with its jobs and its history of times and sentences."""

    status: RunStatus
    jobs: tuple[JobLine, ...]
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ShownJob:
    """One job: its prompt, every answer it had, its durable files, and the text of its artifact where it
    has one."""

    run: Run
    job: Job
    params: dict[str, Any]
    prompt: str | None
    answers: tuple[Answer, ...]
    artifacts: tuple[Artifact, ...]


def show_run(lane: Lane, run: Run) -> ShownRun:
    """One run as the state file has it."""
    return ShownRun(
        status(lane, run).runs[0],
        tuple(answers.job_lines(lane.db, run.id)),
        tuple(runs.list_events(lane.db, run.id)),
    )


def show_job(lane: Lane, run: Run, key: str) -> ShownJob:
    """One job by its key; raises `UsageError` for a key that the run does not have."""
    job = runs.find_job(lane.db, run.id, key)
    if job is None:
        skip = runs.find_skip(lane.db, run.id, key)
        why = "" if skip is None else f": it was not sent, {skip.reason}"
        detail = f" ({skip.detail})" if skip is not None and skip.detail else ""
        raise UsageError(f"run {run.id} has no job {key}{why}{detail}", hint=f"lanectl show {run.id}")
    spooled = lane.spool.run(run.id)
    shared = spooled.read_json("shared.json")
    prompt = None
    if "jobs.jsonl" in spooled.names():
        prompt = str(spooled.job(job.offset, job.bytes).own["messages"][0]["content"])
    return ShownJob(
        run=run,
        job=job,
        params=shared["params"] if shared else {},
        prompt=prompt,
        answers=tuple(answers.history(lane.db, run.id, job.n)),
        artifacts=tuple(answers.list_artifacts(lane.db, run.id, job.n)),
    )
