"""One command of a night as a line for a shell that has nothing but its PATH."""

import shlex

from lanectl.schedule import Command, Plan


def line(plan: Plan, command: Command) -> str:
    """The command with its environment; the key is read from its file, and stands in no line."""
    given = [f"{name}={shlex.quote(value)}" for name, value in plan.environ.items()]
    start = [] if plan.key_file is None else [f"set -a && . {shlex.quote(str(plan.key_file))} && set +a &&"]
    return " ".join([*start, *given, *(shlex.quote(word) for word in command.argv)])
