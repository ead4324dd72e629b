"""Messages as the API gives them: content, stop reason and usage, whole or as a stream of events."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import answers, draws, prompts
from lanectl.sandbox.cache import Use
from lanectl.sandbox.catalogue import Model
from lanectl.sandbox.draws import Draw

Json = dict[str, Any]

# Tokens of thinking at each effort, about; they count as output and are halved or doubled by the draw.
_THINKING: Final = {"low": 60, "medium": 250, "high": 800, "xhigh": 1_600, "max": 3_000}
# A piece of a stream: characters, and about how many tokens they are.
PIECE_TOKENS: Final = 6
_PIECE: Final = 24


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer before it is dressed as a message: blocks, why it stopped, tokens of each sort."""

    content: list[Json]
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, JsonValue] | None = None
    visible_tokens: int = 0
    thinking_tokens: int = 0
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


def reply(params: Mapping[str, Any], model: Model, seed: object) -> Reply:
    """The answer to a valid request, cut where `max_tokens` or a stop sequence says."""
    if params["max_tokens"] == 0:
        return Reply([], "max_tokens")
    tool = _forced(params)
    if tool is not None:
        block = {
            "type": "tool_use",
            "id": draws.name("toolu_", seed, tool.get("name")),
            "name": tool.get("name"),
            "input": answers.tool_input(tool, params, seed),
        }
        return Reply([block], "tool_use", visible_tokens=_visible(json.dumps(block["input"]), model))
    return with_text(answers.answer(params, seed), params, model, seed)


def with_text(text: str, params: Mapping[str, Any], model: Model, seed: object) -> Reply:
    """An answer that says `text`."""
    stopped, reason, limit = None, "end_turn", params["max_tokens"]
    for sequence in params.get("stop_sequences") or ():
        if sequence and sequence in text:
            text, stopped, reason = text[: text.index(sequence)], sequence, "stop_sequence"
    visible = _visible(text, model)
    if visible > limit:
        share = limit / visible
        text = prompts.encoded(text)[: int(len(prompts.encoded(text)) * share)].decode("utf-8", "ignore")
        visible, reason, stopped = limit, "max_tokens", None
    thought = _thinking(params, model, Draw(seed, "thinking"), limit - visible)
    content: list[Json] = [{"type": "text", "text": text, "citations": None}]
    if thought:
        content.insert(0, _thinking_block(params, seed))
    return Reply(content, reason, stopped, None, visible, thought)


def message(made: Reply, params: Mapping[str, Any], use: Use, *, tier: str, message_id: str) -> Json:
    """The message object, with usage as it is billed."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": made.content,
        "stop_reason": made.stop_reason,
        "stop_sequence": made.stop_sequence,
        "stop_details": made.stop_details,
        "container": None,
        "diagnostics": None,
        "usage": {
            "input_tokens": use.after,
            "cache_creation_input_tokens": use.written_5m + use.written_1h,
            "cache_read_input_tokens": use.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": use.written_5m,
                "ephemeral_1h_input_tokens": use.written_1h,
            },
            "output_tokens": made.visible_tokens + made.thinking_tokens,
            "output_tokens_details": {"thinking_tokens": made.thinking_tokens},
            "server_tool_use": None,
            "service_tier": tier,
            "inference_geo": params.get("inference_geo") or "global",
            "speed": None if tier == "batch" else "standard",
        },
    }


def events(whole: Json) -> Iterator[tuple[str, Json]]:
    """A message as the stream of events (name, data) that gives it piece by piece."""
    begun = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    begun["usage"] = {**whole["usage"], "output_tokens": 1, "output_tokens_details": None}
    yield _event("message_start", message=begun)
    yield _event("ping")
    for index, block in enumerate(whole["content"]):
        yield from _block(index, block)
    ended = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details", "container")}
    keys = (
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
    )
    yield _event("message_delta", delta=ended, usage={key: whole["usage"][key] for key in keys})
    yield _event("message_stop")


def _block(index: int, block: Json) -> Iterator[tuple[str, Json]]:
    if block["type"] == "text":
        empty, pieces = (
            {**block, "text": ""},
            [("text_delta", "text", piece) for piece in _cut(block["text"])],
        )
    elif block["type"] == "thinking":
        empty = {**block, "thinking": "", "signature": ""}
        pieces = [("thinking_delta", "thinking", piece) for piece in _cut(block["thinking"])]
        pieces.append(("signature_delta", "signature", block["signature"]))
    else:
        empty = {**block, "input": {}}
        pieces = [("input_json_delta", "partial_json", piece) for piece in _cut(json.dumps(block["input"]))]
    yield _event("content_block_start", index=index, content_block=empty)
    for kind, key, piece in pieces:
        yield _event("content_block_delta", index=index, delta={"type": kind, key: piece})
    yield _event("content_block_stop", index=index)


def _event(kind: str, **parts: Any) -> tuple[str, Json]:  # noqa: ANN401 -- the parts of an event are any JSON
    return kind, {"type": kind, **parts}


def _cut(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _visible(text: str, model: Model) -> int:
    return max(1, prompts.tokens(len(prompts.encoded(text)), model))


def _forced(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choice = params.get("tool_choice") or {}
    tools = params.get("tools") or []
    if choice.get("type") == "any" and tools:
        return tools[0]  # type: ignore[no-any-return] # validated: a list of objects
    return next(
        (one for one in tools if choice.get("type") == "tool" and one.get("name") == choice.get("name")), None
    )


def _thinking(params: Mapping[str, Any], model: Model, draw: Draw, room: int) -> int:
    form = (params.get("thinking") or {}).get("type") or ("adaptive" if model.thinks else "disabled")
    if form not in ("adaptive", "enabled"):
        return 0
    effort = (params.get("output_config") or {}).get("effort") or model.default_effort
    wanted = int(_THINKING[effort] * (0.5 + draw.share() * 1.5))
    # Never so much that the answer would be cut: that is what the switch for truncation is for.
    return min(wanted, max(0, room) // 2)


def _thinking_block(params: Mapping[str, Any], seed: object) -> Json:
    shown = (params.get("thinking") or {}).get("display") == "summarized"
    thought = "[sandbox] Nothing was thought: no model was called." if shown else ""
    return {"type": "thinking", "thinking": thought, "signature": draws.name("sig_", seed, length=24)}
