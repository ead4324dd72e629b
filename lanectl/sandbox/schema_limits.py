"""What the provider's structured outputs do not take of JSON Schema, told before the night."""

from collections.abc import Mapping
from typing import Any, Final

# What the SDK's own `transform_schema` takes out before it sends a schema; the wording is that of a 400
# quoted in agentjido/req_llm #302.
_UNSUPPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties", "patternProperties"),
}


def unsupported(schema: Mapping[str, Any]) -> str | None:
    """The first complaint about a schema or one inside it; None where there is none."""
    kind = schema.get("type")
    for key in _UNSUPPORTED.get(kind, ()) if isinstance(kind, str) else ():
        if key in schema:
            return f"For '{kind}' type, property '{key}' is not supported"
    if kind == "array" and schema.get("minItems", 0) not in (0, 1):
        return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if kind == "object" and schema.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    for part in _parts(schema):
        complaint = unsupported(part)
        if complaint:
            return complaint
    return None


def _parts(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts: list[Any] = [schema.get("items")]
    for key in ("properties", "$defs", "definitions"):
        named = schema.get(key)
        parts += named.values() if isinstance(named, Mapping) else ()
    for key in ("anyOf", "oneOf", "allOf"):
        parts += schema.get(key) or ()
    return [part for part in parts if isinstance(part, Mapping)]
