"""Help pages in plain text: groups of commands and of options under their names, quick to print."""

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

OTHER = "Options"


def _write_options(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- typer keeps these types to itself
    """Arguments, then options by their panels, the command's own first."""
    panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], OTHER: []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        if param.param_type_name == "argument":
            # The type that typer puts behind the name says nothing to a user.
            panels["Arguments"].append((record[0].partition(" <")[0], record[1]))
            continue
        panel = getattr(param, "rich_help_panel", None) or OTHER
        panels.setdefault(panel, []).append(record)
    _write_sections(formatter, panels.items())


def _write_sections(formatter: Any, sections: Iterable[tuple[str, list[tuple[str, str]]]]) -> None:  # noqa: ANN401 -- as above
    for title, rows in sections:
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


class Command(TyperCommand):
    """A command whose help shows its own options before those that every command has."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- as above
        """Write arguments and options by their panels."""
        _write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A group whose help lists its commands under the names of their panels, in the order they were added."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 -- as above
        """Write the commands first: they are what a reader looks for."""
        panels: dict[str, list[tuple[str, str]]] = {}
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        limit = formatter.width - 6 - max(len(name) for name, _ in named)
        for name, command in named:
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                panels.setdefault(panel, []).append((name, command.get_short_help_str(limit)))
        _write_sections(formatter, panels.items())
        _write_options(self, ctx, formatter)
