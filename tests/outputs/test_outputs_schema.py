"""A recipe's schema is checked whole before it is sent, and answers are held against all of it."""

import time
from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import JsonValue
from lanectl.outputs.kinds import KINDS, format_of, instructions
from lanectl.outputs.schema import Schema
from lanectl.recipe.tables import OutputTable

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mood": {"enum": ["good", "bad", None]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
        "boss": {"anyOf": [{"$ref": "#/$defs/name"}, {"type": "null"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"name": {"type": "string", "maxLength": 5}},
}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"name": "Ann", "age": 3, "mood": None, "tags": ["a"], "boss": "Bob"}, None),
        ({"name": "Ann", "age": 3.0, "boss": None}, None),
        ([], "the answer is array, not object"),
        ({}, "the answer lacks 'name'"),
        ({"name": 4}, "the answer.name is integer, not string"),
        ({"name": ""}, "the answer.name is shorter than 1"),
        ({"name": "ann"}, "the answer.name does not match the pattern '^[A-Z]'"),
        ({"name": "A", "age": True}, "the answer.age is boolean, not integer"),
        ({"name": "A", "age": 1.5}, "the answer.age is number, not integer"),
        ({"name": "A", "age": -1}, "the answer.age is below 0"),
        ({"name": "A", "age": 151}, "the answer.age is above 150"),
        ({"name": "A", "mood": "so"}, "the answer.mood is 'so', which is none of good, bad, None"),
        ({"name": "A", "tags": []}, "the answer.tags has fewer than 1 items"),
        ({"name": "A", "tags": ["a", "b", "c"]}, "the answer.tags has more than 2 items"),
        ({"name": "A", "tags": ["a", 2]}, "the answer.tags[1] is integer, not string"),
        (
            {"name": "A", "boss": "Robert"},
            "the answer.boss fits none of the choices (the answer.boss is longer than 5)",
        ),
        ({"name": "A", "hat": 1}, "the answer has 'hat', which the schema does not know"),
    ],
)
def test_value_is_held_against_every_keyword(value: JsonValue, complaint: str | None) -> None:
    assert Schema(PERSON).problem(value) == complaint


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"const": 1}, 1.0, True),
        ({"enum": [0]}, 0, False),
        ({"enum": [[1, {"a": True}]]}, [1, {"a": True}], [1, {"a": 1}]),
        ({"type": ["string", "null"]}, None, 3),
        ({"exclusiveMinimum": 1}, 1.1, 1),
        ({"exclusiveMaximum": 1}, 0, 1),
        ({"minProperties": 1}, {"a": 1}, {}),
        ({"maxProperties": 0}, {}, {"a": 1}),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 2, 3),
        ({"oneOf": [{"minimum": 1}, {"maximum": 2}]}, 0, 1),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": "1"}),
        ({"properties": {"a": False}}, {}, {"a": 1}),
        ({"items": False}, [], [1]),
        ({"items": True, "maxItems": 1}, [None], [1, 2]),
    ],
)
def test_keyword_tells_good_from_bad(schema: dict[str, Any], good: JsonValue, bad: JsonValue) -> None:
    checked = Schema(schema)
    assert checked.problem(good) is None
    assert checked.problem(bad) is not None


def test_choice_among_none_fits_nothing() -> None:
    assert Schema({"anyOf": []}).problem(1) == "the answer fits none of the choices (there is none)"


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "integr"}, "the schema has the unknown type 'integr'"),
        ({"properties": {"a": {"not": {}}}}, "the schema uses 'not', which would not be checked"),
        ({"items": {"$ref": "#/$defs/x"}}, "the schema refers to '#/$defs/x', which is not in the schema"),
        (
            {"$ref": "https://example.com/x"},
            "the schema refers to 'https://example.com/x', which is not in the schema",
        ),
        (
            {"pattern": "("},
            "the schema has a bad pattern: the pattern '(' is no regular expression: "
            "missing ), unterminated subpattern at position 0",
        ),
        (
            {"pattern": "(?=a)"},
            "the schema has a bad pattern: the pattern '(?=a)' uses assert, which is not supported",
        ),
        ({"minimum": "1"}, "the schema has a minimum that is no number"),
        ({"required": "name"}, "the schema has a required of a wrong type"),
        ({"properties": []}, "the schema has a properties of a wrong type"),
        ({"anyOf": {}}, "the schema has a anyOf that is no list"),
        ({"items": 3}, "the schema is not a schema"),
    ],
)
def test_schema_that_could_not_be_checked_is_a_config_error(schema: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Schema(schema)
    assert caught.value.message == complaint
    assert caught.value.hint == "lanectl recipes check FILE"


def test_what_the_provider_refuses_is_told_in_descriptions() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "In years."},
            "code": {"type": "string", "pattern": "^a$"},
            "tags": {"type": "array", "items": {"oneOf": [{"type": "string"}]}, "minItems": 1, "maxItems": 3},
            "minimum": {"type": "string"},
        },
        "additionalProperties": True,
    }
    assert Schema(schema).sent() == {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "description": "In years.\n\n{minimum: 0}"},
            "code": {"type": "string", "description": "{pattern: ^a$}"},
            "tags": {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}]},
                "minItems": 1,
                "description": "{maxItems: 3}",
            },
            "minimum": {"type": "string"},
        },
        "additionalProperties": False,
    }


def test_schema_that_refers_to_itself_without_end_does_not_hang() -> None:
    told = Schema({"$ref": "#"}).problem(1)
    assert told == "the answer cannot be checked: the schema refers to itself too often"


def test_schema_made_to_explode_ends_soon() -> None:
    node = {"items": {"$ref": "#/$defs/x"}}
    schema = {"$defs": {"x": {"anyOf": [node, node, node]}}, "$ref": "#/$defs/x"}
    value: JsonValue = 1
    for _ in range(60):
        value = [value]
    start = time.process_time()
    told = Schema({**schema, "allOf": [{"anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}]}]}).problem(value)
    assert time.process_time() - start < 20
    assert told is None or "too often" in told


@pytest.mark.parametrize("kind", ["text", "markdown", "file"])
def test_free_text_asks_for_no_format(kind: str) -> None:
    assert format_of(OutputTable.model_validate({"kind": kind}), {"type": "object"}) is None


def test_json_without_a_schema_asks_for_no_format() -> None:
    assert format_of(OutputTable(kind="json"), None) is None


@pytest.mark.parametrize("kind", ["findings", "edits"])
def test_fixed_schema_is_strict_everywhere(kind: str) -> None:
    asked = format_of(OutputTable.model_validate({"kind": kind}), None)
    assert asked is not None
    assert asked["type"] == "json_schema"
    assert asked["schema"] == KINDS[kind].schema
    objects = [node for node in _nodes(asked["schema"]) if node.get("type") == "object"]
    assert len(objects) == 2
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_instructions_are_the_same_bytes_for_every_path(kind: str) -> None:
    one = instructions(OutputTable.model_validate({"kind": kind, "path": "a"}))
    assert one == instructions(OutputTable.model_validate({"kind": kind, "path": "b"}))
    assert one.strip() == one


def _nodes(node: Any) -> list[dict[str, Any]]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    found = [deep for child in inner for deep in _nodes(child)]
    return [node, *found] if isinstance(node, dict) else found
