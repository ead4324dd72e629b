"""Where a call would go and why, and what waits in the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lanectl.digest.words import counted
from lanectl.render.screen import Column
from lanectl.render.words import ago, left

if TYPE_CHECKING:
    from lanectl.lane.flush import Flushed
    from lanectl.lane.route import Route
    from lanectl.render.screen import Screen
    from lanectl.state.queue import Entry


def route_data(found: "Route") -> dict[str, Any]:
    """A route as scripts see it."""
    signals = found.signals
    return {
        "lane": str(found.lane),
        "model": found.model,
        "effort": found.effort,
        "max_tokens": found.max_tokens,
        "cache": found.cache,
        "base_url": found.base_url,
        "reason": found.reason,
        "notes": list(found.notes),
        "signals": {"human": signals.human, "kind": signals.kind, "seen": signals.seen},
    }


def draw_route(screen: "Screen", found: "Route") -> None:
    """The lane first, then why."""
    effort = f", effort {found.effort}" if found.effort else ""
    cache = "no prompt cache" if found.cache == "off" else f"prompt cache {found.cache}"
    screen.say(f"{found.lane}: {found.model}{effort}, {cache}")
    screen.say(f"because {found.reason}")
    for note in found.notes:
        screen.note(note)


def queue_data(entries: "Sequence[Entry]") -> dict[str, Any]:
    """The calls that were asked for, without their requests."""
    waiting = sum(one.state in ("waiting", "late") for one in entries)
    return {"waiting": waiting, "calls": [entry_data(one) for one in entries]}


def entry_data(one: "Entry") -> dict[str, Any]:
    """One call as scripts see it."""
    return {
        "id": one.id,
        "key": one.key,
        "title": one.title,
        "state": one.state,
        "outcome": one.outcome,
        "queued_at": one.queued_at,
        "deadline_at": one.deadline_at,
        "group": one.prefix[:10],
        "run": one.run,
        "artifact": one.artifact,
        "error": one.error,
    }


def draw_queue(screen: "Screen", entries: "Sequence[Entry]", *, now: datetime) -> None:
    """One line a call; calls of one group share model and prefix, and go in one batch."""
    if not entries:
        screen.say("nothing waits to be batched")
        return
    names = {prefix: str(n) for n, prefix in enumerate(dict.fromkeys(one.prefix for one in entries), 1)}
    screen.table(
        "Queue",
        [
            Column("id", keep=True),
            Column("asked"),
            Column("state", keep=True),
            Column("group", right=True),
            Column("since", right=True),
            Column("due"),
        ],
        [
            [
                one.id,
                one.title,
                f"{one.state}, {one.outcome}" if one.outcome else one.state,
                names[one.prefix],
                ago(one.queued_at, now),
                left(one.deadline_at, now),
            ]
            for one in entries
        ],
    )
    for one in entries:
        if one.state == "late":
            screen.note(
                screen.typed(f"{one.id}: {one.error}; lanectl queue flush, or lanectl queue drop {one.id}")
            )
        if one.state == "lost":
            screen.note(
                screen.typed(f"{one.id}: {one.error}; it may have been paid for: lanectl queue drop {one.id}")
            )


def flushed_data(done: "Flushed") -> dict[str, Any]:
    """What one flush sent."""
    return {
        "runs": [{"run": run, "jobs": jobs} for run, jobs in done.runs],
        "batches": [
            {"id": one.batch_id, "run": one.run, "jobs": one.requests, "state": str(one.state)}
            for one in done.sent
        ],
        "answered": list(done.answered),
        "said": list(done.said),
    }


def draw_flushed(screen: "Screen", done: "Flushed") -> None:
    """One sentence a run, and where the answers will be."""
    if not done.runs and not done.answered:
        screen.say("nothing waits to be batched")
    for text in done.said:
        screen.say(text)
    if done.runs:
        jobs = sum(count for _, count in done.runs)
        screen.note(
            screen.typed(f"{counted(jobs, 'answer')} by tomorrow, most within an hour: lanectl pull"), "dim"
        )
