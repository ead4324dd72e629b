"""Status: what needs a person first, then the runs; one run with its batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars
from lanectl.digest.words import counted
from lanectl.models import JsonValue
from lanectl.render.screen import Column
from lanectl.render.words import ago, left, moment, size, tally

if TYPE_CHECKING:
    from decimal import Decimal

    from lanectl.lane.status import RunStatus, Status
    from lanectl.render.screen import Screen
    from lanectl.state.attempts import Attempt

OPEN = ("planned", "piloting", "in_progress", "ended")


def status_data(status: "Status") -> dict[str, JsonValue]:
    """Every run that was asked for, and how much waits to be batched."""
    return {
        "runs": [run_data(one) for one in status.runs],
        "queue": status.queue,
        "asked_at": status.asked_at,
        "lock": None
        if status.holder is None
        else {"pid": status.holder.pid, "command": status.holder.command, "since": status.holder.since},
    }


def run_data(one: "RunStatus") -> dict[str, JsonValue]:
    """One run as scripts see it."""
    account, sums = one.account, one.sums
    jobs: dict[str, JsonValue] = {
        "total": account.jobs,
        "waiting": one.waiting,
        "in_progress": max(account.out - one.waiting, 0),
        **account.outcomes,
    }
    return {
        "run": one.run.id,
        "recipe": one.run.recipe,
        "created_at": one.run.created_at,
        "state": str(one.state),
        "held": None
        if one.run.held_reason is None
        else {"reason": one.run.held_reason, "hint": one.run.held_hint or f"lanectl release {one.run.id}"},
        "canceled": one.run.canceled_at is not None,
        "jobs": jobs,
        "skipped": sum(account.skipped.values()),
        "batches": [_batch_data(one, batch) for batch in one.attempts],
        "cost": {
            "estimated_usd": account.expected_usd,
            "reserved_usd": _number(one.run.reserved_usd),
            "actual_usd": account.cost_usd if sums.answers else None,
            "list_usd": account.list_usd if sums.answers else None,
        },
        "cache": {
            "hit_rate": sums.cache_hit_rate,
            "read_tokens": account.cache_read_tokens,
            "written_tokens": account.cache_written_tokens,
            "saved_usd": _saved(one),
            "written_5m_tokens": sums.cache_write_5m_tokens,
            "written_1h_tokens": sums.cache_write_1h_tokens,
            "cause": account.cache_cause or None,
        },
        "artifacts": account.artifacts,
        "needs": list(one.needs),
    }


def draw_status(screen: "Screen", status: "Status", *, now: datetime) -> None:
    """What needs somebody, then one line a run."""
    if status.holder is not None:
        since = ago(status.holder.since, now)
        screen.note(f"{status.holder.command} (pid {status.holder.pid}) is at work since {since}", "dim")
    if status.queue:
        screen.say(screen.typed(f"{counted(status.queue, 'call')} in the queue: lanectl queue"))
    if not status.runs:
        screen.say("nothing is out, and nothing of the last day needs you")
        screen.note(screen.typed("older runs: lanectl status --all"), "dim")
        return
    _draw_needs(screen, status.runs)
    screen.table(
        "Runs",
        [
            Column("run", keep=True),
            Column("recipe"),
            Column("sent", right=True),
            Column("state", keep=True),
            Column("jobs"),
            Column("ends"),
            Column("cost", right=True),
        ],
        [_row(one, now) for one in status.runs],
    )
    if status.asked_at:
        screen.note(f"the provider was asked {ago(status.asked_at, now)}", "dim")


def draw_run(screen: "Screen", one: "RunStatus", *, now: datetime) -> None:
    """One run: what needs somebody, its counts and money, its batches."""
    run, account = one.run, one.account
    _draw_needs(screen, [one])
    screen.title(f"{run.recipe}, run {run.id}: {_state(one)}")
    screen.say(
        f"sent {ago(run.created_at, now)} ({moment(run.created_at, local=screen.local)}), model {run.model}"
    )
    screen.say(f"jobs: {account.jobs:,}: {tally({**account.outcomes, 'out': account.out})}")
    if account.skipped:
        screen.say(f"skipped: {tally(account.skipped)}")
    screen.say(f"cost: {_money(one)}")
    rate = one.sums.cache_hit_rate
    if rate is not None:
        saved = _saved(one)
        screen.say(
            f"cache: {rate:.0%} of the shared tokens read from it"
            f"{'' if saved is None else f', {dollars(abs(saved))} {_less(saved)} by it'}"
        )
    if account.cache_cause:
        screen.say(f"likely cause of few hits: {account.cache_cause}")
    screen.say(f"artifacts: {account.artifacts}")
    if one.attempts:
        _draw_batches(screen, one, now)


def _draw_needs(screen: "Screen", runs: Sequence["RunStatus"]) -> None:
    needing = [one for one in runs if one.needs]
    if not needing:
        return
    screen.title("Needs you")
    for one in needing:
        for need in one.needs:
            screen.prose(f"{one.run.recipe} {one.run.id}: {screen.typed(need)}")


def _row(one: "RunStatus", now: datetime) -> list[str]:
    account = one.account
    ends = [batch.expires_at for batch in one.attempts if batch.state == "accepted" and batch.expires_at]
    succeeded = account.outcomes.get("succeeded", 0)
    if account.out:
        jobs = f"{account.out:,} of {account.jobs:,} out"
    else:
        jobs = f"{succeeded:,} of {account.jobs:,} ok"
    return [
        one.run.id,
        one.run.recipe,
        ago(one.run.created_at, now),
        _state(one),
        jobs,
        left(max(ends), now) if ends else "-",
        dollars(account.cost_usd)
        if one.sums.answers
        else "-"
        if account.expected_usd is None
        else f"~{dollars(account.expected_usd)}",
    ]


def _draw_batches(screen: "Screen", one: "RunStatus", now: datetime) -> None:
    screen.table(
        "Batches",
        [
            Column("batch"),
            Column("role"),
            Column("requests", right=True),
            Column("size", right=True),
            Column("state"),
            Column("expires"),
            Column("results kept"),
        ],
        [
            [
                f"{batch.number}",
                str(batch.role),
                f"{batch.requests:,}",
                size(batch.bytes),
                str(batch.state),
                left(batch.expires_at, now) if batch.state == "accepted" else "-",
                left(batch.results_expire_at, now) if batch.batch_id else "-",
            ]
            for batch in one.attempts
        ],
    )
    for batch in one.attempts:
        if batch.batch_id:
            screen.detail(f"batch {batch.number}: {batch.batch_id}")
        if batch.error:
            screen.say(f"batch {batch.number}: {batch.error}")


def _state(one: "RunStatus") -> str:
    if one.run.held_reason:
        return "held"
    if one.run.canceled_at and one.account.out:
        return "canceling"
    return str(one.state)


def _money(one: "RunStatus") -> str:
    account = one.account
    if not one.sums.answers:
        reserved = _number(one.run.reserved_usd)
        return f"{dollars(account.expected_usd)} expected, {dollars(reserved)} reserved"
    return (
        f"{dollars(account.cost_usd)} so far, {dollars(account.expected_usd)} were expected;"
        f" {dollars(account.list_usd)} on the interactive lane"
    )


def _less(saved: float) -> str:
    return "saved" if saved >= 0 else "lost"


def _saved(one: "RunStatus") -> float | None:
    cost, uncached = one.sums.cost_usd, one.sums.uncached_usd
    return None if cost is None or uncached is None or not one.sums.answers else float(uncached - cost)


def _batch_data(one: "RunStatus", batch: "Attempt") -> JsonValue:
    return {
        "id": batch.batch_id,
        "role": str(batch.role),
        "processing_status": batch.processing_status,
        "requests": batch.requests,
        "state": str(batch.state),
        "created_at": batch.batch_created_at,
        "expires_at": batch.expires_at,
        "results_expire_at": batch.results_expire_at,
        "candidates": [
            {"id": each.batch_id, "created_at": each.batch_created_at, "verdict": each.verdict}
            for each in one.candidates.get(batch.number, ())
        ],
    }


def _number(amount: "Decimal | None") -> float | None:
    return None if amount is None else float(amount)
