"""Times, spans, sizes and money in the words that tables and sentences use."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86_400
TWO_UNITS_BELOW = 10


def span(seconds: float) -> str:
    """A length of time in its largest unit, or two where the first is small: `40 s`, `2 h 5 min`, `12 h`."""
    whole = max(round(seconds), 0)
    for size, least, unit, smaller_size, smaller in ((DAY, 2, "d", HOUR, "h"), (HOUR, 1, "h", MINUTE, "min")):
        if whole >= least * size:
            many, rest = divmod(whole, size)
            few = rest // smaller_size
            return f"{many} {unit} {few} {smaller}" if few and many < TWO_UNITS_BELOW else f"{many} {unit}"
    return f"{whole // MINUTE} min" if whole >= MINUTE else f"{whole} s"


def ago(at: str | None, now: datetime) -> str:
    """How long ago a time was, given as UTC ISO text: `3 h ago`, `just now`, `-` for none."""
    if not at:
        return "-"
    seconds = (now - datetime.fromisoformat(at)).total_seconds()
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def left(at: str | None, now: datetime) -> str:
    """How long it is until a time: `in 21 h`, `over` when it has passed, `-` for none."""
    if not at:
        return "-"
    seconds = (datetime.fromisoformat(at) - now).total_seconds()
    return "over" if seconds <= 0 else f"in {span(seconds)}"


def moment(at: str | None, *, local: bool) -> str:
    """A time for a reader: on their own clock where `local`, else in UTC; `-` for none."""
    if not at:
        return "-"
    when = datetime.fromisoformat(at)
    return f"{when.astimezone():%a %d %b %H:%M}" if local else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size(count: int) -> str:
    """Bytes as `512 B`, `1.2 kB`, `3.4 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def tokens(count: int) -> str:
    """Tokens as `812`, `12.3 k`, `1.2 M`."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:,.1f} k" if count < 1_000_000 else f"{count / 1_000_000:,.1f} M"


def tally(counts: Mapping[str, int]) -> str:
    """`12 succeeded, 2 errored`; `nothing` for no counts."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"


def by_reason(reasons: Iterable[str]) -> dict[str, int]:
    """How many skips there are for each reason, the most frequent first."""
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))
