"""What a user means by RECIPE and RUN, and what the shell may complete them to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.recipe.tables import Recipe
    from lanectl.state.runs import Run

MOST_COMPLETIONS = 50


def recipe_of(desk: "Desk", name: str, folder: Path) -> "Recipe":
    """The recipe of that name or path, as it is found from `folder`; raises ConfigError.

    On a pull request's checkout a repository's recipe is the one of the base branch.
    """
    from lanectl.recipe.lookup import find

    recipe = find(name, user_dir=desk.settings.recipes_dir, repo=repository(folder))
    if desk.settings.pull_request_base is None:
        return recipe
    from lanectl.lane import baseline
    from lanectl.sources.place import place

    where = place(folder)
    base = baseline.base_of(desk.settings, where)
    return recipe if base is None else baseline.recipe_of(base, recipe, where)


def run_of(lane: "Lane", name: str | None) -> "Run | None":
    """The run of that name, None for no name; raises UsageError."""
    from lanectl.state.runs import named_run

    return None if name is None else named_run(lane.db, name)


def repository(folder: Path) -> Path | None:
    """The top of the repository that `folder` lies in, None for a plain folder."""
    from lanectl.sources.place import place

    found = place(folder)
    return found.root if found.git else None


def recipe_names(incomplete: str) -> list[tuple[str, str]]:
    """Recipes for the shell: names that can be used as they are."""
    return [pair for pair in _quietly(_recipes) if pair[0].startswith(incomplete)]


def run_names(incomplete: str) -> list[tuple[str, str]]:
    """Runs for the shell: the newest ids, recipes that have one, and `latest`."""
    return [pair for pair in _quietly(_runs) if pair[0].startswith(incomplete)]


def _quietly(find: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    try:
        return find()
    except Exception:  # noqa: BLE001 -- a shell that waits for a word has no use for an error
        return []


def _recipes() -> list[tuple[str, str]]:
    from lanectl.config.paths import locate
    from lanectl.recipe.lookup import listing

    places = locate(os.environ)
    listed = listing(user_dir=places.recipes_dir, repo=repository(Path.cwd()))
    return [(one.name, one.description) for one in listed if one.note is None and one.problem is None]


def _runs() -> list[tuple[str, str]]:
    from lanectl.config.paths import locate
    from lanectl.state.database import open_for_reading
    from lanectl.state.runs import list_runs

    database = open_for_reading(locate(os.environ).state_path)
    if database is None:
        return []
    with database:
        newest = list_runs(database)[:MOST_COMPLETIONS]
    named = dict.fromkeys(run.recipe for run in newest)
    return [
        *((run.id, f"{run.recipe} of {run.created_at[:16]}") for run in newest),
        *((name, "its newest run") for name in named),
        *([("latest", "the newest run")] if newest else []),
    ]


def known_run(lane: "Lane", name: str) -> "Run":
    """The run of that name; raises UsageError."""
    from lanectl.state.runs import named_run

    return named_run(lane.db, name)
