"""Sweeps: a command is killed, or one of its calls fails, at every chosen call; then it is run again until
all is settled.
"""

import errno
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lanectl.errors import Exit
from tests.crash.crash_world import Went, World, paid_twice, wrong_at_the_end

NEW, SENT = "new", "sent"
# A failing disk or wire ends a command as one of these; anything else is a failure that nobody foresaw.
RIGHT_ENDS = frozenset({Exit.OK, Exit.FAILED, Exit.TRY_LATER})
# That the state file or its lock cannot be opened at all is told as what the user must put right.
CANNOT_OPEN = ("cannot lock", "the state file cannot be")
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO}


@dataclass(slots=True)
class Swept:
    """What a sweep found: points tried, those that paid twice, and what was wrong, each with its point."""

    tried: int = 0
    killed: int = 0
    double: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Swept") -> None:
        """Take another part of the same sweep in."""
        self.tried += other.tried
        self.killed += other.killed
        self.double += other.double
        self.wrong += other.wrong


Calls = dict[str, list[tuple[int, str, str]]]


def begin(world: World) -> Calls:
    """Make the snapshots that sweeps start from; returns the counted calls of an undisturbed `submit` and
    `pull`.
    """
    world.fresh()
    world.keep(NEW)
    world.put(NEW)
    submitted = world.traced("submit")
    if submitted.code != Exit.OK:
        raise AssertionError(submitted.err)
    world.scene().clock.advance(300)
    world.keep(SENT)
    world.put(SENT)
    pulled = world.traced("pull")
    if pulled.code != Exit.OK:
        raise AssertionError(pulled.err)
    return {"submit": submitted.calls, "pull": pulled.calls}


def kill(world: World, verb: str, points: Iterable[int], *, again: int = 0) -> Swept:
    """Kill the command at each point, run it again (killed at call `again`, where given), and settle."""
    swept = Swept()
    for at in points:
        world.put(NEW if verb == "submit" else SENT)
        went = world.traced(verb, at=at)
        swept.tried += 1
        swept.killed += went.code is None
        if again:
            world.traced(verb, at=again)
        _settle(world, verb, swept, f"{verb} killed at {at}{f' and {again}' if again else ''} {_name(went)}")
    return swept


def fail(world: World, verb: str, points: Iterable[int], name: str, *, lasting: bool = False) -> Swept:
    """Let the call at each point fail (and with `lasting` all later ones that need room), then settle."""
    swept = Swept()
    for at in points:
        world.put(NEW if verb == "submit" else SENT)
        went = world.traced(verb, at=at, error=ERRORS[name], lasting=lasting)
        swept.tried += 1
        where = f"{verb} {name}{' lasting' if lasting else ''} at {at} {_name(went, at)}"
        swept.wrong.extend(f"{where}: {said}" for said in _wrong_end(went))
        _settle(world, verb, swept, where)
    return swept


def shared_out(worlds: list[World], points: list[int], work: Callable[[World, list[int]], Swept]) -> Swept:
    """Every n-th point to each world, all at the same time."""
    total = Swept()
    with ThreadPoolExecutor(len(worlds)) as pool:
        parts = [points[n :: len(worlds)] for n in range(len(worlds))]
        for part in pool.map(work, worlds, parts):
            total.add(part)
    return total


def _settle(world: World, verb: str, swept: Swept, where: str) -> None:
    settled = world.run("settle" if verb == "submit" else "wait")
    twice = paid_twice(world)
    if twice:
        swept.double.append(f"{where}: {twice}")
    if settled.code != Exit.OK:
        swept.wrong.append(f"{where}: afterwards {settled.code}: {settled.err.strip()[-300:]}")
        return
    swept.wrong.extend(f"{where}: {one}" for one in wrong_at_the_end(world))


def _wrong_end(went: Went) -> Iterator[str]:
    """What is wrong with how a command told its failure: one line, a right code, no traceback."""
    cannot_open = went.code == Exit.CONFIG and any(said in went.err for said in CANNOT_OPEN)
    if went.code not in RIGHT_ENDS and not cannot_open:
        yield f"ended with {went.code}: {went.err.strip()[-300:]}"
    if "Traceback" in went.err:
        yield "told with a traceback"
        return
    *before, last = went.err.splitlines() or [""]
    # An accepted id that nothing on the disk could take is told in a line of its own: the last resort.
    if went.code and not (
        last.startswith("error: ") and all(one.startswith("accepted as ") for one in before)
    ):
        yield f"told as {went.err!r}"


def _name(went: Went, at: int | None = None) -> str:
    index = len(went.calls) if at is None else min(at, len(went.calls))
    return f"({went.calls[index - 1][1]} {Path(went.calls[index - 1][2]).name!r})" if index else ""
