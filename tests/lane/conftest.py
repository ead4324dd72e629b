"""Fixtures for verbs: a scene on a clock that is moved by hand, its sandbox, and lanes that are closed with
the test.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lanectl.lane.context import Lane
from lanectl.sandbox.server import Sandbox
from tests.lane.scene import FakeClock, OpenLane, Scene


@pytest.fixture
def clock() -> FakeClock:
    """The time of lane and sandbox; `advance` moves it."""
    return FakeClock()


@pytest.fixture
def box(tmp_path: Path, clock: FakeClock) -> Iterator[Sandbox]:
    """A sandbox whose batches take 40 seconds of the clock."""
    with Scene(tmp_path, clock, "").sandbox() as started:
        yield started


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock, box: Sandbox) -> Scene:
    """A home, a repository with four files, and a recipe that asks for a note on each."""
    made = Scene(tmp_path, clock, box.url)
    made.make()
    return made


@pytest.fixture
def open_lane(scene: Scene) -> Iterator[OpenLane]:
    """Opens lanes that are closed with the test: each is one command."""
    with ExitStack() as stack:

        def opened(**settings: Any) -> Lane:
            return stack.enter_context(scene.lane(**settings))

        yield opened
