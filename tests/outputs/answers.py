"""Answers to read: messages, results lines and readers, put together in one call."""

import json
from typing import Any

from lanectl.models import Material, Result
from lanectl.outputs.read import Expected, Reader
from lanectl.recipe.tables import OutputTable

MODEL = "claude-opus-5-5"
USAGE = {"input_tokens": 10, "output_tokens": 20}


def a_message(text: str, **changed: Any) -> dict[str, Any]:
    """A finished message with one text block; `changed` replaces fields."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": USAGE,
    }
    return message | changed


def a_line(result: object, custom_id: str = "L1_job") -> bytes:
    """A results line of job L1_job."""
    return json.dumps({"custom_id": custom_id, "result": result}).encode()


def a_success(text: str, **changed: Any) -> bytes:
    """A results line with a finished message."""
    return a_line({"type": "succeeded", "message": a_message(text, **changed)})


def a_reader(kind: str, *, path: str | None = None, schema: dict[str, Any] | None = None) -> Reader:
    """A reader of one kind."""
    output = OutputTable.model_validate({"kind": kind, "path": path})
    return Reader(output, schema, MODEL)


def read(
    kind: str,
    answer: str | object,
    *,
    material: Material | None = None,
    key: str = "pr-7",
    path: str = "",
    output_path: str | None = "the same",
    schema: dict[str, Any] | None = None,
) -> Result:
    """The result of one answer, which is JSON unless it is text already; `output_path` is the recipe's."""
    template = (path or None) if output_path == "the same" else output_path
    text = answer if isinstance(answer, str) else json.dumps(answer)
    expected = Expected("L1_job", key, path, material or Material())
    return a_reader(kind, path=template, schema=schema).read(a_success(text), expected)


def said(result: Result) -> tuple[str, str]:
    """The outcome and the error's message, "" where there is none."""
    return str(result.outcome), result.error.message if result.error else ""
