"""A stream that every word passes on its way out: safe on any terminal, and writable in any encoding."""

import io
from typing import TextIO

from lanectl.text.terminal import safe

# What our own sentences and tables are written with, in ASCII and as wide as before.
PLAIN = str.maketrans({"…": "~", "–": "-", "—": "-", "×": "x", "’": "'", "·": "-", "→": ">", "█": "#"})


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
        return self._stream.write(text)

    def put(self, text: str) -> None:
        """Write any text as a line of its own, made safe."""
        self.write(safe(text) + "\n")

    def flush(self) -> None:
        """Hand over what is still held back."""
        self._stream.flush()
