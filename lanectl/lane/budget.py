"""Caps: what a run may cost, by itself, today and this month, compared before anything is sent."""

from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from lanectl.errors import HeldError
from lanectl.lane.context import Lane
from lanectl.models import Estimate
from lanectl.plan.batches import Numbers
from lanectl.recipe.tables import Recipe
from lanectl.state import answers, money, runs
from lanectl.state.runs import Run

# A plan that was not sent for so long is held before it is sent: it reserves nothing any more.
UNSENT_COUNTS = timedelta(hours=24)
# Figures of fewer jobs, or of shorter answers (None: as planned), of the same run.
Again = Callable[[int, int | None], Estimate]


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit: `key` says where it stands, `left` what of it is not spent or reserved yet, in `unit`."""

    key: str
    limit: float
    left: float
    unit: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is about to be committed: its name, dollars (None: unknown) and requests."""

    name: str
    usd: float | None
    requests: int


def reserve(lane: Lane, estimated: Estimate) -> float | None:
    """The dollars that a run reserves: *high*, or the worst case where configured so; None: unknown."""
    return estimated.at_most_usd if lane.settings.budget.basis == "at-most" else estimated.high_usd


def check(
    lane: Lane,
    recipe: Recipe,
    estimated: Estimate,
    *,
    max_cost_usd: float | None,
    attended: bool = False,
    again: Again | None = None,
    max_tokens: int = 0,
) -> None:
    """Raise `HeldError` for the first cap that the run would go over; says what would fit.

    Called inside the transaction that records the run, so that two submissions cannot both take the last
    dollar. `attended` says that a person is asked about a price that nobody knows.
    """
    wanted = Wanted(recipe.name, reserve(lane, estimated), estimated.jobs)
    caps = [
        *_run_caps(lane, max_cost_usd, recipe.run.max_cost_usd, spent=Decimal(0), sent=0),
        *_period_caps(lane, but=None),
    ]
    over = _first_over(caps, wanted)
    if over is not None:
        fits, hint = _fitting(lane, recipe.name, over, wanted, again, max_tokens)
        raise _held(lane, over, wanted, fits=fits, hint=hint)
    _refuse_unknown(caps, wanted, attended=attended)


def commit_more(
    lane: Lane, run: Run, more: Estimate | None, jobs: Collection[int], *, attended: bool = False
) -> None:
    """Reserve again for what a recorded run still has to cost, or raise `HeldError`; inside a `write` block.

    What it has cost counts already; what it had reserved before makes room for this. `more` None: nobody
    knows.
    """
    spent = answers.sums(lane.db, run.id).cost_usd
    usd = None if more is None else reserve(lane, more)
    wanted = Wanted(f"run {run.id}", usd, len(jobs))
    sent = money.requests_of(lane.db, run.id)
    caps = [
        *_run_caps(
            lane,
            run.policy.get("cap_usd"),
            run.policy.get("max_cost_usd"),
            spent=spent or Decimal(0),
            sent=sent,
        ),
        *_period_caps(lane, but=run.id),
    ]
    over = _first_over(caps, wanted)
    if over is not None:
        raise _held(lane, over, wanted, fits="", hint="lanectl spend")
    _refuse_unknown(caps, wanted, attended=attended)
    total = None if usd is None or spent is None else spent + Decimal(str(usd))
    money.reserve(lane.db, run.id, total, now=lane.now)


def waiting_jobs(lane: Lane, run: Run) -> Numbers:
    """The jobs of a run that a reservation still has to cover, ascending: those without an outcome."""
    return array("q", (job.n for job in runs.list_jobs(lane.db, run.id) if job.outcome is None))


def since_day(now: datetime) -> str:
    """The beginning of the day (UTC) as the state file's text."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0).isoformat(timespec="seconds")


def since_month(now: datetime) -> str:
    """The beginning of the month (UTC) as the state file's text."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).isoformat(timespec="seconds")


def stale(lane: Lane) -> str:
    """Runs that were planned before and never sent reserve nothing."""
    return (lane.clock() - UNSENT_COUNTS).isoformat(timespec="seconds")


