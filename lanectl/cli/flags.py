"""The flags that every command understands, before or after its name, and the decorator that adds them."""

import inspect
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lanectl.lane.signals import Interrupted

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.render.answer import Answer

PANEL = "Options of every command"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=PANEL)]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print results and errors only.", rich_help_panel=PANEL)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print more.", rich_help_panel=PANEL)]
State = Annotated[
    Path | None, typer.Option("--state", metavar="PATH", help="Another state file.", rich_help_panel=PANEL)
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="Another configuration file.", rich_help_panel=PANEL),
]
Sandbox = Annotated[
    bool,
    typer.Option(
        "--sandbox", help="Use the built-in sandbox: no key, no cost, no model.", rich_help_panel=PANEL
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colour.", rich_help_panel=PANEL)]

COMMON: dict[str, tuple[Any, object]] = {
    "json": (Json, False),
    "quiet": (Quiet, False),
    "verbose": (Verbose, False),
    "state": (State, None),
    "config": (Config, None),
    "sandbox": (Sandbox, False),
    "no_color": (NoColor, False),
}


def common(function: Callable[..., "Answer | None"]) -> Callable[..., "Answer | None"]:
    """Gives a command the flags of every command; the function's first parameter is the `Desk` they prepare.

    One that has a `ctx` gets typer's context too.
    """
    wanted = inspect.signature(function, eval_str=True, globals=_globals(function)).parameters
    own = [one for name, one in wanted.items() if name not in ("desk", "ctx")]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in COMMON.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

    def command(ctx: typer.Context, **values: Any) -> "Answer | None":  # noqa: ANN401 -- whatever the command takes
        desk: Desk = ctx.obj
        desk.take(ctx.command_path, **{name: values.pop(name) for name in COMMON})
        try:
            return function(desk, **({"ctx": ctx} if "ctx" in wanted else {}), **values)
        except KeyboardInterrupt as stop:
            # typer would make a bare code of it, and lose what the verb has noted.
            raise Interrupted(signal.SIGINT) from stop

    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    command.__signature__ = inspect.Signature([context, *named, *shared])  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {}
    command.__name__ = function.__name__
    command.__doc__ = function.__doc__
    return command


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    """The function's own names, and what it imports for the type checker only."""
    return {"Desk": Any, **function.__globals__}
