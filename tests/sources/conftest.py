"""Repositories made for a test, and what a recipe of one source gathers from them."""

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from lanectl.models import Item, Skip
from lanectl.recipe.load import parse
from lanectl.recipe.tables import Recipe
from lanectl.sources.gather import gather
from lanectl.sources.place import place

TODAY = date(2026, 11, 24)
RECIPE = """
name = "t"
[source]
{source}
[job]
key = "k"
prompt = "p"
[output]
kind = "text"
[run]
{run}
"""

Gather = Callable[..., list[Item | Skip]]


@dataclass(slots=True)
class Repo:
    """A repository on the branch main; each git command happens an hour after the last, from 2026-01-01."""

    root: Path
    seconds: int = 1_767_225_600

    def git(self, *args: str, stdin: bytes = b"") -> str:
        """What git says; a failure fails the test."""
        when = f"{self.seconds} +0000"
        self.seconds += 3600
        env = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        done = subprocess.run(
            ["git", *args], cwd=self.root, input=stdin, capture_output=True, check=True, env=env
        )
        return done.stdout.decode(errors="surrogateescape").strip()

    def put(self, path: str, content: str | bytes = "text\n") -> Path:
        """Writes one file, with its folders."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """Commits the files; the commit's id."""
        for path, content in (files or {}).items():
            self.put(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str, message: str) -> str:
        """Merges with a commit of its own; its id."""
        self.git("merge", "-q", "--no-ff", branch, "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository without a commit."""
    root = tmp_path / "app"
    root.mkdir()
    made = Repo(root)
    made.git("init", "-q", "-b", "main")
    return made


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """A recipe with the given lines of `[source]` and `[run]`, in a file of its own folder."""

    def made(source: str, run: str = "") -> Recipe:
        folder = tmp_path / "recipes"
        folder.mkdir(exist_ok=True)
        text = RECIPE.format(source=source, run=run)
        return parse(text.encode(), folder / "t.toml", origin="path")

    return made


@pytest.fixture
def gathered(recipe: Callable[..., Recipe]) -> Gather:
    """All that a recipe of the given `[source]` lines gathers in a folder."""

    def made(
        folder: Path, source: str, run: str = "", stdin: Iterable[str] | None = None
    ) -> list[Item | Skip]:
        return list(gather(recipe(source, run), place(folder), stdin=stdin, today=TODAY))

    return made
