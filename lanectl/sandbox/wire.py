"""HTTP/1.1 for the sandbox: a thread per connection, permission for bodies, connections that are cut."""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from lanectl.sandbox.exchange import PIECE, Answer, Body, CutError, Request, Seen
from lanectl.sandbox.refusals import ApiError, body_of

_SMALL: Final = 1 << 16
# A client that is still sending reads an early answer only when it is done or fails: so long it is heard out.
_LINGER_S: Final = 10.0
_MOST_SEEN: Final = 10_000


Answering = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    """Listens on the loopback interface; each connection has a thread, and all end with the server."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, now: Callable[[], float], name: Callable[[], str]) -> None:
        self.answering: Answering | None = None
        self.now = now
        self.name = name
        self.seen: deque[Seen] = deque(maxlen=_MOST_SEEN)
        self._open: dict[int, tuple[threading.Thread, socket.socket]] = {}
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Binds without looking up a host name, which may wait for a resolver."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as the parent has it
        """Starts a thread for a connection, and remembers both."""
        thread = threading.Thread(target=self._run, args=(request, client_address), daemon=True)
        with self._guard:
            self._open[id(request)] = (thread, request)
        thread.start()

    def _run(self, request: socket.socket, client_address: object) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(id(request), None)

    def close_request(self, request: Any) -> None:  # noqa: ANN401 -- as the parent has it
        """Closes a connection while nobody else is about to: its number may be another's right after."""
        with self._guard:
            super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as the parent has it
        """Says nothing: a client that went away is part of the game."""

    def end(self) -> None:
        """Closes the listening socket and every connection, and waits for their threads."""
        self.server_close()
        with self._guard:
            left = list(self._open.values())
            for _, connection in left:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread, _ in left:
            thread.join(timeout=5)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "lanectl-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    server: Server

    def handle_expect_100(self) -> bool:
        """Waits with the permission until the body is wanted."""
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the parent has it
        """Keeps quiet."""

    def do_GET(self) -> None:
        """Answers any method."""
        self.request_id = self.server.name()
        headers = {key.lower(): value for key, value in self.headers.items()}
        expects = headers.get("expect", "").lower() == "100-continue"
        try:
            try:
                body = Body(self.rfile, headers, self._permit if expects else None)
            except ApiError as error:
                self.close_connection = True
                self._send(self._refusal(error), None)
                return
            self._send(self._answer(headers, body), body)
        except (CutError, ConnectionError):
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 -- the parent calls them so

    def _permit(self) -> None:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, headers: dict[str, str], body: Body) -> Answer:
        parts = urlsplit(self.path)
        with_key = "authorization" in headers or "x-api-key" in headers
        self.server.seen.append(Seen(self.command, parts.path, with_key, body.length))
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, headers, body, self.request_id)
        try:
            if self.server.answering is None:
                raise ApiError(503, "[sandbox] is not yet open")
            return self.server.answering(request)
        except ApiError as error:
            return self._refusal(error)
        except (CutError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 -- a fault of the sandbox is a 500, as any server's
            return self._refusal(ApiError(500, f"[sandbox] {type(error).__name__}: {error}"))

    def _refusal(self, error: ApiError) -> Answer:
        if error.html:
            page = f"<html><title>{error.status}</title><body>{error.message} [sandbox]</body></html>"
            return Answer(error.status, page.encode(), {"content-type": "text/html"})
        headers = {"content-type": "application/json", **error.headers}
        return Answer(error.status, body_of(error, self.request_id), headers)

    def _send(self, answer: Answer, body: Body | None) -> None:
        if body is not None and not body.finished and 0 <= body.length <= _SMALL and not body.waiting:
            body.all(_SMALL)
        unread = body is None or not body.finished
        if unread or answer.framing == "close" or answer.cut:
            self.close_connection = True
        self.wfile.write(self._head(answer))
        for piece in [answer.body] if isinstance(answer.body, bytes) else answer.body:
            if piece:
                framed = b"%x\r\n%b\r\n" % (len(piece), piece) if answer.framing == "chunked" else piece
                self.wfile.write(framed)
        if answer.cut:
            raise CutError
        if answer.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")
        if unread:
            self._linger()

    def _head(self, answer: Answer) -> bytes:
        headers = {
            "date": formatdate(self.server.now(), usegmt=True),
            "server": self.server_version,
            "request-id": self.request_id,
            "lanectl-sandbox": "no model is called here",
            **answer.headers,
        }
        if answer.framing == "chunked":
            headers["transfer-encoding"] = "chunked"
        elif answer.framing == "length":
            size = len(answer.body) if isinstance(answer.body, bytes) else 0
            headers["content-length"] = str(size if answer.length is None else answer.length)
        if self.close_connection:
            headers["connection"] = "close"
        phrase = self.responses[answer.status][0] if answer.status in self.responses else "Sandbox"
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{key}: {value}" for key, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _linger(self) -> None:
        self.connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + _LINGER_S
        try:
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(PIECE):
                    return
        except OSError:
            return
