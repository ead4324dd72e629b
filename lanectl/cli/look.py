"""Look first: what a recipe would cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.daily import Again, Allow, Cache, Limit, OneRecipe, Only, Repo, Sets
from lanectl.cli.find import recipe_of
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk

from pathlib import Path


def estimate(
    desk: "Desk",
    recipe: OneRecipe,
    repo: Repo = Path(),
    sets: Sets = None,
    limit: Limit = None,
    only: Only = None,
    again: Again = False,
    cache: Cache = None,
    allow: Allow = None,
    offline: Annotated[bool, typer.Option("--offline", help="Count from bytes; ask nobody.")] = False,
) -> Answer:
    """Count and price a recipe on both lanes.

    Nothing is sent but free token counting.
    """
    from lanectl.cli.submitting import wishes, with_stdin
    from lanectl.lane.estimate import estimate as estimate_recipe
    from lanectl.lane.signals import raise_on_signals
    from lanectl.render.planned import draw_estimated, estimated_data

    raise_on_signals()
    found = recipe_of(desk, recipe, repo)
    asked = wishes(repo=repo, sets=sets, limit=limit, only=only, again=again, cache=cache, allow=allow)
    with desk.lasting_lane() as lane:
        done = estimate_recipe(lane, found, with_stdin(found, asked), offline=offline)
    return Answer(
        estimated_data(done) if desk.screen.json else {},
        lambda screen: draw_estimated(screen, done),
        warnings=done.estimate.warnings if done.jobs else (),
    )
