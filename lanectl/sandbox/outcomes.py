"""How single requests of a batch end when a switch says so: other stop reasons, answers to be survived."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import replies
from lanectl.sandbox.catalogue import Model
from lanectl.sandbox.draws import Draw
from lanectl.sandbox.faults import Faults, ItemFault
from lanectl.sandbox.records import Batch
from lanectl.sandbox.replies import Reply

# One of each: terminal escapes, links, HTML, rich markup, CSV formulas, bidi marks, line ends, shell, paths.
HOSTILE: Final = (
    "[sandbox] \x1b[2J\x1b[31mred\x1b[0m \x1b]52;c;c2FuZGJveA==\x07 "
    "\x1b]8;;https://evil.invalid\x1b\\link\x1b]8;;\x1b\\ "
    "<script>alert(1)</script><img src=https://evil.invalid/x onerror=alert(1)> ![x](https://evil.invalid/p) "
    "[bold red]markup[/bold red] [/nothing] =HYPERLINK(\"https://evil.invalid\") +cmd|' /C calc'!A0 "
    "\u202eesrever\u202c \u2028line\u2029paragraph\u0085next \x00nul \r\nX-Header: 1 @everyone closes #1 "
    "```` ``` ~~~ --> ]]> </data-0000000000000000> \ufeff\u200b\U000e0041 $(touch sandbox) `id` ; rm -rf . "
    "%0d%0a ../../etc/passwd"
)


def fault_for(faults: Faults, batch: Batch, index: int, raw: bytes, seed: int) -> ItemFault | None:
    """The first item fault whose every choice fits the request at `index` (`raw`: its bytes)."""
    for number, fault in enumerate(faults.items):
        if fault.batches is not None and batch.seq not in fault.batches:
            continue
        if fault.index is not None and index not in fault.index:
            continue
        if fault.contains is not None and fault.contains.encode() not in raw:
            continue
        if Draw(seed, "item", number, batch.seq, index).share() < fault.share:
            return fault
    return None


def altered(made: Reply, fault: ItemFault, params: Mapping[str, Any], model: Model, seed: object) -> Reply:
    """The reply as the fault's outcome has it (an outcome that is a message's)."""
    said: dict[str, Callable[[str], str]] = {
        "empty": lambda _: "",
        "prose": lambda _: "[sandbox] I would rather tell you about it in prose.",
        "fenced": lambda text: f"Here it is:\n\n```json\n{text}\n```\n",
        "wrong-json": lambda _: '{"sandbox": ["another", "shape"]}',
        "hostile": lambda text: _poisoned(text, HOSTILE),
        "surrogate": lambda text: _poisoned(text, "[sandbox] \ud800 half a character \udfff"),
        "huge": lambda _: "[sandbox] huge " + "x" * max(0, fault.size - 15),
    }
    if fault.outcome in said:
        text = said[fault.outcome](_text(made))
        return replies.with_text(
            text, {**params, "max_tokens": max(params["max_tokens"], len(text))}, model, seed
        )
    half = _text(made)[: len(_text(made)) // 2]
    stops: dict[str, tuple[str, list[replies.Json]]] = {
        "refusal": ("refusal", _blocks("[sandbox] I can")),
        "max_tokens": ("max_tokens", _blocks(half)),
        "pause_turn": ("pause_turn", _blocks(half)),
        "context": ("model_context_window_exceeded", _blocks(half)),
        "no-content": ("end_turn", []),
    }
    reason, content = stops[fault.outcome]
    details = None
    if reason == "refusal":
        details = {"type": "refusal", "category": "general_harms", "explanation": "[sandbox] Asked for."}
    tokens = params["max_tokens"] if reason == "max_tokens" else made.visible_tokens // 2 + 1
    return Reply(content, reason, None, details, max(1, tokens))


def _poisoned(text: str, poison: str) -> str:
    """`poison` instead of the answer, or instead of every sentence in it where the answer is JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return poison
    return json.dumps(_swapped(value, poison), ensure_ascii=False)


def _swapped(value: JsonValue, poison: str) -> JsonValue:
    if isinstance(value, str):
        return poison if value.startswith("[sandbox]") else value
    if isinstance(value, list):
        return [_swapped(one, poison) for one in value]
    if isinstance(value, dict):
        return {key: _swapped(one, poison) for key, one in value.items()}
    return value


def _text(made: Reply) -> str:
    return "".join(block.get("text", "") for block in made.content)


def _blocks(text: str) -> list[replies.Json]:
    return [{"type": "text", "text": text, "citations": None}]
