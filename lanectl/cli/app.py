"""The commands by their groups, in the order in which a new user meets them."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from lanectl.cli import (
    afterwards,
    applying,
    asking,
    daily,
    demo,
    house,
    look,
    posting,
    recipes,
    routing,
    runs,
    scheduling,
    settings,
    spending,
    unattended,
    waiting,
)
from lanectl.cli.flags import common
from lanectl.cli.help import Command, Group
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk

ABOUT = """The second lane of your team's coding agents: the work nobody is waiting for, at half price.

A recipe says what to ask. submit sends it as one batch, status says what needs you, and pull turns the
results into files and a page to read in the morning."""
BEGIN = "Begin with lanectl demo: no key, no cost, no model."

DAILY, FIRST, AFTER, ALONE, HOUSE = "Every day", "Look first", "Afterwards", "Unattended", "House"
COMMANDS: tuple[tuple[str, Callable[..., Any], str, str], ...] = (
    ("demo", demo.demo, DAILY, "lanectl demo"),
    ("submit", daily.submit, DAILY, "lanectl submit pr-review --limit 5 --max-cost 2"),
    ("status", daily.status, DAILY, "lanectl status pr-review --exit-status"),
    ("pull", daily.pull, DAILY, "lanectl pull --wait --timeout 3600"),
    ("show", runs.show, DAILY, "lanectl show latest/42"),
    ("retry", runs.retry, DAILY, "lanectl retry latest --only errored,truncated"),
    ("release", runs.release, DAILY, "lanectl release latest --yes"),
    ("cancel", runs.cancel, DAILY, "lanectl cancel latest"),
    ("estimate", look.estimate, FIRST, "lanectl estimate codemod --only 'src/*'"),
    ("try", routing.try_, FIRST, "lanectl try pr-review --item 42"),
    ("route", routing.route, FIRST, "lanectl route --no-human --jobs 30"),
    ("apply", applying.apply, AFTER, "lanectl apply latest --branch codemod"),
    ("digest", afterwards.digest, AFTER, "lanectl digest --since 7d --format markdown"),
    ("post", posting.post, AFTER, "lanectl post latest --send"),
    ("spend", spending.spend, AFTER, "lanectl spend --by recipe --since 7d"),
    ("tick", unattended.tick, ALONE, "*/15 * * * * lanectl tick"),
    ("schedule", scheduling.schedule, ALONE, "lanectl schedule pr-review --at 02:00 --install"),
    ("alive", unattended.alive, ALONE, "lanectl alive || mail -s 'lanectl is quiet' me"),
    ("ask", asking.ask, ALONE, "git diff | lanectl ask 'what does this break?'"),
    ("doctor", house.doctor, HOUSE, "lanectl doctor"),
    ("trust", house.trust, HOUSE, "lanectl trust recipes/lint.toml"),
    ("recover", house.recover, HOUSE, "lanectl recover --out rescued"),
    ("clean", house.clean, HOUSE, "lanectl clean --dry-run"),
    ("sandbox", house.sandbox, HOUSE, "lanectl sandbox --port 8765"),
)
RECIPES: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("list", recipes.list_, "lanectl recipes list"),
    ("show", recipes.show, "lanectl recipes show pr-review"),
    ("new", recipes.new, "lanectl recipes new my-review --from pr-review"),
    ("check", recipes.check, "lanectl recipes check recipes/*.toml"),
    ("schema", recipes.schema, "lanectl recipes schema > recipe.schema.json"),
)
QUEUE: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("flush", waiting.flush, "lanectl queue flush"),
    ("drop", waiting.drop, "lanectl queue drop 5dbswjsz2c"),
)
CONFIG: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("show", settings.show, "lanectl config show"),
    ("path", settings.path, "lanectl config path"),
    ("set", settings.set_, "lanectl config set budget.run_usd 10"),
    ("unset", settings.unset, "lanectl config unset budget.run_usd"),
)


ORDER = (
    *("demo", "submit", "status", "pull", "show", "retry", "release", "cancel"),
    *(
        "estimate",
        "try",
        "route",
        "recipes",
        "digest",
        "apply",
        "post",
        "spend",
        "tick",
        "schedule",
        "alive",
        "ask",
        "queue",
    ),
    *("doctor", "config", "trust", "recover", "clean", "sandbox"),
)


@cache
def command() -> Any:  # noqa: ANN401 -- typer keeps the type of a built command to itself
    """The whole command line, built once."""
    app = typer.Typer(cls=Group, rich_markup_mode=None)
    app.callback(invoke_without_command=True, help=ABOUT, epilog=BEGIN)(common(lanectl))
    for name, function, group, example in COMMANDS:
        _add(app, name, function, group, example)
    _sub(app, "recipes", "List, show, make and check recipes.", FIRST, RECIPES)
    _sub(app, "queue", "Show what waits to be batched; send it, drop it.", ALONE, QUEUE, alone=waiting.queue)
    _sub(app, "config", "Show and change the settings.", HOUSE, CONFIG)
    built: Any = get_command(app)
    built.commands = {name: built.commands[name] for name in ORDER}
    return built


def lanectl(
    desk: "Desk",
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> Answer | None:
    """Take the flags before a command's name; without a command, show the help."""
    from lanectl import __version__

    if version:
        return Answer({"version": __version__}, lambda screen: screen.say(f"lanectl {__version__}"))
    return group(desk, ctx)


def group(desk: "Desk", ctx: typer.Context) -> Answer | None:  # noqa: ARG001 -- every command has a desk
    """Take the flags that stand before a command's name; without a command, show the help."""
    if ctx.invoked_subcommand is not None:
        return None
    text = ctx.get_help()
    return Answer({"text": text}, lambda screen: screen.say(text))


def _add(app: typer.Typer, name: str, function: Callable[..., Any], panel: str | None, example: str) -> None:
    epilog = f"Example: {example}"
    app.command(name, cls=Command, rich_help_panel=panel, epilog=epilog)(common(function))


def _sub(
    app: typer.Typer,
    name: str,
    about: str,
    panel: str,
    commands: tuple[tuple[str, Callable[..., Any], str], ...],
    alone: Callable[..., Any] = group,
) -> None:
    inner = typer.Typer(cls=Group, rich_markup_mode=None)
    inner.callback(invoke_without_command=True, help=about)(common(alone))
    for inner_name, function, example in commands:
        _add(inner, inner_name, function, None, example)
    app.add_typer(inner, name=name, rich_help_panel=panel)
