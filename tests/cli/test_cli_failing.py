"""A tick or a pull that fails while nobody looks: the targets hear of it once, and nothing else changes."""

import os
import pty
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from lanectl.cli.desk import Desk
from lanectl.cli.telling import told
from lanectl.render.answer import Answer
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import KEY, RECIPE, Cli, Clock
from tests.notify.program import Program

WRONG = KEY.replace("thisisnot", "wrong-not")


def host(provider: Sandbox) -> str:
    """The provider's name and port."""
    return provider.url.removeprefix("http://")


def refuse(provider: Sandbox, **answer: Any) -> None:
    """Answer everything that is asked of a batch like this, in a way that the SDK does not wait out."""
    wire = {"at": "retrieve", "times": -1, "headers": {"x-should-retry": "false"}, **answer}
    provider.set_faults(Faults.from_json({"wire": [wire]}))


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program of the user's that keeps what it is told."""
    return Program(tmp_path / "bin" / "tell")


@pytest.fixture
def run(cli: Cli, provider: Sandbox, repo: Path, program: Program) -> str:  # noqa: ARG001 -- it must be up
    """The id of a run that is out, and told to the program."""
    (repo / "recipes" / "notes.toml").write_text(RECIPE.replace("[run]", '[run]\nnotify = ["team"]'))
    path = Path(cli("config", "path", "--json").data["config_path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[notify.team]\ncommand = ['{program.path}']\n")
    made = cli("submit", "notes", "--json").data["runs"][0]["run"]
    assert isinstance(made, str)
    return made


@pytest.mark.parametrize("command", ["tick", "pull"])
def test_refused_key_is_told_once_until_it_is_taken_again(
    cli: Cli,
    clock: Clock,
    provider: Sandbox,
    run: str,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    refused = f"invalid x-api-key - {host(provider)}"

    def four(key: str) -> list[tuple[int, list[str]]]:
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
        ended = []
        for _ in range(4):
            clock.sleep(2)
            ran = cli(command)
            ended.append((ran.code, ran.told))
        return ended

    said = (77, [f"error: {refused}", "hint: lanectl doctor"])
    assert four(WRONG) == [said] * 4
    title = f"lanectl {command} is failing: {refused}"
    assert [message["text"] for message in program.messages] == [
        f"{title}\nnotes {run} waits\nLook: lanectl doctor"
    ]

    assert [code for code, _ in four(KEY)] == [0] * 4
    assert len(program.messages) == 1
    assert four(WRONG) == [said] * 4
    assert [message["title"] for message in program.messages] == [title] * 2
    assert len({message["id"] for message in program.messages}) == 2
    assert all(key not in str(program.messages) for key in (KEY, WRONG))


@pytest.mark.usefixtures("run")
def test_missing_key_of_cron_is_told(cli: Cli, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert [cli("tick").code, cli("tick").code] == [77, 77]
    assert program.titles == ["lanectl tick is failing"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (402, "Your credit balance is too low.", None),
        (403, "This key has been disabled.", None),
        (429, "The organization has reached its monthly spend limit.", "enforced_spend_limit_reached"),
    ],
)
def test_account_that_pays_no_more_is_told(
    cli: Cli, provider: Sandbox, program: Program, status: int, message: str, code: str | None
) -> None:
    refuse(provider, status=status, message=message, code=code)
    assert [cli("tick").code, cli("tick").code] == [77, 77]
    (told,) = program.messages
    assert told["title"] == f"lanectl tick is failing: {message} - {host(provider)}"


@pytest.mark.usefixtures("run")
def test_provider_that_is_away_is_told_after_three_hours(
    cli: Cli, clock: Clock, provider: Sandbox, program: Program
) -> None:
    refuse(provider, status=529)
    codes = []
    while not program.messages:
        clock.sleep(3600)
        codes.append(cli("tick").code)
    assert codes == [75] * 4
    assert "since 2026-11-24T23:00Z" in program.messages[0]["text"]
    clock.sleep(3600)
    assert (cli("tick").code, len(program.messages)) == (75, 1)


def test_target_that_fails_too_adds_one_warning_and_changes_no_code(
    cli: Cli, run: str, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.then("exit 1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", WRONG)
    first, again = cli("tick"), cli("tick")
    assert (first.code, again.code) == (77, 77)
    assert first.told == [
        "warning: team could not be told, and will be again: tell ended with exit code 1 - [notify.team]",
        *again.told,
    ]
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    program.then("")
    assert cli("pull", "--wait").code == 0
    assert program.titles == ["lanectl tick is failing", f"notes {run}"]


@pytest.mark.usefixtures("run")
def test_person_at_a_terminal_has_read_it_and_nobody_else_is_told(
    cli: Cli, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", WRONG)
    ours, theirs = pty.openpty()
    keyboard, screen = os.fdopen(os.dup(theirs)), os.fdopen(theirs, "w")
    with keyboard, screen, monkeypatch.context() as seen:
        seen.setattr(sys, "stdin", keyboard)
        seen.setattr(sys, "stderr", screen)
        assert cli("pull").code == 77
    os.close(ours)
    assert program.messages == []
    assert cli("pull").code == 77
    assert program.titles == ["lanectl pull is failing"]


@pytest.mark.usefixtures("run")
def test_state_file_of_a_newer_version_fails_as_ever(cli: Cli, program: Program) -> None:
    path = cli("config", "path", "--json").data["state_path"]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = Path(path).read_bytes()
    assert cli("tick").code == 78
    assert Path(path).read_bytes() == before
    assert program.messages == []


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("error", "titles"),
    [
        (ZeroDivisionError("a model's words"), ["lanectl tick is failing: unexpected ZeroDivisionError"]),
        (BrokenPipeError(), []),
        (KeyboardInterrupt(), []),
    ],
)
def test_fault_of_our_own_is_told_by_its_kind_and_an_end_that_was_asked_for_is_not(
    clock: Clock, program: Program, error: BaseException, titles: list[str]
) -> None:
    desk = Desk(clock=clock, sleep=clock.sleep)
    desk.command = "tick"

    def work() -> Answer:
        raise error

    for _ in range(4):
        clock.sleep(3600)
        with desk.lane() as lane, pytest.raises(type(error)) as caught:
            told(desk, lane, work)
        assert caught.value is error
    assert [message["title"] for message in program.messages] == titles
