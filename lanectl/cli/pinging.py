"""Pings the user's watcher around a command, where one is configured."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lanectl.errors import Exit, LanectlError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def pinged(desk: "Desk", work: Callable[[], Answer]) -> Answer:
    """What `work` answers, with what kept the pings from being heard among its warnings."""
    if desk.settings.health.ping is None:
        return work()
    # Imported here: most have no watcher, and a connection's modules take longer than an idle tick.
    from lanectl.lane import health
    from lanectl.text.secrets import redact

    unheard = [health.start(desk.settings)]
    try:
        answer = work()
    except Exception as error:
        known = isinstance(error, LanectlError)
        words = redact(str(error) if known else f"unexpected {type(error).__name__}", *desk.secrets())
        health.end(desk.settings, error.exit if isinstance(error, LanectlError) else Exit.FAILED, words)
        raise
    words = redact(str(answer.trouble or answer.exit.word), *desk.secrets())
    unheard.append(health.end(desk.settings, answer.exit, words))
    told = dict.fromkeys(str(error) for error in unheard if error is not None)
    return replace(answer, warnings=(*answer.warnings, *told))
