"""A program of the user's: a script that keeps the messages it gets, and ends as a test wants it to."""

import json
import os
from pathlib import Path
from typing import Any

from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from tests.lane.scene import Scene

KEEPS = """\
#!/bin/sh
read -r message || exit 9
printf '%s\\n' "$message" >> '{kept}/messages'
printf '%s\\n' "$@" > '{kept}/arguments'
pwd > '{kept}/folder'
env > '{kept}/environment'
"""


class Program:
    """The script at `path`; what it keeps lies beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept = path.parent
        self._kept.mkdir()
        self.then("")

    def then(self, last: str) -> None:
        """Keep the message, and then run `last` (shell)."""
        self.path.write_text(KEEPS.format(kept=self._kept) + last + "\n")
        self.path.chmod(0o700)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message there was, repetitions included."""
        kept = self._kept / "messages"
        return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []

    @property
    def titles(self) -> list[str]:
        """What the subjects say before their first colon."""
        return [str(message["title"]).split(":")[0] for message in self.messages]

    @property
    def arguments(self) -> list[str]:
        """What it was started with, the last time."""
        return (self._kept / "arguments").read_text().split("\n")[:-1]

    @property
    def folder(self) -> str:
        """Where it was started, the last time."""
        return (self._kept / "folder").read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """The variables it saw, the last time, without those that a shell sets by itself."""
        lines = (self._kept / "environment").read_text().splitlines()
        found = dict(line.partition("=")[::2] for line in lines)
        return {name: value for name, value in found.items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}


def sent(scene: Scene, lane: Lane, *targets: str) -> str:
    """A run that is told to `targets` and is out now; its id."""
    done = submit(lane, scene.recipe(notify=targets, pilot=0), scene.wishes(again=True))
    assert done.run is not None
    return done.run


def night(scene: Scene, lane: Lane, *targets: str) -> str:
    """A run from submit to pull; its id."""
    run = sent(scene, lane, *targets)
    scene.clock.advance(60)
    pull(lane)
    return run


def cron(home: Path) -> dict[str, str]:
    """The variables that cron gives, and where lanectl lives."""
    return {
        "HOME": os.environ["HOME"],
        "LOGNAME": "me",
        "SHELL": "/bin/sh",
        "PATH": "/usr/bin:/bin",
        "LANECTL_HOME": str(home),
    }
