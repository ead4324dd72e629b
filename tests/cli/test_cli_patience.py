"""Enter sends what follows the pilot now: pressed at a real terminal, never taken from the end of an
input."""

import os
import pty
from pathlib import Path

from lanectl.cli.patience import Patience


def test_enter_ends_the_waiting_for_good() -> None:
    inner, outer = pty.openpty()
    slept: list[float] = []
    with os.fdopen(outer, "r") as keyboard:
        patience = Patience(keyboard, slept.append)
        os.write(inner, b"\n")
        patience.sleep(60.0)
        assert patience.over()
    os.close(inner)
    assert slept == []


def test_time_passes_when_nothing_is_pressed() -> None:
    inner, outer = pty.openpty()
    with os.fdopen(outer, "r") as keyboard:
        patience = Patience(keyboard, lambda _: None)
        patience.sleep(0.0)
        assert not patience.over()
    os.close(inner)


def test_end_of_input_is_no_wish(tmp_path: Path) -> None:
    slept: list[float] = []
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as nothing:
        patience = Patience(nothing, slept.append)
        patience.sleep(7.0)
    assert not patience.over()
    assert slept == [7.0]


def test_closed_keyboard_leaves_it_to_the_time(tmp_path: Path) -> None:
    slept: list[float] = []
    (tmp_path / "gone").touch()
    keyboard = (tmp_path / "gone").open()
    keyboard.close()
    Patience(keyboard, slept.append).sleep(7.0)
    assert slept == [7.0]
