"""A stream that every word passes on its way out: safe on any terminal, and writable in any encoding."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from lanectl.errors import LanectlError
from lanectl.text.terminal import safe

# What our own sentences and tables are written with, in ASCII and as wide as before.
PLAIN = str.maketrans({"…": "~", "–": "-", "—": "-", "×": "x", "’": "'", "·": "-", "→": ">", "█": "#"})


class Unwritable(LanectlError):  # noqa: N818 -- what the stream is to whoever writes
    """Nothing more can be printed: the disk behind the stream is full, or its terminal is gone."""


class Stream:
    """One output stream; what it cannot encode is written as an escape, never raised about."""

    def __init__(self, stream: TextIO | None) -> None:
        # A process started with a closed stream has none at all (`>&-`).
        self._stream = stream if stream is not None else io.StringIO()
        self.encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self.unicode = self.encoding.lower().replace("-", "").startswith("utf")

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        try:
            return self._stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        """The descriptor, for whoever asks how wide the terminal is."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write what is safe already: lines of `put`, and what rich has made of safe text."""
        if not self.unicode:
            text = text.translate(PLAIN).encode(self.encoding, "backslashreplace").decode(self.encoding)
        with self._told():
            return self._stream.write(text)

    def put(self, text: str) -> None:
        """Write any text as a line of its own, made safe."""
        self.write(safe(text) + "\n")

    def flush(self) -> None:
        """Hand over what is still held back."""
        with self._told():
            self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises `Unwritable` for what the stream does not take; a pipe that nobody reads is no failure."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            name = str(getattr(self._stream, "name", "")).strip("<>") or None
            reason = (error.strerror or str(error)).lower()
            raise Unwritable(
                f"what was done could not be printed: {reason}", where=name, hint="lanectl status"
            ) from None
