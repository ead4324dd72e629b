"""Status, once or every minute, from the provider's word or from the state file alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lanectl.cli.exits import end_of_status
from lanectl.cli.find import run_of
from lanectl.errors import Exit, LanectlError, UsageError
from lanectl.lane.status import Status, refresh, status
from lanectl.render.answer import Answer
from lanectl.render.status import draw_run, draw_status, status_data

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.render.screen import Screen

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What `status` was asked: one run or several, and how to look."""

    run: str | None
    refresh: bool
    every: bool
    exit_status: bool
    offline: bool


def looked(desk: "Desk", look: Look) -> Answer:
    """One look; a provider that cannot be asked does not hide what the state file knows."""
    trouble: LanectlError | None = None
    if look.offline:
        with desk.reading_lane() as reading:
            found = _nothing(look) if reading is None else _read(reading, look)
    else:
        with desk.lane() as lane:
            trouble = _refreshed(lane, force=look.refresh)
            found = _read(lane, look)
    code, held = end_of_status(found) if look.exit_status else (Exit.OK, None)
    now = desk.now

    def draw(screen: "Screen") -> None:
        if look.run is not None and found.runs:
            draw_run(screen, found.runs[0], now=now)
        else:
            draw_status(screen, found, now=now)

    return Answer(status_data(found), draw, code, trouble or held)


def watched(desk: "Desk", look: Look) -> Answer:
    """Look again every minute, until the user has seen enough."""
    if desk.screen.json:
        raise UsageError(
            "--watch shows one screen after the other, and --json is one object", hint="lanectl status"
        )
    while True:
        answer = looked(desk, look)
        desk.screen.clear()
        answer.draw(desk.screen)
        if answer.trouble is not None:
            desk.screen.error(answer.trouble)
        desk.screen.flush()
        desk.sleep(EVERY_S)


def _refreshed(lane: "Lane", *, force: bool) -> LanectlError | None:
    try:
        refresh(lane, force=force)
    except LanectlError as error:
        return error
    return None


def _nothing(look: Look) -> Status:
    if look.run is not None:
        raise UsageError(f"no run or recipe {look.run}: there is no state yet", hint="lanectl status")
    return Status((), 0, None, None)


def _read(lane: "Lane", look: Look) -> Status:
    return status(lane, run_of(lane, look.run), every=look.every)
