"""The last conversation, kept for this user alone, with the exact bytes that the provider has cached."""

import json
from dataclasses import asdict, dataclass

from lanectl.errors import UsageError
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.lane.route import Route
from lanectl.plan.prefix import Shared, shared_of

NAME = "conversation.json"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns so far (`role`, `text`), oldest first, the prefix that they began with, and when it was last
    used."""

    at: str
    model: str
    base_url: str | None
    shared: Shared
    messages: list[dict[str, str]]


def read(lane: Lane) -> Conversation:
    """The last conversation; raises `UsageError` when there is none that can be read."""
    try:
        with (
            Folder.open(lane.settings.state_dir, create=True, private=True) as folder,
            folder.read(NAME) as file,
        ):
            kept = json.load(file)
        shared = shared_of(kept.pop("shared"))
        return Conversation(shared=shared, **kept)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise UsageError(
            "there is no conversation to continue", hint="lanectl ask 'a first question'"
        ) from None


def keep(lane: Lane, route: Route, shared: Shared, messages: list[dict[str, str]]) -> None:
    """Keep a conversation in place of the last one."""
    kept = Conversation(lane.now, route.model, route.base_url, shared, messages)
    data = {**asdict(kept), "shared": shared.as_json()}
    with Folder.open(lane.settings.state_dir, create=True, private=True) as folder:
        folder.write(NAME, json.dumps(data).encode())
