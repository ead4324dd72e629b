"""One call on the interactive lane: recorded before its first byte, heard as it arrives, priced once."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lanectl.lane.context import Lane
from lanectl.models import Lane as Lanes
from lanectl.models import Usage
from lanectl.outputs.usage import usage_of
from lanectl.plan.models import OLD_TOKENS_PER_BYTE, facts
from lanectl.prices import Prices
from lanectl.state import calls
from lanectl.text.clean import clean

if TYPE_CHECKING:
    from lanectl.api import Api, StreamEvent

Hear = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one call; `message` is the whole answer, empty when it was `interrupted`.

    `guessed` says that the output tokens of `usage` are counted from the text that had arrived. `first_s` and
    `seconds` count from the call's start: to the first piece of text (None: none came), and to its end.
    """

    message: Mapping[str, Any]
    text: str
    usage: Usage
    cost_usd: Decimal | None
    interrupted: bool
    guessed: bool
    first_s: float | None
    seconds: float

    @property
    def stop_reason(self) -> str | None:
        """Why the answer ended, as the API says it."""
        reason = self.message.get("stop_reason")
        return reason if isinstance(reason, str) else None

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens a second from the first piece of text on; None when nothing can be said."""
        writing = self.seconds - (self.first_s or 0.0)
        # What it thought came before the first piece.
        written = self.usage.output_tokens - self.usage.thinking_tokens
        if self.first_s is None or writing <= 0 or written <= 0:
            return None
        return written / writing


def unheard(_: str, __: str) -> None:
    """Nobody listens while it arrives."""


def talk(lane: Lane, api: "Api", params: Mapping[str, Any], *, verb: str, hear: Hear = unheard) -> Heard:
    """Send one request and hear its answer; `hear` takes `start`, `text` or `thinking`, and the piece.

    Ctrl-C ends it: what was heard and used until then is returned. Raises what `Api.stream` raises.
    """
    model = str(params["model"])
    number = calls.add_call(lane.db, verb=verb, model=model, base_url=api.base_url, now=lane.now)
    ear = _Ear(lane, hear)
    state = "failed"
    try:
        with closing(api.stream(params)) as events:
            for event in events:
                ear.take(event)
        state = "answered"
    except KeyboardInterrupt:
        state = "interrupted"
    finally:
        usage = ear.usage(model)
        cost = _cost(lane, usage, model) if state != "failed" or ear.begun else Decimal(0)
        calls.settle_call(lane.db, number, state, usage, cost_usd=cost)
    return Heard(
        message=ear.message,
        text="".join(ear.pieces),
        usage=usage,
        cost_usd=cost,
        interrupted=state == "interrupted",
        guessed=not ear.message and usage.output_tokens > 0,
        first_s=ear.first_s,
        seconds=ear.elapsed(),
    )


class _Ear:
    """Keeps what a stream has brought so far."""

    def __init__(self, lane: Lane, hear: Hear) -> None:
        self._clock = lane.clock
        self._hear = hear
        self._began = lane.clock()
        self._started: Mapping[str, Any] = {}
        self.message: Mapping[str, Any] = {}
        self.pieces: list[str] = []
        self.first_s: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the provider has begun to answer, and so to bill."""
        return bool(self._started)

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return (self._clock() - self._began).total_seconds()

    def take(self, event: "StreamEvent") -> None:
        """One piece of the answer."""
        if event.kind == "start":
            self._started = event.message
            self._hear("start", "")
        elif event.kind == "message":
            self.message = event.message
        else:
            if event.kind == "text":
                if self.first_s is None:
                    self.first_s = self.elapsed()
                self.pieces.append(clean(event.text))
            self._hear(event.kind, clean(event.text))

    def usage(self, model: str) -> Usage:
        """What the provider said it used, or, of an answer that was cut off, what can be counted here."""
        if self.message:
            return usage_of(self.message.get("usage"))
        usage = usage_of(self._started.get("usage"))
        known = facts(model)
        rate = known.tokens_per_byte if known else OLD_TOKENS_PER_BYTE
        written = round(len("".join(self.pieces).encode()) * rate)
        return replace(usage, output_tokens=max(usage.output_tokens, written))


def _cost(lane: Lane, usage: Usage, model: str) -> Decimal | None:
    """What it cost at the price of today; another provider's price is known only where the user gave it."""
    other = lane.settings.models.get(model)
    if other is not None and other.base_url is not None and model not in lane.settings.price_overrides:
        return None
    return Prices(lane.clock().date(), lane.settings.price_overrides).cost(usage, model, Lanes.INTERACTIVE)
