"""Spend: what was paid since a time, by day, recipe, model or run, from the state file alone."""

from dataclasses import asdict
from pathlib import Path

from lanectl.artifacts import write_page
from lanectl.digest import spendpage
from lanectl.digest.spending import Planned, Row, Spend, build
from lanectl.lane.budget import stale
from lanectl.lane.caching import cache_account
from lanectl.lane.context import Lane
from lanectl.state import money, runs
from lanectl.state.runs import Run


def spend(lane: Lane, *, by: str, since: str) -> Spend:
    """The account since a time (UTC ISO text, "" for the beginning).

    Answers count on the day (UTC) their batch was sent; a run that is unfinished counts whenever it was made.
    """
    rows = [Row(**asdict(one)) for one in money.spent(lane.db, since)]
    reserved = money.reserved_now(lane.db, stale=stale(lane))
    wanted = {run.id: run for run in runs.list_runs(lane.db, since=since)}
    for run_id in (*(row.run for row in rows), *reserved):
        if run_id in wanted:
            continue
        wanted[run_id] = runs.get_run(lane.db, run_id)
    planned = [
        Planned(
            run=run.id,
            recipe=run.recipe,
            model=run.model,
            created_at=run.created_at,
            expected_usd=run.estimate.get("expected_usd"),
            high_usd=run.estimate.get("high_usd"),
            settled=_settled(run, since),
            unfinished=run.id in reserved,
            reserved_usd=reserved.get(run.id),
            cause=cache_account(lane, run).cause,
        )
        for run in wanted.values()
    ]
    return build(rows, planned, by=by, since=since, sandbox=lane.settings.sandbox)


def write_spend_page(lane: Lane, account: Spend) -> Path:
    """Write the page with the charts into the user's data folder; returns its path."""
    page = lane.settings.data_dir / "spend.html"
    write_page(page, [spendpage.render(account, now=lane.now).encode()])
    return page


def _settled(run: Run, since: str) -> bool:
    return run.pulled_at is not None and run.dropped_at is None and run.created_at >= since
