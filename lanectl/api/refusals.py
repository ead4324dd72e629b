"""Says what a failure means for the one request that costs money: certainly not taken, or nobody knows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lanectl.api.connection import OtherHost
from lanectl.api.wire import retry_after_s

if TYPE_CHECKING:
    import anthropic

LONGEST_WAIT_S = 24 * 3600.0
USUAL_WAIT_S = 60.0
# The statuses that the API gives before it takes a batch, if the body is the API's own (its error reference).
CERTAIN = frozenset({400, 401, 402, 403, 404, 422})
# These are certain whatever the body: a gateway answers them before the API has seen the request.
CERTAIN_ANYWHERE = frozenset({413, 429, 529})
PASSING = frozenset({429, 529})
NO_ACCESS = frozenset({401, 402, 403})
SPEND_LIMIT = "enforced_spend_limit_reached"
OWN_LIMIT = "specified API usage limits"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a failed creation was: whether it is `certain` that no batch exists, and the sentence for people.

    `retry_after_s` is set for what passes by itself, `stop` for what concerns the key or the account.
    """

    certain: bool
    message: str
    status: int | None = None
    retry_after_s: float | None = None
    stop: bool = False


def of_status(error: "anthropic.APIStatusError") -> Refusal:
    """What an error status means for a creation; a gateway's page may come after the deed."""
    status = error.status_code
    if status not in CERTAIN_ANYWHERE and not (status in CERTAIN and is_api_error(error)):
        return Refusal(certain=False, message=f"the provider answered {status}")
    limit = is_spend_limit(error)
    return Refusal(
        certain=True,
        message=said(error),
        status=status,
        retry_after_s=_wait(error) if status in PASSING and not limit else None,
        stop=status in NO_ACCESS or limit,
    )


def of_connection(error: "anthropic.APIConnectionError") -> Refusal:
    """What a broken connection means for a creation: only before the first byte of the body is it certain."""
    import httpx2

    cause = error.__cause__
    name = type(cause or error).__name__
    never_left = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
        OtherHost,
    )
    if isinstance(cause, never_left):
        return Refusal(certain=True, message=f"no connection ({name})", retry_after_s=0.0)
    return Refusal(certain=False, message=f"the connection broke ({name})")


def said(error: "anthropic.APIStatusError") -> str:
    """The provider's own sentence, never the whole exception: that one can carry our request back."""
    from lanectl.text.secrets import redact

    message = error.api_message if isinstance(error.api_message, str) else ""
    # A gateway may repeat the headers that it did not like, and this sentence goes into the state file.
    headers = error.request.headers
    secrets = (headers.get("x-api-key", ""), headers.get("authorization", "").partition(" ")[2])
    told = redact(" ".join(message.split()), *(secret for secret in secrets if secret))
    return told[:300] or f"status {error.status_code}"


def is_api_error(error: "anthropic.APIStatusError") -> bool:
    """Whether the body has the form of the API's errors, so that the API itself has decided."""
    body = error.body
    return (
        isinstance(body, dict)
        and body.get("type") == "error"
        and isinstance(error.type, str)
        and isinstance(error.api_message, str)
    )


def is_spend_limit(error: "anthropic.APIStatusError") -> bool:
    """Whether the month's money is spent: the provider's cap, or the one the user set there (a plain 400)."""
    return error.error_code == SPEND_LIMIT or (error.status_code == 400 and OWN_LIMIT in said(error))


def _wait(error: "anthropic.APIStatusError") -> float:
    asked = retry_after_s(error.response.headers)
    return USUAL_WAIT_S if asked is None else min(asked, LONGEST_WAIT_S)
