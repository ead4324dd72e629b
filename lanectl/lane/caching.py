"""What the prompt cache did for one run: hits, tokens by lifetime, dollars saved or lost, and why."""

from dataclasses import dataclass
from datetime import datetime

from lanectl.lane.context import Lane
from lanectl.lane.reckon import least_cached
from lanectl.models import Role
from lanectl.plan import cache
from lanectl.plan.cache import Seen
from lanectl.state import answers, attempts
from lanectl.state.answers import Sums
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run


@dataclass(frozen=True, slots=True)
class CacheAccount:
    """Tokens read, and written for five minutes or an hour; `saved_usd` is against no cache (negative: lost).

    `expected_hit_rate` is what the plan counted on; `cause` is why the cache did badly, "" where it did not.
    """

    hit_rate: float | None
    expected_hit_rate: float | None
    read_tokens: int
    written_5m_tokens: int
    written_1h_tokens: int
    saved_usd: float | None
    cause: str


def cache_account(lane: Lane, run: Run, sums: Sums | None = None) -> CacheAccount:
    """The cache's account of what has come back of a run so far, from the state file alone."""
    added = answers.sums(lane.db, run.id) if sums is None else sums
    planned = run.estimate.get("cache") or {}
    expected = planned.get("expected_hit_rate")
    saved = None
    if added.answers and added.cost_usd is not None and added.uncached_usd is not None:
        saved = float(added.uncached_usd - added.cost_usd)
    # What the provider did not process has read nothing, and says nothing of the cache.
    asked = run.cache_mode != "off" and added.input_tokens + added.output_tokens > 0
    rate = added.cache_hit_rate
    # Nothing read and nothing written, where a cache was asked for, is a rate of nothing.
    low = cache.is_low(
        0.0 if rate is None and asked else rate, expected, lost=saved is not None and saved < 0
    )
    cause = ""
    if asked and low:
        seen = _seen(lane, run)
        cause = cache.likely_cause(seen) if seen is not None else ""
    return CacheAccount(
        rate,
        expected,
        added.cache_read_tokens,
        added.cache_write_5m_tokens,
        added.cache_write_1h_tokens,
        saved,
        cause,
    )


def _seen(lane: Lane, run: Run) -> Seen | None:
    """What the attempts tell of pilot and rest; None while nothing but a pilot has come back."""
    tried = attempts.list_attempts(lane.db, run.id)
    mains = [one for one in tried if one.role == Role.MAIN and one.pulled_at and one.batch_id]
    if not mains:
        return None
    pilots = [one for one in tried if one.role == Role.PILOT and one.batch_id]
    first = min(mains, key=_sent)
    return Seen(
        mode=first.cache_mode,
        prefix_tokens=int(run.estimate.get("prefix_tokens") or 0),
        least_tokens=least_cached(run.model),
        after_pilot_s=min(_sent(first) - _sent(pilot) for pilot in pilots) if pilots else None,
        waited=any(pilot.ended_at and _at(pilot.ended_at) <= _sent(first) for pilot in pilots),
        same_workspace=len({one.workspace for one in (*mains, *pilots)}) == 1,
        longest_s=max(_at(one.ended_at) - _sent(one) if one.ended_at else 0.0 for one in mains),
        jobs=sum(one.requests for one in mains),
    )


def _sent(one: Attempt) -> float:
    return _at(one.batch_created_at or one.sending_at or one.created_at)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
