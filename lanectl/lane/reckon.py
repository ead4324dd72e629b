"""Reckons what a run will cost, or what is left of it: tokens, prices and this workspace's own history."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate, islice, pairwise

from lanectl.lane.context import Lane
from lanectl.lane.counting import Tokens
from lanectl.lane.prepare import Prepared
from lanectl.models import CacheChoice, Estimate, Usage
from lanectl.models import Lane as Lanes
from lanectl.plan import cache, estimate
from lanectl.plan.cache import Hits
from lanectl.plan.estimate import Dearer, OneJob, Work
from lanectl.plan.models import facts
from lanectl.prices import UnitPrices, unit_prices
from lanectl.state import answers, money
from lanectl.state.runs import Run, find_jobs, job_bytes

# The one length at which a price changes (claude-haiku-5-5, pricing page of October 2026).
TIER_TOKENS = 100_000
USUAL_LEAST_CACHED = 1024


@dataclass(frozen=True, slots=True)
class Tariff:
    """A model's prices on a day by lane, below and above the length where they change (None: they do not)."""

    usual: Mapping[Lanes, UnitPrices | None]
    above: Mapping[Lanes, UnitPrices | None] | None

    @property
    def batch(self) -> UnitPrices | None:
        """What the batch lane takes for a prompt of usual length."""
        return self.usual[Lanes.BATCH]


class Total:
    """How many sizes there are, and their sum."""

    def __init__(self, sizes: Iterable[float]) -> None:
        self.count = 0
        self.sum = 0.0
        for size in sizes:
            self.count += 1
            self.sum += size


class Reckoning:
    """The figures of a prepared run that is sent at once, and of fewer jobs or shorter answers of it."""

    def __init__(self, lane: Lane, prepared: Prepared, tokens: Tokens, *, cache_wanted: str) -> None:
        self._lane = lane
        self._prepared = prepared
        self._tokens = tokens
        self._wanted = cache_wanted
        self._pilots = 0
        self._tariff = tariff(
            lane, prepared.params.model, lane.clock().date(), geo=prepared.params.inference_geo
        )
        self._history = answers.output_tokens(lane.db, prepared.recipe.name, prepared.params.model)
        self._hits, self._duration_s = past(lane, prepared.params.model)
        own_bytes = prepared.jobs.own_bytes
        self._per_byte = tokens.own / own_bytes if own_bytes else 0.0
        # Running totals of bytes, as arrays: they are all that grows with the run.
        self._ends = array("q", accumulate((job.own_bytes for job in prepared.jobs), initial=0))

    def after(self, pilots: int) -> "Reckoning":
        """The same run, with this many jobs sent first to write the cache."""
        other = copy(self)
        other._pilots = pilots
        return other

    def estimate(self, jobs: int | None = None, max_tokens: int | None = None) -> Estimate:
        """The figures for the first `jobs` of the run, or all; with answers of at most `max_tokens`."""
        whole = len(self._ends) - 1
        count = whole if jobs is None else min(jobs, whole)
        most = max_tokens or self._prepared.params.max_tokens
        primed = 0 < self._pilots < count
        choice = self._choice(count, primed=primed)
        rate = choice.expected_hit_rate or 0.0
        following = (count - self._pilots) / count if primed else 1.0
        return estimate.estimate(
            Work(count, self._tokens.prefix, round(self._ends[count] * self._per_byte), most),
            outputs=estimate.outputs_of(self._history, most),
            cache=choice,
            hit_rate=rate,
            high_hit_rate=self._hits.cautious(primed=primed) * following,
            batch=self._tariff.batch,
            interactive=self._tariff.usual[Lanes.INTERACTIVE],
            dearer=self._dearer(count),
            basis=self._tokens.basis,
            warnings=self._warnings(count),
        )

    def each(self) -> tuple[OneJob, ...]:
        """One job of average size on both lanes, its prefix uncached, written, or read."""
        count = len(self._ends) - 1
        if not count:
            return ()
        own = self._ends[count] * self._per_byte / count
        prices = self._tariff.above if self._tariff.above and self._is_dear(own) else self._tariff.usual
        outputs = estimate.outputs_of(self._history, self._prepared.params.max_tokens)
        return tuple(
            estimate.one_job(
                str(lanes),
                prefix_tokens=self._tokens.prefix,
                own_tokens=round(own),
                output_tokens=round(outputs.expected),
                prices=prices[lanes],
            )
            for lanes in Lanes
        )

    def _choice(self, count: int, *, primed: bool) -> CacheChoice:
        return cache.choose(
            self._wanted,
            jobs=count,
            prefix_tokens=self._tokens.prefix,
            least_tokens=least_cached(self._prepared.params.model),
            prices=self._tariff.batch,
            primed=primed,
            hit_rate=self._hits.expected(primed=primed),
            pilots=self._pilots,
            duration_s=self._duration_s,
        )

    def _is_dear(self, own: float) -> bool:
        return self._tariff.above is not None and self._tokens.prefix + own > TIER_TOKENS

    def _dearer(self, count: int) -> Dearer | None:
        above = self._tariff.above
        if above is None:
            return None
        dear = Total(size for size in self._sizes(count) if self._is_dear(size))
        return Dearer(dear.count, round(dear.sum), above[Lanes.BATCH], above[Lanes.INTERACTIVE])

    def _sizes(self, count: int) -> Iterator[float]:
        """Tokens of the first jobs' own parts, one after another."""
        return ((end - begin) * self._per_byte for begin, end in islice(pairwise(self._ends), count))

    def _warnings(self, count: int) -> list[str]:
        said = list(self._prepared.warnings)
        if self._tariff.batch is None:
            return [*said, f"the price of {self._prepared.params.model} is unknown"]
        if self._tariff.batch.derived:
            said.append("the batch price is derived: half of the list price in each column")
        dear = Total(size for size in self._sizes(count) if self._is_dear(size))
        if dear.count:
            said.append(self._about_length(count, dear.count))
        return said

    def _about_length(self, count: int, dear: int) -> str:
        """How many prompts are so long that all of them costs more, and how small the prefix should be."""
        most = max(self._sizes(count))
        longest = self._tokens.prefix + round(most)
        below = TIER_TOKENS - round(most)
        times = ""
        usual, above = self._tariff.batch, self._tariff.above and self._tariff.above[Lanes.BATCH]
        if usual is not None and above:
            times = f" {above.input / usual.input:.0f} times"
        advice = f"; a prefix below {below:,} tokens would avoid it" if below > 0 else ""
        return (
            f"{dear:,} of {count:,} prompts are longer than {TIER_TOKENS:,} tokens"
            f" (the longest about {longest:,}, {self._tokens.prefix:,} of them prefix),"
            f" where every token costs{times} more{advice}"
        )


