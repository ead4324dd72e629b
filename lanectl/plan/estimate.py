"""What a run will cost, before a cent is spent: expected, high, and at most."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lanectl.models import CacheChoice, Estimate
from lanectl.plan.cache import relative_cost
from lanectl.prices import UnitPrices

# Before a recipe has answers of its own: a tenth of max_tokens is expected, a quarter is high.
EXPECTED_SHARE = Decimal("0.1")
HIGH_SHARE = Decimal("0.25")
ENOUGH_ANSWERS = 5
# A second time a pilot's answer is kept in hand for each job: one answer says little about the longest.
PILOT_FACTOR = 2


@dataclass(frozen=True, slots=True)
class Work:
    """How much a run asks for, in tokens: the prefix, the sum of the jobs' own parts, the longest answer."""

    jobs: int
    prefix_tokens: int
    own_tokens: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Dearer:
    """Those of a run's jobs whose prompt is long enough to reprice their every token, and their prices."""

    jobs: int
    own_tokens: int
    batch: UnitPrices | None
    interactive: UnitPrices | None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Tokens an answer is expected to have, and a high figure, never below; `basis` says where from."""

    expected: Decimal
    high: Decimal
    basis: str


@dataclass(frozen=True, slots=True)
class OneJob:
    """What one job of average size costs on a lane, in dollars (None: unknown), by the fate of its prefix."""

    lane: str
    uncached_usd: float | None
    write_5m_usd: float | None
    write_1h_usd: float | None
    read_usd: float | None


def outputs_of(history: Sequence[int], max_tokens: int) -> Outputs:
    """From this recipe's own answers, or from shares of `max_tokens` while there are fewer than five.

    *high* is the 95th percentile, or the mean where a few long answers lift that above it.
    """
    if len(history) < ENOUGH_ANSWERS:
        return Outputs(
            max_tokens * EXPECTED_SHARE,
            max_tokens * HIGH_SHARE,
            "no answers of this recipe yet: a tenth of max_tokens a job is expected, a quarter is high",
        )
    ordered = sorted(history)
    percentile = Decimal(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)])
    mean = Decimal(sum(ordered)) / len(ordered)
    most = Decimal(max_tokens)
    return Outputs(
        min(mean, most),
        min(max(percentile, mean), most),
        f"from this recipe's last {len(ordered):,} answers",
    )


def after_pilot(outputs: Outputs, sampled: Sequence[int], history: Sequence[int], max_tokens: int) -> Outputs:
    """The same after a pilot's answers of `sampled` tokens: they may lower a guess, and raise anything."""
    if not sampled:
        return outputs
    most = Decimal(max_tokens)
    seen = Decimal(max(sampled))
    mean = Decimal(sum(sampled)) / len(sampled)
    high = min(seen * PILOT_FACTOR, most)
    if len(history) >= ENOUGH_ANSWERS:
        return Outputs(outputs.expected, max(outputs.high, min(seen, most)), outputs.basis)
    return Outputs(min(mean, most), high, "from the pilot: twice its longest answer is high")


def estimate(
    work: Work,
    *,
    outputs: Outputs,
    cache: CacheChoice,
    hit_rate: float,
    batch: UnitPrices | None,
    interactive: UnitPrices | None,
    basis: str,
    high_hit_rate: float = 0.0,
    dearer: Dearer | None = None,
    warnings: Sequence[str] = (),
) -> Estimate:
    """The figures of a run; prices are per token of the two lanes, None where unknown.

    *high* has answers at the 95th percentile and reads the prefix at `high_hit_rate`; *at most* has every
    answer at `max_tokens`, the prefix written every time and never read.
    """

    def cost(prices: UnitPrices | None, dear: UnitPrices | None, rate: float, out: Decimal) -> float | None:
        if dearer is None or not dearer.jobs:
            return _float(_cost(work, prices, cache.mode, rate, out))
        rest = replace(work, jobs=work.jobs - dearer.jobs, own_tokens=work.own_tokens - dearer.own_tokens)
        above = replace(work, jobs=dearer.jobs, own_tokens=dearer.own_tokens)
        parts = (_cost(rest, prices, cache.mode, rate, out), _cost(above, dear, cache.mode, rate, out))
        return (
            None if None in parts else _float(sum((part for part in parts if part is not None), Decimal(0)))
        )

    dear = (dearer.batch, dearer.interactive) if dearer else (None, None)
    return Estimate(
        jobs=work.jobs,
        expected_usd=cost(batch, dear[0], hit_rate, outputs.expected),
        high_usd=cost(batch, dear[0], min(high_hit_rate, hit_rate), outputs.high),
        at_most_usd=cost(batch, dear[0], 0.0, Decimal(work.max_tokens)),
        list_usd=cost(interactive, dear[1], hit_rate, outputs.expected),
        input_tokens=work.jobs * work.prefix_tokens + work.own_tokens,
        prefix_tokens=work.prefix_tokens,
        output_tokens=round(work.jobs * outputs.expected),
        cache=cache,
        basis=f"{outputs.basis}; {basis}",
        warnings=tuple(warnings),
    )


def one_job(
    lane: str, *, prefix_tokens: int, own_tokens: int, output_tokens: int, prices: UnitPrices | None
) -> OneJob:
    """One job spelled out: its prefix uncached, written for five minutes or an hour, or read."""
    if prices is None:
        return OneJob(lane, None, None, None, None)
    rest = own_tokens * prices.input + output_tokens * prices.output
    return OneJob(
        lane,
        *(
            float(rest + prefix_tokens * price)
            for price in (prices.input, prices.cache_write_5m, prices.cache_write_1h, prices.cache_read)
        ),
    )


def _cost(
    work: Work, prices: UnitPrices | None, mode: str, hit_rate: float, output_tokens: Decimal
) -> Decimal | None:
    if prices is None:
        return None
    prefix = work.jobs * work.prefix_tokens * relative_cost(prices, mode, hit_rate)
    return prefix + work.own_tokens * prices.input + work.jobs * output_tokens * prices.output


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
