"""Makes the one connection there is: to one origin, with one key, no redirect, no proxy to this machine."""

import hashlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lanectl.api.wire import retry_after_s
from lanectl.errors import ConfigError, NoAccess

if TYPE_CHECKING:
    import anthropic
    import httpx2

LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEY = "ANTHROPIC_API_KEY"
TOKEN = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 -- the variable's name
ADDRESS = "ANTHROPIC_BASE_URL"
HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
# The SDK sleeps through any `Retry-After` (49 days at most); a longer wait is the caller's to plan.
LONGEST_SLEEP_S = 10.0
DOCTOR = "lanectl doctor"


class OtherHost(Exception):  # noqa: N818 -- what was refused, before anything was sent
    """A request was meant for another origin than the configured one."""


class Origin:
    """The origin that requests are held to; none may be sent before it is known."""

    def __init__(self) -> None:
        self._only: tuple[str, str, int | None] | None = None

    def hold_to(self, url: str) -> None:
        """Allow this address's origin alone; raises `ConfigError` unless it is https or this machine."""
        parts = urlsplit(url)
        only = _origin(url)
        if parts.username or parts.password:
            raise ConfigError("the address must not hold a name or a password", where=ADDRESS, hint=DOCTOR)
        if only[0] != "https" and (only[0] != "http" or only[1] not in LOOPBACK):
            raise ConfigError(
                f"the address must be https unless it is this machine: {only[0]}://{only[1]}",
                where=ADDRESS,
                hint=DOCTOR,
            )
        self._only = only

    def check(self, request: "httpx2.Request") -> None:
        """Let a request pass, or raise `OtherHost`."""
        if _origin(str(request.url)) != self._only:
            raise OtherHost("a request to another host was refused")


def http_client(origin: Origin) -> "httpx2.Client":
    """The SDK's own HTTP client, proxies and keep-alive included, with its habits restrained."""
    import anthropic

    try:
        return anthropic.DefaultHttpxClient(
            follow_redirects=False,
            event_hooks={"request": [origin.check], "response": [_no_long_sleep]},
            # Nobody else may answer for this machine: a proxy would see prompts and key in the clear.
            mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in LOOPBACK},
        )
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"the proxy that the environment names cannot be used ({type(error).__name__})",
            where="HTTPS_PROXY, ALL_PROXY",
            hint=DOCTOR,
        ) from None


def static_credential(environ: MutableMapping[str, str]) -> tuple[str | None, str | None]:
    """Key and bearer token of the environment, at most one of them, without the newline that a file leaves.

    A blank variable, as CI makes of a missing secret, is removed: the SDK would take it for a value. Where
    both are None the SDK may look further (profiles). Raises `NoAccess` for what can be no key.
    """
    for name in (KEY, TOKEN, ADDRESS):
        if not environ.get(name, "-").strip():
            del environ[name]
    for name in (KEY, TOKEN):
        if name in environ:
            secret = checked_secret(environ[name], where=name)
            return (secret, None) if name == KEY else (None, secret)
    return None, None


def checked_secret(value: str, *, where: str) -> str:
    """A key fit for a header; raises `NoAccess`, without the key in it, for one that is not."""
    secret = value.strip()
    if not secret or not secret.isascii() or any(not 32 < ord(letter) < 127 for letter in secret):
        raise NoAccess("the API key holds characters that no key has", where=where, hint=DOCTOR)
    return secret


def key_print(client: "anthropic.Anthropic", salt: bytes) -> str | None:
    """Tells one key from another without holding it: a salted hash, None for a profile's changing tokens."""
    secret = client.api_key or client.auth_token
    if secret is None:
        return None
    return hashlib.blake2b(secret.encode(), key=salt[:64], digest_size=8).hexdigest()


@contextmanager
def without_custom_headers(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Hide the user's own headers, which may hold a gateway's key, from a client made in the block."""
    hidden = environ.pop(HEADERS, None)
    try:
        yield
    finally:
        if hidden is not None:
            environ[HEADERS] = hidden


def custom_header_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names, never the values, of the headers that the user sends along."""
    lines = environ.get(HEADERS, "").split("\n")
    return tuple(line.partition(":")[0].strip() for line in lines if ":" in line)


def _no_long_sleep(response: "httpx2.Response") -> None:
    if not any(name in response.headers for name in ("retry-after", "retry-after-ms")):
        return
    asked = retry_after_s(response.headers)
    if asked is None or asked > LONGEST_SLEEP_S:
        response.headers["x-should-retry"] = "false"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
