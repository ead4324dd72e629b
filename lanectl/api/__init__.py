"""The door to the provider, and the only importer of anthropic: calls in, plain values and our errors out."""

import json
import logging
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from lanectl.api import connection, refusals, wire
from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.models import Batch, JsonValue

if TYPE_CHECKING:
    import anthropic
    import httpx2

BATCHES = "/v1/messages/batches"
PAGE = 1000
ORGANIZATION = "/v1/organizations"
MOST_PAGES = 100
READ_RETRIES = 2
CONNECT_S = 15.0
# What the counting endpoint takes of a request's parameters.
COUNTED = ("model", "system", "messages", "tools", "tool_choice", "thinking", "output_config")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the provider's list, newest first, and what the answer's headers said."""

    batches: tuple[Batch, ...]
    has_more: bool
    server_date: str | None
    workspace: str | None


@dataclass(frozen=True, slots=True)
class Created:
    """A creation that was accepted: the only proof of it is `batch.id`."""

    batch: Batch
    request_id: str | None
    workspace: str | None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One piece of a streamed answer.

    `kind` is `start` (an empty message with the use of the prompt), `text`, `thinking`, or `message` for the
    whole one, last.
    """

    kind: str
    text: str = ""
    message: Mapping[str, JsonValue] = field(default_factory=dict)


class NotAccepted(LanectlError):  # noqa: N818 -- a fact about a batch, not a fault of the program
    """The provider certainly did not take the batch: it may be sent again without paying twice.

    `retry_after_s` is set for what passes by itself (429, 529, no connection), `stop` for what concerns the
    key or the account, so that nothing else should be tried.
    """

    kind = "not-accepted"

    def __init__(
        self,
        message: str,
        *,
        status: int | None,
        retry_after_s: float | None,
        stop: bool,
        where: str | None = None,
    ) -> None:
        super().__init__(message, where=where)
        self.status = status
        self.retry_after_s = retry_after_s
        self.stop = stop


class AnswerLost(LanectlError):  # noqa: N818 -- as above
    """The provider may or may not have taken the batch: only looking can tell."""

    kind = "answer-lost"


class NotFound(LanectlError):  # noqa: N818 -- as above
    """The provider does not show this batch (any more, or yet, or to this key)."""

    kind = "not-found"


class BadRequest(LanectlError):  # noqa: N818 -- as above
    """The provider refuses the request as it is; sending it again would end the same way."""

    kind = "bad-request"


