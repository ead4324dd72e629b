"""A state file of the test's own, and functions run in many processes at once."""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest

from lanectl.state.database import Database, open_state

Together: TypeAlias = Callable[[Callable[[int], str], int], list[str]]
NOW = "2026-11-24T22:00:00+00:00"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a state file will be: in memory where that can be, for each commit waits for its disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder) / "lane/state.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with open_state(path, sandbox=False, now=NOW) as opened:
        yield opened


@pytest.fixture
def together() -> Together:
    """Runs `work(n)` in `count` processes that begin at the same moment; returns what each said, sorted."""

    def run(work: Callable[[int], str], count: int) -> list[str]:
        context = multiprocessing.get_context("fork")
        gate, told = context.Barrier(count), context.SimpleQueue()

        def one(n: int) -> None:
            gate.wait()
            try:
                told.put(work(n))
            except BaseException:  # noqa: BLE001 -- it is told, and the test fails on what it says
                told.put(traceback.format_exc())

        started = [context.Process(target=one, args=(n,)) for n in range(count)]
        for process in started:
            process.start()
        said = [told.get() for _ in started]
        for process in started:
            process.join()
        return sorted(said)

    return run
