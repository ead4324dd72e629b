"""The process that hands one message to apprise; started by its path, it needs nothing of the package."""

import contextlib
import json
import sys
from typing import Any

SENT, REFUSED, NOT_INSTALLED = 0, 1, 3


def tell(text: str) -> int:
    """Send the message in a JSON object of `url`, `title` and `body`; returns how the process ends."""
    try:
        import apprise
    except ImportError:
        return NOT_INSTALLED
    told: dict[str, Any] = json.loads(text)
    service = apprise.Apprise()
    # What it complains of may repeat the address, which is a secret.
    with contextlib.redirect_stderr(None), contextlib.redirect_stdout(None):
        taken = service.add(told["url"]) and service.notify(
            body=told["body"], title=told["title"], body_format=apprise.NotifyFormat.TEXT
        )
    return SENT if taken else REFUSED


if __name__ == "__main__":
    sys.exit(tell(sys.stdin.read()))
