"""What was paid over many runs by day, recipe, model or run, with what was expected and what was saved."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lanectl.digest.account import hit_rate

BY = ("day", "recipe", "model", "run")


@dataclass(frozen=True, slots=True)
class Row:
    """What one run's answers cost that were sent on one day (UTC), in dollars; None: some of it is unknown.

    `known_usd` sums what is known of the cost, `unknown` counts the answers whose cost is not.
    """

    day: str
    run: str
    recipe: str
    model: str
    answers: int
    cost_usd: Decimal | None
    known_usd: Decimal
    list_usd: Decimal | None
    uncached_usd: Decimal | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Planned:
    """One run as it was planned; `reserved_usd` is what it still holds back.

    `settled` says that all of it has come back; `unfinished` that it holds money back (None there: unknown).
    `cause` is why its cache did badly, "" where it did not.
    """

    run: str
    recipe: str
    model: str
    created_at: str
    expected_usd: float | None
    high_usd: float | None
    settled: bool
    unfinished: bool
    reserved_usd: Decimal | None
    cause: str = ""

    @property
    def day(self) -> str:
        """The day (UTC) it was made."""
        return self.created_at[:10]


@dataclass(frozen=True, slots=True)
class Line:
    """One group's sums in dollars; None is unknown, never zero.

    `expected_usd` is what its settled runs were expected to cost and `settled_usd` what those did cost;
    `paid_usd` is all that came back. `saved_usd` is against the other lane's price, `cache_saved_usd` against
    no cache (negative: lost). `reserved_usd` is what its `unfinished` runs hold back.
    """

    key: str
    runs: int
    answers: int
    expected_usd: float | None
    settled_usd: float | None
    paid_usd: float | None
    known_usd: float
    unknown: int
    list_usd: float | None
    saved_usd: float | None
    cache_saved_usd: float | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    hit_rate: float | None
    unfinished: int
    reserved_usd: float | None
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spend:
    """What was paid since a time: one line a group, the total, and the same by every word of `BY`.

    `since` is UTC ISO text or "" for the beginning. In a `sandbox` tokens were counted and nobody was billed.
    """

    by: str
    since: str
    sandbox: bool
    lines: tuple[Line, ...]
    total: Line
    each: Mapping[str, tuple[Line, ...]]


def build(rows: Sequence[Row], planned: Sequence[Planned], *, by: str, since: str, sandbox: bool) -> Spend:
    """The account over `rows`, grouped by one of `BY`; `planned` holds their runs and the unfinished ones."""
    each = {word: tuple(_lines(rows, planned, word)) for word in BY}
    return Spend(by, since, sandbox, each[by], _line("total", rows, planned, rows), each)


def _lines(rows: Sequence[Row], planned: Sequence[Planned], by: str) -> Iterable[Line]:
    groups: dict[str, tuple[list[Row], list[Planned]]] = {}
    for row in rows:
        groups.setdefault(str(getattr(row, by)), ([], []))[0].append(row)
    for run in planned:
        groups.setdefault(str(getattr(run, by)), ([], []))[1].append(run)
    lines = [_line(key, some, runs, rows) for key, (some, runs) in groups.items()]
    if by == "day":
        return sorted(lines, key=lambda line: line.key)
    if by == "run":
        made = {run.run: run.created_at for run in planned}
        return sorted(lines, key=lambda line: (made.get(line.key, ""), line.key), reverse=True)
    return sorted(lines, key=lambda line: (-line.known_usd, line.key))


def _line(key: str, rows: Sequence[Row], planned: Sequence[Planned], every: Sequence[Row]) -> Line:
    settled = {run.run for run in planned if run.settled and run.expected_usd is not None}
    theirs = [row for row in every if row.run in settled]
    paid, listed = _sum(rows, lambda row: row.cost_usd), _sum(rows, lambda row: row.list_usd)
    uncached = _sum(rows, lambda row: row.uncached_usd)
    read = sum(row.cache_read_tokens for row in rows)
    w5 = sum(row.cache_write_5m_tokens for row in rows)
    w1 = sum(row.cache_write_1h_tokens for row in rows)
    open_runs = [run for run in planned if run.unfinished]
    held = [run.reserved_usd for run in open_runs]
    return Line(
        key=key,
        runs=len({row.run for row in rows} | {run.run for run in planned}),
        answers=sum(row.answers for row in rows),
        expected_usd=sum(run.expected_usd or 0.0 for run in planned if run.run in settled)
        if settled
        else None,
        settled_usd=_float(_sum(theirs, lambda row: row.cost_usd)) if settled else None,
        paid_usd=_float(paid),
        known_usd=float(sum((row.known_usd for row in rows), Decimal(0))),
        unknown=sum(row.unknown for row in rows),
        list_usd=_float(listed),
        saved_usd=None if paid is None or listed is None else float(listed - paid),
        cache_saved_usd=None if paid is None or uncached is None else float(uncached - paid),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cache_read_tokens=read,
        cache_write_5m_tokens=w5,
        cache_write_1h_tokens=w1,
        hit_rate=hit_rate(read, w5 + w1),
        unfinished=len(open_runs),
        reserved_usd=None if None in held else float(sum((one or Decimal(0) for one in held), Decimal(0))),
        causes=tuple(dict.fromkeys(run.cause for run in planned if run.cause)),
    )


def _sum(rows: Iterable[Row], of: Callable[[Row], Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for row in rows:
        amount = of(row)
        if amount is None:
            return None
        total += amount
    return total


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
