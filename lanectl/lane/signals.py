"""Signals that arrive while a batch is being created wait until its answer is stored."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

KEPT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The process was asked to stop; `number` is the signal's, with SIGHUP told as SIGTERM."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.SIGTERM if number == signal.SIGHUP else signal.Signals(number)


def raise_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the process the way Ctrl-C does, with everything tidied on the way out."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Hold signals back for the block, then let the first one act; a second Ctrl-C goes through at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def keep(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in arrived:
            raise KeyboardInterrupt
        arrived.append(number)

    before = {number: signal.signal(number, keep) for number in KEPT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        if arrived[0] == signal.SIGINT:
            raise KeyboardInterrupt
        raise Interrupted(arrived[0])


def _raise(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)
