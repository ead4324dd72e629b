"""Health: tells the user's watcher that a night began, went well or failed, in healthchecks.io's form."""

import secrets
from urllib.parse import urlsplit, urlunsplit

from lanectl import webhook
from lanectl.config import Settings
from lanectl.errors import ConfigError, Exit, LanectlError

START = "/start"
FAIL = "/fail"
# These end well as far as the lane goes: what is missing in them is told to people in other ways.
WELL = frozenset({Exit.OK, Exit.PARTIAL, Exit.PENDING})
# The next tick tries again: only when none gets through is there something to tell, and silence tells it.
LATER = frozenset({Exit.TRY_LATER})


def start(settings: Settings) -> LanectlError | None:
    """Say that the work begins; what kept it from being said, or None."""
    return _ping(settings, START, b"")


def end(settings: Settings, code: Exit, words: str) -> LanectlError | None:
    """Say how it ended: `words` goes along where it failed; a passing trouble is not told at all."""
    if code in LATER:
        return None
    return _ping(settings, "" if code in WELL else FAIL, b"" if code in WELL else words.encode()[:10_000])


def _ping(settings: Settings, suffix: str, body: bytes) -> LanectlError | None:
    if settings.health.ping is None or settings.sandbox:
        return None
    parts = urlsplit(settings.health.ping)
    url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))
    message = webhook.Message(body, key=secrets.token_hex(16), kind="text/plain; charset=utf-8")
    try:
        webhook.post(url, message, allow_private=settings.health.allow_private)
    except LanectlError as error:
        # Never a reason to stop: that nobody heard of it is what the watcher is there to notice.
        return error if isinstance(error, ConfigError) else LanectlError(f"health ping: {error}")
    return None
