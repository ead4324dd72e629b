"""On a real terminal: it asks once above the configured amount, and a no sends nothing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli

ROOT = Path(__file__).parents[2]


def typed(answer: str, *argv: str, cwd: Path) -> tuple[int, str]:
    """Run a command line on a terminal, answer its question, and read all that appeared."""
    master, slave = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "lanectl", *argv],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environ,
        cwd=cwd,
    )
    os.close(slave)
    os.write(master, answer.encode())
    seen = b""
    try:
        while piece := os.read(master, 4096):
            seen += piece
    except OSError:
        pass  # the terminal is gone with its last process
    finally:
        os.close(master)
    return process.wait(timeout=180), seen.decode()


def test_no_on_a_terminal_sends_nothing(cli: Cli, provider: Sandbox, repo: Path) -> None:
    assert cli("config", "set", "budget.ask_above_usd", "0").code == 0
    code, seen = typed("n\n", "submit", "notes", cwd=repo)
    assert "Send 3 jobs of notes for $0.0" in seen
    assert "nothing was sent: it was not confirmed" in seen
    assert (code, provider.ledger()) == (4, [])


def test_yes_on_a_terminal_sends(cli: Cli, provider: Sandbox, repo: Path) -> None:
    assert cli("config", "set", "budget.ask_above_usd", "0").code == 0
    code, seen = typed("y\n", "submit", "notes", cwd=repo)
    assert seen.count("[y/N]") == 1
    assert (code, len(provider.ledger())) == (0, 1)


def test_below_the_amount_nothing_is_asked(provider: Sandbox, repo: Path) -> None:
    code, seen = typed("", "submit", "notes", cwd=repo)
    assert "[y/N]" not in seen
    assert (code, len(provider.ledger())) == (0, 1)


def test_colours_appear_on_a_terminal_and_can_be_refused(repo: Path) -> None:
    assert "\x1b[" in typed("", "recipes", "list", cwd=repo)[1]
    assert "\x1b[1m" not in typed("", "recipes", "list", "--no-color", cwd=repo)[1]
