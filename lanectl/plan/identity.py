"""What makes two requests the same: to skip what was paid for, and to know which forms have ever worked."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lanectl.plan.prefix import Shared, dumps
from lanectl.recipe.tables import Recipe


def form_of(recipe: Recipe, shared: Shared) -> str:
    """Names the form of a run's requests: model, parameters, templates, schema; not the memory files."""
    return _sha256(
        [
            dict(shared.params),
            recipe.prefix.system,
            recipe.job.prompt,
            recipe.output.model_dump(mode="json"),
            recipe.schema_value,
            recipe.tools_value,
            recipe.vars,
        ]
    )


def digest_of(
    recipe: Recipe, *, repo_name: str, key: str, own: Mapping[str, Any], form: str, prefix_sha256: str
) -> str:
    """Names one request by what the recipe's `repeat_on` looks at."""
    looked_at: list[object] = [recipe.name, repo_name, key]
    if "item" in recipe.run.repeat_on:
        looked_at.append(own)
    if "recipe" in recipe.run.repeat_on:
        looked_at.append(form)
    if "prefix" in recipe.run.repeat_on:
        looked_at.append(prefix_sha256)
    return _sha256(looked_at)


def _sha256(value: object) -> str:
    return hashlib.sha256(dumps(value)).hexdigest()
