"""The digest of the runs that were meant, in the form that was asked for."""

import re
import webbrowser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.cli.find import run_of
from lanectl.digest.limits import PAGE, WHOLE
from lanectl.digest.model import Digest
from lanectl.errors import UsageError
from lanectl.lane.report import digest_of, write_morning
from lanectl.render.answer import Answer
from lanectl.render.digest import draw_digest
from lanectl.state.runs import Run, list_runs

if TYPE_CHECKING:
    from lanectl.lane.context import Lane

SPAN = re.compile(r"(\d{1,6})([hd])")
DAY = timedelta(days=1)
FOR_PROGRAMS = frozenset({"json", "sarif", "csv", "junit"})
Link = Callable[[str, str], str]


def chosen(lane: "Lane", names: Sequence[str], since: str | None) -> list[Run]:
    """The runs by name, those since a time, or those of the last day with the newest one in any case."""
    if names:
        found = [run_of(lane, name) for name in names]
        return [run for run in found if run is not None]
    if since is not None:
        return list_runs(lane.db, since=beginning(since, lane.clock(), command="digest"))
    young = list_runs(lane.db, since=(lane.clock() - DAY).isoformat(timespec="seconds"))
    return young or list_runs(lane.db)[:1]


def told(lane: "Lane", runs: Sequence[Run], form: str, *, as_data: bool) -> Answer:
    """The digest as text, or as data whatever the form; whole for programs, bounded for people."""
    from lanectl.digest import jsonform

    made = digest_of(lane, runs, limits=WHOLE if as_data or form in FOR_PROGRAMS else PAGE)
    places = {run.id: Path(run.artifacts) for run in runs}

    def path(run: str, artifact: str) -> str:
        return str(places[run] / artifact)

    if as_data:
        return Answer(jsonform.value(made, link=path))
    if form == "terminal":
        return Answer(draw=lambda screen: draw_digest(screen, made))
    text = _written(made, form, path, lambda run, artifact: (places[run] / artifact).as_uri())
    return Answer(draw=lambda screen: screen.raw(text.rstrip("\n")))


def opened(lane: "Lane", runs: Sequence[Run]) -> Answer:
    """Open the page over the runs; where there is no browser, its path is what is left."""
    morning = write_morning(lane, runs)
    if morning is None:
        raise UsageError("there is no run to show", hint="lanectl status --all")
    page = morning.page
    # The browser outlives us, which the door for programs does not let one do.
    shown = webbrowser.open(page.as_uri())
    return Answer({"page": str(page), "opened": shown}, lambda screen: screen.say(f"page: {page}"))


def _written(made: Digest, form: str, path: Link, address: Link) -> str:
    from lanectl.digest import csvform, html, jsonform, junit, markdown, sarif

    writers: dict[str, Callable[[], str]] = {
        "markdown": lambda: markdown.render(made, link=address),
        "html": lambda: html.render(made, link=address),
        "json": lambda: jsonform.render(made, link=path),
        "sarif": lambda: sarif.render(made, link=path),
        "csv": lambda: csvform.render(made, link=path),
        "junit": lambda: junit.render(made, link=path),
    }
    return writers[form]()


def beginning(since: str, now: datetime, *, command: str) -> str:
    """A date, a time, or so many hours or days ago, as the state file's UTC text."""
    span = SPAN.fullmatch(since)
    if span is not None:
        hours = int(span[1]) * (1 if span[2] == "h" else 24)
        return (now - timedelta(hours=hours)).isoformat(timespec="seconds")
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError(
            f"--since takes a date such as 2026-11-24, or 36h, or 7d, not {since}",
            hint=f"lanectl {command} --help",
        ) from None
    # A bare date is meant on the user's own calendar.
    return moment.astimezone(UTC).isoformat(timespec="seconds")
