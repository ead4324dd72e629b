"""One run: show it, retry it, release it, cancel it."""

from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.find import run_names, run_of
from lanectl.errors import UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.state.runs import Run as RunRow

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="An id or its beginning, a recipe's name, or latest.", autocompletion=run_names
    ),
]
RunOrJob = Annotated[
    str, typer.Argument(metavar="RUN[/KEY]", help="A run, or one job of it.", autocompletion=run_names)
]


def show(desk: "Desk", run: RunOrJob) -> Answer:
    """Show all that is known of one run or one job.

    Request, outcome, usage, cost, artifact, history.
    """
    from lanectl.lane.show import show_job, show_run
    from lanectl.render.shown import draw_job_shown, draw_run_shown, job_shown_data, run_shown_data

    name, slash, key = run.partition("/")
    now = desk.now
    with desk.lane() as lane:
        if slash:
            job = show_job(lane, _known(lane, name), key)
            return Answer(job_shown_data(job), lambda screen: draw_job_shown(screen, job))
        shown = show_run(lane, _known(lane, name))
        return Answer(run_shown_data(shown), lambda screen: draw_run_shown(screen, shown, now=now))


def retry(
    desk: "Desk",
    run: Run,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="OUTCOMES", help="Of these outcomes only, separated by commas."),
    ] = None,
) -> Answer:
    """Send the jobs that did not succeed again.

    They become a further batch of the same run.
    Answers that were cut get twice the room, up to the model's limit.
    """
    from lanectl.cli.releasing import sent_again
    from lanectl.lane.retry import choose
    from lanectl.lane.retry import retry as retry_run
    from lanectl.lane.signals import raise_on_signals

    raise_on_signals()
    with desk.lasting_lane() as lane:
        found = _known(lane, run)
        wanted = [word.strip() for word in only.split(",") if word.strip()] if only else None
        choice = choose(lane, found, wanted)
        return sent_again(retry_run(lane, found, choice), again=len(choice.jobs))


def release(
    desk: "Desk",
    run: Run,
    is_batch: Annotated[
        str | None,
        typer.Option("--is", metavar="BATCH", help="Settle an uncertain submission: it is this batch."),
    ] = None,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="Settle an uncertain submission: it never arrived.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Give up what was not sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Answer:
    """Send what a run holds back, once you have looked.

    Says what held it and what it costs, asks, and sends. An uncertain submission can be settled by hand.
    """
    from lanectl.cli import releasing
    from lanectl.lane.signals import raise_on_signals

    if sum((is_batch is not None, not_sent, drop)) > 1:
        raise UsageError("--is, --not-sent and --drop exclude one another", hint="lanectl release --help")
    raise_on_signals()
    with desk.lasting_lane() as lane:
        found = _known(lane, run)
        if is_batch is not None or not_sent:
            return releasing.settled(lane, found, is_batch)
        return releasing.dropped(lane, found) if drop else releasing.released(desk, lane, found, yes=yes)


def cancel(desk: "Desk", run: Run) -> Answer:
    """Ask the provider to cancel a run.

    The state changes when the provider says so. Requests that are under way may still complete and be
    billed; what was not sent is given up.
    """
    from lanectl.lane.cancel import cancel as cancel_run
    from lanectl.lane.signals import raise_on_signals
    from lanectl.render.sent import canceled_data, draw_canceled

    raise_on_signals()
    with desk.lane() as lane:
        done = cancel_run(lane, _known(lane, run))
    return Answer(canceled_data(done), lambda screen: draw_canceled(screen, done))


def _known(lane: "Lane", name: str) -> "RunRow":
    found = run_of(lane, name)
    if found is None:
        raise UsageError("no run was named", hint="lanectl status --all")
    return found