class Api:
    """A connection to one host with one key; nothing it does is sent anywhere else.

    Every method raises `NoAccess` (no key, refused key, spend limit), `TryLater` (network, 429, 5xx) or one
    of this module's facts. Reads are tried up to three times by the SDK; a creation is sent exactly once.
    """

    def __init__(self, client: "anthropic.Anthropic", *, salt: bytes) -> None:
        self._client = client
        self.base_url = str(client.base_url).rstrip("/")
        self.host = urlsplit(self.base_url).netloc
        self.key_print = connection.key_print(client, salt)
        self.custom_header_names = connection.custom_header_names(os.environ)

    def list_batches(
        self, *, limit: int = PAGE, before_id: str | None = None, after_id: str | None = None
    ) -> Page:
        """The newest batches of the workspace, or those on one side of a cursor; `limit` is 1 to 1000."""
        cursor = {"before_id": before_id, "after_id": after_id}
        query: dict[str, object] = {"limit": limit, **{k: v for k, v in cursor.items() if v is not None}}
        response = self._get(BATCHES, query=query)
        with self._parsing():
            body = wire.object_of(response.content)
            data = body.get("data")
            if not isinstance(data, list):
                raise ValueError("no list of batches")
            # An entry that cannot be read fails the page: left out, it could be the batch that is looked for.
            found = tuple(wire.batch_of(entry if isinstance(entry, dict) else {}) for entry in data)
        return Page(
            batches=found,
            has_more=body.get("has_more") is True,
            server_date=wire.date_of(response.headers),
            workspace=response.headers.get("anthropic-workspace-id"),
        )

    def create_batch(self, body: BinaryIO, *, length: int, timeout_s: float) -> Created:
        """Send one batch, once: `body` is an open binary stream of exactly `length` bytes.

        Raises `NotAccepted` or `AnswerLost`; never anything else about the network (source of the
        classification: the API's error reference, and what the SDK was seen to raise for each fault).
        """
        import anthropic
        import httpx2

        try:
            response = self._client.post(
                BATCHES,
                cast_to=httpx2.Response,
                content=body,
                options={
                    "headers": {"content-type": "application/json", "content-length": str(length)},
                    "max_retries": 0,
                    "timeout": httpx2.Timeout(timeout_s, connect=CONNECT_S),
                },
            )
            return self._created(response)
        except anthropic.APIStatusError as error:
            refusal = refusals.of_status(error)
        except anthropic.APIConnectionError as error:
            refusal = refusals.of_connection(error)
        except anthropic.CredentialsError as error:
            # The SDK asks for a profile's token before it sends anything.
            refusal = refusals.Refusal(certain=True, message=_first_line(error), stop=True)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the batch may have been taken
            name = type(error).__name__
            refusal = refusals.Refusal(certain=False, message=f"the answer cannot be read ({name})")
        if not refusal.certain:
            raise AnswerLost(refusal.message, where=self.host)
        raise NotAccepted(
            refusal.message,
            status=refusal.status,
            retry_after_s=refusal.retry_after_s,
            stop=refusal.stop,
            where=self.host,
        )

    def get_batch(self, batch_id: str) -> Batch:
        """One batch as it stands; raises `NotFound` when this key does not see it."""
        return self._batch(self._get(self._path(batch_id)))

    def cancel_batch(self, batch_id: str) -> Batch:
        """Ask the provider to cancel; requests under way may still complete and be billed."""
        import httpx2

        with self._reading():
            response = self._client.post(f"{self._path(batch_id)}/cancel", cast_to=httpx2.Response)
        return self._batch(response)

    def delete_batch(self, batch_id: str) -> None:
        """Remove an ended batch and its results at the provider for good."""
        import httpx2

        with self._reading():
            self._client.delete(self._path(batch_id), cast_to=httpx2.Response)

    @contextmanager
    def results(self, batch_id: str, *, timeout_s: float) -> Iterator[Iterator[bytes]]:
        """The raw bytes of a batch's results, from under the configured host and never from `results_url`.

        They come as they arrive, so that the caller can end a drip. A connection that breaks while they are
        read raises `TryLater`; nothing tells a body that was cut cleanly from a whole one.
        """
        import httpx2

        headers = {"X-Stainless-Raw-Response": "stream", "accept-encoding": "identity"}
        with self._reading():
            raw: Any = self._client.get(
                f"{self._path(batch_id)}/results",
                cast_to=httpx2.Response,
                options={"headers": headers, "timeout": httpx2.Timeout(timeout_s, connect=CONNECT_S)},
            )
        # SDK 2.13 hands the response itself back, 2.12 wraps it.
        response: httpx2.Response = getattr(raw, "http_response", raw)
        try:
            if "html" in response.headers.get("content-type", ""):
                raise TryLater("the answer is not the API's", where=self.host, hint="lanectl doctor")
            yield self._chunks(response)
        finally:
            response.close()

    def count_tokens(self, params: Mapping[str, JsonValue]) -> int:
        """Input tokens of one request, counted by the provider for free (an estimate, it says itself)."""
        import httpx2

        body = {name: params[name] for name in COUNTED if name in params}
        with self._reading():
            response = self._client.post("/v1/messages/count_tokens", cast_to=httpx2.Response, body=body)
        with self._parsing():
            tokens = wire.object_of(response.content).get("input_tokens")
            if not isinstance(tokens, int):
                raise ValueError("no token count")
        return tokens

    def models(self) -> list[dict[str, JsonValue]]:
        """Every model this key may use, as the provider describes them."""
        response = self._get("/v1/models", query={"limit": PAGE})
        with self._parsing():
            data = wire.object_of(response.content).get("data")
        return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []

    def report(self, path: str, query: Mapping[str, str | int | list[str]]) -> Iterator[dict[str, Any]]:
        """The time buckets of one of the organization's reports, page by page; for an admin key only.

        `path` is `usage_report/messages` or `cost_report` (Usage and Cost Admin API); lists in `query` are
        sent as `name[]`. Raises `NoAccess` for a key that is no admin key.
        """
        wanted: dict[str, object] = dict(query)
        page: str | None = None
        for _ in range(MOST_PAGES):
            asked = wanted if page is None else {**wanted, "page": page}
            response = self._get(f"{ORGANIZATION}/{path}", query=asked, headers=self._admin_headers())
            with self._parsing():
                body = wire.object_of(response.content)
                data = body.get("data")
                if not isinstance(data, list) or not all(isinstance(bucket, dict) for bucket in data):
                    raise ValueError("no list of buckets")
            yield from data
            page = body.get("next_page") if body.get("has_more") is True else None
            if not isinstance(page, str):
                return

    def _admin_headers(self) -> dict[str, str]:
        """The Admin API's documentation asks for the key in this header; the SDK sends a bearer token."""
        return {"x-api-key": self._client.api_key} if self._client.api_key else {}

    def stream(self, params: Mapping[str, JsonValue]) -> Generator[StreamEvent, None, None]:
        """One message on the interactive lane, piece by piece; the last event carries the whole message."""
        begun = False
        with self._reading():
            # mypy cannot know that a plan's plain JSON has the types of the SDK's keywords.
            with self._client.messages.stream(**dict(params)) as stream:  # type: ignore[arg-type]
                for event in stream:
                    if event.type == "message_start":
                        begun = True
                        yield StreamEvent("start", message=json.loads(event.message.to_json()))
                    elif event.type == "text":
                        yield StreamEvent("text", event.text)
                    elif event.type == "thinking":
                        yield StreamEvent("thinking", event.thinking)
                if not begun:
                    # The SDK has no word for a stream without a message: a page of somebody else, most often.
                    raise TryLater("the answer is not the API's", where=self.host, hint="lanectl doctor")
                message = stream.get_final_message()
            yield StreamEvent("message", message=json.loads(message.to_json()))

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def _path(self, batch_id: str) -> str:
        try:
            return f"{BATCHES}/{wire.path_part(batch_id)}"
        except ValueError as error:
            raise BadRequest(str(error), hint="lanectl status --all") from None

    def _get(
        self, path: str, *, query: dict[str, object] | None = None, headers: dict[str, str] | None = None
    ) -> "httpx2.Response":
        import httpx2

        with self._reading():
            return self._client.get(
                path, cast_to=httpx2.Response, options={"params": query or {}, "headers": headers or {}}
            )

    def _batch(self, response: "httpx2.Response") -> Batch:
        with self._parsing():
            return wire.batch_of(wire.object_of(response.content), seen_at=wire.date_of(response.headers))

    def _created(self, response: "httpx2.Response") -> Created:
        """What a successful answer proves; any exception means that it proves nothing."""
        body = wire.object_of(response.content)
        if body.get("type") != "message_batch":
            raise ValueError("not a batch")
        batch = wire.batch_of(body, seen_at=wire.date_of(response.headers))
        workspace = response.headers.get("anthropic-workspace-id")
        return Created(batch, response.headers.get("request-id"), workspace)

    def _chunks(self, response: "httpx2.Response") -> Iterator[bytes]:
        with self._reading():
            yield from response.iter_bytes()

    @contextmanager
    def _parsing(self) -> Iterator[None]:
        try:
            yield
        except ValueError:
            raise TryLater("the answer is not the API's", where=self.host, hint="lanectl doctor") from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what anything but a creation raises into our errors, without the request's text."""
        import anthropic
        import httpx2

        try:
            yield
        except anthropic.APIStatusError as error:
            raise self._refused(error) from None
        except (anthropic.APIConnectionError, httpx2.RequestError, httpx2.StreamError) as error:
            if isinstance(error.__cause__, connection.OtherHost):
                raise ConfigError(str(error.__cause__), where=self.host, hint="lanectl doctor") from None
            name = type(error.__cause__ or error).__name__
            raise TryLater(f"no connection ({name})", where=self.host, hint="lanectl doctor") from None
        except anthropic.AnthropicError as error:
            raise NoAccess(_first_line(error), where=self.host, hint="lanectl doctor") from None

    def _refused(self, error: "anthropic.APIStatusError") -> LanectlError:
        status, said = error.status_code, refusals.said(error)
        if refusals.is_spend_limit(error):
            return NoAccess(said, where=self.host, hint="lanectl spend")
        if status in refusals.NO_ACCESS:
            return NoAccess(said, where=self.host, hint="lanectl doctor")
        if status == 404:
            return NotFound(said, where=self.host)
        if status in (400, 413, 422):
            return BadRequest(said, where=self.host)
        # An error inside a stream comes with the status of the stream, which had begun well.
        told = said if status < 300 else f"the provider answered {status}: {said}"
        return TryLater(told, where=self.host, hint="lanectl status")


