"""A pull's answer: the runs, the digest over them, and how it ended."""

from typing import TYPE_CHECKING

from lanectl.cli.exits import end_of_pull
from lanectl.lane.pull import Pulled
from lanectl.lane.report import digest_of
from lanectl.render.answer import Answer
from lanectl.render.pulled import draw_pulled, pulled_data
from lanectl.state.runs import get_run

if TYPE_CHECKING:
    from lanectl.lane.context import Lane


def pulled_answer(lane: "Lane", pulled: Pulled, *, waited: bool) -> Answer:
    """What a pull did, with its digest; made while the lane is open."""
    runs = [get_run(lane.db, one.account.run) for one in pulled.runs]
    digest = digest_of(lane, runs) if runs else None
    code, trouble = end_of_pull(pulled, waited=waited)
    return Answer(pulled_data(pulled), lambda screen: draw_pulled(screen, pulled, digest), code, trouble)
