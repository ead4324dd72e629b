"""Submit for one or many recipes, each on its own: one that is held does not keep the others from a night."""

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lanectl.cli.exits import end_of_pull, first, trouble_of_submitted
from lanectl.cli.find import recipe_of
from lanectl.cli.pulling import pulled_answer
from lanectl.cli.telling import unheard
from lanectl.errors import LanectlError, NoAccess, TryLater, UsageError
from lanectl.lane.prepare import Wishes
from lanectl.lane.scan import PREFIX
from lanectl.lane.submit import Confirm, Preview, Submitted, preview, submit
from lanectl.lane.trust import PROGRAMS
from lanectl.recipe.tables import Recipe, TextSource
from lanectl.render.answer import Answer
from lanectl.render.planned import (
    draw_preview,
    draw_return,
    draw_submitted,
    preview_data,
    question,
    submitted_data,
)

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.lane.pull import Pulled
    from lanectl.render.screen import Screen

PROVIDER = "https://api.anthropic.com"
PILOTS = "a number, auto, or 0"


def wishes(
    *,
    repo: Path,
    sets: Sequence[str] | None = None,
    limit: int | None = None,
    only: str | None = None,
    again: bool = False,
    max_cost_usd: float | None = None,
    yes: bool = False,
    pilot: str | None = None,
    pilot_wait_s: float | None = None,
    cache: str | None = None,
    wait: bool = False,
    out: Path | None = None,
    allow: Sequence[str] | None = None,
) -> Wishes:
    """The flags of the command line as the verbs take them; raises UsageError for one that cannot be."""
    if pilot is not None and pilot != "auto" and not pilot.isdecimal():
        raise UsageError(f"--pilot takes {PILOTS}, not {pilot}", hint="lanectl submit --help")
    return Wishes(
        repo=repo,
        sets=pairs(sets or ()),
        limit=limit,
        only=only,
        again=again,
        max_cost_usd=max_cost_usd,
        yes=yes,
        pilot=pilot,
        pilot_wait_s=pilot_wait_s,
        cache=cache,
        wait=wait,
        # The folder is meant from where the user stands, not from the top of the repository.
        out=None if out is None else out.absolute(),
        allow=allowed(allow or ()),
    )


def allowed(kinds: Sequence[str]) -> frozenset[str]:
    """What `--allow` lets through; raises UsageError for a kind that would let nothing through."""
    for kind in kinds:
        if kind != PROGRAMS and not kind.startswith(PREFIX):
            raise UsageError(
                f"--allow takes {PROGRAMS} or {PREFIX}FINGERPRINT, not {kind}", hint="lanectl submit --help"
            )
    return frozenset(kinds)


def with_stdin(recipe: Recipe, asked: Wishes) -> Wishes:
    """The wishes with standard input, where the recipe reads it and somebody has piped something in."""
    reads = isinstance(recipe.source, TextSource) and recipe.source.path is None
    piped = sys.stdin is not None and not sys.stdin.isatty()
    return replace(asked, stdin=_lines()) if reads and piped else asked


def submitted(desk: "Desk", recipes: Sequence[str], asked: Wishes) -> Answer:
    """Send each recipe; without the provider none of the further ones is tried."""
    done: list[Submitted] = []
    troubles: list[LanectlError] = []
    with desk.lasting_lane() as lane:
        for name in recipes:
            try:
                recipe = recipe_of(desk, name, asked.repo)
                one = submit(lane, recipe, with_stdin(recipe, asked), confirm=_confirm(desk, recipe))
            except (NoAccess, TryLater) as error:
                troubles.append(error)
                break
            except LanectlError as error:
                troubles.append(error)
                continue
            done.append(one)
            trouble = trouble_of_submitted(one)
            troubles += [trouble] if trouble is not None else []
        pulled = _waited(lane, done) if asked.wait else None
        answer = None if pulled is None else pulled_answer(pulled, waited=True)
        untold = unheard(lane) if done else ()
        made = _answer(done, troubles, pulled, answer, whole=desk.screen.json)
    return replace(made, warnings=(*made.warnings, *untold)) if untold else made


def previewed(desk: "Desk", recipes: Sequence[str], asked: Wishes) -> Answer:
    """Show what each recipe would send; no network, and no key needed."""
    found = [recipe_of(desk, name, asked.repo) for name in recipes]
    with desk.lasting_lane() as lane:
        where = "the sandbox" if desk.settings.sandbox else host(os.environ)
        seen = [preview(lane, recipe, with_stdin(recipe, asked), host=where) for recipe in found]

    def draw(screen: "Screen") -> None:
        for one in seen:
            draw_preview(screen, one)

    shown = [preview_data(one) for one in seen] if desk.screen.json else []
    data: dict[str, object] = {"runs": [], "previews": shown}
    return Answer(data, draw, warnings=_preview_warnings(seen))


def host(environ: Mapping[str, str]) -> str:
    """The host that requests go to as far as the environment says; a profile of the SDK may name another."""
    url = environ.get("ANTHROPIC_BASE_URL") or PROVIDER
    return urlsplit(url).hostname or url


def _answer(
    done: Sequence[Submitted],
    troubles: Sequence[LanectlError],
    pulled: "Pulled | None",
    after: Answer | None,
    *,
    whole: bool,
) -> Answer:
    """What was sent; as data, where every skipped item has its place in memory, only the `whole` of it."""
    trouble, others = first(troubles)
    warnings = tuple(text for one in done if one.estimate is not None for text in one.estimate.warnings)
    data: dict[str, object] = {"runs": [submitted_data(one) for one in done]} if whole else {}
    if after is not None:
        data["pulled"] = dict(after.data)

    def draw(screen: "Screen") -> None:
        for one in done:
            draw_submitted(screen, one)
        if after is not None:
            after.draw(screen)
        else:
            draw_return(screen, done)

    code, late = (Answer().code, None) if pulled is None else end_of_pull(pulled, waited=True)
    return Answer(data, draw, code, trouble or late, (*warnings, *others))


def _waited(lane: "Lane", done: Sequence[Submitted]) -> "Pulled | None":
    """Wait for all that was sent, one run after the other, and bring it in as one pull."""
    from lanectl.lane.pull import Pulled, pull
    from lanectl.lane.report import write_morning
    from lanectl.state.runs import get_run

    runs = [get_run(lane.db, one.run) for one in done if one.run is not None]
    if not runs:
        return None
    each = [pull(lane, run, wait=True) for run in runs]
    return Pulled(
        runs=tuple(run for one in each for run in one.runs),
        pending=sum(one.pending for one in each),
        morning=write_morning(lane, runs),
        sent=tuple(attempt for one in each for attempt in one.sent),
    )


def _confirm(desk: "Desk", recipe: Recipe) -> Confirm | None:
    screen = desk.screen
    return (lambda figures: screen.ask(question(recipe.name, figures))) if screen.watched else None


def pairs(sets: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` texts as a mapping; raises UsageError for another form."""
    found: dict[str, str] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--set takes KEY=VALUE, not {text}", hint="lanectl submit --help")
        found[name] = value
    return found


def _lines() -> Iterator[str]:
    """Standard input by lines; bytes that are no UTF-8 stay what they are, and their item is skipped."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    yield from sys.stdin


def _preview_warnings(seen: Sequence[Preview]) -> tuple[str, ...]:
    return tuple(text for one in seen if one.estimate is not None for text in one.estimate.warnings)
