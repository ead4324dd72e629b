"""One installation on a clock that is moved by hand: a home, a small repository, a tiny recipe, and a
sandbox.
"""

import mmap
import os
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from lanectl.api import Api, connect
from lanectl.config import Flags, Settings, load
from lanectl.lane.context import Lane
from lanectl.lane.prepare import Wishes
from lanectl.recipe.load import load as load_recipe
from lanectl.recipe.tables import Recipe
from lanectl.sandbox.server import Sandbox
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
KEYS = ("alpha.txt", "beta.txt", "gamma.txt", "delta.txt")
BATCH_S = 40.0
COMMITTED = "2026-11-24T21:00:00Z"
KEY = "sk-ant-sandbox"

RECIPE = """\
name = "notes"
description = "One note for each file"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "You write notes."

[source]
kind = "files"
include = ["*.txt"]

[job]
key = "{{ item.path }}"
prompt = "Write a note on {{ item.text }}"

[output]
kind = "text"
"""


class Clock(Protocol):
    """Tells the time to a lane and to a sandbox, and is moved by hand."""

    def __call__(self) -> datetime: ...
    def seconds(self) -> float: ...
    def advance(self, seconds: float) -> None: ...


class OpenLane(Protocol):
    """Opens the doors of another command on a scene; they are closed with the test."""

    def __call__(self, **settings: Any) -> Lane: ...


class FakeClock:
    """A clock within one process."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start.timestamp()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    def seconds(self) -> float:
        """The same moment as seconds since the epoch, as a sandbox wants it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on, or back."""
        self._now += seconds


class SharedClock:
    """A clock that several processes read from one mapped page, without a system call that a tracer would
    count.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(struct.pack("d", START.timestamp()).ljust(mmap.PAGESIZE, b"\0"))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """The same moment as seconds since the epoch, as a sandbox wants it."""
        return float(struct.unpack_from("d", self._page)[0])

    def advance(self, seconds: float) -> None:
        """Move on, or back."""
        struct.pack_into("d", self._page, 0, self.seconds() + seconds)


class Scene:
    """A home folder, a repository with a recipe, and lanes on them that talk to the sandbox at `url`."""

    def __init__(self, root: Path, clock: Clock, url: str) -> None:
        self.root = root
        self.clock = clock
        self.url = url
        self.repo = root / "repo"
        self.home = root / "home"
        self.box = root / "sandbox"
        self.timeout_s = 30.0

    def make(self, keys: tuple[str, ...] = KEYS, recipe: str = RECIPE) -> None:
        """Put the repository and the recipe in place."""
        self.home.mkdir(parents=True, exist_ok=True)
        make_repo(self.repo, {key: f"the text of {key}" for key in keys})
        (self.root / "notes.toml").write_text(recipe, encoding="utf-8")

    def settings(self, provider: Mapping[str, Any] | None = None, **tables: Any) -> Settings:
        """The settings of a command here; `provider` and `tables` replace what the defaults say."""
        settings = load(environ={"LANECTL_HOME": str(self.home), "HOME": str(self.home)}, flags=Flags())
        if provider:
            settings = replace(settings, provider=replace(settings.provider, **provider))
        return replace(settings, **tables)

    def lane(
        self,
        *,
        key: str = KEY,
        hurry: bool = False,
        command: str = "lanectl",
        tell: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> Lane:
        """The doors of one command; whatever it waits for passes at once."""

        def connected(salt: bytes) -> Api:
            return connect(salt=salt, timeout_s=self.timeout_s, base_url=self.url, key=key)

        return Lane(
            self.settings(**settings),
            connected,
            command=command,
            tell=tell or (lambda _: None),
            clock=self.clock,
            sleep=self.clock.advance,
            hurry=lambda: hurry,
        )

    def recipe(self, name: str = "notes", **run: Any) -> Recipe:
        """The recipe, with other values in its `[run]` table where given."""
        recipe = load_recipe(self.root / f"{name}.toml")
        return recipe.model_copy(update={"run": recipe.run.model_copy(update=run)}) if run else recipe

    def wishes(self, **wishes: Any) -> Wishes:
        """What a command line asks: everything, without questions."""
        return Wishes(**{"repo": self.repo, "yes": True, **wishes})

    def sandbox(self, **settings: Any) -> Sandbox:
        """A sandbox on this scene's folder and clock; one that is not started still reads and sets
        everything.
        """
        return Sandbox(self.box, clock=self.clock.seconds, **{"duration_s": BATCH_S, **settings})


def make_repo(folder: Path, files: Mapping[str, str]) -> None:
    """A git repository with these files, committed once."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false"]
    environ = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": COMMITTED,
        "GIT_COMMITTER_DATE": COMMITTED,
    }
    for line in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", "-C", str(folder), *line], check=True, env=environ, capture_output=True)


def prompts(box: Sandbox) -> dict[str, int]:
    """How often each prompt was accepted, over every batch that the sandbox ever took."""
    counted: dict[str, int] = {}
    for accepted in box.ledger():
        for request in box.requests(accepted.id):
            prompt = str(request["params"]["messages"][0]["content"])
            counted[prompt] = counted.get(prompt, 0) + 1
    return counted


def the_run(lane: Lane) -> Run:
    """The one run there is."""
    (run,) = runs.list_runs(lane.db)
    return run


def tries(lane: Lane, run: Run | None = None) -> list[Attempt]:
    """The attempts of the one run there is, or of this one."""
    return attempts.list_attempts(lane.db, (run or the_run(lane)).id)


def states(lane: Lane, run: Run | None = None) -> list[tuple[str, str]]:
    """Role and state of every attempt."""
    return [(one.role, one.state) for one in tries(lane, run)]
