"""Which prompt cache a run asks for, and what came of it: the arithmetic of dear writes and cheap reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from lanectl.models import CacheChoice
from lanectl.prices import UnitPrices

# The batch documentation promises 30 to 98 % of hits; without a history of our own, the low end is believed.
UNPROMISED_HIT_RATE = 0.30
# What a pilot wrote from inside a batch was read reliably by later batches (anthropics/skills #1475).
PRIMED_HIT_RATE = 0.98
# "Best effort" all the same: the high figure of a primed run lets one read in ten miss.
CAUTIOUS_PRIMED_HIT_RATE = 0.90
# Most batches end within an hour (Message Batches documentation).
USUAL_BATCH_S = 3600.0
TTL = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
# A request takes a while before it is sent on and counted: an entry with less time left is as good as gone.
ENTRY_MARGIN = timedelta(minutes=10)
# The longest that one answer was seen to take; a batch may have waited in the queue for the rest of its time.
LONGEST_ANSWER = timedelta(minutes=15)
# So far below what was expected is worth a reason.
NOTABLY_LOW = 0.10


@dataclass(frozen=True, slots=True)
class Hits:
    """Hit rates that this workspace has had, one a run and newest first: after a pilot, and without one."""

    primed: tuple[float, ...] = ()
    cold: tuple[float, ...] = ()

    def expected(self, *, primed: bool) -> float | None:
        """The mean of the runs of that kind; None without any."""
        rates = self.primed if primed else self.cold
        return sum(rates) / len(rates) if rates else None

    def cautious(self, *, primed: bool) -> float:
        """The lowest of the runs of that kind; without any, what is safe to believe."""
        rates = self.primed if primed else self.cold
        return min(rates) if rates else CAUTIOUS_PRIMED_HIT_RATE if primed else 0.0


def break_even(prices: UnitPrices, mode: str) -> float | None:
    """The hit rate above which a cache (`1h`, `5m`) costs less than none: (write-1)/(write-read).

    None where the prices are such that a hit saves nothing, whatever the rate.
    """
    write = prices.cache_write_1h if mode == "1h" else prices.cache_write_5m
    if write <= prices.cache_read:
        return None
    return max(float((write - prices.input) / (write - prices.cache_read)), 0.0)


def relative_cost(prices: UnitPrices, mode: str, hit_rate: float) -> Decimal:
    """What a prefix token costs on average, in dollars, at a hit rate between 0 and 1."""
    if mode == "off":
        return prices.input
    write = prices.cache_write_1h if mode == "1h" else prices.cache_write_5m
    rate = Decimal(str(hit_rate))
    return rate * prices.cache_read + (1 - rate) * write


def choose(
    wanted: str,
    *,
    jobs: int,
    prefix_tokens: int,
    least_tokens: int,
    prices: UnitPrices | None,
    primed: bool,
    hit_rate: float | None = None,
    pilots: int = 1,
    duration_s: float = USUAL_BATCH_S,
) -> CacheChoice:
    """The cache mode of a run, with its arithmetic in a sentence.

    `wanted` is the recipe's or the user's word (`auto` decides); `hit_rate` is this workspace's own history,
    where there is one, of the jobs that follow a pilot (`primed`) or of whole runs; `duration_s` is how long
    a batch takes.
    """
    basis = "before any history" if hit_rate is None else "by this workspace's history"
    usual = PRIMED_HIT_RATE if primed else UNPROMISED_HIT_RATE
    rate = usual if hit_rate is None else hit_rate
    overall = rate * max(jobs - pilots, 0) / max(jobs, 1) if primed else rate if jobs > 1 else 0.0
    if wanted != "auto":
        return _asked(wanted, prices, overall, prefix_tokens, least_tokens)
    if prefix_tokens < least_tokens:
        return CacheChoice("off", _too_short(prefix_tokens, least_tokens), None, 0.0)
    if jobs < 2:
        return CacheChoice("off", "one job has nobody to share a prefix with", None, 0.0)
    if prices is None:
        return CacheChoice("5m", "prices are unknown; the 5-minute cache risks least", None, overall)
    # A pilot's 5-minute entry is gone before the rest begins, and so is one whose next reader comes later.
    lasting = not primed and duration_s / jobs < TTL["5m"].total_seconds()
    modes = ("off", "5m", "1h") if lasting else ("off", "1h")
    best = min(modes, key=lambda mode: relative_cost(prices, mode, overall))
    spoken = best if best != "off" else modes[1]
    even = break_even(prices, spoken)
    told = f"{overall:.0%} of hits are expected ({basis})"
    if primed:
        told = f"the pilot writes it and the other {jobs - pilots:,} read it: {told}"
    where = "below" if best == "off" else "above"
    needed = "no rate would pay" if even is None else f"{where} the break-even of {even:.0%}"
    return CacheChoice(best, f"{told}, {needed} for {spoken}", even, overall if best != "off" else 0.0)


def _asked(
    wanted: str, prices: UnitPrices | None, overall: float, prefix_tokens: int, least_tokens: int
) -> CacheChoice:
    if wanted == "off":
        return CacheChoice("off", "as asked for", None, 0.0)
    if prefix_tokens < least_tokens:
        short = f"as asked for, though {_too_short(prefix_tokens, least_tokens)}"
        return CacheChoice(wanted, short, None, 0.0)
    return CacheChoice(wanted, "as asked for", break_even(prices, wanted) if prices else None, overall)


def _too_short(prefix_tokens: int, least_tokens: int) -> str:
    return f"the prefix has about {prefix_tokens:,} tokens; this model caches from {least_tokens:,}"


def entry_lives(*, created_at: str, ended_at: str | None, now: datetime) -> bool:
    """Whether what a one-request batch wrote for an hour can still be read by a batch that is sent now.

    The hour counts from the request's start, which lies between the batch's creation and its end, no earlier
    than one answer's time before the end (documentation "Prompt caching": the TTL counts from the start).
    """
    created = datetime.fromisoformat(created_at)
    ended = datetime.fromisoformat(ended_at) if ended_at else created
    began = max(created, ended - LONGEST_ANSWER)
    return now < began + TTL["1h"] - ENTRY_MARGIN


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of how a run's main batches met the cache, for the likely cause of a low hit rate.

    `mode` is theirs; `after_pilot_s` the seconds from the pilot's creation to theirs, None without a pilot;
    `waited` says that they were sent after the pilot had ended; `same_workspace` that both went to one
    workspace.
    """

    mode: str
    prefix_tokens: int
    least_tokens: int
    after_pilot_s: float | None
    waited: bool
    same_workspace: bool
    longest_s: float
    jobs: int


