"""Claims that need no tracer: lost answers, strangers' batches, damaged results, lost and old state files, an
idle tick.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.recover import recover
from lanectl.lane.submit import submit
from lanectl.models import AttemptState, Batch, Counts, Outcome, Result, Role, Usage
from lanectl.sandbox.faults import Faults, ResultsFault, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, attempts, runs
from lanectl.state.answers import Price
from lanectl.state.attempts import Attempt, Sending
from lanectl.state.runs import PlannedJob, Run
from tests.lane.scene import BATCH_S, FakeClock, Scene, prompts, the_run, tries

STATUSES = (408, 409, 500, 502, 503, 504)
GARBAGE = ("html", "empty", "object", "list", "cut", "text")
LOST = {
    "dropped": WireFault("create", do="drop"),
    "timed out": WireFault("create", do="hang", seconds=1.6),
    "cut before the body": WireFault("create", do="cut", after=0),
    "cut in the body": WireFault("create", do="cut", after=300),
    "redirected": WireFault("create", do="redirect", status=307, to="http://127.0.0.1:9"),
    "refused with an html 400": WireFault("create", status=400, body="html"),
    **{f"accepted and {status}": WireFault("create", do="answer", status=status) for status in STATUSES},
    **{f"refused with {status}": WireFault("create", status=status) for status in STATUSES},
    **{f"200 {body}": WireFault("create", do="answer", status=200, body=body) for body in GARBAGE},
}
LAGS = (0, 20, 120, 600)
FRAMINGS = ("content-length", "chunked", "chunked-end", "close")
DAMAGE = (
    "malformed",
    "blank",
    "duplicate",
    "foreign",
    "unknown-type",
    "missing",
    "not-utf8",
    "surrogate",
    "crlf",
)


@contextlib.contextmanager
def a_scene(root: Path) -> Iterator[tuple[Scene, Sandbox]]:
    """A scene with its sandbox in this process, gone afterwards."""
    clock = FakeClock()
    scene = Scene(root, clock, "")
    scene.make()
    try:
        with scene.sandbox() as box:
            scene.url = box.url
            yield scene, box
    finally:
        shutil.rmtree(root, ignore_errors=True)


def settle(scene: Scene, *, rounds: int = 12, round_s: float = 310.0, **settings: Any) -> Lane:
    """Pull as cron would until nothing is out; the lane is closed, and reads its state file anew."""
    for _ in range(rounds):
        with scene.lane(**settings) as lane:
            pull(lane)
            out = runs.open_runs(lane.db) or attempts.list_attempts(lane.db, None, AttemptState.UNKNOWN)
        if not out:
            break
        scene.clock.advance(round_s)
    return scene.lane(**settings)


@dataclass(frozen=True, slots=True)
class LostRun:
    """How a run with a lost answer ended: accepted requests per wanted one, its outcomes, and the fault's
    name.
    """

    accepted: float
    most: int
    outcomes: dict[str, int]


def lose(
    root: Path, fault: WireFault, *, lag: float = 0.0, dedicated: bool = False, role: str = "main"
) -> LostRun:
    """Lose the answer to the pilot's creation, or to the main batch's, and settle."""
    provider = {"dedicated_workspace": dedicated, "timeout_s": 1 if fault.do == "hang" else 600}
    with a_scene(root) as (scene, box):
        box.set_faults(Faults(wire=(replace(fault, skip=0 if role == "pilot" else 1),), list_lag_s=lag))
        with scene.lane(provider=provider) as lane:
            submit(lane, scene.recipe(), scene.wishes())
        with settle(scene, provider=provider) as lane:
            counted = prompts(box)
            outcomes = runs.outcome_counts(lane.db, the_run(lane).id)
        return LostRun(sum(counted.values()) / 4, max(counted.values(), default=0), outcomes)


@dataclass(slots=True)
class Strangers:
    """What became of batches that are not ours: all of these must stay 0."""

    runs: int = 0
    adopted: int = 0
    canceled: int = 0
    written: int = 0
    double: int = 0
    undone: int = 0


def among_strangers(root: Path, fault: WireFault, *, dedicated: bool) -> Strangers:
    """Lose an answer while others send batches of the same size in the same minutes."""
    found = Strangers(runs=1)
    with a_scene(root) as (scene, box):
        box.foreign(1, requests=4, age_s=60)
        box.set_faults(Faults(wire=(fault,)))
        provider = {"dedicated_workspace": dedicated}
        theirs: list[str] = []
        with scene.lane(provider=provider) as lane:
            submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
            theirs = box.foreign(3, requests=4)
        for _ in range(3):
            scene.clock.advance(100)
            with scene.lane(provider=provider) as lane:
                pull(lane)
            theirs += box.foreign(1, requests=4)
        with settle(scene, provider=provider) as lane:
            found.adopted = sum(one.batch_id in theirs for one in tries(lane))
            counts = runs.outcome_counts(lane.db, the_run(lane).id)
            found.undone = 4 - counts.get("succeeded", 0)
            found.written = sum(1 for _ in Path(the_run(lane).artifacts).glob("someone*"))
        found.canceled = sum(seen.path.endswith("/cancel") or seen.method == "DELETE" for seen in box.seen)
        found.double = sum(times - 1 for times in prompts(box).values())
    return found


@dataclass(slots=True)
class Damaged:
    """A results file on its way: jobs done by a damaged copy that they are not in, and jobs without their
    result.
    """

    tried: int = 0
    falsely_done: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def truncate(root: Path, framing: str, shares: list[float]) -> Damaged:
    """Cut the results at bytes along the file: no job may be done that was not whole, and none be lost
    afterwards.
    """
    found = Damaged()
    with a_scene(root) as (scene, box):
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes(pilot="0"))
        scene.clock.advance(100)
        kept = scene.root / "kept"
        shutil.copytree(scene.home, kept)
        whole = _results(scene, box)
        for share in shares:
            at = max(1, min(len(whole) - 1, round(share * len(whole))))
            shutil.rmtree(scene.home)
            shutil.copytree(kept, scene.home)
            shutil.rmtree(scene.repo / ".lanectl", ignore_errors=True)
            box.set_faults(Faults(results=(ResultsFault("truncate", at=at, framing=framing),)))
            found.tried += 1
            _check_cut(scene, whole, at, f"{framing} at {at}", found)
    return found


def _results(scene: Scene, box: Sandbox) -> bytes:
    with scene.lane() as lane, lane.api.results(box.ledger()[0].id, timeout_s=10) as chunks:
        return b"".join(chunks)


def _check_cut(scene: Scene, whole: bytes, at: int, where: str, found: Damaged) -> None:
    complete = whole[:at].count(b"\n") + (whole[at : at + 1] == b"\n")
    with scene.lane() as lane:
        pull(lane)
        counts = runs.outcome_counts(lane.db, the_run(lane).id)
        done = sum(count for outcome, count in counts.items() if outcome)
        if done > complete:
            found.falsely_done.append(f"{where}: {counts}")
        pull(lane)
        counts = runs.outcome_counts(lane.db, the_run(lane).id)
        if counts != {"succeeded": 4}:
            found.lost.append(f"{where}: {counts}")


def damage(root: Path, what: str, line: int) -> dict[str, int]:
    """Damage one line of a results file, at every fetch; returns the outcomes once all is settled."""
    with a_scene(root) as (scene, box):
        box.set_faults(Faults(results=(ResultsFault(what, at=line, times=-1),)))
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes(pilot="0"))
        with settle(scene) as lane:
            return runs.outcome_counts(lane.db, the_run(lane).id)


@dataclass(frozen=True, slots=True)
class Back:
    """What came back after a state file was lost or old: jobs with their outcome of all, and the most one was
    paid.
    """

    recovered: int
    wanted: int
    most: int


def lose_state(root: Path, *, spool: bool, pulled: bool) -> Back:
    """Delete the state file (and with it the spool, unless kept), recover, and submit the same again."""
    with a_scene(root) as (scene, box):
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes())
        scene.clock.advance(100)
        if pulled:
            settle(scene)
        scene.settings().state_path.unlink()
        if not spool:
            shutil.rmtree(scene.settings().spool_dir)
        with scene.lane() as lane:
            recover(lane, adopt=frozenset(), out=scene.root / "out")
        with scene.lane() as lane:
            if spool:
                submit(lane, scene.recipe(), scene.wishes())
            counted = [
                runs.outcome_counts(lane.db, run.id).get("succeeded", 0) for run in runs.list_runs(lane.db)
            ]
        return Back(sum(counted), 4, max(prompts(box).values()))


def restore_old_state(root: Path, *, after: str) -> Back:
    """Put back a copy of the state file from before the submit, `after` it was sent or pulled; then go on as
    ever.
    """
    with a_scene(root) as (scene, box):
        with scene.lane() as lane:
            runs.set_meta(lane.db, "copied", "yes")
        old = scene.root / "old.db"
        shutil.copy(scene.settings().state_path, old)
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes(pilot_wait_s=0 if after == "pilot" else None))
        if after == "pulled":
            scene.clock.advance(100)
            settle(scene)
        shutil.copy(old, scene.settings().state_path)
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes())
        with settle(scene) as lane:
            counted = [
                runs.outcome_counts(lane.db, run.id).get("succeeded", 0) for run in runs.list_runs(lane.db)
            ]
        return Back(sum(counted), 4, max(prompts(box).values()))


def fill(lane: Lane, jobs: int) -> None:
    """A settled run of so many jobs in the state file."""
    now = lane.now
    run = Run(
        id="aaaaaaaaaa",
        recipe="notes",
        recipe_sha256="",
        description="",
        repo="",
        repo_name="",
        commit_sha=None,
        branch=None,
        model="claude-sonnet-5-5",
        output={"table": {"kind": "text"}},
        policy={"retry": ["errored", "expired"], "retry_max": 1},
        estimate={},
        cache_mode="off",
        prefix_sha256="",
        prefix_bytes=0,
        form="",
        artifacts="/nowhere",
        reserved_usd=None,
        created_at=now,
    )
    attempt = Attempt(run.id, 0, Role.MAIN, AttemptState.INTENT, jobs, 0, "off", 1, now)
    batch = Batch("msgbatch_full", "ended", now, None, now, None, None, Counts(succeeded=jobs))
    with lane.db.write():
        planned = (PlannedJob(n, f"job-{n}", f"digest-{n}", 0, 1, 1) for n in range(jobs))
        runs.add_run(lane.db, run, planned, ())
        attempts.add_attempt(lane.db, attempt, (Sending(f"id-{n}", n) for n in range(jobs)))
        attempts.mark_accepted(lane.db, attempt, batch, request_id=None, workspace=None, now=now)
        for n in range(jobs):
            result = Result(Outcome.SUCCEEDED, usage=Usage(input_tokens=10, output_tokens=10))
            answers.add_answer(lane.db, run.id, 0, n, result, Price(None, None, None), now=now)
        attempts.mark_pulled(lane.db, attempt, results_sha256=None, now=now)
        runs.mark_pulled(lane.db, run.id, now=now)


TICK = """
import sys, time
from pathlib import Path
from tests.lane.scene import FakeClock, Scene
from lanectl.lane.tick import tick
scene = Scene(Path(sys.argv[1]), FakeClock(), "")
ready = time.process_time()
with scene.lane() as lane:
    ticked = tick(lane)
print(time.process_time() - ready, "anthropic" in sys.modules, len(ticked.said))
"""


def idle_tick(root: Path, jobs: int) -> tuple[float, bool]:
    """Seconds of the processor for a tick with nothing due over so many jobs, in a process of its own; and
    whether the SDK was loaded.
    """
    clock = FakeClock()
    scene = Scene(root, clock, "")
    scene.make()
    with scene.lane() as lane:
        fill(lane, jobs)
    above = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", TICK, str(root)],
        capture_output=True,
        text=True,
        check=True,
        cwd=above,
        env={"PYTHONPATH": str(above), "HOME": str(root), "PATH": "/usr/bin:/bin"},
    )
    seconds, loaded, said = done.stdout.split()
    if said != "0":
        raise AssertionError(done.stdout)
    return float(seconds), loaded == "True"


__all__ = ["BATCH_S", "Damaged", "LostRun", "Strangers"]
