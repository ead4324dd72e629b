"""The queue: what is waiting to be batched; send it now, or give a call up."""

from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def queue(
    desk: "Desk",
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="What was sent lately, too.")] = False,
) -> Answer | None:
    """Show what is waiting to be batched; send it, or drop it."""
    if ctx.invoked_subcommand is not None:
        return None
    from lanectl.lane.queue import listing
    from lanectl.render.routed import draw_queue, queue_data

    now = desk.now
    with desk.lane() as lane:
        found = listing(lane, every=every)
    return Answer(queue_data(found), lambda screen: draw_queue(screen, found, now=now))


def flush(desk: "Desk") -> Answer:
    """Send all that waits now, however little it is.

    Calls of one model and prefix go in one batch; those whose deadline is near go too.
    """
    from lanectl.lane.flush import flush as flush_all
    from lanectl.lane.signals import raise_on_signals
    from lanectl.lane.sync import sync
    from lanectl.render.routed import draw_flushed, flushed_data

    raise_on_signals()
    with desk.lane() as lane, lane.locked():
        sync(lane)
        done = flush_all(lane, every=True)
    return Answer(flushed_data(done), lambda screen: draw_flushed(screen, done))


def drop(
    desk: "Desk", call: Annotated[str, typer.Argument(metavar="ID", help="An id, its beginning, or a key.")]
) -> Answer:
    """Give up a call that was not sent yet."""
    from lanectl.lane.queue import drop as give_up
    from lanectl.render.routed import entry_data

    with desk.lane() as lane:
        done = give_up(lane, call)
    return Answer(entry_data(done), lambda screen: screen.say(f"{done.id} is dropped: {done.title}"))
