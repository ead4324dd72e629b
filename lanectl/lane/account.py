"""One run's account, as digests, manifests and tables tell it."""

from decimal import Decimal

from lanectl.lane.caching import cache_account
from lanectl.lane.context import Lane
from lanectl.lane.residency import ELSEWHERE
from lanectl.models import RunAccount
from lanectl.state import answers, runs
from lanectl.state.runs import Run


def account_of(lane: Lane, run: Run) -> RunAccount:
    """Counts, money and places of a run as the state file has them now."""
    outcomes = runs.outcome_counts(lane.db, run.id)
    out = outcomes.pop("", 0)
    added = answers.sums(lane.db, run.id)
    cached = cache_account(lane, run, added)
    return RunAccount(
        run=run.id,
        recipe=run.recipe,
        description=run.description,
        output_kind=str(run.output["table"]["kind"]),
        repo=run.repo,
        commit=run.commit_sha,
        model=run.model,
        created_at=run.created_at,
        pulled_at=run.pulled_at,
        sandbox=lane.settings.sandbox,
        jobs=out + sum(outcomes.values()),
        out=out,
        outcomes=outcomes,
        skipped=runs.Skips(lane.db, run.id).counts(),
        findings=answers.severity_counts(lane.db, run.id),
        cost_usd=dollars(added.cost_usd),
        list_usd=dollars(added.list_usd),
        expected_usd=run.estimate.get("expected_usd"),
        cache_read_tokens=added.cache_read_tokens,
        cache_written_tokens=added.cache_write_5m_tokens + added.cache_write_1h_tokens,
        artifacts=run.artifacts,
        elsewhere=answers.error_count(lane.db, run.id, ELSEWHERE),
        cache_saved_usd=cached.saved_usd,
        cache_cause=cached.cause,
    )


def dollars(amount: Decimal | None) -> float | None:
    """Money for JSON and tables: a number of dollars, None when unknown."""
    return None if amount is None else float(amount)
