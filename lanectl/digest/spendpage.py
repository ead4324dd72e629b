"""The account of money as one page that needs nothing else, its plots drawn as SVG."""

import base64
import hashlib
from collections.abc import Iterator, Sequence

from lanectl.digest import plots
from lanectl.digest.account import dollars
from lanectl.digest.model import SANDBOX
from lanectl.digest.pageparts import flat
from lanectl.digest.spending import Line, Spend
from lanectl.digest.style import STYLE
from lanectl.digest.words import counted
from lanectl.text.html import escape

MOST_BARS = 60
NAMES = {"day": "By day", "recipe": "By recipe", "model": "By model", "run": "By run"}
EXTRA = """
.plot{background:var(--card);border:1px solid var(--rule);border-radius:10px;box-shadow:var(--shadow);
  padding:1rem 1.1rem;margin:.6rem 0;overflow-x:auto}
.plot svg{display:block;width:100%;min-width:34rem;height:auto;font:12px var(--sans)}
.plot text{fill:var(--soft)}.plot text.figure{fill:var(--ink)}
.plot .grid{stroke:var(--rule)}.plot .zero{stroke:var(--faint)}
.plot .paid{fill:var(--accent)}.plot .list{fill:var(--rule)}.plot .good{fill:var(--good)}
.plot .bad{fill:var(--critical)}.plot .goal{stroke:var(--ink);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;color:var(--soft);font-size:.86rem;margin:0 0 .5rem}
.legend span::before{content:"";display:inline-block;width:.7rem;height:.7rem;border-radius:2px;
  margin-right:.4rem;background:var(--tone)}
.legend .paid{--tone:var(--accent)}.legend .list{--tone:var(--rule)}.legend .good{--tone:var(--good)}
.legend .bad{--tone:var(--critical)}.legend .goal{--tone:var(--ink)}
.spend th:nth-child(2),.spend td:nth-child(2){text-align:right}
.spend tfoot td{font-weight:600}
"""
LOOK = STYLE + EXTRA


def render(spend: Spend, *, now: str) -> str:
    """The account as HTML: plots by day and by run, then a table for each way to group it.

    The page runs no script and loads nothing; everything from outside is escaped.
    """
    title = f"Spend, {now[:10]}"
    body = [_banner(spend), '<div class="page">', _header(spend, now), "<main>", _days(spend), _runs(spend)]
    body += [_unfinished(spend), *(_table(spend, by) for by in ("recipe", "model", "day", "run"))]
    body += ["</main>", _footer(), "</div>"]
    return f"{_head(title)}<body>\n{''.join(part + chr(10) for part in body if part)}</body>\n</html>\n"


