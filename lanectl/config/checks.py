"""Complaints about single values, or None: what a type alone cannot say."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# The provider's own key goes to the provider's own address and nowhere else.
_OWN_KEYS = frozenset({"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"})


def web(value: str) -> str | None:
    """An address that a message may be sent to."""
    parts = _split(value)
    if parts is None:
        return "is no address"
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return None if safe and parts.hostname else "must be an https:// address (http:// only for this machine)"


def address(value: str) -> str | None:
    """An address that requests with a key may be sent to."""
    parts = _split(value)
    if parts is not None and ("@" in parts.netloc or parts.query or parts.fragment):
        return "must be an address alone: no user, no query"
    return web(value)


def variable(value: str) -> str | None:
    """The name of an environment variable that may hold another provider's key."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        return "must be the name of an environment variable, not the key itself"
    return f"must not be {value}: that key is for the provider alone" if value in _OWN_KEYS else None


def not_empty(value: str) -> str | None:
    """Any text."""
    return None if value.strip() else "must not be empty"


def program(value: Sequence[str]) -> str | None:
    """A program with its arguments, which is started from `/` without a shell."""
    if not value or not value[0].strip():
        return "must begin with a program"
    if any("\0" in word for word in value):
        return "must not hold a NUL"
    # Nothing expands a `~`, and a path from where one stands would be another program every time.
    name, whole = "/" not in value[0], value[0].startswith("/") and not value[0].endswith("/")
    return None if name or whole else "must begin with a program's name or its whole path, from / on"


def _split(value: str) -> SplitResult | None:
    try:
        return urlsplit(value)
    except ValueError:
        return None
