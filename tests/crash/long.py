"""The long form of the crash tests, with figures: `python tests/crash/long.py [WORKERS]`, a quarter of an
hour.

Kills `submit` and `pull` at every system call that could matter, fails those calls, loses every kind of
answer, races, cuts and damages results, and takes the state file away. Prints one line a claim; ends with 1
when one does not hold.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.crash import crash_claims as claims
from tests.crash.crash_sweep import Swept, begin, fail, kill, shared_out
from tests.crash.crash_world import MEMORY_DISK, World, paid_twice, wrong_at_the_end

PAIRS = 30
RACES = 10
RACERS = 20
FOREIGN_RUNS = 50
CUTS = 50
OLD_STATES = 5
TICK_JOBS = 50_000


class Report:
    """Prints figures as they come, and remembers whether a claim failed."""

    def __init__(self) -> None:
        self.failed = False
        self._began = time.monotonic()

    def say(self, what: str, figures: str, wrong: Iterable[object] = ()) -> None:
        """One line of figures, and below it everything that is wrong."""
        listed = list(wrong)
        self.failed = self.failed or bool(listed)
        print(f"[{time.monotonic() - self._began:6.1f} s] {what}: {figures}", flush=True)
        for one in listed[:40]:
            print(f"    WRONG {one}", flush=True)

    def sweep(self, what: str, swept: Swept) -> None:
        """The figures of one sweep."""
        figures = f"{swept.tried} points, {swept.killed} killed, {len(swept.double)} paid twice, "
        self.say(what, figures + f"{len(swept.wrong)} bad end states", [*swept.double, *swept.wrong])


def killing(verb: str, again: int = 0) -> Callable[[World, list[int]], Swept]:
    """A share of a kill sweep."""
    return lambda world, points: kill(world, verb, points, again=again)


def failing(verb: str, error: str, *, lasting: bool) -> Callable[[World, list[int]], Swept]:
    """A share of a sweep of failing calls."""
    return lambda world, points: fail(world, verb, points, error, lasting=lasting)


def sweeps(worlds: list[World], report: Report) -> None:
    """Kills and failing calls."""
    calls = dict.fromkeys(("submit", "pull"), 0)
    for world in worlds:
        for verb, seen in begin(world).items():
            calls[verb] = max(calls[verb], len(seen))
    for verb, count in calls.items():
        # A little beyond the end: the number of calls varies with the length of random names.
        every = list(range(1, count + 6))
        report.sweep(f"{verb} killed", shared_out(worlds, every, killing(verb)))
        for error, lasting in (("EIO", False), ("ENOSPC", False), ("ENOSPC", True)):
            swept = shared_out(worlds, every, failing(verb, error, lasting=lasting))
            report.sweep(f"{verb} with {error}{' from then on' if lasting else ''}", swept)
        pairs = Swept()
        for _ in range(PAIRS // 2):
            again = random.randint(1, count)
            pairs.add(shared_out(worlds, random.sample(every, 2), killing(verb, again)))
        report.sweep(f"{verb} killed, and killed again", pairs)


def races(world: World, report: Report) -> None:
    """Many processes submit the same at once, while others pull."""
    wrong: list[object] = []
    for n in range(RACES):
        world.put("new")
        went = world.run("submit", children=RACERS)
        twice = paid_twice(world)
        bad = [f"{code}: {went.err}" for code in went.codes if code]
        settled = world.run("wait", children=3)
        wrong += [f"race {n}: {one}" for one in [*twice, *bad, *wrong_at_the_end(world)]]
        wrong += [f"race {n}: afterwards {code}" for code in settled.codes if code]
    report.say("races", f"{RACES} x {RACERS} processes, {len(wrong)} duplicates or bad ends", wrong)


def wire(root: Path, report: Report) -> None:
    """Lost answers and strangers."""
    wrong: list[object] = []
    tried = 0
    ratios: set[float] = set()
    for name, fault in claims.LOST.items():
        for role, lag, dedicated in [
            ("pilot", 0, False),
            *(("main", lag, alone) for lag in claims.LAGS for alone in (False, True)),
        ]:
            lost = claims.lose(root / "lost", fault, lag=lag, dedicated=dedicated, role=role)
            tried += 1
            ratios.add(lost.accepted)
            if lost.most != 1 or lost.accepted != 1.0 or lost.outcomes != {"succeeded": 4}:
                wrong.append(f"{name}, {role}, lag {lag}, dedicated {dedicated}: {lost}")
    figures = f"{len(claims.LOST)} classes, {tried} runs, accepted per wanted {sorted(ratios)}"
    report.say("lost answers", figures, wrong)
    for dedicated in (False, True):
        total = claims.Strangers()
        for n in range(FOREIGN_RUNS if not dedicated else FOREIGN_RUNS // 5):
            found = claims.among_strangers(
                root / "foreign", claims.LOST[("dropped", "cut before the body")[n % 2]], dedicated=dedicated
            )
            for one in ("runs", "adopted", "canceled", "written", "double", "undone"):
                setattr(total, one, getattr(total, one) + getattr(found, one))
        bad = (
            [total]
            if total.adopted or total.canceled or total.written or total.double or total.undone
            else []
        )
        report.say(f"strangers in a {'dedicated' if dedicated else 'shared'} workspace", str(total), bad)


def results(root: Path, report: Report) -> None:
    """Cut and damaged results."""
    shares = [(n + 0.5) / CUTS for n in range(CUTS)]
    for framing in claims.FRAMINGS:
        found = claims.truncate(root / "cut", framing, shares)
        figures = f"{found.tried} cuts, {len(found.falsely_done)} falsely done, {len(found.lost)} lost"
        report.say(f"results cut, {framing}", figures, found.falsely_done + found.lost)
    wrong = []
    for what in claims.DAMAGE:
        for line in range(4):
            outcomes = claims.damage(root / "damage", what, line)
            if sum(outcomes.values()) != 4 or "" in outcomes or outcomes.get("succeeded", 0) < 3:
                wrong.append(f"{what} line {line}: {outcomes}")
    report.say(
        "damaged lines", f"{len(claims.DAMAGE) * 4} runs, {len(wrong)} cost another job its result", wrong
    )


def state(root: Path, report: Report) -> None:
    """State files that are lost or old."""
    for spool in (True, False):
        back = [
            claims.lose_state(root / "state", spool=spool, pulled=n % 2 == 1) for n in range(OLD_STATES * 2)
        ]
        share = sum(one.recovered for one in back) / sum(one.wanted for one in back)
        most = max(one.most for one in back)
        wrong = [] if share == 1.0 and most == 1 else back
        kept = "with the spool" if spool else "without the spool"
        report.say(
            f"state file deleted, recovered {kept}", f"{share:.0%} of outcomes, each paid {most} time", wrong
        )
    for after in ("pilot", "sent", "pulled"):
        back = [claims.restore_old_state(root / "old", after=after) for _ in range(OLD_STATES)]
        most = max(one.most for one in back)
        wrong = [one for one in back if one.most != 1 or one.recovered != one.wanted]
        report.say(
            f"old state file put back after {after}", f"{len(back)} runs, each job paid {most} time", wrong
        )
    seconds, loaded = claims.idle_tick(root / "tick", TICK_JOBS)
    report.say(
        "tick with nothing due",
        f"{TICK_JOBS:,} jobs, {seconds:.3f} s of the processor, anthropic loaded: {loaded}",
        [1] * loaded,
    )


def main() -> int:
    """Run everything; the exit code says whether all of it held."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    random.seed(20_261_124)
    report = Report()
    root = Path(tempfile.mkdtemp(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None))
    worlds = [World(root / f"world{n}") for n in range(workers)]
    try:
        for world in worlds:
            world.__enter__()
        if worlds[0].why_not:
            report.say("kills and failing calls", f"skipped: {worlds[0].why_not}")
            worlds[0].fresh()
            worlds[0].keep("new")
        else:
            sweeps(worlds, report)
        races(worlds[0], report)
        wire(root, report)
        results(root, report)
        state(root, report)
    finally:
        for world in worlds:
            world.__exit__()
        shutil.rmtree(root, ignore_errors=True)
    print("all claims hold" if not report.failed else "NOT ALL CLAIMS HOLD", flush=True)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
