"""The models this server knows: their limits, what each takes, and when it retires."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lanectl.models import JsonValue

# Source of every row: the models table, the cache minima and the tokenizer note of the public documentation,
# October and November 2026; for retirements the SDK's list of deprecated models.
_ALL = ("low", "medium", "high", "xhigh", "max")
_NO_XHIGH = ("low", "medium", "high", "max")
_ADAPTIVE_ONLY = ("adaptive",)
_CAN_BE_OFF = ("adaptive", "disabled")


@dataclass(frozen=True, slots=True)
class Model:
    """One model: token limits, accepted effort and thinking forms, cache minimum (tokens), and its days.

    `thinks` is whether it thinks when `thinking` is left out; `off_up_to_high` whether thinking can be turned
    off only at effort `high` and below; `retires` is an ISO day, empty while none is set.
    """

    id: str
    line: str
    title: str
    released: str
    context: int = 1_000_000
    max_tokens: int = 128_000
    max_tokens_300k: bool = True
    effort: tuple[str, ...] = _ALL
    default_effort: str = "high"
    thinking: tuple[str, ...] = _ADAPTIVE_ONLY
    thinks: bool = True
    off_up_to_high: bool = False
    cache_minimum: int = 512
    newer_tokenizer: bool = True
    forced_tools: bool = True
    prefill: bool = False
    geo: bool = True
    sampling: bool = False
    retires: str = ""

    def lifecycle(self, now: float) -> str:
        """`active`, `deprecated` or `retired` at `now` (seconds since the epoch)."""
        if not self.retires:
            return "active"
        return "retired" if now >= _day(self.retires).timestamp() else "deprecated"

    def token_limit(self, betas: tuple[str, ...], *, batch: bool) -> int:
        """The largest `max_tokens`: 300,000 in a batch that carries the beta header for extended output."""
        extended = batch and self.max_tokens_300k and "output-300k-2026-03-24" in betas
        return 300_000 if extended else self.max_tokens


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_FIVE = Model("", "", "", "")
_FABLE = replace(_FIVE, line="fable", max_tokens_300k=False, forced_tools=False)
_FOUR = replace(_FIVE, thinking=_CAN_BE_OFF, thinks=False)
_FOUR_SIX = replace(
    _FOUR,
    effort=_NO_XHIGH,
    thinking=("adaptive", "enabled", "disabled"),
    newer_tokenizer=False,
    sampling=True,
)
_FOUR_FIVE = replace(
    _FIVE,
    context=200_000,
    max_tokens=64_000,
    max_tokens_300k=False,
    effort=(),
    thinking=("enabled", "disabled"),
    thinks=False,
    newer_tokenizer=False,
    prefill=True,
    geo=False,
    sampling=True,
)


def _named(kind: Model, line: str, version: str, released: str) -> Model:
    title = f"Claude {line.title()} {version.replace('-', '.')}"
    return replace(kind, id=f"claude-{line}-{version}", line=line, title=title, released=released)


def _dated(model: Model) -> Model:
    return replace(model, id=f"{model.id}-{model.released.replace('-', '')}")


def _rows() -> Iterator[Model]:
    for version, released, kind in (
        ("5-2", "2026-11-09", _FABLE),
        ("5-1", "2026-09-01", _FABLE),
        ("5", "2026-06-09", replace(_FABLE, forced_tools=True)),
    ):
        yield _named(kind, "fable", version, released)
        yield _named(kind, "mythos", version, released)
    haiku = replace(_FIVE, default_effort="medium", thinking=_CAN_BE_OFF, off_up_to_high=True)
    yield _named(haiku, "haiku", "5-5", "2026-10-07")
    sonnet = replace(_FIVE, thinking=("adaptive", "between_tools"), off_up_to_high=True, forced_tools=False)
    yield _named(sonnet, "sonnet", "5-5", "2026-09-28")
    yield _named(replace(_FIVE, default_effort="medium", forced_tools=False), "opus", "5-5", "2026-09-22")
    yield _named(replace(_FIVE, thinking=_CAN_BE_OFF, off_up_to_high=True), "opus", "5", "2026-07-24")
    yield _named(replace(_FIVE, thinking=_CAN_BE_OFF, cache_minimum=1_024), "sonnet", "5", "2026-06-30")
    yield _named(replace(_FOUR, cache_minimum=1_024), "opus", "4-8", "2026-05-28")
    yield _named(replace(_FOUR, cache_minimum=2_048), "opus", "4-7", "2026-04-16")
    preview = replace(_FABLE, cache_minimum=2_048, retires="2026-06-30", forced_tools=True)
    yield _named(preview, "mythos", "preview", "2026-04-07")
    yield _named(replace(_FOUR_SIX, cache_minimum=1_024), "sonnet", "4-6", "2026-02-17")
    yield _named(replace(_FOUR_SIX, cache_minimum=4_096), "opus", "4-6", "2026-02-05")
    for model in (
        _named(
            replace(_FOUR_FIVE, effort=("low", "medium", "high"), cache_minimum=4_096, retires="2027-01-22"),
            "opus",
            "4-5",
            "2025-11-01",
        ),
        _named(replace(_FOUR_FIVE, cache_minimum=4_096), "haiku", "4-5", "2025-10-01"),
        _named(replace(_FOUR_FIVE, cache_minimum=1_024, retires="2026-11-30"), "sonnet", "4-5", "2025-09-29"),
    ):
        yield model
        yield _dated(model)


# Newest first, as `GET /v1/models` lists them.
MODELS: dict[str, Model] = {
    model.id: model for model in sorted(_rows(), key=lambda model: model.released, reverse=True)
}


def _can(supported: object) -> dict[str, JsonValue]:
    return {"supported": bool(supported)}


def _capabilities(model: Model) -> dict[str, JsonValue]:
    effort: dict[str, JsonValue] = {level: _can(level in model.effort) for level in _ALL}
    forms: dict[str, JsonValue] = {
        form: _can(form in model.thinking) for form in ("adaptive", "between_tools", "disabled", "enabled")
    }
    return {
        "batch": _can(True),
        "citations": _can(True),
        "code_execution": _can(True),
        "context_management": {
            "supported": True,
            "clear_thinking_20251015": _can(True),
            "clear_tool_uses_20250919": _can(True),
            "compact_20260112": _can(True),
        },
        "effort": {"supported": bool(model.effort), **effort},
        "image_input": _can(True),
        "pdf_input": _can(True),
        "server_tools": {"supported": True, "code_execution": _can(True), "web_search": _can(True)},
        "structured_outputs": _can(True),
        "thinking": {"supported": True, "types": forms},
    }


def as_json(model: Model, now: float) -> dict[str, JsonValue]:
    """A model as `GET /v1/models` tells it at `now`; deprecation is announced 60 days before retirement."""
    retires = _day(model.retires) if model.retires else None
    announced = datetime.fromtimestamp(retires.timestamp() - 60 * 86_400, UTC) if retires else None
    return {
        "type": "model",
        "id": model.id,
        "display_name": f"{model.title} [sandbox]",
        "created_at": _day(model.released).isoformat().replace("+00:00", "Z"),
        "lifecycle": model.lifecycle(now),
        "deprecated_at": announced.isoformat().replace("+00:00", "Z") if announced else None,
        "retires_at": retires.isoformat().replace("+00:00", "Z") if retires else None,
        "line": model.line,
        "max_input_tokens": model.context,
        "max_tokens": model.max_tokens,
        "capabilities": _capabilities(model),
    }
