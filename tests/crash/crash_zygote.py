"""Imports everything once, then forks a child for each command, so that a sweep of hundreds of deaths takes
minutes.

One JSON object a line on standard input: `{"root", "url", "verb", "at", "error", "lasting", "children"}`; one
on standard output: `{"calls": [[index, name, detail]], "codes": [...]}`. A child's own output lies in `out`
and `err` below the root.
"""

import importlib
import json
import os
import ssl
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anthropic  # noqa: F401 -- loaded before the first fork, once for all children
import genai_prices  # noqa: F401 -- as above
import httpx2  # noqa: F401 -- as above

from lanectl.errors import Exit, LanectlError
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.recover import recover
from lanectl.lane.submit import submit
from lanectl.lane.sync import unsettled
from lanectl.lane.tick import tick
from lanectl.models import Lane as Lanes
from lanectl.models import Usage
from lanectl.prices import Prices
from lanectl.state import runs
from tests.crash.crash_tracer import Plan, trace, why_not
from tests.lane.scene import START, Scene, SharedClock

UNEXPECTED = 70
ROUNDS = 40
# A send that only pretends to fail leaves a server that waits for the rest: so does the client, so long.
# Where nothing fails, only a busy machine makes anybody wait.
PATIENCE_S, ENOUGH_S = 2, 60
PROVIDER = {"timeout_s": ENOUGH_S}
ROUND_S = 310.0


def submitting(scene: Scene) -> int:
    """The evening's command."""
    with scene.lane(command="lanectl submit", provider=PROVIDER) as lane:
        done = submit(lane, scene.recipe(), scene.wishes())
        print(json.dumps({"run": done.run, "jobs": done.jobs, "skipped": len(done.skipped)}))
    return Exit.OK


def pulling(scene: Scene) -> int:
    """The morning's command; waits for a lock as cron does."""
    with scene.lane(command="lanectl pull", provider=PROVIDER) as lane:
        done = pull(lane, lock_wait_s=60)
        print(json.dumps({"pending": done.pending, "runs": [one.account.run for one in done.runs]}))
    return Exit.OK


def ticking(scene: Scene) -> int:
    """The cron line."""
    with scene.lane(command="lanectl tick", provider=PROVIDER) as lane:
        print(json.dumps({"said": tick(lane).said}))
    return Exit.OK


def recovering(scene: Scene) -> int:
    """After the state file was lost."""
    with scene.lane(command="lanectl recover", provider=PROVIDER) as lane:
        print(json.dumps({"outcomes": recover(lane, adopt=frozenset(), out=scene.root / "out").outcomes}))
    return Exit.OK


def settling(scene: Scene) -> int:
    """The evening's command again, then the morning's until nothing is out; time passes between them."""
    submitting(scene)
    return waiting(scene)


def waiting(scene: Scene) -> int:
    """The morning's command until nothing is out; time passes between its runs."""
    for _ in range(ROUNDS):
        with scene.lane(command="lanectl pull", provider=PROVIDER) as lane:
            pull(lane, lock_wait_s=60)
            if not _out(lane):
                return Exit.OK
        scene.clock.advance(ROUND_S)
    print("error: it does not settle", file=sys.stderr)
    return Exit.PENDING


VERBS = {
    "submit": submitting,
    "pull": pulling,
    "tick": ticking,
    "recover": recovering,
    "settle": settling,
    "wait": waiting,
}


def _out(lane: Lane) -> bool:
    return bool(runs.open_runs(lane.db) or unsettled(lane))


def redirect(root: Path) -> None:
    """Let a child's own output go to files of its scene."""
    for number, name in ((1, "out"), (2, "err")):
        fd = os.open(root / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, number)
        os.close(fd)


def child(said: dict[str, Any]) -> int:
    """One command, in a forked process; an error that is not ours leaves its traceback and an exit code of
    its own.
    """
    root = Path(said["root"])
    code: int = UNEXPECTED
    try:
        scene = Scene(root, SharedClock(root / "clock"), said["url"])
        PROVIDER["timeout_s"] = PATIENCE_S if said.get("error") else ENOUGH_S
        scene.timeout_s = float(PROVIDER["timeout_s"])
        code = VERBS[said["verb"]](scene)
    except LanectlError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit
    except BaseException:  # noqa: BLE001 -- whatever it is, the exit code tells it from ours
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


def many(work: Callable[[], int], count: int, *, first: Callable[[], None]) -> list[int]:
    """Fork that many children at once and wait for all."""
    pids: list[int] = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            first()
            os._exit(work())
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def warm() -> None:
    """Do once what every child would do anew: load what is loaded late, the prices, and the list of
    authorities.
    """
    importlib.import_module("lanectl.recipe.scan")
    importlib.import_module("lanectl.recipe.engine")
    prices = Prices(START.date(), {})
    prices.cost(Usage(input_tokens=1), "claude-sonnet-5-5", Lanes.BATCH)
    # No child speaks TLS: everything is on loopback.
    shared = ssl.create_default_context()
    ssl.create_default_context = lambda *_, **__: shared


def main() -> None:
    """Serve until standard input ends."""
    warm()
    print(json.dumps({"why_not": why_not()}), flush=True)
    for line in sys.stdin:
        said = json.loads(line)
        work, first = partial(child, said), partial(redirect, Path(said["root"]))
        if said.get("traced"):
            plan = Plan(said.get("at", 0), said.get("error", 0), bool(said.get("lasting")))
            seen = trace(work, plan, first=first)
            answer = {"calls": [[c.index, c.name, c.detail] for c in seen.calls], "codes": [seen.code]}
        else:
            answer = {"calls": [], "codes": many(work, said.get("children", 1), first=first)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
