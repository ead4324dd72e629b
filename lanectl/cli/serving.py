"""The sandbox in the foreground, for whoever wants to point a client at it."""

import threading
from typing import TYPE_CHECKING

from lanectl.errors import LanectlError, UsageError
from lanectl.lane.signals import raise_on_signals
from lanectl.render.answer import Answer
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.server import Sandbox

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.render.screen import Screen

LOOK_S = 1.0


def served(desk: "Desk", *, port: int, duration_s: float, faults: str | None) -> Answer:
    """Start the server, say where it is, and serve until a signal comes."""
    desk.play()
    raise_on_signals()
    folder = desk.settings.state_dir / "provider"
    server = Sandbox(
        folder,
        port=port,
        duration_s=duration_s,
        faults=None if faults is None else _faults(faults),
        clock=lambda: desk.clock().timestamp(),
    )
    try:
        desk.during(server)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LanectlError(
            f"port {port} cannot be used: {reason}", where="127.0.0.1", hint="lanectl sandbox --port 0"
        ) from None

    def draw(screen: "Screen") -> None:
        screen.title("Serving")
        screen.say(f"export ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY=sandbox")
        screen.say(f"faults: {server.url}/sandbox/faults, kept in {folder}")
        screen.note("Ctrl-C ends it", "dim")

    return Answer({"url": server.url, "folder": str(folder)}, draw, then=_wait)


def _wait() -> None:
    ended = threading.Event()
    while not ended.wait(LOOK_S):
        continue


def _faults(text: str) -> Faults:
    try:
        return Faults.parse(text)
    except ValueError as error:
        raise UsageError(f"--faults: {error}", hint="lanectl sandbox --help") from None
