"""A night of the queue in full: 200 calls from 20 processes at random times, two ticks, and ticks that are
killed.

Run by hand: `python -m tests.bench.bench_queue [KILLS]`; prints one line a figure and ends with 1 for a lost
or doubled call.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.lane.queue_night import (
    Account,
    account,
    ask_many,
    in_processes,
    killed_tick,
    night,
    prompt_of,
    tick_once,
)
from tests.lane.scene import Scene

PROCESSES, EACH = 20, 10
PROMPTS = {prompt_of(process, n) for process in range(PROCESSES) for n in range(EACH)}


def _fill(scene: Scene) -> float:
    began = time.monotonic()
    in_processes(lambda n: ask_many(scene, n, EACH, pause_s=0.05), PROCESSES)
    return time.monotonic() - began


def _told(name: str, done: Account) -> bool:
    lost, twice = done.lost_or_twice(PROMPTS)
    print(
        f"{name}: {len(done.batches)} batches of {sorted(done.batches)}, {done.groups} groups, "
        f"{dict(done.states)}, lost {len(lost)}, twice {len(twice)}"
    )
    return not lost and not twice


def _played(name: str, play: Callable[[Scene], None]) -> bool:
    with tempfile.TemporaryDirectory() as folder, night(Path(folder)) as scene:
        print(f"{name}: queued {len(PROMPTS)} calls in {_fill(scene):.1f} s")
        play(scene)
        return _told(name, account(scene))


def _two_ticks(scene: Scene) -> None:
    for _ in range(2):
        for said in tick_once(scene):
            print(f"  {said}")


def _killed(at: int) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        print(f"  killed at call {at:,}: {killed_tick(scene, at)}")
        for _ in range(3):
            scene.clock.advance(1000)
            tick_once(scene)

    return play


def main(kills: int) -> int:
    """Play one whole night, then `kills` nights whose first tick dies ever later."""
    good = [_played("two ticks", _two_ticks)]
    good += [_played(f"kill {n + 1}", _killed(2_000 + n * 4_000)) for n in range(kills)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
