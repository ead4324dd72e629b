"""Recipes: list them, show one, make one of one's own, check files, print the schema for editors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.daily import OneRecipe, Repo
from lanectl.cli.find import recipe_names, recipe_of, repository
from lanectl.errors import ConfigError, LanectlError, UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.recipe.check import Checked

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Recipe files.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="How the new recipe is called.")]
From = Annotated[
    str, typer.Option("--from", metavar="NAME", help="The recipe to begin with.", autocompletion=recipe_names)
]


def list_(desk: "Desk", repo: Repo = Path()) -> Answer:
    """List every recipe: yours, the repository's, the bundled ones."""
    from lanectl.recipe.lookup import listing
    from lanectl.render.recipes import draw_listed, listed_data

    listed = listing(user_dir=desk.settings.recipes_dir, repo=repository(repo))
    return Answer(listed_data(listed), lambda screen: draw_listed(screen, listed))


def show(desk: "Desk", name: OneRecipe, repo: Repo = Path()) -> Answer:
    """Show one recipe and what a typical job of it costs."""
    from lanectl.cli.typical import typical
    from lanectl.render.recipes import draw_recipe, recipe_data

    recipe = recipe_of(desk, name, repo)
    seen = typical(desk.settings, recipe, desk.now)
    return Answer(
        recipe_data(recipe, seen.estimate),
        lambda screen: draw_recipe(screen, recipe, seen.estimate, seen.lane),
    )


def new(desk: "Desk", name: NewName, original: From, repo: Repo = Path()) -> Answer:
    """Make a recipe of your own from another one.

    It lies in your recipe folder, comments and all.
    """
    from lanectl.files import Folder
    from lanectl.recipe.copy import new as copied

    folder = desk.settings.recipes_dir
    files = copied(name, recipe_of(desk, original, repo))
    standing = [one for one in files if (folder / one).exists()]
    if standing:
        raise UsageError(
            f"{standing[0]} is there already", where=str(folder), hint=f"lanectl recipes show {name}"
        )
    with Folder.open(folder, create=True, private=True) as opened:
        for one, data in files.items():
            opened.write(one, data)
    path = folder / f"{name}.toml"
    return Answer(
        {"name": name, "path": str(path), "files": sorted(files)},
        lambda screen: screen.say(f"{path}\nedit it, then: lanectl recipes check {path}"),
    )


def check(desk: "Desk", files: Files) -> Answer:  # noqa: ARG001 -- every command has a desk
    """Look recipe files over before their first night.

    Errors, and what will probably surprise.
    """
    from lanectl.render.recipes import checked_data, draw_checked

    found = {str(path): _checked(path) for path in files}
    bad = [path for path, one in found.items() if one.problems]
    trouble = None
    if bad:
        trouble = ConfigError(
            f"{len(bad)} of {len(found)} files cannot be used", where=bad[0], hint="lanectl recipes schema"
        )
    return Answer(checked_data(found), lambda screen: draw_checked(screen, found), trouble=trouble)


def schema(desk: "Desk") -> Answer:  # noqa: ARG001 -- as above
    """Print the JSON Schema of recipe files, for editors."""
    from lanectl.recipe.schema import json_schema
    from lanectl.text.jsontext import dumps

    value = json_schema()
    return Answer({"schema": value}, lambda screen: screen.raw(dumps(value, indent=2)))


def _checked(path: Path) -> "Checked":
    """What is to be said about one file; one that cannot be read at all has that for its problem."""
    from lanectl.recipe.check import Checked
    from lanectl.recipe.check import check as check_recipe
    from lanectl.recipe.load import load

    try:
        return check_recipe(load(path))
    except LanectlError as error:
        return Checked((str(error),), ())
