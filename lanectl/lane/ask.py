"""Ask: one free question on the interactive lane, streamed; the conversation is kept to go on with."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lanectl.errors import NoAccess
from lanectl.lane import conversation
from lanectl.lane.compose import Question, compose, refuse_secrets, turn_of, turns
from lanectl.lane.context import Lane
from lanectl.lane.route import Route
from lanectl.lane.talk import Hear, Heard, talk, unheard
from lanectl.models import Lane as Lanes
from lanectl.plan.params import check
from lanectl.plan.prefix import Shared

if TYPE_CHECKING:
    from lanectl.api import Api

CACHED_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came of it on the interactive lane; `notes` are worth saying beside the answer."""

    route: Route
    heard: Heard
    turns: int
    notes: tuple[str, ...] = ()


def ask(
    lane: Lane,
    question: Question,
    route: Route,
    *,
    environ: Mapping[str, str],
    follow: bool = False,
    hear: Hear = unheard,
) -> Asked:
    """Ask on the interactive lane and keep the conversation; `follow` goes on with the last one and its
    cache.

    `hear` takes the answer as it arrives. Raises `UsageError`, `HeldError`, and what a call raises.
    """
    geo = lane.settings.provider.inference_geo
    params = route.params(geo=geo)
    notes: list[str] = []
    if route.base_url is None:
        notes += check(params, Lanes.INTERACTIVE, today=lane.clock().date(), where=route.model)
    before: list[dict[str, str]] = []
    if follow:
        last = conversation.read(lane)
        notes += _lost_cache(lane, last, route)
        before, turn = last.messages, turn_of(lane, question)
        refuse_secrets(lane, question, [turn])
        shared = Shared(params.request(), last.shared.tools, last.shared.system)
    else:
        made = compose(lane, question, params)
        shared, turn = made.shared, made.turn
    messages = [*before, {"role": "user", "text": turn}]
    cached = route.cache != "off"
    body = {**shared.body(route.cache), "messages": turns(messages, cached=cached)}
    with connected(lane, route, environ) as api:
        heard = talk(lane, api, body, verb="ask", hear=hear)
    if heard.text and heard.stop_reason != "refusal":
        conversation.keep(lane, route, shared, [*messages, {"role": "assistant", "text": heard.text}])
    return Asked(route, heard, len(messages) // 2 + 1, tuple(notes))


def continued(lane: Lane, route: Route, *, model: str | None) -> Route:
    """The route of a conversation that goes on: its own model, unless the caller names another."""
    if model is not None:
        return route
    last = conversation.read(lane)
    effort = (last.shared.params.get("output_config") or {}).get("effort")
    known = lane.settings.models.get(last.model)
    return replace(
        route,
        model=last.model,
        effort=effort,
        max_tokens=int(last.shared.params["max_tokens"]),
        base_url=known.base_url if known else None,
        key_env=known.key_env if known and known.base_url else None,
        cache="off" if known and known.base_url else "5m",
    )


def connected(lane: Lane, route: Route, environ: Mapping[str, str]) -> "AbstractContextManager[Api]":
    """The connection of a route: the provider's, or one to another address with the key of that address
    alone.

    Raises `NoAccess` when the variable that should hold that key is not set.
    """
    if route.base_url is None or route.key_env is None or lane.settings.sandbox:
        return nullcontext(lane.api)
    from lanectl.api import connect

    key = environ.get(route.key_env, "").strip()
    if not key:
        raise NoAccess(f"{route.key_env} is not set", where=route.model, hint=f"export {route.key_env}=...")
    return closing(
        connect(
            salt=lane.identity.print_key,
            timeout_s=float(lane.settings.provider.timeout_s),
            base_url=route.base_url,
            key=key,
            own_headers=False,
        )
    )


def _lost_cache(lane: Lane, last: conversation.Conversation, route: Route) -> list[str]:
    """Why the provider will not find what it has cached of a conversation; nothing when it should."""
    if (last.model, last.base_url) != (route.model, route.base_url):
        return [f"the conversation was with {last.model}: its cache is not read by {route.model}"]
    if lane.clock() - datetime.fromisoformat(last.at) > CACHED_FOR and route.cache != "off":
        return ["the last turn is over five minutes old: its cache has expired and is written again"]
    return []
