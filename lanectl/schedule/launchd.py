"""A night as agents of launchd, which makes up for what a Mac slept through."""

import plistlib
from pathlib import Path
from typing import Any

from lanectl.schedule import TICK_EVERY_MIN, Command, Piece, Plan
from lanectl.schedule.shell import line


def pieces(plan: Plan, home: Path) -> list[Piece]:
    """One agent a command, in the folder of the user's own."""
    folder = home / "Library" / "LaunchAgents"
    return [Piece(folder / f"{label(plan, one)}.plist", _agent(plan, one)) for one in plan.commands]


def label(plan: Plan, command: Command) -> str:
    """The name by which launchctl knows a command's agent."""
    return f"lanectl.{plan.name}.{command.verb}"


def _agent(plan: Plan, command: Command) -> str:
    value: dict[str, Any] = {
        "Label": label(plan, command),
        # launchd reads no file of variables: a shell does, and the key stands in no agent.
        "ProgramArguments": ["/bin/sh", "-c", line(plan, command)],
        "WorkingDirectory": str(plan.repo),
        "StandardOutPath": str(plan.log_dir / f"{command.verb}.out"),
        "StandardErrorPath": str(plan.log_dir / f"{command.verb}.err"),
        "ProcessType": "Background",
        "Umask": 0o077,
    }
    if command.at is None:
        value["StartInterval"] = TICK_EVERY_MIN * 60
    else:
        value["StartCalendarInterval"] = {"Hour": command.at[0], "Minute": command.at[1]}
    return plistlib.dumps(value, sort_keys=False).decode()
