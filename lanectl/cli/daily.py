"""Every day: submit, status, pull."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lanectl.cli.find import recipe_names, run_names, run_of
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk

Recipes = Annotated[
    list[str],
    typer.Argument(
        metavar="RECIPE", help="A name, or a path that ends in .toml.", autocompletion=recipe_names
    ),
]
OneRecipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="A name, or a path that ends in .toml.", autocompletion=recipe_names
    ),
]
MaybeRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="An id or its beginning, a recipe's name, or latest.", autocompletion=run_names
    ),
]
Repo = Annotated[Path, typer.Option("--repo", metavar="DIR", help="The repository to work on.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A variable of the recipe; repeatable.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most N items.")]
Only = Annotated[str | None, typer.Option("--only", metavar="GLOB", help="Only items whose key matches.")]
Again = Annotated[bool, typer.Option("--again", help="Send unchanged items too.")]
Cache = Annotated[
    Literal["auto", "1h", "5m", "off"] | None,
    typer.Option("--cache", help="The cache of the shared prefix, instead of the recipe's choice."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="KIND", help="programs, or secret:FINGERPRINT; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", metavar="USD", min=0, help="A cap for each run.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask above [budget] ask_above_usd.")]
Pilot = Annotated[
    str | None,
    typer.Option("--pilot", metavar="N", help="Jobs that go first: a number, auto, or 0 for none."),
]
PilotWait = Annotated[
    float | None, typer.Option("--pilot-wait", metavar="S", min=0, help="Seconds to wait for the pilot.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended, then pull.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where artifacts go.")]


def submit(
    desk: "Desk",
    recipes: Recipes,
    repo: Repo = Path(),
    sets: Sets = None,
    limit: Limit = None,
    only: Only = None,
    again: Again = False,
    dry_run: DryRun = False,
    max_cost: MaxCost = None,
    yes: Yes = False,
    pilot: Pilot = None,
    pilot_wait: PilotWait = None,
    cache: Cache = None,
    wait: Wait = False,
    out: Out = None,
    allow: Allow = None,
) -> Answer:
    """Plan, estimate, guard and send recipes as batches.

    Items that were answered before and have not changed are skipped by name. On a terminal it asks once
    when the high estimate is above the configured amount; without one it never asks: the caps decide.
    """
    from lanectl.cli import submitting
    from lanectl.lane.signals import raise_on_signals

    raise_on_signals()
    wishes = submitting.wishes(
        repo=repo,
        sets=sets,
        limit=limit,
        only=only,
        again=again,
        max_cost_usd=max_cost,
        yes=yes,
        pilot=pilot,
        pilot_wait_s=pilot_wait,
        cache=cache,
        wait=wait,
        out=out,
        allow=allow,
    )
    return (submitting.previewed if dry_run else submitting.submitted)(desk, recipes, wishes)


def status(
    desk: "Desk",
    run: MaybeRun = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the provider even within the minute.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Every run there ever was.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every minute.")] = False,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="Exit 4 for held, 8 for not ready, 3 for missing successes.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Read the state file only.")] = False,
) -> Answer:
    """Say what needs you, then what is out and how it goes.

    Asks the provider at most once a minute, settles lost answers, and never sends anything.
    """
    from lanectl.cli import watching

    look = watching.Look(run, refresh=refresh, every=every, exit_status=exit_status, offline=offline)
    return watching.watched(desk, look) if watch else watching.looked(desk, look)


def pull(
    desk: "Desk",
    run: MaybeRun = None,
    wait: Annotated[bool, typer.Option("--wait", help="Go on until everything has ended.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="S", min=0, help="With --wait: at most S seconds.")
    ] = None,
) -> Answer:
    """Turn all that has ended into files and one page.

    Repeatable, and safe to kill: what you edited is never overwritten. Sends what waits.
    """
    from lanectl.cli.pinging import pinged
    from lanectl.lane.signals import raise_on_signals

    raise_on_signals()
    return pinged(desk, lambda: _pulled(desk, run, wait=wait, timeout_s=timeout))


def _pulled(desk: "Desk", run: str | None, *, wait: bool, timeout_s: float | None) -> Answer:
    from lanectl.cli.pulling import pulled_answer
    from lanectl.cli.telling import told
    from lanectl.lane.pull import pull as pull_runs

    with desk.lane() as lane:
        named = run_of(lane, run)

        def work() -> Answer:
            pulled = pull_runs(lane, named, wait=wait, timeout_s=timeout_s)
            return pulled_answer(pulled, waited=wait)

        return told(desk, lane, work)
