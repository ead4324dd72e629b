"""Fixtures for telling: the scene that verbs have too, and a program of the user's that takes messages."""

from pathlib import Path

import pytest

from tests.lane.conftest import box, clock, open_lane, scene
from tests.notify.program import Program

__all__ = ["box", "clock", "open_lane", "scene"]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program that keeps what it is told, and how it was started."""
    return Program(tmp_path / "bin" / "tell")
