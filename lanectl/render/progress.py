"""Progress on a terminal, for anything that takes longer than a second; elsewhere silence."""

import threading
from typing import TYPE_CHECKING

from lanectl.text.terminal import line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

SHOWN_AFTER_S = 1.0


class Progress:
    """One line that changes, gone without a trace when it is stopped."""

    def __init__(self, console: "Console", *, spinner: str) -> None:
        self._console = console
        self._spinner = spinner
        self._lock = threading.Lock()
        self._text = ""
        self._timer: threading.Timer | None = None
        self._status: Status | None = None

    def tell(self, text: str) -> None:
        """What is being done now, in one sentence."""
        with self._lock:
            self._text = text
            if self._status is not None:
                self._status.update(self._line())
            elif self._timer is None:
                self._timer = threading.Timer(SHOWN_AFTER_S, self._show)
                self._timer.daemon = True
                self._timer.start()

    def stop(self) -> None:
        """Take the line away; the next `tell` begins anew."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._status is not None:
                self._status.stop()
                self._status = None

    def _show(self) -> None:
        with self._lock:
            if self._timer is None:
                return
            self._status = self._console.status(self._line(), spinner=self._spinner)
            self._status.start()

    def _line(self) -> "Text":
        from rich.text import Text

        return Text(line(self._text, max(self._console.width - 4, 20)))