def connect(
    *,
    salt: bytes,
    timeout_s: float,
    base_url: str | None = None,
    key: str | None = None,
    own_headers: bool = True,
) -> Api:
    """A connection as the user's environment describes it, or to an address with a key of its own.

    Without `own_headers` the headers that the user sends along stay here: they were meant for the provider.
    Raises `NoAccess` when no credential can be found, `ConfigError` for an address that is neither https nor
    loopback. Redirects are off, the origin is pinned, tracing is off whatever the environment says.
    """
    import anthropic
    import httpx2

    # `ANTHROPIC_LOG=debug` would write whole prompts to stderr, and a warning there is a mail from cron.
    for name in ("anthropic", "httpx2"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if key is None:
        api_key, auth_token = connection.static_credential(os.environ)
    else:
        api_key, auth_token = connection.checked_secret(key, where=base_url or connection.KEY), None
    origin = connection.Origin()
    held_back = nullcontext() if own_headers else connection.without_custom_headers(os.environ)
    # Compatible addresses document the API's older header, where the SDK sends a bearer token.
    older = None if own_headers or api_key is None else {"x-api-key": api_key}
    try:
        with held_back:
            client = anthropic.Anthropic(
                api_key=api_key,
                auth_token=auth_token,
                base_url=base_url,
                default_headers=older,
                timeout=timeout_s,
                max_retries=READ_RETRIES,
                http_client=connection.http_client(origin),
                open_telemetry=False,
            )
    except anthropic.AnthropicError as error:
        raise NoAccess(_first_line(error), hint="lanectl doctor") from None
    except (httpx2.InvalidURL, ValueError):
        raise ConfigError(
            "the address cannot be used", where=connection.ADDRESS, hint="lanectl doctor"
        ) from None
    origin.hold_to(str(client.base_url))
    if not (client.api_key or client.auth_token or client.credentials):
        raise NoAccess(
            "no API key",
            where="ANTHROPIC_API_KEY and the SDK's profiles",
            hint="export ANTHROPIC_API_KEY=...",
        )
    return Api(client, salt=salt)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
