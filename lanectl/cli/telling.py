"""Tells people what a command settled, once its answer is made; all it may add is a warning."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lanectl.errors import LanectlError, NoAccess
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
    except BrokenPipeError:
        raise
    except Exception as error:
        _remember(desk, lane, error)
        for text in unheard(lane):
            desk.screen.warn(text)
        raise
    _remember(desk, lane, answer.trouble)
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


def _remember(desk: "Desk", lane: "Lane", error: Exception | None) -> None:
    """Note how the command ended, for those who do not see it; None where it got through."""
    # Who sits before it has just read it, and their key is not the one that cron has.
    if desk.screen.watched or lane.settings.sandbox:
        return
    from lanectl.notify import failing
    from lanectl.text.secrets import redact

    # Of the state file: without it there is no outbox, and what failed is told in any case.
    with contextlib.suppress(LanectlError):
        if error is None:
            failing.worked(lane.db, lane.clock())
            return
        known = isinstance(error, LanectlError)
        words = redact(str(error) if known else f"unexpected {type(error).__name__}", *desk.secrets())
        failure = failing.Failure(lane.command, words, lasting=isinstance(error, NoAccess))
        failing.failed(lane.db, failure, lane.clock())
