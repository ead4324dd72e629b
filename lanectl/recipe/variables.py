"""The values of a recipe's `[vars]` for one submission: its defaults, and what `--set` changes."""

from collections.abc import Mapping

from lanectl.errors import UsageError
from lanectl.recipe.complaints import nearest
from lanectl.recipe.tables import JsonScalar, Recipe

_WORDS = {"true": True, "false": False}


def settle(recipe: Recipe, sets: Mapping[str, str]) -> dict[str, JsonScalar]:
    """The defaults with each of `sets` put in, in the type that the default has.

    Raises UsageError for a key that the recipe does not declare, and for a value of another type.
    """
    values: dict[str, JsonScalar] = dict(recipe.vars)
    for key, text in sets.items():
        if key not in recipe.vars:
            declared = ", ".join(recipe.vars) or "none"
            close = nearest(key, recipe.vars) or f": it declares {declared}"
            raise _wrong(recipe, f"the recipe {recipe.name} declares no {key}{close}")
        try:
            values[key] = _converted(text, recipe.vars[key])
        except (KeyError, ValueError):
            raise _wrong(recipe, f"--set {key} must be {_kind(recipe.vars[key])}, not {text}") from None
    return values


def _converted(text: str, default: JsonScalar) -> JsonScalar:
    if isinstance(default, bool):
        return _WORDS[text]
    if isinstance(default, int | float):
        return type(default)(text)
    return text


def _kind(default: JsonScalar) -> str:
    if isinstance(default, bool):
        return "true or false"
    return "a whole number" if isinstance(default, int) else "a number"


def _wrong(recipe: Recipe, message: str) -> UsageError:
    return UsageError(message, where="[vars]", hint=f"lanectl recipes show {recipe.name}")
