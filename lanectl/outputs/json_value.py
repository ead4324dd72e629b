"""A JSON value: asked for by the recipe's schema, and checked again here."""

from lanectl.models import JsonValue, OutputFile
from lanectl.outputs.answer import (
    Expected,
    InvalidAnswerError,
    Kept,
    Rules,
    counted,
    encoded,
    fenced,
    place,
    sentence,
    unfenced,
)
from lanectl.outputs.schema import Schema
from lanectl.outputs.strict import NotJsonError, loads
from lanectl.text.jsontext import dumps

INSTRUCTIONS = "Answer with one JSON value and nothing else: no introduction, no code fence."

_TELLING = ("headline", "title", "summary", "name", "description", "message", "result", "verdict")


def parsed(answer: str, schema: Schema | None) -> JsonValue:
    """The value that an answer holds.

    Raises InvalidAnswerError when it is not JSON or does not fit `schema`.
    """
    try:
        value = loads(unfenced(answer).strip())
    except NotJsonError as error:
        raise InvalidAnswerError("not_json", f"the answer is not JSON: {error}") from None
    complaint = schema.problem(value) if schema else None
    if complaint:
        raise InvalidAnswerError("schema_mismatch", complaint)
    return value


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The value, written as the artifact's ending asks: `.jsonl` a line an item, `.md` fenced, else indented.

    Raises InvalidAnswerError as `parsed`.
    """
    value = parsed(answer, rules.schema)
    path = place(job, rules, ".json")
    return Kept(_headline(value), (OutputFile(path, encoded(_written(value, path))),), value=value)


def _written(value: JsonValue, path: str) -> str:
    ending = path.rpartition(".")[2].lower()
    if ending in ("jsonl", "ndjson"):
        return "".join(dumps(item) + "\n" for item in (value if isinstance(value, list) else [value]))
    pretty = dumps(value, indent=2)
    return fenced(pretty).replace("```", "```json", 1) if ending in ("md", "markdown") else pretty


def _headline(value: JsonValue) -> str:
    if isinstance(value, list):
        return counted(len(value), "item")
    if isinstance(value, dict):
        told = (value[key] for key in _TELLING if key in value)
        text = next((text for text in told if isinstance(text, str) and text.strip()), None)
        return sentence(text) if text is not None else counted(len(value), "field")
    return sentence(str(value))
