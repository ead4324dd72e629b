"""Never pay twice, never lose a result: killed, failing and racing at chosen calls; `crash/long.py` takes all
of them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import crash_claims as claims
from tests.crash.crash_sweep import Calls, Swept, begin, fail, kill, shared_out
from tests.crash.crash_tracer import why_not
from tests.crash.crash_world import MEMORY_DISK, World, around_creation, evenly, paid_twice, wrong_at_the_end
from tests.crash.power_cut import cut_power, why_no_cut

SPREAD = 8
ERROR_SPREAD = 3
NOTHING: tuple[list[str], list[str]] = ([], [])


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    """Two worlds, on a disk of memory where there is one: no sync has to be waited for, as nothing cuts the
    power.
    """
    root = Path(tempfile.mkdtemp(dir=MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else None))
    with World(root / "one") as one, World(root / "two") as two:
        yield [one, two]
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def calls(worlds: list[World]) -> Calls:
    """The counted calls of an undisturbed submit and pull; skips where no child can be traced."""
    if worlds[0].why_not:
        pytest.skip(worlds[0].why_not)
    begin(worlds[1])
    return begin(worlds[0])


def found(swept: Swept) -> tuple[list[str], list[str]]:
    """What a sweep found that must not be."""
    return swept.double, swept.wrong


def test_submit_killed_between_sending_and_the_committed_id_pays_once(
    worlds: list[World], calls: Calls
) -> None:
    swept = shared_out(worlds, around_creation(calls["submit"]), lambda w, p: kill(w, "submit", p))
    assert swept.killed > 40
    assert found(swept) == NOTHING


def test_submit_killed_anywhere_pays_once_and_loses_nothing(worlds: list[World], calls: Calls) -> None:
    swept = shared_out(worlds, evenly(len(calls["submit"]), SPREAD), lambda w, p: kill(w, "submit", p))
    assert swept.killed >= SPREAD - 1
    assert found(swept) == NOTHING


def test_pull_killed_anywhere_loses_nothing(worlds: list[World], calls: Calls) -> None:
    swept = shared_out(worlds, evenly(len(calls["pull"]), SPREAD), lambda w, p: kill(w, "pull", p))
    assert swept.killed >= SPREAD - 1
    assert found(swept) == NOTHING


@pytest.mark.parametrize("verb", ["submit", "pull"])
@pytest.mark.parametrize(("error", "lasting"), [("EIO", False), ("ENOSPC", False), ("ENOSPC", True)])
def test_failing_disk_or_wire_is_told_in_a_line_and_costs_nothing(
    worlds: list[World], calls: Calls, verb: str, error: str, *, lasting: bool
) -> None:
    points = evenly(len(calls[verb]), ERROR_SPREAD)
    swept = shared_out(worlds, points, lambda w, p: fail(w, verb, p, error, lasting=lasting))
    assert found(swept) == NOTHING


def test_processes_that_submit_at_once_pay_once(worlds: list[World]) -> None:
    world = worlds[0]
    world.fresh()
    world.keep("race")
    world.put("race")
    went = world.run("submit", children=4)
    assert went.codes == [0, 0, 0, 0]
    assert paid_twice(world) == []
    assert world.run("wait", children=2).codes == [0, 0]
    assert wrong_at_the_end(world) == []


@pytest.mark.parametrize("after", ["pilot", "sent", "pulled"])
def test_old_state_file_put_back_pays_once(tmp_path: Path, after: str) -> None:
    back = claims.restore_old_state(tmp_path / "scene", after=after)
    assert back == claims.Back(recovered=4, wanted=4, most=1)


def test_tick_with_nothing_due_loads_no_sdk(tmp_path: Path) -> None:
    # How long it takes is a figure of the long form, on a machine that does nothing else.
    _, loaded = claims.idle_tick(tmp_path / "scene", 5_000)
    assert not loaded


def test_committed_intent_and_artifacts_outlive_a_power_cut(tmp_path: Path) -> None:
    reason = why_no_cut(tmp_path)
    if reason:
        pytest.skip(reason)
    assert cut_power(tmp_path) == []


def test_a_machine_that_can_trace_is_not_skipped_in_silence() -> None:
    reason = why_not()
    assert reason is None or reason.startswith(("no tracer for", "ptrace is", "the kernel does"))