def rest_of(
    lane: Lane,
    run: Run,
    jobs: Sequence[int],
    *,
    max_tokens: int,
    cache_mode: str,
    primed: bool,
    sampled: Sequence[Usage] = (),
) -> Estimate | None:
    """What some jobs, by ascending numbers, of a recorded run will still cost.

    None when its plan does not tell its tokens.

    `primed` says that they will meet a cache entry; `sampled` is the usage of the pilot's answers.
    """
    planned = int(run.estimate.get("jobs") or 0)
    prefix = int(run.estimate.get("prefix_tokens") or 0)
    total = int(run.estimate.get("input_tokens") or 0) - planned * prefix
    if not planned or total <= 0:
        return None
    prefix = max(map(_touched, sampled), default=0) or prefix
    per_byte = total / max(job_bytes(lane.db, run.id), 1)

    def own() -> Iterator[float]:
        return (job.bytes * per_byte for job in find_jobs(lane.db, run.id, jobs))

    left = Total(own())
    prices = tariff(lane, run.model, lane.clock().date(), geo=_geo(lane, run))
    dear = Total(size for size in own() if prices.above is not None and prefix + size > TIER_TOKENS)
    above = prices.above or {}
    history = answers.output_tokens(lane.db, run.recipe, run.model, but=run.id if sampled else None)
    hits, _ = past(lane, run.model)
    expected = hits.expected(primed=primed)
    usual = cache.PRIMED_HIT_RATE if primed else cache.UNPROMISED_HIT_RATE
    return estimate.estimate(
        Work(left.count, prefix, round(left.sum), max_tokens),
        outputs=estimate.after_pilot(
            estimate.outputs_of(history, max_tokens),
            [usage.output_tokens for usage in sampled if usage.output_tokens],
            history,
            max_tokens,
        ),
        cache=CacheChoice(cache_mode, "as it was sent"),
        hit_rate=usual if expected is None else expected,
        high_hit_rate=hits.cautious(primed=primed),
        batch=prices.batch,
        interactive=prices.usual[Lanes.INTERACTIVE],
        dearer=Dearer(dear.count, round(dear.sum), above.get(Lanes.BATCH), above.get(Lanes.INTERACTIVE)),
        basis="what is left of the run",
    )


def tariff(lane: Lane, model: str, day: date, *, geo: str | None) -> Tariff:
    """The prices of a model on a day, with the user's own."""

    def prices(tokens: int) -> dict[Lanes, UnitPrices | None]:
        return {
            lanes: unit_prices(
                model,
                lanes,
                day,
                prompt_tokens=tokens,
                geo=geo,
                overrides=lane.settings.price_overrides,
            )
            for lanes in Lanes
        }

    usual, above = prices(TIER_TOKENS), prices(TIER_TOKENS + 1)
    return Tariff(usual, above if _plain(usual) != _plain(above) else None)


def past(lane: Lane, model: str) -> tuple[Hits, float]:
    """The hit rates that a model had in this workspace, and how long its batches took there, in seconds."""
    workspace = money.newest_workspace(lane.db)
    met = money.cache_history(lane.db, workspace=workspace, model=model)
    rates = [(one.primed, one.read_tokens / (one.read_tokens + one.written_tokens)) for one in met]
    took = sorted(money.batch_seconds(lane.db, workspace=workspace, model=model))
    hits = Hits(
        tuple(rate for primed, rate in rates if primed), tuple(rate for primed, rate in rates if not primed)
    )
    return hits, took[len(took) // 2] if took else cache.USUAL_BATCH_S


def least_cached(model: str) -> int:
    """The fewest tokens of a prefix that a model caches; a usual figure for a model that is not known."""
    known = facts(model)
    return known.least_cached if known else USUAL_LEAST_CACHED


def _plain(prices: Mapping[Lanes, UnitPrices | None]) -> list[UnitPrices | None]:
    return [None if one is None else replace(one, source="") for one in prices.values()]


def _touched(usage: Usage) -> int:
    return usage.cache_read_input_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens


def _geo(lane: Lane, run: Run) -> str | None:
    kept = lane.spool.run(run.id).read_json("shared.json") or {}
    geo = kept.get("params", {}).get("inference_geo")
    return geo if isinstance(geo, str) else lane.settings.provider.inference_geo
