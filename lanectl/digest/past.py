"""Small charts of the last runs: what each cost, and how many of its jobs came to a success."""

from collections.abc import Callable, Sequence

from lanectl.digest.account import dollars
from lanectl.digest.model import SANDBOX, Digest
from lanectl.digest.plots import Bar
from lanectl.digest.words import counted
from lanectl.models import Outcome, RunAccount
from lanectl.text.html import escape

# Fewer say nothing, more are too small to read on a phone.
LEAST, MOST = 2, 12
# In units of the drawing, which is about as wide as a phone.
WIDTH, ROW, NAME, FIGURE = 400, 22, 48, 60
LOOK = """
.past{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem}
.past figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;
  padding:.8rem 1rem}
.past figcaption{color:var(--soft);font-size:.86rem;margin:0 0 .4rem}
.past svg{display:block;width:100%;height:auto;font:12px var(--sans)}
.past text{fill:var(--soft)}.past text.figure{fill:var(--ink)}
.past .good{fill:var(--good)}.past .bad{fill:var(--critical)}.past .paid{fill:var(--accent)}
.past .goal{stroke:var(--ink);stroke-width:2}
@media print{.past .paid{fill:#555}}
"""


def charts(digest: Digest) -> str:
    """Cost and outcomes over the last runs of the same recipes; "" where there are too few to compare."""
    runs = digest.past[-MOST:]
    if len(runs) < LEAST:
        return ""
    mark = f" <small>{SANDBOX}</small>" if digest.sandbox else ""
    return (
        f"<section><h2>The last {len(runs)} runs{mark}</h2>"
        f'<div class="past">{_cost(runs)}{_outcomes(runs)}</div></section>'
    )


def _cost(runs: Sequence[RunAccount]) -> str:
    bars = [
        Bar(
            name=_when(run),
            amount=run.cost_usd or 0.0,
            mark=run.list_usd,
            tone="paid",
            told=f"{run.recipe} {run.run}: {dollars(run.cost_usd)}, other lane {dollars(run.list_usd)}",
        )
        for run in runs
    ]
    drawn = _rows(bars, "Dollars by run, with a mark at the other lane's price", dollars)
    return f"<figure><figcaption>Cost, with a mark at the other lane's price</figcaption>{drawn}</figure>"


def _outcomes(runs: Sequence[RunAccount]) -> str:
    bars = []
    for run in runs:
        done = run.outcomes.get(Outcome.SUCCEEDED, 0)
        told = f"{run.recipe} {run.run}: {done:,} of {counted(run.jobs, 'job')} done"
        tone = "good" if done == run.jobs else "bad"
        bars.append(Bar(_when(run), float(done), float(run.jobs), tone, told))
    drawn = _rows(bars, "Jobs done by run, with a mark at all of them", lambda done: f"{done:,.0f}")
    return f"<figure><figcaption>Jobs done, with a mark at all of them</figcaption>{drawn}</figure>"


def _rows(bars: Sequence[Bar], told: str, figure: Callable[[float], str]) -> str:
    top = max((max(bar.amount, bar.mark or 0.0) for bar in bars), default=0.0) or 1.0
    room = WIDTH - NAME - FIGURE
    parts = []
    for n, bar in enumerate(bars):
        y = n * ROW
        x = NAME + room * (bar.mark or 0.0) / top
        goal = f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 3}" y2="{y + ROW - 3}"/>'
        parts.append(
            f"<g><title>{escape(bar.told)}</title>"
            f'<text x="{NAME - 8}" y="{y + 15}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="{bar.tone}" x="{NAME}" y="{y + 6}" width="{max(room * bar.amount / top, 1):.1f}"'
            f' height="{ROW - 12}" rx="2"/>{goal if bar.mark else ""}'
            f'<text class="figure" x="{WIDTH}" y="{y + 15}" text-anchor="end">'
            f"{escape(figure(bar.amount))}</text></g>"
        )
    box = f"0 0 {WIDTH} {len(bars) * ROW}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>'


def _when(run: RunAccount) -> str:
    return run.created_at[5:10]
