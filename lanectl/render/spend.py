"""Spend: the account as data, as CSV, and on a terminal as a table with bars."""

import csv
import io
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars
from lanectl.digest.spending import Line, Spend
from lanectl.digest.words import counted
from lanectl.models import JsonValue
from lanectl.render.screen import Column
from lanectl.text.csvtext import cell

if TYPE_CHECKING:
    from lanectl.lane.invoice import Compared, Invoice
    from lanectl.render.screen import Screen

BAR = "█"
MOST_BARS = 31
NAME = 22
FIGURE = 12
AMOUNTS = (
    *("expected_usd", "settled_usd", "paid_usd", "list_usd", "saved_usd", "cache_saved_usd", "reserved_usd"),
)
COUNTS = (
    *("runs", "answers", "unknown", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_5m_tokens", "cache_write_1h_tokens", "unfinished"),
)


def spend_data(spend: Spend) -> dict[str, JsonValue]:
    """Every group with its sums, and the total."""
    return {
        "by": spend.by,
        "since": spend.since or None,
        "groups": [line_data(line) for line in spend.lines],
        "total": line_data(spend.total),
    }


def line_data(line: Line) -> dict[str, JsonValue]:
    """One group's sums; money in dollars, null when unknown."""
    return {
        "key": line.key,
        **{name: getattr(line, name) for name in AMOUNTS},
        "known_usd": line.known_usd,
        "hit_rate": line.hit_rate,
        **{name: getattr(line, name) for name in COUNTS},
        "causes": list(line.causes),
    }


def spend_csv(spend: Spend) -> str:
    """The groups as CSV with a line of names; what is unknown is an empty cell."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    names = ("hit_rate", *AMOUNTS, *COUNTS)
    writer.writerow([spend.by, *names])
    for line in spend.lines:
        values = (getattr(line, name) for name in names)
        writer.writerow([cell(line.key), *("" if value is None else str(value) for value in values)])
    return written.getvalue().removesuffix("\r\n")


def draw_spend(screen: "Screen", spend: Spend) -> None:
    """The groups in a table, their bars, and in words what was saved, lost and is still reserved."""
    if not spend.lines:
        screen.say("nothing was spent" + (f" since {spend.since[:10]}" if spend.since else ""))
        return
    lines = [*spend.lines, *([spend.total] if len(spend.lines) > 1 else [])]
    names = ("answers", "expected", "paid", "list", "hits", "reserved")
    screen.table(
        f"Spend by {spend.by}" + (f" since {spend.since[:10]}" if spend.since else ""),
        [Column(spend.by), *(Column(name, right=True) for name in names)],
        [_row(line) for line in lines],
    )
    _draw_bars(screen, spend)
    screen.say()
    for sentence in told(spend):
        screen.say(sentence)


def told(spend: Spend) -> list[str]:
    """The total in sentences: paid, against the other lane, what the cache did and why, what is reserved."""
    total = spend.total
    word = "would have been paid" if spend.sandbox else "paid"
    paid = dollars(total.paid_usd)
    if total.unknown:
        paid = f"{dollars(total.known_usd)}, and {counted(total.unknown, 'answer')} of unknown cost,"
    said = [f"{paid} {word} for {counted(total.answers, 'answer')}"]
    if total.saved_usd is not None:
        less = "saved" if total.saved_usd >= 0 else "lost"
        said[0] += f"; the other lane lists {dollars(total.list_usd)}: {dollars(abs(total.saved_usd))} {less}"
    if total.settled_usd is not None:
        said.append(
            f"settled runs: {dollars(total.expected_usd)} expected, {dollars(total.settled_usd)} paid"
        )
    said += _cache(total)
    if total.unfinished:
        said.append(f"{counted(total.unfinished, 'unfinished run')}: {dollars(total.reserved_usd)} reserved")
    return said


def _cache(total: Line) -> list[str]:
    if total.hit_rate is None and not total.causes:
        return []
    rate = (
        "nothing was cached" if total.hit_rate is None else f"{total.hit_rate:.0%} of the shared tokens read"
    )
    text = (
        f"cache: {rate} ({total.cache_read_tokens:,} read,"
        f" {total.cache_write_5m_tokens:,} written for 5 minutes, {total.cache_write_1h_tokens:,} for 1 h)"
    )
    if total.cache_saved_usd is not None:
        less = "saved" if total.cache_saved_usd >= 0 else "lost"
        text += f": {dollars(abs(total.cache_saved_usd))} {less} against no cache"
    return [text, *(f"likely cause of few hits: {cause}" for cause in total.causes)]


def _row(line: Line) -> list[str]:
    return [
        line.key,
        f"{line.answers:,}",
        "-" if line.expected_usd is None else dollars(line.expected_usd),
        _paid(line),
        dollars(line.list_usd),
        "-" if line.hit_rate is None else f"{line.hit_rate:.0%}",
        dollars(line.reserved_usd) if line.unfinished else "-",
    ]


def _paid(line: Line) -> str:
    return f"{dollars(line.known_usd)} + ?" if line.unknown and line.known_usd else dollars(line.paid_usd)


def _draw_bars(screen: "Screen", spend: Spend) -> None:
    """What was paid as bars, the newest of a long list."""
    lines = spend.lines[-MOST_BARS:] if spend.by == "day" else spend.lines[:MOST_BARS]
    most = max((line.known_usd for line in lines), default=0.0)
    if len(lines) < 2 or not most:
        return
    room = max(screen.width - NAME - FIGURE - 2, 10)
    screen.title("Paid")
    for line in lines:
        cells = round(room * line.known_usd / most)
        bar = BAR * max(cells, 1 if line.known_usd else 0)
        screen.say(f"{line.key[:NAME]:<{NAME}}{_paid(line):>{FIGURE}}  {bar}".rstrip())


def invoice_data(invoice: "Invoice") -> dict[str, JsonValue]:
    """Both accounts side by side, and what cannot be compared."""
    return {
        "since": invoice.since,
        "until": invoice.until,
        "compared": [_compared_data(one) for one in invoice.compared],
        "keys": [
            {"api_key_id": one.api_key_id, "workspace": one.workspace, "tokens": one.tokens}
            for one in invoice.keys
        ],
        "cost_usd": {str(name): usd for name, usd in invoice.cost_usd.items()},
        "notes": list(invoice.notes),
    }


def draw_invoice(screen: "Screen", invoice: "Invoice") -> None:
    """Both accounts side by side, and in words what cannot be compared."""
    screen.table(
        f"The provider's batch usage {invoice.since[:10]} to {invoice.until[:10]}",
        [
            Column("workspace"),
            Column("model"),
            Column("kind"),
            *(Column(name, right=True) for name in ("here", "there", "difference")),
        ],
        [
            [
                one.workspace or "(default)",
                one.model,
                one.kind,
                f"{one.here:,}",
                f"{one.there:,}",
                f"{one.there - one.here:+,}",
            ]
            for one in invoice.compared
        ],
    )
    for key in invoice.keys:
        screen.say(
            f"key {key.api_key_id or '(none)'} in {key.workspace or '(default)'}: {key.tokens:,} tokens"
        )
    for name, usd in invoice.cost_usd.items():
        screen.say(f"cost report, {name}: {dollars(usd)}")
    for note in invoice.notes:
        screen.say(f"- {note}")


def _compared_data(one: "Compared") -> JsonValue:
    return {
        "workspace": one.workspace,
        "model": one.model,
        "kind": one.kind,
        "here": one.here,
        "there": one.there,
    }
