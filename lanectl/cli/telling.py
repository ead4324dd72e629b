"""Tells people what a command settled, once its answer is made; all it may add is a warning."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lanectl.errors import LanectlError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane


def told(desk: "Desk", lane: "Lane", work: Callable[[], Answer]) -> Answer:
    """What `work` answers, with what kept people from being told among its warnings.

    Also where it fails: a night without the provider is one of those that somebody should hear of.
    """
    try:
        answer = work()
    except LanectlError:
        for text in unheard(lane):
            desk.screen.warn(text)
        raise
    return replace(answer, warnings=(*answer.warnings, *unheard(lane)))


def unheard(lane: "Lane") -> tuple[str, ...]:
    """Tell what is to be told; what a person should know of that."""
    # Imported here: most commands settle nothing.
    from lanectl.notify import flush

    try:
        return flush(lane.db, lane.settings, lane.clock)
    except LanectlError as error:
        # Of the state file, which the next command tells in its own words.
        return (f"nobody was told: {error}",)