def _head(title: str) -> str:
    digest = base64.b64encode(hashlib.sha256(LOOK.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{flat(title)}</title>\n<style>{LOOK}</style>\n</head>\n"
    )


def _banner(spend: Spend) -> str:
    told = "Sandbox: no model was called, and nothing was billed. The prices are real, the answers are not."
    return f'<div class="sandbox" role="status">{told}</div>' if spend.sandbox else ""


def _header(spend: Spend, now: str) -> str:
    total = spend.total
    word = "Would have paid" if spend.sandbox else "Paid"
    since = f"since {spend.since[:10]}" if spend.since else "since the beginning"
    made = now[:16].replace("T", " ")
    tiles = "".join(
        f'<div class="{tone}"><dt>{flat(name)}</dt><dd>{flat(figure)}</dd></div>'
        for tone, name, figure in _tiles(total)
    )
    paid = dollars(total.paid_usd) if not total.unknown else f"{dollars(total.known_usd)} and an unknown part"
    return (
        f'<header>\n<p class="eyebrow"><b>lanectl spend</b> · {flat(since)} · made {flat(made)} UTC</p>\n'
        f"<h1>{word} {flat(paid)} for {counted(total.answers, 'answer')}; "
        f'<span class="call">{flat(_call(total))}'
        f'</span></h1>\n<dl class="tiles">{tiles}</dl>\n</header>'
    )


def _call(total: Line) -> str:
    if total.saved_usd is None:
        return "what the other lane would have cost is unknown"
    return f"the other lane lists the same at {dollars(total.list_usd)}"


def _tiles(total: Line) -> Iterator[tuple[str, str, str]]:
    if total.saved_usd is not None:
        yield _tone(total.saved_usd), "saved by the lane", dollars(total.saved_usd)
    if total.cache_saved_usd is not None:
        word = "saved by the cache" if total.cache_saved_usd >= 0 else "lost by the cache"
        yield _tone(total.cache_saved_usd), word, dollars(abs(total.cache_saved_usd))
    if total.hit_rate is not None:
        yield "", "cache hits", f"{total.hit_rate:.0%}"
    if total.expected_usd is not None:
        yield (
            "",
            "expected / paid, settled runs",
            f"{dollars(total.expected_usd)} / {dollars(total.settled_usd)}",
        )
    if total.unfinished:
        yield "", f"reserved by {counted(total.unfinished, 'run')}", dollars(total.reserved_usd)


def _tone(amount: float) -> str:
    return "good" if amount >= 0 else "critical"


def _days(spend: Spend) -> str:
    days = spend.each["day"][-MOST_BARS:]
    if not days:
        return ""
    bars = [
        plots.Pair(line.key[5:], line.known_usd, line.list_usd, f"{line.key}: {_told(line)}") for line in days
    ]
    legend = (
        '<p class="legend"><span class="paid">paid</span>'
        '<span class="list">list price of the other lane</span></p>'
    )
    drawn = plots.columns(bars, "Dollars by day: what was paid before what the other lane lists it at")
    title = f"<h2>Paid against list price{_mark(spend)}</h2>"
    return f'<section>{title}<div class="plot">{legend}{drawn}</div></section>'


def _runs(spend: Spend) -> str:
    runs = [line for line in spend.each["run"] if line.expected_usd is not None][:MOST_BARS]
    cached = [line for line in spend.each["run"] if line.hit_rate is not None][:MOST_BARS]
    parts = []
    if runs:
        bars = [
            plots.Bar(
                line.key, line.settled_usd or 0.0, line.expected_usd, "paid", f"{line.key}: {_told(line)}"
            )
            for line in runs
        ]
        legend = '<p class="legend"><span class="paid">paid</span><span class="goal">expected</span></p>'
        drawn = plots.rows(bars, "Dollars by run: paid, with a mark at what was expected", dollars)
        parts.append(f'<h2>Estimate against actual{_mark(spend)}</h2><div class="plot">{legend}{drawn}</div>')
    if cached:
        bars = [
            plots.Bar(
                line.key,
                (line.hit_rate or 0.0) * 100,
                None,
                "bad" if (line.cache_saved_usd or 0.0) < 0 else "good",
                f"{line.key}: {_told(line)}",
            )
            for line in cached
        ]
        legend = (
            '<p class="legend"><span class="good">the cache saved money</span>'
            '<span class="bad">the cache lost money</span></p>'
        )
        drawn = plots.rows(bars, "Cache hit rate by run", lambda rate: f"{rate:.0f}%", most=100.0)
        parts.append(
            f'<h2>Cache hits{_mark(spend)}</h2><div class="plot">{legend}{drawn}</div>{_causes(cached)}'
        )
    return f"<section>{''.join(parts)}</section>" if parts else ""


def _causes(lines: Sequence[Line]) -> str:
    told = "".join(
        f"<li><b>{flat(line.key)}</b> <span>{escape('; '.join(line.causes))}</span></li>"
        for line in lines
        if line.causes
    )
    return f'<div class="why"><h3>Likely causes</h3><ul>{told}</ul></div>' if told else ""


def _unfinished(spend: Spend) -> str:
    lines = [line for line in spend.each["run"] if line.unfinished]
    if not lines:
        return ""
    rows = "".join(
        f"<li><b>{flat(line.key)}</b> <span>holds back {flat(dollars(line.reserved_usd))}</span></li>"
        for line in lines
    )
    return f'<section class="why"><h3>Unfinished reservations</h3><ul>{rows}</ul></section>'


def _table(spend: Spend, by: str) -> str:
    lines = list(spend.each[by]) if by != "day" else list(reversed(spend.each[by]))
    if not lines:
        return ""
    heads = (by, "answers", "expected", "paid", "list", "saved", "hits", "cache", "reserved")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(f"<tr>{_cells(line)}</tr>" for line in lines)
    foot = f"<tfoot><tr>{_cells(spend.total)}</tr></tfoot>" if len(lines) > 1 else ""
    return (
        f"<section><h2>{NAMES[by]}{_mark(spend)}</h2>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{NAMES[by]}"><table class="runs spend">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>{foot}</table></div></section>"
    )


def _cells(line: Line) -> str:
    cells = (
        line.key,
        f"{line.answers:,}",
        _maybe(line.expected_usd),
        _paid(line),
        dollars(line.list_usd),
        dollars(line.saved_usd),
        "–" if line.hit_rate is None else f"{line.hit_rate:.0%}",
        dollars(line.cache_saved_usd),
        dollars(line.reserved_usd) if line.unfinished else "–",
    )
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _paid(line: Line) -> str:
    return (
        f"{dollars(line.known_usd)} + unknown" if line.unknown and line.known_usd else dollars(line.paid_usd)
    )


def _told(line: Line) -> str:
    parts = [f"{_paid(line)} paid", f"list {dollars(line.list_usd)}"]
    parts += [] if line.expected_usd is None else [f"{dollars(line.expected_usd)} expected"]
    parts += [] if line.hit_rate is None else [f"{line.hit_rate:.0%} cache hits"]
    return ", ".join(parts)


def _maybe(amount: float | None) -> str:
    return "–" if amount is None else dollars(amount)


def _mark(spend: Spend) -> str:
    return f" <small>{SANDBOX}</small>" if spend.sandbox else ""


def _footer() -> str:
    return (
        "<footer>Days are UTC days on which a batch was sent. Expected stands only where a run is settled. "
        "This page loads nothing from anywhere. Made by lanectl.</footer>"
    )
