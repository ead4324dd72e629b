"""The error boundary: unexpected failures, signals, closed pipes and streams, keys that are never told."""

import os
import shlex
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from lanectl import __version__
from lanectl.cli import main
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import KEY, START, Cli

ROOT = Path(__file__).parents[2]


class Broken:
    """A clock that fails once, in a way that nobody foresees, with the key on its lips."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        if self.asked == 1:
            raise ZeroDivisionError(f"no time for {KEY}\x1b[31m")
        return START


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


@pytest.mark.usefixtures("key")
def test_unexpected_failure_is_one_line_and_a_log_without_the_key(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(["status"], clock=Broken()) == 1
    out, err = capsys.readouterr()
    (log,) = (home / "lanectl" / "logs").iterdir()
    assert out == ""
    assert err == (
        f"error: unexpected ZeroDivisionError: no time for [redacted]␛[31m - {log}\nhint: less {log}\n"
    )
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert text.startswith(f"lanectl {__version__}, Python 3.")
    assert "Traceback (most recent call last)" in text
    assert KEY not in text


@pytest.mark.usefixtures("key")
def test_unexpected_failure_in_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"], clock=Broken()) == 1
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert '"kind": "unexpected"' in out
    assert KEY not in out


@pytest.mark.usefixtures("key")
def test_log_that_cannot_be_written_does_not_hide_the_failure(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "lanectl").mkdir()
    (home / "lanectl" / "logs").write_text("a file where the folder must be\n")
    assert main(["status"], clock=Broken()) == 1
    assert capsys.readouterr().err.startswith("error: unexpected ZeroDivisionError: no time for [redacted]")


def test_interrupt_is_130_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> datetime:
        raise KeyboardInterrupt

    assert main(["status"], clock=interrupted) == 130
    assert capsys.readouterr() == ("", "")


def test_interrupt_in_json_is_130_in_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> datetime:
        raise KeyboardInterrupt

    assert main(["status", "--json"], clock=interrupted) == 130
    assert '"exit": {"code": 130, "name": "interrupted"}' in capsys.readouterr().out


def test_termination_while_serving_is_143(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LANECTL_HOME": str(tmp_path)}
    server = subprocess.Popen(
        [sys.executable, "-m", "lanectl", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    )
    assert server.stdout is not None
    with server.stdout:
        assert server.stdout.readline() == "Serving (sandbox: no model was called)\n"
        assert server.stdout.readline().startswith("export ANTHROPIC_BASE_URL=http://127.0.0.1:")
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=120) == 143


@pytest.mark.parametrize("argv", [["--help"], ["recipes", "schema"], ["recipes", "list"]])
def test_closed_pipe_is_0_without_a_word(argv: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LANECTL_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "lanectl", *argv],
        check=False,
        stdout=write,
        stderr=subprocess.PIPE,
        env=environ,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that takes nothing is Linux's")
@pytest.mark.parametrize("argv", [["status"], ["status", "--json"], ["--help"], ["recipes", "schema"]])
def test_stdout_on_a_full_disk_is_one_line_and_a_failure(argv: list[str], tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LANECTL_HOME": str(tmp_path)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lanectl", *argv],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environ,
            text=True,
        )
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (
        1,
        [
            "error: what was done could not be printed: no space left on device - stdout",
            "hint: lanectl status",
        ],
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "logs").exists()


def test_closed_stdout_is_no_failure(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LANECTL_HOME": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(sys.executable)} -m lanectl status >&-"],
        check=False,
        stderr=subprocess.PIPE,
        env=environ,
    )
    assert (done.returncode, done.stderr) == (0, b"older runs: lanectl status --all\n")


def test_cron_without_home_is_told_what_is_missing() -> None:
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "lanectl", "status"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environ,
        text=True,
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines()[0] == "error: there is no home folder - HOME"


@pytest.mark.usefixtures("repo", "provider")
def test_leaky_logging_of_the_sdk_is_turned_off(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    assert "the text of alpha" not in cli("submit", "notes").err
    assert "ANTHROPIC_LOG" not in os.environ


@pytest.mark.usefixtures("repo")
def test_refused_key_is_never_told(cli: Cli, provider: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong-" + KEY)
    ran = cli("submit", "notes", "-v")
    assert ran.code == 77
    assert KEY not in ran.out + ran.err
    assert provider.ledger() == []


def test_help_needs_neither_sdk_nor_pydantic_and_is_quick() -> None:
    script = (
        "import sys, time\n"
        "from lanectl.cli import main\n"
        "main(['--help'])\n"
        "heavy = ('anthropic', 'pydantic', 'rich', 'jinja2', 'httpx2', 'genai_prices', 'sqlite3')\n"
        "print('loaded', [name for name in heavy if name in sys.modules])\n"
        "print(time.process_time())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True
    )
    *_, loaded, processor_s = done.stdout.splitlines()
    assert loaded == "loaded []"
    # Its own work and no stopwatch: what else the machine does must not fail it.
    assert float(processor_s) < 5.0


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    script = (
        "import sys, lanectl.cli\n"
        "heavy = {'anthropic', 'typer', 'rich', 'pydantic'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
