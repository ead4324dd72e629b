"""A server that sends exactly the bytes it is told, which no real one would do, and keeps what it got."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

Answer = bytes | Callable[[bytes], Iterator[bytes]]


def http(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer with its length, which may be a lie; it says that the connection ends with it, as it does."""
    told = "".join(f"{header}\r\n" for header in headers)
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{told}Connection: close\r\nContent-Length: {size}\r\n\r\n".encode() + body


class RawServer:
    """Reads a whole request on each connection, sends `answer` (bytes, or pieces made of it), closes.

    With `rude` it does not wait for a request.
    """

    def __init__(self, answer: Answer = b"", *, rude: bool = False) -> None:
        self._rude = rude
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[bytes] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closed last: a thread on its way into `accept` would take the connections of whoever has the number
        # of this descriptor next.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    @property
    def url(self) -> str:
        """What a client takes for `base_url`."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(120)
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        got = b"\r\n\r\n" if self._rude else b""
        while b"\r\n\r\n" not in got:
            piece = connection.recv(1 << 16)
            if not piece:
                break
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        while len(body) < _length(head):
            piece = connection.recv(1 << 16)
            if not piece:
                break
            body += piece
        self.requests.append(head + b"\r\n\r\n" + body)
        for piece in [self._answer] if isinstance(self._answer, bytes) else self._answer(got):
            connection.sendall(piece)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
