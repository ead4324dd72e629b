"""What a pull brought: one line a run, then the digest, then the page."""

from typing import TYPE_CHECKING

from lanectl.digest.words import counted
from lanectl.models import JsonValue
from lanectl.render.digest import draw_digest
from lanectl.render.words import tally

if TYPE_CHECKING:
    from lanectl.lane.pull import Pulled, PulledRun
    from lanectl.render.screen import Screen


def pulled_data(pulled: "Pulled") -> dict[str, JsonValue]:
    """Every run that was touched, how many are not settled, and the page over all of them."""
    return {
        "runs": [_run_data(one) for one in pulled.runs],
        "pending": pulled.pending,
        "page": None if pulled.morning is None else str(pulled.morning.page),
    }


def draw_pulled(screen: "Screen", pulled: "Pulled") -> None:
    """What came of each run, the digest over all of them, and where it lies."""
    for sent in pulled.sent:
        screen.note(f"run {sent.run}: {counted(sent.requests, 'request')} sent, {sent.state}")
    if not pulled.runs:
        out = f"; {counted(pulled.pending, 'run')} not ready" if pulled.pending else ""
        screen.say(f"nothing new to pull{out}")
        return
    for one in pulled.runs:
        account = one.account
        files = f"{counted(one.written, 'file')} written" + (
            f", {one.unchanged:,} unchanged" if one.unchanged else ""
        )
        screen.note(f"{account.recipe} {account.run}: {one.state}, {tally(account.outcomes)}; {files}")
    if pulled.morning is not None:
        if any(one.digest for one in pulled.runs):
            draw_digest(screen, pulled.morning.digest)
        screen.say()
        screen.say(f"page: {pulled.morning.page}")
    if pulled.pending:
        screen.note(screen.typed(f"{counted(pulled.pending, 'run')} not ready: lanectl pull"), "dim")


def _run_data(one: "PulledRun") -> JsonValue:
    account = one.account
    return {
        "run": account.run,
        "recipe": account.recipe,
        "state": str(one.state),
        "written": one.written,
        "unchanged": one.unchanged,
        "outcomes": dict(account.outcomes),
        "out": account.out,
        "artifacts": account.artifacts,
        "digest": None if one.digest is None else str(one.digest),
    }
