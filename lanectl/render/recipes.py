"""Recipes: the list, one of them with its price, and what is wrong with a file."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lanectl.digest.account import dollars
from lanectl.models import Estimate, JsonValue
from lanectl.render.planned import estimate_data
from lanectl.render.screen import Column
from lanectl.render.words import tokens

if TYPE_CHECKING:
    from lanectl.recipe.check import Checked
    from lanectl.recipe.lookup import Listed
    from lanectl.recipe.tables import Recipe
    from lanectl.render.screen import Screen


def listed_data(listed: Sequence["Listed"]) -> dict[str, JsonValue]:
    """Every recipe file of the three places."""
    return {
        "recipes": [
            {
                "name": one.name,
                "description": one.description,
                "origin": one.origin,
                "path": str(one.path),
                "problem": one.problem,
                "note": one.note,
            }
            for one in listed
        ]
    }


def draw_listed(screen: "Screen", listed: Sequence["Listed"]) -> None:
    """One line a recipe; what keeps one from being used stands in its place."""
    screen.table(
        "Recipes",
        [Column("name"), Column("whose", keep=True), Column("what it does", fold=True)],
        [
            [
                one.name if one.note is None and one.problem is None else str(one.path),
                one.origin,
                one.problem or (f"{one.description} ({one.note})" if one.note else one.description),
            ]
            for one in listed
        ],
    )
    screen.note("one of them: lanectl recipes show NAME", "dim")


def recipe_data(recipe: "Recipe", typical: Estimate) -> dict[str, JsonValue]:
    """A recipe as it was read, and what one typical job of it costs."""
    return {
        "name": recipe.name,
        "description": recipe.description,
        "origin": recipe.origin,
        "path": None if recipe.path is None else str(recipe.path),
        "sha256": recipe.sha256,
        "recipe": recipe.model_dump(
            mode="json",
            by_alias=True,
            include={"lane", "prefix", "source", "job", "output", "run", "vars"},
        ),
        "typical_job": estimate_data(typical),
    }


def draw_recipe(screen: "Screen", recipe: "Recipe", typical: Estimate, lane: Mapping[str, object]) -> None:
    """What a recipe asks, of what, and for how much; `lane` are its parameters as they will be sent."""
    screen.title(f"{recipe.name}: {recipe.description}" if recipe.description else recipe.name)
    screen.say(f"{recipe.origin}: {recipe.path}")
    screen.say("lane: " + ", ".join(f"{name} {value}" for name, value in lane.items() if value is not None))
    screen.say(
        f"source: {_settings(recipe.source.model_dump(mode='json', by_alias=True, exclude_defaults=True))}"
    )
    screen.say(
        f"output: {_settings(recipe.output.model_dump(mode='json', by_alias=True, exclude_defaults=True))}"
    )
    run = _settings(recipe.run.model_dump(mode="json", exclude_defaults=True))
    if run:
        screen.say(f"run: {run}")
    for name, value in recipe.vars.items():
        screen.say(f"--set {name}={value}")
    screen.say(
        f"one typical job: {dollars(typical.expected_usd)} expected, {dollars(typical.at_most_usd)} at most;"
        f" {dollars(typical.list_usd)} on the interactive lane"
    )
    screen.note(f"basis: {typical.basis}", "dim")
    screen.note(f"tokens: {tokens(typical.input_tokens)} in, {tokens(typical.output_tokens)} out", "dim")
    screen.title("Prompt")
    screen.say(recipe.job.prompt.strip())
    screen.note(screen.typed(f"what it costs here: lanectl estimate {recipe.name}"), "dim")


def checked_data(checked: Mapping[str, "Checked"]) -> dict[str, JsonValue]:
    """Every file that was looked over, with its problems and warnings."""
    return {
        "files": [
            {"path": path, "problems": list(found.problems), "warnings": list(found.warnings)}
            for path, found in checked.items()
        ]
    }


def draw_checked(screen: "Screen", checked: Mapping[str, "Checked"]) -> None:
    """One line a complaint."""
    for path, found in checked.items():
        for problem in found.problems:
            screen.say(f"{path}: error: {problem}", "red")
        for warning in found.warnings:
            screen.say(f"{path}: warning: {warning}", "yellow")
        if not found.problems:
            screen.say(f"{path}: ok")


def _settings(table: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in table.items())
