"""The output kinds: what each asks of the model, and which file reads its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lanectl.outputs import edits, file, findings, json_value, markdown, text
from lanectl.outputs.answer import Expected, Kept, Rules
from lanectl.outputs.schema import Schema

if TYPE_CHECKING:
    from lanectl.recipe.tables import OutputTable


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `schema` where it has a fixed one, `keep` what turns a good answer into what it leaves."""

    instructions: str
    keep: Callable[[str, Expected, Rules], Kept]
    schema: Mapping[str, Any] | None = None


KINDS: Mapping[str, Kind] = {
    "text": Kind(text.INSTRUCTIONS, text.keep),
    "markdown": Kind(markdown.INSTRUCTIONS, markdown.keep),
    "json": Kind(json_value.INSTRUCTIONS, json_value.keep),
    "findings": Kind(findings.INSTRUCTIONS, findings.keep, findings.SCHEMA),
    "file": Kind(file.INSTRUCTIONS, file.keep),
    "edits": Kind(edits.INSTRUCTIONS, edits.keep, edits.SCHEMA),
}


def format_of(output: "OutputTable", schema_value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The value of `output_config.format` for every request of a run, None where the answer is free text.

    Raises ConfigError for a schema that could not be checked again here.
    """
    fixed = KINDS[output.kind].schema
    if fixed is None and (output.kind != "json" or schema_value is None):
        return None
    return {"type": "json_schema", "schema": Schema(fixed or schema_value or {}).sent()}


def instructions(output: "OutputTable") -> str:
    """What stands at the end of the system text: the same bytes for the whole run."""
    return KINDS[output.kind].instructions
