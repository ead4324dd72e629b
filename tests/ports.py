"""Addresses on this machine at which nobody listens, for as long as a test needs nobody there."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_port(number: int = 0) -> Iterator[int]:
    """A port that refuses every connection: bound, so that no other process gets it, and never listened at.

    `number` takes the port of a server that has just ended; 0 takes any.
    """
    with socket.socket() as held:
        # The connections of a server that has just ended still bear its port.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", number))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield int(held.getsockname()[1])


def port_of(url: str) -> int:
    """The port at the end of a server's address."""
    return int(url.rsplit(":", 1)[1])
