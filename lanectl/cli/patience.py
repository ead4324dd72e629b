"""A person who waits at a terminal may press Enter: what follows the pilot is sent then, without it."""

import select
from collections.abc import Callable
from typing import TextIO


class Patience:
    """Sleeps until the time is over or Enter is pressed; once pressed it is over for the whole command."""

    def __init__(self, keyboard: TextIO, sleep: Callable[[float], None]) -> None:
        self._keyboard = keyboard
        self._sleep = sleep
        self._over = False

    def over(self) -> bool:
        """Whether Enter was pressed."""
        return self._over

    def sleep(self, seconds: float) -> None:
        """Wait for at most so many seconds."""
        try:
            ready, _, _ = select.select([self._keyboard], [], [], seconds)
        except (OSError, ValueError):
            # No keyboard that can be waited for: time alone decides.
            self._sleep(seconds)
            return
        if ready:
            self._over = bool(self._keyboard.readline())
            if not self._over:
                # The end of the input is nobody's wish, and would be ready again at once.
                self._sleep(seconds)