def is_low(rate: float | None, expected: float | None, *, lost: bool) -> bool:
    """Whether a hit rate needs a reason: the cache lost money, or stayed well below what was expected."""
    if lost:
        return True
    return rate is not None and expected is not None and rate < expected - NOTABLY_LOW


def likely_cause(seen: Seen) -> str:
    """Why few tokens were read from the cache, the most certain reason first; a sentence without its stop."""
    if seen.mode == "off":
        return "the main batch was sent without a cache"
    if seen.prefix_tokens < seen.least_tokens:
        return _too_short(seen.prefix_tokens, seen.least_tokens)
    if not seen.same_workspace:
        return "pilot and main batch went to different workspaces, which share no cache"
    if seen.after_pilot_s is None:
        return "without a pilot the first wave of a batch finds nothing to read and writes"
    if not seen.waited:
        return "the rest was sent before its pilot had come back"
    if seen.after_pilot_s > TTL["1h"].total_seconds():
        return "the rest was sent over an hour after its pilot, whose cache entry had expired"
    gap = seen.longest_s / max(seen.jobs, 1)
    if seen.mode == "5m" and gap > TTL["5m"].total_seconds():
        return "requests ran more than five minutes apart, longer than the 5-minute cache lasts"
    if seen.longest_s > TTL["1h"].total_seconds():
        return "the batch took longer than the hour that a cache entry lasts"
    return "the provider's batch cache is best effort; 30 to 98 % of hits are what it promises"
