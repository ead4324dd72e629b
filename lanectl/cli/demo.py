"""The demo: the whole loop in a minute, on the repository one stands in, with no key and no model."""

from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.cli.daily import Repo
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def demo(desk: "Desk", repo: Repo = Path()) -> Answer:
    """Play the whole loop here: no key, no cost, no model called.

    Submit, wait, pull and digest on the repository you stand in, against the built-in sandbox, in under
    two minutes; nothing is written into the repository.
    """
    from lanectl.cli.playing import played
    from lanectl.lane.signals import raise_on_signals

    raise_on_signals()
    desk.play()
    return played(desk, repo)
