"""Unattended: tick for cron, and the dead man's switch."""

from typing import TYPE_CHECKING

from lanectl.errors import LanectlError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.tick import Ticked
    from lanectl.render.screen import Screen


def tick(desk: "Desk") -> Answer:
    """Take everything one step further, for cron.

    Settles, sends what waits, pulls, retries what the recipe allows; silent when there is nothing to say.
    """
    from lanectl.cli.pinging import pinged
    from lanectl.lane.signals import raise_on_signals

    raise_on_signals()
    return pinged(desk, lambda: _ticked(desk))


def _ticked(desk: "Desk") -> Answer:
    from lanectl.cli.telling import told
    from lanectl.lane.tick import tick as tick_once

    with desk.lane() as lane:
        return told(desk, lane, lambda: _tick_answer(tick_once(lane)))


def _tick_answer(done: "Ticked") -> Answer:
    from lanectl.cli.exits import end_of_tick
    from lanectl.render.pulled import pulled_data

    code, trouble = end_of_tick(done)

    def draw(screen: "Screen") -> None:
        for text in done.said:
            screen.say(text)

    data = {**pulled_data(done.pulled), "retried": list(done.retried), "said": list(done.said)}
    return Answer(data, draw, code, trouble)


def alive(desk: "Desk") -> Answer:
    """Say what has gone quiet, from the state file alone.

    Exits 1 when somebody should look.
    """
    from lanectl.lane.alive import alive as look

    with desk.reading_lane() as lane:
        problems = () if lane is None else look(lane)
    trouble = None
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        trouble = LanectlError(f"{problems[0]}{more}", hint="lanectl status")

    def draw(screen: "Screen") -> None:
        for text in problems[1:]:
            screen.say(text)

    return Answer({"problems": list(problems)}, draw, trouble=trouble)
