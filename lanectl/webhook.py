"""The door to the user's own addresses: one bounded POST to an address that was looked at before its use."""

import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from lanectl.errors import ConfigError, LanectlError, TryLater

ALL_S = 10.0
HINT = "lanectl config show"
AGENT = "lanectl"

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
# As `socket.getaddrinfo` takes host and port and lists family and socket address.
Resolve: TypeAlias = Callable[[str, int], Sequence[tuple[int, tuple[Any, ...]]]]

# IANA's special-purpose registries, written out because Python's own opinion of them changed by version;
# the last two are a provider's metadata service at a public address, and the one that IPv6 has for it.
_CLOSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/127", "100::/64", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
        *("168.63.129.16/32", "fd00:ec2::254/128"),
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: `key` lets the receiver drop a repetition, `kind` is the body's content type."""

    body: bytes
    key: str
    kind: str = "application/json"


def post(
    url: str,
    message: Message,
    *,
    allow_private: bool = False,
    timeout_s: float = ALL_S,
    resolve: Resolve | None = None,
    context: ssl.SSLContext | None = None,
) -> int:
    """Post once and return the status, 200 to 299; no redirect, no proxy, nothing of the answer is kept.

    The name is resolved once, every address it has is looked at, and the connection goes to one of these, in
    `timeout_s` for all of it. `allow_private` lets addresses of this machine and its networks pass. Raises
    `ConfigError` for an address that is refused, `TryLater` for what may pass by itself, `LanectlError` else;
    none of them repeats more of the URL than its host, since such a URL is itself a secret.
    """
    parts, port = _taken_apart(url, allow_private=allow_private)
    deadline = time.monotonic() + timeout_s
    answers: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()
    wire = _Wire(parts, port, message, deadline, allow_private, resolve or _resolved, context)

    def work() -> None:
        try:
            answers.put(wire.status())
        except Exception as error:  # noqa: BLE001 -- handed over to the thread that waits
            answers.put(error)

    # A thread, since neither a name server nor a drip of header lines keeps to a socket's timeout.
    threading.Thread(target=work, daemon=True).start()
    try:
        answer = answers.get(timeout=max(deadline - time.monotonic(), 0.0))
    except queue.Empty:
        wire.give_up()
        answer = TimeoutError()
    # The thread's own timeouts end at the same moment: whichever comes first, it is told in the same words.
    if isinstance(answer, TimeoutError):
        raise TryLater(f"no answer within {timeout_s:g} seconds", where=wire.host, hint=HINT)
    if isinstance(answer, Exception):
        raise _ours(answer, wire.host)
    return _judged(answer, wire.host)


def is_closed(address: Address) -> bool:
    """Whether an address is of this machine, its networks or a metadata service, however it is wrapped."""
    return any(
        inner in network
        for inner in _unwrapped(address)
        for network in _CLOSED
        if inner.version == network.version
    )


@dataclass
class _Wire:
    """One connection in the making; `give_up` ends it from another thread."""

    parts: SplitResult
    port: int
    message: Message
    deadline: float
    allow_private: bool
    resolve: Resolve
    context: ssl.SSLContext | None
    _open: socket.socket | None = None

    @property
    def host(self) -> str:
        """The name as it goes over the wire, in ASCII."""
        return (self.parts.hostname or "").encode("idna").decode()

    def status(self) -> int:
        """Resolve, look, connect, ask."""
        family, where = self._chosen()
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as raw:
            raw.settimeout(self._left())
            raw.connect(where)
            # A second handle on the same connection: the first changes hands when it becomes TLS.
            with contextlib.closing(raw.dup()) as self._open:
                return self._asked(raw)

    def give_up(self) -> None:
        """Break the connection off, if there is one."""
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.shutdown(socket.SHUT_RDWR)

    def _chosen(self) -> tuple[int, tuple[Any, ...]]:
        found = self.resolve(self.host, self.port)
        if not found:
            raise OSError("no address")
        # All of them: a name that mixes in an inner address is not to be trusted with its others.
        for _, where in found:
            address = ipaddress.ip_address(str(where[0]).partition("%")[0])
            if is_closed(address) and not self.allow_private:
                raise ConfigError(
                    f"this name leads to {address}, an address of this machine or its networks",
                    where=self.host,
                    hint="lanectl config set health.allow_private true",
                )
        return found[0]

    def _asked(self, raw: socket.socket) -> int:
        connected = raw
        if self.parts.scheme == "https":
            context = self.context or ssl.create_default_context()
            raw.settimeout(self._left())
            connected = context.wrap_socket(raw, server_hostname=self.host)
        connected.settimeout(self._left())
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = connected
        with contextlib.closing(connection):
            connection.request("POST", self._target(), self.message.body, self._headers())
            return connection.getresponse().status

    def _target(self) -> str:
        path = self.parts.path or "/"
        return f"{path}?{self.parts.query}" if self.parts.query else path

    def _headers(self) -> Mapping[str, str]:
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.parts.port is None
        return {
            "Host": name if usual else f"{name}:{self.port}",
            "Content-Type": self.message.kind,
            "Idempotency-Key": self.message.key,
            "User-Agent": AGENT,
            "Connection": "close",
        }

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _taken_apart(url: str, *, allow_private: bool) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna")
    except (ValueError, UnicodeError):
        raise ConfigError("this is no address that can be posted to", hint=HINT) from None
    if not host or any(not 32 < ord(letter) < 127 for letter in f"{parts.path}{parts.query}"):
        raise ConfigError("this is no address that can be posted to", where=host or None, hint=HINT)
    if parts.username is not None or parts.password is not None:
        raise ConfigError("the address must not hold a name or a password", where=host, hint=HINT)
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise ConfigError("the address must begin with https://", where=host, hint=HINT)
    return parts, port or (443 if parts.scheme == "https" else 80)


def _resolved(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        (family, where) for family, _, _, _, where in found if family in (socket.AF_INET, socket.AF_INET6)
    ]


def _unwrapped(address: Address) -> list[Address]:
    """An address, and the IPv4 addresses that an IPv6 one only carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    carried: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *(one for one in carried if one is not None)]


def _ours(error: Exception, host: str) -> LanectlError:
    if isinstance(error, LanectlError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return LanectlError("its certificate is not good for this name", where=host, hint=HINT)
    if isinstance(error, OSError | http.client.HTTPException):
        return TryLater(f"no connection ({type(error).__name__})", where=host, hint=HINT)
    return LanectlError(f"the message cannot be posted ({type(error).__name__})", where=host, hint=HINT)


def _judged(status: int, host: str) -> int:
    if 200 <= status < 300:
        return status
    if 300 <= status < 400:
        raise LanectlError("it answered with a redirect, and those are not followed", where=host, hint=HINT)
    if status in (408, 425, 429) or status >= 500:
        raise TryLater(f"it answered {status}", where=host, hint=HINT)
    raise LanectlError(f"it answered {status}", where=host, hint=HINT)
