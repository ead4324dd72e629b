"""Afterwards: the digest of one or many runs, in every form."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lanectl.cli.find import run_names
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk

Form = Literal["terminal", "markdown", "html", "json", "sarif", "csv", "junit"]
MaybeRuns = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Runs; without any, those of the last day.", autocompletion=run_names),
]


def digest(
    desk: "Desk",
    runs: MaybeRuns = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = "terminal",
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Every run since a date, or for 36h, 7d.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> Answer:
    """Tell one or many runs in the morning's order.

    What needs you, findings, files, what was not done, money.
    """
    from lanectl.cli import digesting

    with desk.lane() as lane:
        chosen = digesting.chosen(lane, runs or (), since)
        if open_:
            return digesting.opened(lane, chosen)
        return digesting.told(lane, chosen, form, as_data=desk.screen.json)
