"""Everything that is known of one run or one job."""

from datetime import datetime
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars
from lanectl.models import JobError, JobLine, JsonValue, Usage
from lanectl.render.planned import parameters
from lanectl.render.screen import Column
from lanectl.render.status import draw_run, run_data
from lanectl.render.words import moment, tokens

if TYPE_CHECKING:
    from lanectl.lane.show import ShownJob, ShownRun
    from lanectl.render.screen import Screen
    from lanectl.state.answers import Answer

MOST_JOBS = 200


def run_shown_data(shown: "ShownRun") -> dict[str, JsonValue]:
    """One run: what status says of it, every settled job, and its history."""
    return {
        **run_data(shown.status),
        "settled": [_job_data(job) for job in shown.jobs],
        "history": [{"at": at, "text": text} for at, text in shown.events],
    }


def draw_run_shown(screen: "Screen", shown: "ShownRun", *, now: datetime) -> None:
    """One run with its jobs, those without success first, and its history."""
    draw_run(screen, shown.status, now=now)
    if shown.jobs:
        _draw_jobs(screen, shown)
    if shown.events:
        screen.title("History")
        for at, text in shown.events:
            screen.say(f"{moment(at, local=screen.local)}  {text}")


def _draw_jobs(screen: "Screen", shown: "ShownRun") -> None:
    ordered = sorted(shown.jobs, key=lambda job: job.outcome == "succeeded")
    screen.table(
        "Jobs",
        [
            Column("key"),
            Column("outcome", keep=True),
            Column("cost", right=True),
            Column("artifact, or the reason", fold=True),
        ],
        [
            [
                job.key,
                str(job.outcome),
                dollars(job.cost_usd),
                job.artifact or _why(job.error, job.stop_reason),
            ]
            for job in ordered[:MOST_JOBS]
        ],
    )
    more = len(ordered) - MOST_JOBS
    if more > 0:
        screen.say(f"and {more:,} more, in {shown.status.account.artifacts}/manifest.json")
    screen.note(screen.typed(f"one job: lanectl show {shown.status.run.id}/KEY"), "dim")


def job_shown_data(shown: "ShownJob") -> dict[str, JsonValue]:
    """One job: its request, every answer it had, and the files it left."""
    return {
        "run": shown.run.id,
        "recipe": shown.run.recipe,
        "key": shown.job.key,
        "outcome": shown.job.outcome,
        "params": shown.params,
        "prompt": shown.prompt,
        "answers": [_answer_data(one) for one in shown.answers],
        "artifacts": [
            {"path": f"{shown.run.artifacts}/{one.path}", "sha256": one.sha256} for one in shown.artifacts
        ],
    }


def draw_job_shown(screen: "Screen", shown: "ShownJob") -> None:
    """One job: what became of it, what it was asked, what it left."""
    screen.title(f"{shown.run.recipe} {shown.run.id}/{shown.job.key}: {shown.job.outcome or 'still out'}")
    for one in shown.answers:
        used = one.usage
        screen.say(
            f"attempt {one.attempt}: {one.outcome}, {dollars(_number(one.cost_usd))},"
            f" {tokens(used.prompt_tokens)} tokens in ({tokens(used.cache_read_input_tokens)} cached),"
            f" {tokens(used.output_tokens)} out, {moment(one.at, local=screen.local)}"
        )
        why = _why(one.error, one.stop_reason if one.outcome != "succeeded" else None)
        if why != "-":
            screen.say(f"  {why}")
        if one.headline:
            screen.say(f"  {one.headline}")
    for file in shown.artifacts:
        screen.say(f"artifact: {shown.run.artifacts}/{file.path}")
    if shown.params:
        screen.say(f"parameters: {parameters(shown.params)}")
    screen.title("Request")
    screen.say(shown.prompt if shown.prompt is not None else "no longer kept (lanectl clean took it away)")


def _job_data(job: JobLine) -> JsonValue:
    return {
        "key": job.key,
        "outcome": str(job.outcome),
        "headline": job.headline,
        "artifact": job.artifact,
        "stop_reason": job.stop_reason,
        "cost_usd": job.cost_usd,
        "error": _error_data(job.error),
    }


def _answer_data(one: "Answer") -> JsonValue:
    return {
        "attempt": one.attempt,
        "outcome": one.outcome,
        "stop_reason": one.stop_reason,
        "headline": one.headline,
        "usage": _usage_data(one.usage),
        "cost_usd": _number(one.cost_usd),
        "list_usd": _number(one.list_usd),
        "error": _error_data(one.error),
        "at": one.at,
    }


def _usage_data(usage: Usage) -> JsonValue:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_write_5m_tokens": usage.cache_write_5m_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "thinking_tokens": usage.thinking_tokens,
        "service_tier": usage.service_tier,
        "inference_geo": usage.inference_geo,
    }


def _error_data(error: JobError | None) -> JsonValue:
    if error is None:
        return None
    return {"type": error.type, "message": error.message, "request_id": error.request_id}


def _why(error: JobError | None, stop_reason: str | None) -> str:
    if error is None:
        return stop_reason or "-"
    return f"{error.type}: {error.message}" if error.message else error.type


def _number(amount: object) -> float | None:
    return None if amount is None else float(str(amount))
