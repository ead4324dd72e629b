"""A request as the model would see it: blocks in the order tools, system, messages, and their tokens."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lanectl.sandbox.catalogue import Model

# Documentation of 2026: about four bytes a token; the newer tokenizer makes about 30 % more of the same text.
_BYTES_A_TOKEN: Final = 4
_NEWER: Final = 1.3
# An image's base64 says nothing of its tokens; 1,600 is the documentation's figure for a full-size one.
_IMAGE_BYTES: Final = 1_600 * _BYTES_A_TOKEN


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a prompt: section, exact bytes, the bytes it counts for, its breakpoint's TTL if any."""

    section: str
    data: bytes
    size: int
    ttl: str | None = None
    cacheable: bool = True


def encoded(text: str) -> bytes:
    """Text as bytes, lone surrogates included: an untrusted prompt may hold them."""
    return text.encode("utf-8", "surrogatepass")


def tokens(size: int, model: Model) -> int:
    """About how many tokens `size` bytes are for a model; the same estimate everywhere in the sandbox."""
    return -(-int(size * (_NEWER if model.newer_tokenizer else 1.0)) // _BYTES_A_TOKEN)


def count(params: Mapping[str, Any], model: Model) -> int:
    """The tokens of a whole prompt, at least 1."""
    return max(1, tokens(sum(block.size for block in blocks(params)), model))


def blocks(params: Mapping[str, Any]) -> list[Block]:
    """The prompt's blocks in cache order; a top-level `cache_control` marks the last cacheable one."""
    found = [*_tools(params), *_system(params), *_messages(params)]
    automatic = params.get("cache_control")
    if isinstance(automatic, Mapping):
        for place in range(len(found) - 1, -1, -1):
            if found[place].cacheable:
                one = found[place]
                found[place] = Block(one.section, one.data, one.size, one.ttl or ttl_of(automatic))
                break
    return found


def ttl_of(control: object) -> str | None:
    """`5m` or `1h`, as a `cache_control` value says; None when it is none."""
    if not isinstance(control, Mapping) or control.get("type") != "ephemeral":
        return None
    return "1h" if control.get("ttl") == "1h" else "5m"


def user_text(params: Mapping[str, Any]) -> str:
    """All text of the user's turns, in order."""
    parts: list[str] = []
    for message in params.get("messages", ()):
        if message.get("role") == "user":
            parts.extend(_texts(message.get("content")))
    return "\n".join(parts)


def system_text(params: Mapping[str, Any]) -> str:
    """All text of the system prompt."""
    return "\n".join(_texts(params.get("system")))


def has_images(params: Mapping[str, Any]) -> bool:
    """Whether any turn carries an image."""
    return any(
        isinstance(part, Mapping) and part.get("type") == "image"
        for message in params.get("messages", ())
        for part in _parts(message.get("content"))
    )


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in _parts(content) if isinstance(part.get("text"), str)]


def _parts(content: object) -> list[Mapping[str, Any]]:
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _tools(params: Mapping[str, Any]) -> Iterator[Block]:
    for tool in _parts(params.get("tools")):
        yield _block("tools", "", tool)


def _system(params: Mapping[str, Any]) -> Iterator[Block]:
    system = params.get("system")
    if isinstance(system, str):
        yield _block("system", "", {"type": "text", "text": system})
    for part in _parts(system):
        yield _block("system", "", part)


def _messages(params: Mapping[str, Any]) -> Iterator[Block]:
    for message in _parts(params.get("messages")):
        role = str(message.get("role"))
        content = message.get("content")
        if isinstance(content, str):
            yield _block("messages", role, {"type": "text", "text": content})
        for part in _parts(content):
            yield _block("messages", role, part)


def _block(section: str, role: str, part: Mapping[str, Any]) -> Block:
    ttl = ttl_of(part.get("cache_control"))
    text = part.get("text")
    if part.get("type") == "text" and isinstance(text, str):
        data = encoded(text)
        return Block(section, encoded(role) + b"\0" + data, len(data), ttl, cacheable=bool(text))
    bare = {key: value for key, value in part.items() if key != "cache_control"}
    data = json.dumps(bare, separators=(",", ":")).encode()
    size = _IMAGE_BYTES if part.get("type") == "image" else len(data)
    cacheable = part.get("type") not in ("thinking", "redacted_thinking")
    return Block(section, encoded(role) + b"\1" + data, size, ttl, cacheable=cacheable)
