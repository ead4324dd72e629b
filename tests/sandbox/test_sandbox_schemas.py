"""A schema gets an instance that is valid, whatever the schema."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanectl.sandbox import material, schemas
from lanectl.sandbox.draws import Draw

STRINGS: dict[str, Any] = {"type": "string"}
PROMPT = "Look at src/a.py:\n<data-0123456789abcdef>\nimport os\n\nprint(os.name)\n</data-0123456789abcdef>"


def holds(root: Mapping[str, Any], schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is what a schema says, for the keywords the tests use."""
    if "$ref" in schema:
        return holds(root, schemas.resolved(root, schema), value)
    if "anyOf" in schema:
        return any(holds(root, one, value) for one in schema["anyOf"])
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(KINDS[kind](root, schema, value) for kind in kinds)


def is_number(_: Any, schema: Mapping[str, Any], value: Any) -> bool:
    step = schema.get("multipleOf")
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and (step is None or value % step == 0)
    )


def is_string(_: Any, schema: Mapping[str, Any], value: Any) -> bool:
    return (
        isinstance(value, str)
        and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        and re.search(schema.get("pattern", ""), value) is not None
    )


def is_array(root: Any, schema: Mapping[str, Any], value: Any) -> bool:
    return (
        isinstance(value, list)
        and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        and all(holds(root, schema["items"], one) for one in value)
        and (not schema.get("uniqueItems") or len({json.dumps(one) for one in value}) == len(value))
    )


def is_object(root: Any, schema: Mapping[str, Any], value: Any) -> bool:
    parts = schema.get("properties", {})
    return (
        isinstance(value, dict)
        and set(schema.get("required", ())) <= set(value) <= set(parts)
        and all(holds(root, parts[key], one) for key, one in value.items())
    )


KINDS: dict[str, Any] = {
    "object": is_object,
    "array": is_array,
    "string": is_string,
    "number": is_number,
    "integer": lambda *about: is_number(*about) and isinstance(about[2], int),
    "boolean": lambda _root, _schema, value: isinstance(value, bool),
    "null": lambda _root, _schema, value: value is None,
}


def small(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


LEAVES = st.one_of(
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        small(-9, 9),
        small(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "minimum": low}, small(-9, 9)),
    st.builds(
        lambda low, step: {"type": "integer", "minimum": low, "multipleOf": step}, small(0, 9), small(1, 7)
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        small(0, 300),
        small(0, 9),
    ),
    st.lists(st.sampled_from(["a", "b", 1, None]), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from(
        [{"const": 0}, {"const": None}, {"type": "boolean"}, {"type": "null"}, {"type": ["integer", "null"]}]
    ),
    st.just({"$ref": "#/$defs/tree"}),
)


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
        inner,
        small(0, 4),
        small(0, 3),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["path", "line", "title", "severity", "items", "text", "search", "n"])
    return st.builds(
        lambda parts, all_of_it: {
            "type": "object",
            "properties": parts,
            "required": list(parts) if all_of_it else list(parts)[:1],
        },
        st.dictionaries(names, inner, max_size=4),
        st.booleans(),
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        arrays(inner) | objects(inner) | st.lists(inner, min_size=1, max_size=3).map(lambda o: {"anyOf": o})
    ),
    max_leaves=6,
)
TREE = {
    "type": "object",
    "properties": {"name": STRINGS, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
    "required": ["name", "children"],
}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 5))
def test_any_schema_gets_a_valid_instance(schema: dict[str, Any], seed: int) -> None:
    root = {**schema, "$defs": {"tree": TREE}}
    value = schemas.instance(root, material.read(PROMPT), Draw(seed))
    assert holds(root, schema, value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[a-f0-9]{40}$"},
        {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "maxItems": 2},
    ],
)
def test_pattern_and_uniqueness_are_met(schema: dict[str, Any]) -> None:
    assert holds(schema, schema, schemas.instance(schema, material.read("x"), Draw(1)))


@pytest.mark.parametrize(
    ("format_", "shape"),
    [
        ("date", r"\d{4}-\d\d-\d\d"),
        ("date-time", r".*T.*Z"),
        ("uuid", r"[0-9a-f-]{36}"),
        ("email", r".+@.+"),
        ("uri", "https:.*"),
    ],
)
def test_format_of_a_string_is_met(format_: str, shape: str) -> None:
    value = schemas.instance({"type": "string", "format": format_}, material.read("x"), Draw(1))
    assert re.fullmatch(shape, str(value))


def test_all_of_and_tuples_and_definitions_are_followed() -> None:
    root = {
        "definitions": {"a/b": {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]}},
        "allOf": [
            {"$ref": "#/definitions/a~1b"},
            {"properties": {"y": {"const": 2}}, "required": ["y", "z"]},
        ],
    }
    made = schemas.instance(root, material.read("x"), Draw(1))
    assert isinstance(made, dict)
    assert (made["x"], made["y"]) == (1, 2)
    assert "z" in made
    pair = {
        "type": "array",
        "prefixItems": [{"const": "a"}, {"const": "b"}],
        "items": {"const": "c"},
        "minItems": 3,
    }
    assert schemas.instance(pair, material.read("x"), Draw(1)) == ["a", "b", "c"]
