"""Schedule: the lines that wake a night, shown, installed or taken back."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lanectl.cli.find import recipe_names, recipe_of
from lanectl.errors import ConfigError, UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.render.screen import Screen

System = Literal["cron", "systemd", "launchd", "github"]
Recipes = Annotated[
    list[str],
    typer.Argument(metavar="RECIPE", help="Recipes of a night.", autocompletion=recipe_names),
]


def schedule(
    desk: "Desk",
    recipes: Recipes,
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="When to submit.")] = "02:00",
    pull_at: Annotated[
        str, typer.Option("--pull-at", metavar="HH:MM", help="When the page is made.")
    ] = "07:00",
    system: Annotated[
        System | None, typer.Option("--system", help="What wakes it; without it, what this machine has.")
    ] = None,
    repo: Annotated[Path, typer.Option("--repo", metavar="DIR", help="The repository.")] = Path(),
    install: Annotated[bool, typer.Option("--install", help="Write and start it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Stop it and take it back.")] = False,
) -> Answer:
    """Write the lines that run a night by themselves.

    Submit at night, tick in between, pull in the morning. Only shows them, unless asked to install.
    Looks at PATH, home and key as the scheduler will see them.
    """
    from lanectl import schedule as verbs
    from lanectl.schedule import github
    from lanectl.schedule import install as installing
    from lanectl.sources.place import place

    if install and remove:
        raise UsageError("--install and --remove exclude one another", hint="lanectl schedule --help")
    chosen: System = system or ("launchd" if sys.platform == "darwin" else "cron")
    settings, home = desk.settings, Path.home()
    found = [recipe_of(desk, name, repo) for name in recipes]
    planned = verbs.plan(settings, os.environ, recipes, place(repo).root, at=at, pull_at=pull_at)
    wanted = settings.config_path.with_name("env")
    wrong = []
    if chosen == "github":
        # What else GitHub will have is not to be seen from here.
        wrong = [] if remove else github.problems(planned, found)
    elif not remove:
        wrong = verbs.problems(planned, home=home, wanted=wanted)
    if install and wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise ConfigError(
            f"nothing was installed: {wrong[0]}{more}", where=chosen, hint="lanectl schedule --help"
        )
    text = installing.shown(planned, chosen, home)
    done = None
    if install or remove:
        done = (installing.install if install else installing.remove)(planned, chosen, home)

    def draw(screen: "Screen") -> None:
        if done is None:
            screen.raw(text.rstrip("\n"))
        else:
            screen.say(done)
        if install and chosen == "systemd":
            screen.note("it runs while you are logged in; always: loginctl enable-linger")

    data = {"name": planned.name, "system": chosen, "text": text, "problems": wrong, "done": done}
    return Answer(data, draw, warnings=tuple(wrong))
