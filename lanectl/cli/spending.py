"""Spend: what was paid, in every form, and beside what the provider says."""

import os
import webbrowser
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lanectl.errors import ConfigError, NoAccess
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.api import Api
    from lanectl.cli.desk import Desk
    from lanectl.digest.spending import Spend
    from lanectl.lane.context import Lane

By = Literal["day", "recipe", "model", "run"]
ADMIN_KEY = "ANTHROPIC_ADMIN_KEY"
USUAL = "30d"


def spend(
    desk: "Desk",
    by: Annotated[By, typer.Option("--by", help="What to sum by.")] = "day",
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="From a date on, or for the last 36h, 7d; or all.")
    ] = USUAL,
    csv: Annotated[bool, typer.Option("--csv", help="Print the sums as CSV.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write a page with plots.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Write the page and open it in a browser.")] = False,
    reconcile: Annotated[
        bool,
        typer.Option("--reconcile", help=f"Compare with the provider's reports; needs {ADMIN_KEY}."),
    ] = False,
) -> Answer:
    """Show what was paid, expected, saved and lost.

    By day, recipe, model or run, with the cache's hit rate and what unfinished runs hold back.
    """
    from lanectl.cli.digesting import beginning
    from lanectl.lane.spend import spend as account_since
    from lanectl.render.spend import draw_spend, spend_csv, spend_data

    with desk.lane() as lane:
        start = "" if since == "all" else beginning(since, lane.clock(), command="spend")
        if reconcile:
            return _reconciled(desk, lane, start)
        account = account_since(lane, by=by, since=start)
        if html or open_:
            return _paged(lane, account, show=open_)
    data = spend_data(account)
    if csv:
        text = spend_csv(account)
        return Answer(data, lambda screen: screen.raw(text))
    return Answer(data, lambda screen: draw_spend(screen, account))


def _paged(lane: "Lane", account: "Spend", *, show: bool) -> Answer:
    from lanectl.lane.spend import write_spend_page
    from lanectl.render.spend import spend_data

    page = write_spend_page(lane, account)
    # The browser outlives us, which the door for programs does not let one do.
    opened = webbrowser.open(page.as_uri()) if show else False
    data = {**spend_data(account), "page": str(page), "opened": opened}
    return Answer(data, lambda screen: screen.say(f"page: {page}"))


def _reconciled(desk: "Desk", lane: "Lane", since: str) -> Answer:
    from lanectl.lane.invoice import invoice
    from lanectl.render.spend import draw_invoice, invoice_data

    if desk.settings.sandbox:
        raise ConfigError("the sandbox bills nobody: there is nothing to compare", hint="lanectl spend")
    admin = _admin(lane)
    try:
        compared = invoice(lane, admin, since=since or lane.now[:8] + "01T00:00:00+00:00")
    finally:
        admin.close()
    return Answer(invoice_data(compared), lambda screen: draw_invoice(screen, compared))


def _admin(lane: "Lane") -> "Api":
    from lanectl.api import connect

    key = os.environ.get(ADMIN_KEY, "")
    if not key.strip():
        raise NoAccess(
            "the usage and cost reports need an admin key", where=ADMIN_KEY, hint=f"export {ADMIN_KEY}=..."
        )
    return connect(salt=lane.identity.print_key, timeout_s=60.0, key=key)
