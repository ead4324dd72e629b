"""What a person at a prompt meets here: a clock moved by hand, a small recipe, and what a command printed."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
BATCH_S = 40.0
KEY = "sk-ant-api03-thisisnotarealkeybutithastheform0123456789"
RECIPE = """\
name = "notes"
description = "One note for each file"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "You write notes for {{ vars.reader }}."

[source]
kind = "files"
include = ["*.txt"]

[job]
key = "{{ item.path }}"
prompt = "Write a note on {{ item.text }}"

[output]
kind = "markdown"
path = "note-{{ item.name }}.md"

[run]
pilot = 0

[vars]
reader = "maintainers"
"""


@dataclass(frozen=True)
class Ran:
    """One command line that has ended: everything it printed, and its code."""

    code: int
    out: str
    err: str

    @property
    def whole(self) -> dict[str, Any]:
        """The one object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def data(self) -> Any:
        """What the object carries."""
        return self.whole["data"]

    @property
    def told(self) -> list[str]:
        """The lines on stderr."""
        return self.err.splitlines()


class Clock:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.moment = START
        self.naps = 0

    def __call__(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.naps += 1
        self.moment += timedelta(seconds=seconds)


Cli = Callable[..., Ran]


def git(folder: Path, *args: str) -> str:
    """Run git in a repository of the test's."""
    done = subprocess.run(["git", "-C", str(folder), *args], check=True, capture_output=True, text=True)
    return done.stdout


def make_repo(folder: Path, files: dict[str, str]) -> None:
    """A git repository with these files, committed once."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
