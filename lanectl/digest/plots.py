"""Plots as SVG that takes its colours from the page: columns in time, and bars with a mark."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

from lanectl.digest.account import dollars
from lanectl.text.html import escape

WIDTH = 900
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 26
TALL = 260
ROW = 24
NAME = 110
FIGURE = 84
MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Pair:
    """Two amounts of one moment, one drawn behind (None: not drawn); `told` is what a pointer reads."""

    name: str
    front: float
    behind: float | None
    told: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One amount of one thing and a mark on its way; `tone` is the class of its colour."""

    name: str
    amount: float
    mark: float | None
    tone: str
    told: str


def columns(pairs: Sequence[Pair], told: str) -> str:
    """Columns from left to right with an axis in dollars."""
    most = _round_up(max((max(pair.front, pair.behind or 0.0) for pair in pairs), default=0.0))
    room = WIDTH - LEFT - RIGHT
    step = room / max(len(pairs), 1)
    broad = min(step * 0.7, 56.0)
    parts = list(_axis(most))
    for n, pair in enumerate(pairs):
        middle = LEFT + step * (n + 0.5)
        bars = [] if pair.behind is None else [_column(middle, broad, pair.behind, most, "list")]
        bars.append(_column(middle, broad * 0.62, pair.front, most, "paid"))
        parts.append(f"<g><title>{escape(pair.told)}</title>{''.join(bars)}</g>")
        if n % -(-len(pairs) // MOST_LABELS) == 0:
            label = f'<text x="{middle:.1f}" y="{TALL - 8}" text-anchor="middle">{escape(pair.name)}</text>'
            parts.append(label)
    return _svg(TALL, told, parts)


def rows(bars: Sequence[Bar], told: str, figure: Callable[[float], str], *, most: float | None = None) -> str:
    """Bars from top to bottom, each with its name before and its figure behind it."""
    top = most or _round_up(max((max(bar.amount, bar.mark or 0.0) for bar in bars), default=0.0))
    room = WIDTH - NAME - FIGURE
    parts: list[str] = []
    for n, bar in enumerate(bars):
        y = n * ROW
        wide = room * bar.amount / top
        mark = ""
        if bar.mark is not None:
            x = NAME + room * bar.mark / top
            mark = f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 2}" y2="{y + ROW - 4}"/>'
        parts.append(
            f"<g><title>{escape(bar.told)}</title>"
            f'<text x="{NAME - 8}" y="{y + 15}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="{bar.tone}" x="{NAME}" y="{y + 4}" width="{max(wide, 1):.1f}" height="{ROW - 10}"'
            ' rx="2"/>'
            f'{mark}<text class="figure" x="{WIDTH - 4}" y="{y + 15}" text-anchor="end">'
            f"{escape(figure(bar.amount))}</text></g>"
        )
    return _svg(max(len(bars), 1) * ROW, told, parts)


def _axis(most: float) -> Iterator[str]:
    for n in range(5):
        amount = most * n / 4
        y = _height(amount, most)
        kind = "grid" if n else "zero"
        yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(dollars(amount))}</text>'


def _column(middle: float, broad: float, amount: float, most: float, tone: str) -> str:
    y = _height(amount, most)
    tall = max(_height(0.0, most) - y, 1.0)
    return (
        f'<rect class="{tone}" x="{middle - broad / 2:.1f}" y="{y:.1f}"'
        f' width="{broad:.1f}" height="{tall:.1f}" rx="2"/>'
    )


def _height(amount: float, most: float) -> float:
    return TOP + (TALL - TOP - BOTTOM) * (1 - amount / most)


def _round_up(amount: float) -> float:
    """The next figure whose quarters are round enough for an axis; 1 for nothing."""
    if amount <= 0:
        return 1.0
    power = float(10 ** floor(log10(amount)))
    return float(next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= amount))


def _svg(height: int, told: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )
