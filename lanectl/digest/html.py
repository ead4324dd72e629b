"""The digest as one page that needs nothing else: no network, no other file, no plug-in."""

import base64
import hashlib
from collections.abc import Callable, Iterator

from lanectl.digest import cards, pageparts, past
from lanectl.digest.account import dollars
from lanectl.digest.model import Digest
from lanectl.digest.pageparts import flat
from lanectl.digest.script import SCRIPT
from lanectl.digest.style import STYLE
from lanectl.models import Severity
from lanectl.text.html import escape

LOOK = STYLE + past.LOOK
_TYPED = 'autocomplete="off" spellcheck="false"'
_KEYS = (
    ("j k", "next, previous"),
    ("o", "open or close the details"),
    ("m", "mark as done, or not"),
    ("/", "search"),
    ("Esc", "clear the filters"),
    ("?", "these keys"),
)


def render(digest: Digest, *, link: Callable[[str, str], str]) -> str:
    """The digest as HTML; `link` gives the address of an artifact of a run, as a path or a URL.

    Only the page's own script and style may run (by their hashes), nothing is loaded from anywhere;
    everything from outside is escaped or passes `text.html.markdown`.
    """
    return "".join(pieces(digest, link=link))


def pieces(digest: Digest, *, link: Callable[[str, str], str]) -> Iterator[str]:
    """The same page piece by piece, to be written as it is made."""
    yield f'{_head(digest)}<body>\n{_banner(digest)}<div class="page">\n{_header(digest)}\n<main>\n'
    # Whoever listens to the page walks by its landmarks: nothing may lie outside of head, main and foot.
    yield from _lines(pageparts.needs(digest), _bar(digest))
    yield from cards.findings(digest, link)
    yield from pageparts.done(digest, link)
    yield from _lines(
        pageparts.undone(digest),
        pageparts.stale(digest, link),
        '<p class="none" id="none" hidden>Nothing here fits these filters.</p>',
        pageparts.money(digest),
        past.charts(digest),
    )
    yield f"</main>\n{_footer()}\n</div>\n{_help()}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _lines(*parts: str) -> Iterator[str]:
    return (f"{part}\n" for part in parts if part)


def _head(digest: Digest) -> str:
    policy = (
        f"default-src 'none'; style-src '{_hash(LOOK)}'; script-src '{_hash(SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{flat(digest.title)}: {flat(digest.headline)}</title>\n<style>{LOOK}</style>\n</head>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _banner(digest: Digest) -> str:
    if not digest.sandbox:
        return ""
    told = "Sandbox: no model was called. A local server made these answers up."
    return f'<div class="sandbox" role="status">{told}</div>\n'


def _header(digest: Digest) -> str:
    told, _, call = digest.headline.partition("; ")
    call = f'; <span class="call">{flat(call)}</span>' if call else ""
    tiles = "".join(
        f'<div class="{tone}"><dt>{flat(name)}</dt><dd>{flat(figure)}</dd></div>'
        for tone, name, figure in _tiles(digest)
    )
    return (
        f'<header>\n<p class="eyebrow">{_eyebrow(digest)}</p>\n<h1>{flat(told)}{call}</h1>\n'
        + (f'<dl class="tiles">{tiles}</dl>\n' if tiles else "")
        + "</header>"
    )


def _eyebrow(digest: Digest) -> str:
    nights = sorted({run.created_at[:10] for run in digest.runs})
    nights = nights if len(nights) < 3 else [nights[0], nights[-1]]
    parts = [
        f"<b>{flat(digest.title if digest.runs else 'lanectl')}</b>",
        *map(flat, dict.fromkeys(run.repo.rstrip("/").rpartition("/")[2] for run in digest.runs)),
    ]
    return " · ".join([*parts, flat(" to ".join(nights))] if nights else parts)


def _tiles(digest: Digest) -> Iterator[tuple[str, str, str]]:
    if not digest.runs:
        return
    jobs = sum(run.jobs for run in digest.runs)
    yield "", "jobs done", f"{sum(run.outcomes.get('succeeded', 0) for run in digest.runs):,} / {jobs:,}"
    for group in digest.severities:
        yield group.severity, str(group.severity), f"{group.count:,}"
    left = sum(group.count for group in digest.undone if not group.quiet)
    if left:
        yield "", "not done", f"{left:,}"
    money = digest.money
    partly = " + ?" if money.unknown_runs and money.known_usd else ""
    paid = dollars(money.known_usd) + partly if partly else dollars(money.paid_usd)
    yield "", "would have cost" if money.sandbox else "paid", paid
    if digest.money.saved_usd is not None and digest.money.saved_usd > 0:
        yield "good", "saved", dollars(digest.money.saved_usd)


def _bar(digest: Digest) -> str:
    counts = {group.severity: group.count for group in digest.severities}
    chips = "".join(
        f'<button type="button" class="chip {severity}" value="{severity}" aria-pressed="false">'
        f"{severity} {counts[severity]:,}</button>"
        for severity in Severity
        if counts.get(severity)
    )
    outcomes = ["succeeded", *(group.reason for group in digest.undone)]
    return (
        '<div class="bar scripted" role="search" hidden>\n'
        f'<div><input type="search" id="q" placeholder="Search" aria-label="Search" {_TYPED}>\n'
        f'<div class="chips" role="group" aria-label="Severity">{chips}</div></div>\n'
        f'<div><input type="text" id="path" placeholder="Path" aria-label="Path" {_TYPED}>\n'
        + _select("recipe", "All recipes", list(digest.recipes))
        + _select("outcome", "All outcomes", outcomes)
        + '<span class="end"><button type="button" id="clear" class="quiet" hidden>Clear</button>'
        '<button type="button" id="hide-marked" class="quiet" aria-pressed="false">Hide done</button>'
        '<output id="shown"></output>'
        '<button type="button" id="help" class="quiet keys" aria-label="Keys">?</button></span></div>\n</div>'
    )


def _select(name: str, first: str, values: list[str]) -> str:
    options = "".join(f'<option value="{escape(value)}">{flat(value)}</option>' for value in values)
    hidden = " hidden" if len(values) < 2 else ""
    options = f'<option value="">{first}</option>{options}'
    return f'<select id="{name}" aria-label="{first}"{hidden}>{options}</select>\n'


def _footer() -> str:
    return (
        "<footer>Findings, headlines and suggestions are model output, untrusted: check before you act. "
        "This page loads nothing from anywhere. Made by lanectl.</footer>"
    )


def _help() -> str:
    rows = "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{told}</dd>"
        for keys, told in _KEYS
    )
    close = '<button type="button" id="close">Close</button>'
    return f'<dialog id="keys" aria-label="Keys"><dl>{rows}</dl>{close}</dialog>'
