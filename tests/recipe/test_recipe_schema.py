"""Editors get the schema that the loader enforces."""

import json
from typing import Any

from lanectl.recipe.schema import json_schema
from lanectl.recipe.tables import RecipeFile


def _table(schema: dict[str, Any], name: str) -> dict[str, Any]:
    reference: str = schema["properties"][name]["$ref"]
    found: dict[str, Any] = schema["$defs"][reference.removeprefix("#/$defs/")]
    return found


def test_schema_has_every_table_and_key_and_refuses_others() -> None:
    schema = json_schema()
    assert list(schema["properties"]) == list(RecipeFile.model_fields)
    assert schema["required"] == ["name", "source", "job", "output"]
    assert schema["additionalProperties"] is False
    run = _table(schema, "run")
    assert list(run["properties"])[:4] == ["pilot", "pilot_wait_s", "pilot_late", "repeat"]
    assert run["additionalProperties"] is False
    assert run["properties"]["pilot_wait_s"]["default"] == 2700
    assert "schema" in _table(schema, "output")["properties"]


def test_schema_tells_a_sentence_for_every_key() -> None:
    schema = json_schema()
    silent = [
        f"{name}.{key}"
        for name, table in schema["$defs"].items()
        for key, value in table.get("properties", {}).items()
        if "description" not in value and "const" not in value
    ]
    assert silent == []


def test_schema_names_each_source_by_its_kind() -> None:
    source = json_schema()["properties"]["source"]
    kinds = ["command", "commits", "files", "pull-requests", "text"]
    assert list(source["discriminator"]["mapping"]) == kinds
    pulls = json_schema()["$defs"]["PullRequestsSource"]["properties"]
    assert "from" in pulls
    assert "from_" not in pulls


def test_schema_is_the_same_every_time_and_plain_json() -> None:
    assert json.dumps(json_schema()) == json.dumps(json_schema())
    assert json_schema()["$schema"] == "http://json-schema.org/draft-07/schema#"
