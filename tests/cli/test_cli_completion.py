"""Shell completion: it knows recipes and runs, and never breaks a shell that waits for a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lanectl.cli.find import recipe_names, run_names

ROOT = Path(__file__).parents[2]


def completed(words: str, cwd: Path) -> list[str]:
    """What bash is offered after these words."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_LANECTL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    script = "from lanectl.cli import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environ, cwd=cwd
    )
    return done.stdout.split()


def test_commands_are_offered(repo: Path) -> None:
    assert completed("lanectl re", repo) == ["retry", "release", "recipes", "recover"]


def test_recipes_are_offered(repo: Path) -> None:
    assert completed("lanectl submit n", repo) == ["notes"]


def test_runs_are_offered(repo: Path, sent: str) -> None:
    assert completed(f"lanectl pull {sent[:4]}", repo) == [sent]
    assert completed("lanectl show la", repo) == ["latest"]


@pytest.mark.usefixtures("repo")
def test_names_come_with_what_they_are(sent: str) -> None:
    assert ("notes", "One note for each file") in recipe_names("n")
    assert run_names("") == [
        (sent, "notes of 2026-11-24T22:00"),
        ("notes", "its newest run"),
        ("latest", "the newest run"),
    ]


@pytest.mark.usefixtures("repo")
def test_broken_state_file_offers_nothing_and_says_nothing(home: Path) -> None:
    (home / "lanectl").mkdir()
    (home / "lanectl" / "state.db").write_bytes(b"not a database")
    assert run_names("") == []
