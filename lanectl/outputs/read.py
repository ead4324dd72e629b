"""Turns one raw line of a results file, whatever its bytes, into exactly one outcome."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lanectl.models import JobError, JsonValue, Outcome, Result
from lanectl.outputs.answer import Expected as Expected
from lanectl.outputs.answer import InvalidAnswerError, Kept, Rules, counted
from lanectl.outputs.kinds import KINDS
from lanectl.outputs.schema import Schema
from lanectl.outputs.strict import NotJsonError, loads
from lanectl.outputs.usage import usage_of
from lanectl.text import terminal
from lanectl.text.clean import clean

if TYPE_CHECKING:
    from lanectl.recipe.tables import OutputTable

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_ID_IN_BYTES = re.compile(rb'"custom_id"\s{0,8}:\s{0,8}"([a-zA-Z0-9_-]{1,64})"')
_MESSAGE_WIDTH = 500

_TRUNCATED = {
    "max_tokens": "the answer reached max_tokens",
    "pause_turn": "the provider paused a long turn, which a batch cannot resume",
    "model_context_window_exceeded": "prompt and answer filled the model's context window",
}
_NEVER_RAN = {
    "canceled": (Outcome.CANCELED, "canceled before it was processed; not billed"),
    "expired": (Outcome.EXPIRED, "not processed within 24 hours; not billed"),
}


def custom_id_of(line: bytes) -> str | None:
    """The custom id of a results line, also of a broken one as long as it names exactly one; None
    otherwise.
    """
    try:
        row = loads(line)
    except NotJsonError:
        # An id inside the model's own text is escaped there (`\"custom_id\"`), and so does not match.
        found = set(_ID_IN_BYTES.findall(line))
        return found.pop().decode("ascii") if len(found) == 1 else None
    custom_id = row.get("custom_id") if isinstance(row, dict) else None
    return custom_id if isinstance(custom_id, str) and _ID.match(custom_id) else None


class Reader:
    """Reads the answers of one run; it never raises for what it reads.

    Raises ConfigError for a schema that cannot be checked, which `kinds.format_of` would have refused at
    submit.
    """

    def __init__(self, output: "OutputTable", schema_value: Mapping[str, Any] | None, model: str) -> None:
        schema = Schema(schema_value) if schema_value is not None and output.kind == "json" else None
        self._kind = KINDS[output.kind]
        self._rules = Rules(output.path, schema, model)

    def read(self, line: bytes, expected: Expected) -> Result:
        """One raw line of a results file: every result type of the API, and everything that is none."""
        try:
            row = loads(line)
        except NotJsonError as error:
            return _unreadable(f"the results line is not JSON: {error}")
        if not isinstance(row, dict) or not isinstance(row.get("result"), dict):
            return _unreadable("the results line holds no result")
        if row.get("custom_id") != expected.custom_id:
            return _unreadable("the results line is for another job")
        result: dict[str, Any] = row["result"]  # type: ignore[assignment]  # a JSON object, checked above
        kind = result.get("type")
        if kind == "succeeded":
            return self.read_message(result.get("message"), expected)
        if kind == "errored":
            return _lost(Outcome.ERRORED, _error(result.get("error")))
        if isinstance(kind, str) and kind in _NEVER_RAN:
            outcome, told = _NEVER_RAN[kind]
            return _lost(outcome, JobError(kind, told))
        return _unreadable(f"the result has the unknown type {_shown(kind)}")

    def read_message(self, message: object, expected: Expected) -> Result:
        """One message of the Messages API, from either lane."""
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(content, list):
            return _unreadable("the result holds no message")
        usage = usage_of(message.get("usage"))
        stop = message.get("stop_reason")
        stop = stop if isinstance(stop, str) else None
        text = clean("".join(_texts(content)))

        def failed(outcome: Outcome, type_: str, told: str) -> Result:
            error = JobError(type_, terminal.line(told, _MESSAGE_WIDTH))
            return Result(outcome, usage, stop, error, text=text or None, headline=error.message)

        if stop == "refusal":
            return failed(Outcome.REFUSED, "refusal", _refusal(message.get("stop_details")))
        if stop in _TRUNCATED:
            told = f"{_TRUNCATED[stop]} after {counted(usage.output_tokens, 'token')}"
            return failed(Outcome.TRUNCATED, stop, told)
        if stop == "tool_use":
            return failed(
                Outcome.INVALID, "tool_use", "the answer stopped to call a tool, which nothing here answers"
            )
        if not text.strip():
            return failed(
                Outcome.INVALID, "empty_answer", f"the answer holds no text (stop_reason {_shown(stop)})"
            )
        try:
            kept = self._kind.keep(text, expected, self._rules)
        except InvalidAnswerError as error:
            return failed(Outcome.INVALID, error.type, error.message)
        except Exception as error:  # noqa: BLE001 -- an answer that breaks its own check must not cost the other jobs
            return failed(
                Outcome.INVALID, "check_failed", f"the answer could not be checked: {type(error).__name__}"
            )
        return _succeeded(kept, Result(Outcome.SUCCEEDED, usage, stop))


def _succeeded(kept: Kept, result: Result) -> Result:
    return Result(
        result.outcome,
        result.usage,
        result.stop_reason,
        text=kept.text,
        value=kept.value,
        headline=kept.headline,
        findings=kept.findings,
        files=kept.files,
    )


def _texts(content: list[Any]) -> list[str]:
    blocks = (block for block in content if isinstance(block, dict) and block.get("type") == "text")
    return [block["text"] for block in blocks if isinstance(block.get("text"), str)]


def _refusal(details: JsonValue) -> str:
    said = details if isinstance(details, dict) else {}
    told = [
        part for part in (said.get("category"), said.get("explanation")) if isinstance(part, str) and part
    ]
    return ": ".join(told) or "refused without a category"


def _error(value: JsonValue) -> JobError:
    """`result.error` is an error response, whose own `error` says what happened."""
    outer = value if isinstance(value, dict) else {}
    nested = outer.get("error")
    inner = nested if isinstance(nested, dict) else outer
    type_, message, request_id = inner.get("type"), inner.get("message"), outer.get("request_id")
    details = inner.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    told = message if isinstance(message, str) and message else "the provider gave no message"
    return JobError(
        terminal.line(type_, 64) if isinstance(type_, str) and type_ else "unknown_error",
        terminal.line(f"{told} ({code})" if isinstance(code, str) else told, _MESSAGE_WIDTH),
        terminal.line(request_id, 80) if isinstance(request_id, str) else None,
    )


def _unreadable(told: str) -> Result:
    return _lost(Outcome.UNREADABLE, JobError("unreadable_line", terminal.line(told, _MESSAGE_WIDTH)))


def _lost(outcome: Outcome, error: JobError) -> Result:
    return Result(outcome, error=error, headline=error.message)


def _shown(value: object) -> str:
    return (
        terminal.line(repr(value), 60) if isinstance(value, str | int | float | bool | None) else "(no text)"
    )
