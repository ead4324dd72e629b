"""What the API refuses in the turns of a conversation, in its system prompt, and in its cache breakpoints."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lanectl.sandbox import prompts
from lanectl.sandbox.refusals import invalid

_MOST_BREAKPOINTS: Final = 4


def check(params: Mapping[str, Any], *, prefill: bool, newest: bool) -> None:
    """Judges `messages` and `system`; `newest` is API version 2026-10-21. Raises ApiError."""
    messages = params.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for place, message in enumerate(messages):
        where = f"messages.{place}"
        if not isinstance(message, Mapping) or message.get("role") not in ("user", "assistant", "system"):
            raise invalid(f"{where}.role: Input should be 'user' or 'assistant'")
        content = message.get("content")
        if message["role"] == "system" and content is None:
            continue
        if not isinstance(content, str | list):
            raise invalid(f"{where}.content: Input should be a string or a list of content blocks")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            _part(part, f"{where}.content.{number}", message["role"], newest=newest)
        if not content and message["role"] == "user":
            raise invalid(f"{where}: user messages must have non-empty content")
    if messages[-1]["role"] == "assistant" and not prefill:
        raise invalid("This model does not support assistant message prefill.")
    _system(params.get("system"), newest=newest)


def _part(part: object, where: str, role: str, *, newest: bool) -> None:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise invalid(f"{where}.type: Field required")
    if part["type"] == "text":
        text = part.get("text")
        if not isinstance(text, str):
            raise invalid(f"{where}.text: Field required")
        if not text:
            raise invalid(f"{where}.text: text content blocks must be non-empty")
        if role == "user" and part.get("citations") and newest:
            raise invalid(f"{where}.citations: not supported with this anthropic-version")
    if part["type"] == "document" and role == "assistant" and newest:
        raise invalid(f"{where}: document blocks are not supported in assistant messages")


def _system(system: object, *, newest: bool) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise invalid("system: Input should be a string or a list of text blocks")
    for place, part in enumerate(system):
        _part(part, f"system.{place}", "system", newest=newest)


def check_breakpoints(params: Mapping[str, Any]) -> None:
    """Judges every `cache_control`: its form, their number, and that 1h stands before 5m. Raises ApiError."""
    marks = list(_marks(params))
    for where, control in marks:
        if not isinstance(control, Mapping) or control.get("type") != "ephemeral":
            raise invalid(f"{where}.cache_control.type: Input should be 'ephemeral'")
        if control.get("ttl", "5m") not in ("5m", "1h"):
            raise invalid(f"{where}.cache_control.ttl: Input should be '5m' or '1h'")
    if len(marks) > _MOST_BREAKPOINTS:
        most = f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided"
        raise invalid(f"{most}. Found {len(marks)}.")
    lives = [part.ttl for part in prompts.blocks(params) if part.ttl]
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        raise invalid("cache_control: a ttl='1h' block must not come after a ttl='5m' block")


def _marks(params: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if params.get("cache_control") is not None:
        yield "request", params["cache_control"]
    for section in ("tools", "system"):
        yield from _marks_of(section, params.get(section))
    for place, message in enumerate(params["messages"]):
        yield from _marks_of(f"messages.{place}.content", message.get("content"))


def _marks_of(where: str, content: object) -> Iterator[tuple[str, object]]:
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, Mapping) and part.get("cache_control") is not None:
            yield f"{where}.{place}", part["cache_control"]
