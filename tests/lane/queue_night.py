"""A night of single calls: queued by many processes at once, sent by ticks that may be killed at any
function call."""

import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from lanectl.config import Queue
from lanectl.lane.compose import Question
from lanectl.lane.queue import add
from lanectl.lane.route import Call, Signals, route
from lanectl.lane.tick import tick
from lanectl.state import queue, runs
from tests.lane.scene import Scene, SharedClock

NOBODY = Signals(False, "cron", "nobody waits")
SYSTEMS = ("You review. " * 90, "You summarise. " * 90)
MODELS = ("claude-opus-5-5", "claude-haiku-5-5")
KILLED = 9


@dataclass
class Account:
    """What came of a night: calls by state, how often each prompt was accepted, and the batches with their
    sizes."""

    states: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    batches: list[int] = field(default_factory=list)
    groups: int = 0

    def lost_or_twice(self, prompts: set[str]) -> tuple[set[str], set[str]]:
        """Prompts that were never accepted, and those that were more than once."""
        return prompts - set(self.accepted), {one for one, times in self.accepted.items() if times > 1}


def prompt_of(process: int, n: int) -> str:
    """The question that a process asks."""
    return f"question {n} of process {process}"


def ask_many(scene: Scene, process: int, count: int, *, pause_s: float = 0.0) -> None:
    """Queue questions of two models and two prefixes, each call with a lane of its own, as a hook would."""
    draw = random.Random(process)  # the order of a test, not a secret
    for n in range(count):
        with scene.lane() as lane:
            found = route(Call(model=MODELS[(process + n) % 2]), NOBODY, lane.settings)
            question = Question(prompt_of(process, n), system=SYSTEMS[n // 2 % 2], repo=scene.repo)
            add(lane, question, found, key=f"p{process}-{n}", deadline_s=None)
        if pause_s:
            _wait(draw.random() * pause_s)


def _wait(seconds: float) -> None:
    import time

    time.sleep(seconds)


def in_processes(work: Callable[[int], Any], count: int) -> None:
    """Run `work(n)` in so many processes at once; raises when one fails."""
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=work, args=(n,)) for n in range(count)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if failed := [process.exitcode for process in started if process.exitcode]:
        raise AssertionError(f"exit codes {failed}")


def tick_once(scene: Scene, **settings: Any) -> tuple[str, ...]:
    """One tick, as cron runs it."""
    with scene.lane(queue=Queue(**settings)) as lane:
        return tick(lane).said


def killed_tick(scene: Scene, at: int, **settings: Any) -> bool:
    """A tick in a process of its own that dies at the `at`-th call of one of our functions; False when it
    ended first.

    Nothing is tidied on its way out: no `finally`, no transaction rolled back, no lock let go.
    """
    context = multiprocessing.get_context("fork")

    def work() -> None:
        left = at

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal left
            if event == "call" and "lanectl" in frame.f_code.co_filename:
                left -= 1
                if left <= 0:
                    os._exit(KILLED)

        sys.setprofile(count)
        tick_once(scene, **settings)
        os._exit(0)

    process = context.Process(target=work)
    process.start()
    process.join()
    if process.exitcode not in (0, KILLED):
        raise AssertionError(f"the tick ended with {process.exitcode}")
    return process.exitcode == KILLED


def account(scene: Scene) -> Account:
    """Hold the provider's own ledger against the state file."""
    done = Account()
    box = scene.sandbox()
    for batch in box.ledger():
        count = 0
        for request in box.requests(batch.id):
            done.accepted[str(request["params"]["messages"][0]["content"])] += 1
            count += 1
        done.batches.append(count)
    with scene.lane() as lane:
        done.states.update(one.outcome or one.state for one in queue.list_entries(lane.db))
        done.groups = len({run.prefix_sha256 + run.model for run in runs.list_runs(lane.db)})
    return done


@contextmanager
def night(root: Path) -> Iterator[Scene]:
    """A scene whose clock all processes share, and its sandbox."""
    clock = SharedClock(root / "clock")
    with Scene(root, clock, "").sandbox() as box:
        scene = Scene(root, clock, box.url)
        scene.make()
        yield scene
