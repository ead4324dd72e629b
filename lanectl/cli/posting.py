"""Post a run's reviews to GitHub."""

from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.find import known_run
from lanectl.cli.runs import Run
from lanectl.errors import Exit
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def post(
    desk: "Desk",
    run: Run,
    send: Annotated[bool, typer.Option("--send", help="Send it; without this it is only shown.")] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Also reviews of commits that are not the newest any more.")
    ] = False,
) -> Answer:
    """Show a run's reviews as GitHub would get them, or send them.

    Comments on lines, and one lasting comment a pull request, renewed each night. Never an approval.
    """
    from lanectl.lane import post as verbs
    from lanectl.render.posted import draw_posted, posted_data

    with desk.lane() as lane:
        found = known_run(lane, run)
        done = (verbs.send if send else verbs.look)(lane, found, stale=stale)
    left = done.count("stale", "withheld", "unreadable", "failed")
    code = Exit.PARTIAL if left else Exit.OK
    return Answer(posted_data(done), lambda screen: draw_posted(screen, done), code, done.trouble)
