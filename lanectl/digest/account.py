"""What the runs cost, what they would have cost on the other lane, and what the cache did."""

from collections.abc import Sequence
from dataclasses import dataclass

from lanectl.models import RunAccount


@dataclass(frozen=True, slots=True)
class Money:
    """Dollars over all runs; None is unknown, never zero.

    `paid_usd` is None when the cost of any run is unknown; `known_usd` sums those that are known and
    `unknown_runs` counts the others. `list_usd` is the same usage at the other lane's price, `saved_usd` the
    difference (negative: the other lane would have been cheaper). `hit_rate` is cache tokens read among those
    read or written, None when there were none. `cache_saved_usd` is against no cache (negative: lost),
    `cache_causes` are the likely reasons where it did badly. In a `sandbox` tokens are counted and nobody is
    billed.
    """

    paid_usd: float | None
    known_usd: float
    unknown_runs: int
    list_usd: float | None
    saved_usd: float | None
    expected_usd: float | None
    cache_read_tokens: int
    cache_written_tokens: int
    hit_rate: float | None
    sandbox: bool
    cache_saved_usd: float | None = None
    cache_causes: tuple[str, ...] = ()


def money(runs: Sequence[RunAccount]) -> Money:
    """The account over `runs`."""
    paid, listed = _sum([run.cost_usd for run in runs]), _sum([run.list_usd for run in runs])
    read = sum(run.cache_read_tokens for run in runs)
    written = sum(run.cache_written_tokens for run in runs)
    return Money(
        paid_usd=paid,
        known_usd=sum(run.cost_usd for run in runs if run.cost_usd is not None),
        unknown_runs=sum(run.cost_usd is None for run in runs),
        list_usd=listed,
        saved_usd=saved(paid, listed),
        expected_usd=_sum([run.expected_usd for run in runs]),
        cache_read_tokens=read,
        cache_written_tokens=written,
        hit_rate=hit_rate(read, written),
        sandbox=any(run.sandbox for run in runs),
        cache_saved_usd=_sum([run.cache_saved_usd for run in runs]),
        cache_causes=tuple(dict.fromkeys(run.cache_cause for run in runs if run.cache_cause)),
    )


def saved(paid_usd: float | None, list_usd: float | None) -> float | None:
    """Dollars less than the other lane's price, None when either is unknown."""
    return None if paid_usd is None or list_usd is None else list_usd - paid_usd


def hit_rate(read_tokens: int, written_tokens: int) -> float | None:
    """Cache tokens read among those read or written, None when there were none."""
    return read_tokens / (read_tokens + written_tokens) if read_tokens + written_tokens else None


def dollars(amount: float | None) -> str:
    """`$3.21`, `$0.0042` below a cent, `unknown`."""
    if amount is None:
        return "unknown"
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    return f"{sign}${size:,.4f}" if 0 < size < 0.01 else f"{sign}${size:,.2f}"


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
