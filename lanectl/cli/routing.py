"""Look first: where a call would go, and one item of a recipe tried now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.asking import Deadline, Hint, Model, signals
from lanectl.cli.daily import Allow, OneRecipe, Only, Repo, Sets
from lanectl.cli.find import recipe_of
from lanectl.errors import Exit
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def route(
    desk: "Desk",
    human: Annotated[
        bool | None, typer.Option("--human/--no-human", help="Whether somebody waits; else it is seen.")
    ] = None,
    hint: Hint = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="How many requests.")] = 1,
    tools: Annotated[bool, typer.Option("--tools", help="The model calls tools in a loop.")] = False,
    deadline: Deadline = None,
    model: Model = None,
) -> Answer:
    """Say which lane and model a call would take, and why.

    One question decides: is a human waiting on this token stream right now?
    """
    from lanectl.lane.route import Call
    from lanectl.lane.route import route as choose
    from lanectl.render.routed import draw_route, route_data

    call = Call(human=human, hint=hint, jobs=jobs, tools=tools, deadline_s=deadline, model=model)
    found = choose(call, signals(), desk.settings)
    return Answer(route_data(found), lambda screen: draw_route(screen, found))


def try_(
    desk: "Desk",
    recipe: OneRecipe,
    item: Annotated[
        str | None, typer.Option("--item", metavar="KEY", help="Which item; else the first.")
    ] = None,
    repo: Repo = Path(),
    sets: Sets = None,
    only: Only = None,
    allow: Allow = None,
) -> Answer:
    """Send one item of a recipe now, before a night of it.

    Same prefix, prompt, schema and artifact as in a batch, on the interactive lane at its full price.
    """
    from lanectl.cli.submitting import wishes, with_stdin
    from lanectl.lane.signals import raise_on_signals
    from lanectl.lane.tried import try_recipe
    from lanectl.models import Outcome
    from lanectl.render.asking import Flow, draw_tried, tried_data

    raise_on_signals()
    found = recipe_of(desk, recipe, repo)
    asked = with_stdin(found, wishes(repo=repo, sets=sets, only=only, allow=allow))
    flow = Flow(desk.screen)
    with desk.lane() as lane:
        try:
            done = try_recipe(lane, found, asked, item=item, hear=flow.hear)
        finally:
            flow.end()
    code = Exit.OK if done.result.outcome is Outcome.SUCCEEDED else Exit.PARTIAL
    if done.heard.interrupted:
        code = Exit.INTERRUPTED
    return Answer(tried_data(done), lambda screen: draw_tried(screen, done), code, warnings=done.warnings)
