"""Waiting for what another thread or process must come to, for as long as it takes within reason."""

import threading
import time
from collections.abc import Callable

MOST_S = 120.0
_POLL_S = 0.005


def until(true: Callable[[], object]) -> None:
    """Come back once it is so; raises AssertionError when it never is. A busy machine costs time alone."""
    end = time.monotonic() + MOST_S
    # Not by `time.sleep`: tests put another in its place.
    pause = threading.Event()
    while not true():
        assert time.monotonic() < end, "it never came to be"
        pause.wait(_POLL_S)
