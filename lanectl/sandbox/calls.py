"""The endpoints of single messages and models: answered at once, on the interactive lane."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import batches, bodies, catalogue, draws, prompts, replies, validation
from lanectl.sandbox.cache import Cache, Visit
from lanectl.sandbox.exchange import Answer, Body
from lanectl.sandbox.faults import WireFault
from lanectl.sandbox.provider import Provider
from lanectl.sandbox.refusals import ApiError, error_object, invalid, not_found
from lanectl.sandbox.validation import Terms

# Documentation "Errors", "Request size limits": 32 MB for Messages and for token counting.
MOST_BYTES: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how: workspace, API version, betas, and the user profile of the header."""

    workspace: str
    version: str
    betas: tuple[str, ...] = ()
    user_profile: str = ""


def terms(provider: Provider, caller: Caller) -> Terms:
    """Under which terms a message is judged now."""
    return Terms(
        caller.version,
        caller.betas,
        now=provider.now(),
        user_profile=caller.user_profile,
        strict_schemas=provider.strict_schemas,
    )


def create(
    provider: Provider, caller: Caller, body: Body, request_id: str, fault: WireFault | None
) -> Answer:
    """Answers one message, as a whole or as a stream. Raises ApiError."""
    params = _params(body)
    model = validation.check(params, terms(provider, caller))
    now = provider.now()
    with provider.store.locked("cache.lock"):
        cache = Cache(provider.store.folder / "messages-cache.json", cold_burst=1)
        use = cache.use(
            params, model, Visit("messages", caller.workspace, request_id, now, now, caller.betas)
        )
        cache.save(now)
    made = replies.reply(params, model, provider.seed)
    whole = replies.message(made, params, use, tier="standard", message_id=draws.name("msg_", request_id))
    if not params.get("stream"):
        return json_answer(whole)
    stream = _stream(provider, whole, request_id, fault)
    cut = fault is not None and fault.do == "stream-cut"
    headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    return Answer(200, stream, headers, "chunked", cut=cut)


def count(provider: Provider, caller: Caller, body: Body) -> Answer:
    """Counts the tokens of a message. Raises ApiError."""
    params = _params(body)
    model = validation.check_counted(params, terms(provider, caller))
    return json_answer({"input_tokens": prompts.count(params, model)})


def models(provider: Provider, query: Mapping[str, list[str]]) -> Answer:
    """One page of the models, newest first; retired ones only when they are asked for."""
    wanted = query.get("lifecycle[]", query.get("lifecycle", [])) or ["active", "deprecated"]
    now = provider.now()
    found = [model for model in catalogue.MODELS.values() if model.lifecycle(now) in wanted]
    page, more = batches.cut(found, query)
    return json_answer(
        {
            "data": [catalogue.as_json(model, now) for model in page],
            "has_more": more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def model(provider: Provider, model_id: str) -> Answer:
    """One model. Raises ApiError (404)."""
    found = catalogue.MODELS.get(model_id)
    if found is None:
        raise not_found(f"model: {model_id}")
    return json_answer(catalogue.as_json(found, provider.now()))


def json_answer(value: JsonValue | Mapping[str, Any], status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})


def _params(body: Body) -> dict[str, Any]:
    try:
        value = bodies.load(body.all(MOST_BYTES))
    except bodies.NotJsonError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be an object")
    return value


def _stream(
    provider: Provider, whole: replies.Json, request_id: str, fault: WireFault | None
) -> Iterator[bytes]:
    pace = provider.tokens_per_s
    for number, (name, data) in enumerate(replies.events(whole)):
        if fault is not None and number == fault.after:
            if fault.do == "stream-error":
                error = ApiError(529, fault.message)
                yield _event("error", error_object(error.type, error.message, request_id=request_id))
            return
        if pace and name == "content_block_delta":
            provider.wait(replies.PIECE_TOKENS / pace)
        yield _event(name, data)


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
