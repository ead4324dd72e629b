"""A screen whose two streams are read afterwards, as a pipe, a terminal or an old encoding would get them."""

import io
from collections.abc import Mapping

from lanectl.render.screen import Screen


class Tape(io.TextIOWrapper):
    """A text stream that is remembered, on a terminal or not, in any encoding."""

    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, errors="strict", newline="\n", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        """All that was written."""
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


class Desk:
    """A screen on two tapes, with what somebody typed."""

    def __init__(
        self,
        *,
        terminal: bool = False,
        encoding: str = "utf-8",
        typed: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.out = Tape(terminal=terminal, encoding=encoding)
        self.err = Tape(terminal=terminal, encoding=encoding)
        stdin = Tape(terminal=terminal)
        stdin.bytes.write(typed.encode())
        stdin.bytes.seek(0)
        self.screen = Screen(self.out, self.err, stdin, environ or {})
