"""The JSON Schema of recipe files, for editors."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from lanectl.recipe.tables import RecipeFile


class _Draft7(GenerateJsonSchema):
    # TOML language servers read draft 7; its vocabulary is all that recipes need.
    schema_dialect = "http://json-schema.org/draft-07/schema#"


def json_schema() -> dict[str, Any]:
    """The schema as plain data: every table, key, type, default and a sentence for each."""
    made = RecipeFile.model_json_schema(by_alias=True, schema_generator=_Draft7)
    return {"$schema": _Draft7.schema_dialect, **made, "title": "A lanectl recipe"}
