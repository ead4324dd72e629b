"""One request and its answer as values: bodies arrive and leave in pieces, whatever their size."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from lanectl.sandbox.refusals import ApiError, invalid

PIECE: Final = 1 << 18


class Stream(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end."""
        ...

    def readline(self, size: int = ..., /) -> bytes:
        """Up to and including the next newline."""
        ...


class CutError(Exception):
    """The connection ends here, without an answer or in the middle of one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived: whether it bore a key, and how long its body said it was (-1: in chunks)."""

    method: str
    path: str
    with_key: bool
    body_bytes: int


@dataclass(slots=True)
class Answer:
    """What goes back: a body in one piece or many, and how its end is told.

    `framing`: `length` (also for an iterator, with `length` promised), `chunked`, `close`. `cut`: the
    connection is cut where the body ends, before its promised end.
    """

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    framing: str = "length"
    length: int | None = None
    cut: bool = False


class Body:
    """The request's body as a stream, whatever its framing; asks for it where the client waits for that."""

    def __init__(self, stream: Stream, headers: Mapping[str, str], ask: Callable[[], None] | None) -> None:
        self._stream = stream
        self._ask = ask
        self.chunked = "chunked" in (headers.get("transfer-encoding") or "").lower()
        self.length = -1 if self.chunked else _length(headers)
        self._left = 0 if self.chunked else self.length
        self.finished = self.length == 0

    @property
    def waiting(self) -> bool:
        """Whether the client waits to be asked for its body."""
        return self._ask is not None

    def read(self, size: int = PIECE) -> bytes:
        """Up to `size` bytes, empty at the end. Raises ConnectionError when the client stops too early."""
        if self.finished:
            return b""
        if self._ask is not None:
            self._ask()
            self._ask = None
        if self._left == 0 and not self._next_chunk():
            return b""
        piece = self._stream.read(min(size, self._left))
        if not piece:
            raise ConnectionError("the body was cut")
        self._left -= len(piece)
        if self._left == 0:
            self.finished = not self.chunked
            if self.chunked:
                self._stream.readline()
        return piece

    def pieces(self) -> Iterator[bytes]:
        """The whole body, piece by piece."""
        while piece := self.read():
            yield piece

    def all(self, limit: int) -> bytes:
        """The whole body. Raises ApiError (413) above `limit` bytes."""
        parts, size = [], 0
        for piece in self.pieces():
            size += len(piece)
            if size > limit:
                raise ApiError(413, "Request exceeds the maximum allowed number of bytes.")
            parts.append(piece)
        return b"".join(parts)

    def _next_chunk(self) -> bool:
        line = self._stream.readline(1 << 12)
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise ConnectionError("a chunk without a size") from None
        if self._left == 0:
            while self._stream.readline(1 << 14).strip():
                pass
            self.finished = True
        return self._left > 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its path without the query, headers in lower case, and the body still to be read."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Body
    id: str


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length") or "0"
    if not text.isascii() or not text.isdigit():
        raise invalid("content-length: not a number")
    return int(text)