def _run_caps(
    lane: Lane, flag: float | None, recipe_usd: float | None, *, spent: Decimal, sent: int
) -> list[Cap]:
    """The lowest cap in dollars on one run, and the one in requests where there is one."""
    budget = lane.settings.budget
    own = (budget.run_usd, "[budget] run_usd") if flag is None else (flag, "--max-cost")
    limits = [own, *([] if recipe_usd is None else [(recipe_usd, "[run] max_cost_usd")])]
    limit, key = min(limits)
    caps = [Cap(key, limit, limit - float(spent), "USD")]
    if budget.run_requests is not None:
        caps.append(Cap("[budget] run_requests", budget.run_requests, budget.run_requests - sent, "requests"))
    return caps


def _period_caps(lane: Lane, *, but: str | None) -> list[Cap]:
    budget, now = lane.settings.budget, lane.clock()
    caps: list[Cap] = []
    for since, usd, requests, name in (
        (since_day(now), budget.day_usd, budget.day_requests, "day"),
        (since_month(now), budget.month_usd, budget.month_requests, "month"),
    ):
        taken = money.committed(lane.db, since, stale=stale(lane), but=but)
        caps.append(Cap(f"[budget] {name}_usd", usd, usd - float(taken.usd), "USD"))
        if requests is not None:
            caps.append(Cap(f"[budget] {name}_requests", requests, requests - taken.requests, "requests"))
    return caps


def _first_over(caps: list[Cap], wanted: Wanted) -> Cap | None:
    for cap in caps:
        figure = wanted.requests if cap.unit == "requests" else wanted.usd
        if figure is not None and figure > cap.left:
            return cap
    return None


def _refuse_unknown(caps: list[Cap], wanted: Wanted, *, attended: bool) -> None:
    if wanted.usd is None and not attended and not any(cap.unit == "requests" for cap in caps):
        raise HeldError(
            "the price of the model is unknown, and no cap in requests is set",
            where=wanted.name,
            hint="lanectl config set budget.run_requests 100",
        )


def _held(lane: Lane, cap: Cap, wanted: Wanted, *, fits: str, hint: str) -> HeldError:
    left = max(cap.left, 0)
    if cap.unit == "requests":
        amounts = f"{wanted.requests:,} requests; {left:,.0f} of {cap.limit:,.0f} are left"
    else:
        basis = "at most" if lane.settings.budget.basis == "at-most" else "high"
        amounts = f"{basis} is {_usd(wanted.usd or 0)}; {_usd(left)} of {_usd(cap.limit)} are left"
    return HeldError(f"over the cap {cap.key}: {amounts}{fits}", where=wanted.name, hint=hint)


def _usd(amount: float) -> str:
    """Dollars with so many digits that two amounts which differ look different."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:,.4f}"


def _fitting(
    lane: Lane, name: str, cap: Cap, wanted: Wanted, again: Again | None, max_tokens: int
) -> tuple[str, str]:
    """What would fit under a cap, in words and as a command: fewer jobs, or shorter answers."""
    if cap.unit == "requests":
        jobs, tokens = max(int(cap.left), 0), 0
    elif again is None:
        jobs = tokens = 0
    else:

        def fits(figures: Estimate) -> bool:
            usd = reserve(lane, figures)
            return usd is not None and usd <= cap.left

        jobs = _most(wanted.requests, lambda n: fits(again(n, None)))
        tokens = _most(max_tokens, lambda n: fits(again(wanted.requests, n)))
    told = [f"--limit {jobs}"] if jobs else []
    # Room for less than a thousand tokens is none for an answer.
    told += [f"max_tokens at {tokens // 1000 * 1000:,}"] if tokens >= 1000 else []
    if not told:
        return "; nothing would fit", "lanectl spend"
    hint = f"lanectl submit {name} --limit {jobs}" if jobs else "lanectl spend"
    return f"; would fit: {', or '.join(told)}", hint


def _most(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to below `most` that fits, 0 for none."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
