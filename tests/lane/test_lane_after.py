"""What comes after a night: retry, release, cancel, drop, clean, alive, doctor, recover, tick."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from lanectl.errors import HeldError, TryLater, UsageError
from lanectl.lane import signals
from lanectl.lane.alive import alive
from lanectl.lane.cancel import cancel
from lanectl.lane.clean import clean
from lanectl.lane.doctor import doctor
from lanectl.lane.pull import pull
from lanectl.lane.recover import recover
from lanectl.lane.release import drop, held, release
from lanectl.lane.retry import choose, choose_by_itself, retry
from lanectl.lane.show import show_job, show_run
from lanectl.lane.submit import submit
from lanectl.lane.sync import sync
from lanectl.lane.tick import LAST_GOOD, idle, tick
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, runs
from lanectl.state.lock import holder
from tests.lane.scene import KEYS, FakeClock, OpenLane, Scene, prompts, states, the_run, tries
from tests.ports import deaf_port, port_of


def faulty(box: Sandbox, outcome: str, **more: object) -> None:
    """Let requests of the first batch end so."""
    box.set_faults(Faults.from_json({"items": [{"outcome": outcome, "batches": [1], **more}]}))


def test_retry_sends_what_did_not_succeed_and_the_latest_outcome_stands(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    faulty(box, "errored", index=[1, 2])
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    run = the_run(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"errored": 2, "succeeded": 2}
    done = retry(lane, run, choose(lane, run, None))
    assert done.state == "in_progress"
    scene.clock.advance(100)
    pull(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    assert [(one.role, one.requests, one.state) for one in tries(lane)] == [
        ("main", 4, "pulled"),
        ("retry", 2, "pulled"),
    ]
    assert [answer.outcome for answer in answers.history(lane.db, run.id, 1)] == ["errored", "succeeded"]
    assert len(answers.list_artifacts(lane.db, run.id)) == 4


def test_retry_of_a_cut_answer_gets_twice_the_room(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    faulty(box, "max_tokens", index=[0])
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    choice = choose(lane, the_run(lane), ["truncated"])
    assert ([job.key for job in choice.jobs], choice.max_tokens) == (["alpha.txt"], 4000)
    retry(lane, the_run(lane), choice)
    (sent,) = box.requests(str(tries(lane)[1].batch_id))
    assert sent["params"]["max_tokens"] == 4000


def test_retry_of_nothing_and_of_an_unknown_outcome_is_refused(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    with pytest.raises(UsageError, match="no job of this run is left"):
        choose(lane, the_run(lane), None)
    with pytest.raises(UsageError, match="no such outcome: lost"):
        choose(lane, the_run(lane), ["lost"])


def test_held_run_does_not_keep_its_items_in_flight(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=403),)))
    lane = open_lane()
    first = submit(lane, scene.recipe(), scene.wishes())
    assert first.held is not None
    second = submit(lane, scene.recipe(), scene.wishes())
    assert (second.jobs, second.held) == (4, None)
    older = runs.get_run(lane.db, str(first.run))
    assert held(lane, older).waiting == 4
    with pytest.raises(HeldError, match=f"run {second.run} has sent jobs of this run since"):
        release(lane, older)
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert drop(lane, older) == 4
    assert runs.outcome_counts(lane.db, older.id) == {"canceled": 4}


def test_released_run_is_sent(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=403),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    done = release(lane, the_run(lane))
    assert (done.state, done.held) == ("in_progress", None)
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_plan_that_is_a_day_old_is_held_and_a_release_lets_it_go(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=529, retry_after="90000", times=1),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    scene.clock.advance(timedelta(hours=25).total_seconds())
    pull(lane)
    assert the_run(lane).held_reason == "planned over a day ago and not sent since"
    assert box.ledger() == []
    release(lane, the_run(lane))
    assert len(box.ledger()) == 1


def test_given_up_run_keeps_what_is_at_the_provider_in_flight_and_pulls_it(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot_wait_s=0))
    run = the_run(lane)
    assert drop(lane, run) == 3
    again = submit(lane, scene.recipe(), scene.wishes(pilot="0", only="alpha*"))
    assert [skip.reason for skip in again.skipped] == [f"in flight in {run.id}"]
    scene.clock.advance(100)
    pull(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"canceled": 3, "succeeded": 1}
    assert (Path(run.artifacts) / "alpha.txt").exists()
    with pytest.raises(UsageError, match="this run was given up"):
        release(lane, the_run(lane))


def test_cancel_asks_and_believes_only_what_the_provider_says(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    run = the_run(lane)
    done = cancel(lane, run)
    assert (done.asked, done.dropped, done.unknown) == ((tries(lane)[0].batch_id,), 0, 0)
    assert runs.outcome_counts(lane.db, run.id) == {"": 4}
    scene.clock.advance(100)
    pull(lane)
    counts = runs.outcome_counts(lane.db, run.id)
    assert sum(counts.values()) == 4
    assert set(counts) <= {"canceled", "succeeded"}
    assert the_run(lane).pulled_at is not None
    assert len(box.ledger()) == 1


def test_clean_keeps_open_runs_and_removes_what_is_old(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(timedelta(days=40).total_seconds())
    assert clean(lane, dry_run=False).removed == ()
    assert lane.spool.runs() == [the_run(lane).id]


def test_clean_says_first_what_it_would_take(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    run = the_run(lane)
    scene.clock.advance(timedelta(days=40).total_seconds())
    dry = clean(lane, dry_run=True)
    assert [one.why for one in dry.removed] == ["settled, older than 35 days"]
    assert lane.spool.runs() == [run.id]
    wet = clean(lane, dry_run=False)
    assert wet == dry
    assert lane.spool.runs() == []
    assert (Path(run.artifacts) / "alpha.txt").exists()


def test_alive_is_silent_while_all_is_well_and_names_what_has_gone_quiet(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    assert alive(lane) == ()
    box.set_duration(200_000)
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    assert alive(lane) == ()
    scene.clock.advance(timedelta(hours=25, minutes=1).total_seconds())
    (said,) = alive(lane)
    assert "is past its expiry" in said
    runs.set_meta(lane.db, LAST_GOOD, lane.now)
    scene.clock.advance(timedelta(hours=3).total_seconds())
    assert any(one.startswith("no good tick since") for one in alive(lane))


def test_doctor_looks_at_everything_even_without_a_provider(box: Sandbox, open_lane: OpenLane) -> None:
    names = [check.name for check in doctor(open_lane())]
    assert {"state file", "disk", "host and key", "clock"} <= set(names)
    box.stop()
    with deaf_port(port_of(box.url)):
        checks = {check.name: check.state for check in doctor(open_lane())}
    assert checks["host and key"] == "bad"
    assert checks["state file"] == "ok"


def test_show_tells_a_run_and_a_job(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    shown = show_run(lane, the_run(lane))
    assert [line.key for line in shown.jobs] == sorted(KEYS)
    job = show_job(lane, the_run(lane), "beta.txt")
    assert "the text of beta.txt" in str(job.prompt)
    with pytest.raises(UsageError, match="has no job omega"):
        show_job(lane, the_run(lane), "omega")


def copied_state(scene: Scene) -> Path:
    """A copy of the state file as it is."""
    copy = scene.root / "copy.db"
    shutil.copy(scene.settings().state_path, copy)
    return copy


@pytest.mark.parametrize("pilot", ["0", "1"])
def test_state_file_put_back_from_before_a_submit_sends_nothing_twice(
    scene: Scene, box: Sandbox, open_lane: OpenLane, pilot: str
) -> None:
    with scene.lane() as lane:
        assert runs.list_runs(lane.db) == []
    copy = copied_state(scene)
    with scene.lane() as lane:
        first = submit(lane, scene.recipe(), scene.wishes(pilot=pilot))
    shutil.copy(copy, scene.settings().state_path)
    said: list[str] = []
    lane = open_lane(tell=said.append)
    again = submit(lane, scene.recipe(), scene.wishes(pilot=pilot))
    assert {skip.reason for skip in again.skipped} == {f"in flight in {first.run}"}
    assert (
        f"run {first.run} was sent, and the state file does not say so: looking for it at the provider"
        in said
    )
    scene.clock.advance(100)
    pull(lane)
    assert runs.outcome_counts(lane.db, str(first.run)) == {"succeeded": 4}
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
    assert the_run(lane).held_reason is None


def test_state_file_put_back_from_before_a_retry_does_not_retry_again(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    faulty(box, "errored", index=[1])
    with scene.lane() as lane:
        submit(lane, scene.recipe(), scene.wishes(pilot="0"))
        scene.clock.advance(100)
        pull(lane)
        run = the_run(lane)
    copy = copied_state(scene)
    with scene.lane() as lane:
        retry(lane, run, choose(lane, run, None))
    shutil.copy(copy, scene.settings().state_path)
    scene.clock.advance(100)
    lane = open_lane()
    pull(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    assert len(box.ledger()) == 2


def test_state_file_put_back_from_between_plan_and_acceptance_sends_nothing_twice(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    with scene.lane() as lane:
        submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot_wait_s=0))
        run = the_run(lane)
        runs.unhold(lane.db, run.id)
    copy = copied_state(scene)
    scene.clock.advance(100)
    with scene.lane() as lane:
        pull(lane)
        assert states(lane) == [("pilot", "pulled"), ("main", "accepted")]
    shutil.copy(copy, scene.settings().state_path)
    lane = open_lane()
    for _ in range(3):
        pull(lane)
        scene.clock.advance(310)
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


@pytest.mark.parametrize("spool", [True, False], ids=["with the spool", "without the spool"])
def test_recover_brings_every_outcome_back(scene: Scene, open_lane: OpenLane, spool: bool) -> None:
    with scene.lane() as lane:
        first = submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    scene.settings().state_path.unlink()
    if not spool:
        shutil.rmtree(scene.settings().spool_dir)
    lane = open_lane()
    done = recover(lane, adopt=frozenset(), out=scene.root / "out")
    assert (done.runs, done.foreign, done.unidentified) == ((first.run,), 0, ())
    run = the_run(lane)
    assert runs.outcome_counts(lane.db, run.id) == {"succeeded": 4}
    slugs = [f"{key.replace('.', '-')}-{n}.txt" for n, key in enumerate(sorted(KEYS))]
    assert sorted(path.name for path in Path(run.artifacts).glob("*.txt")) == (
        sorted(KEYS) if spool else slugs
    )
    assert run.pulled_at is not None
    assert recover(lane, adopt=frozenset(), out=None).runs == ()


def test_recover_leaves_strangers_and_other_installations_alone(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    with scene.lane() as lane:
        submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    box.foreign(2, requests=3)
    scene.clock.advance(100)
    shutil.rmtree(scene.home)
    scene.home.mkdir()
    lane = open_lane()
    done = recover(lane, adopt=frozenset(), out=scene.root / "out")
    assert (done.runs, done.foreign) == ((), 3)
    (note,) = done.notes
    assert "of another installation: --adopt" in note
    assert recover(lane, adopt=frozenset({note.rpartition(" ")[2]}), out=scene.root / "out").outcomes == 4


def test_recover_names_what_it_cannot_name_yet(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    with scene.lane() as lane:
        submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    shutil.rmtree(scene.settings().spool_dir)
    scene.settings().state_path.unlink()
    done = recover(open_lane(), adopt=frozenset(), out=None)
    assert done.unidentified == (box.ledger()[0].id,)


def test_damaged_spool_folder_keeps_no_other_run_from_coming_back(scene: Scene, open_lane: OpenLane) -> None:
    with scene.lane() as lane:
        submit(lane, scene.recipe(), scene.wishes(pilot="0", only="a*"))
        submit(lane, scene.recipe(), scene.wishes(pilot="0", only="b*"))
        first, second = reversed(runs.list_runs(lane.db))
    (scene.settings().spool_dir / first.id / "run.json").write_text("{", encoding="utf-8")
    scene.settings().state_path.unlink()
    lane = open_lane()
    sync(lane)
    assert [run.id for run in runs.list_runs(lane.db)] == [second.id]


def test_tick_with_nothing_to_do_says_nothing_and_asks_nobody(box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane()
    assert idle(lane)
    ticked = tick(lane)
    assert (ticked.said, ticked.retried, ticked.pulled.runs) == ((), (), ())
    assert box.seen == ()
    assert runs.get_meta(lane.db, LAST_GOOD) == lane.now


def test_tick_pulls_retries_what_the_recipe_allows_and_tells_each_event_once(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    faulty(box, "errored", index=[1], error="overloaded_error")
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    run = the_run(lane)
    assert tick(lane).said == ()
    scene.clock.advance(100)
    assert tick(lane).said == (
        f"notes {run.id}: 3 succeeded, 1 errored",
        f"notes {run.id}: 1 jobs sent again",
    )
    scene.clock.advance(100)
    assert tick(lane).said == (f"notes {run.id}: 4 succeeded",)
    assert idle(lane)


def test_tick_retries_what_a_tick_that_died_had_only_pulled(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    faulty(box, "expired", index=[1])
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    assert not idle(lane)
    assert tick(lane).retried == (the_run(lane).id,)


def test_tick_does_not_retry_what_would_end_the_same_way(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    faulty(box, "errored", index=[1], error="invalid_request_error")
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    assert tick(lane).retried == ()
    assert choose_by_itself(lane, the_run(lane)) is None
    assert idle(lane)


def test_tick_begins_no_step_after_its_limit(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    for key in KEYS:
        submit(lane, scene.recipe(), scene.wishes(pilot="0", only=key))
    scene.clock.advance(100)

    class Slow(FakeClock):
        """Every look at the clock costs half a minute."""

        def __call__(self) -> object:  # type: ignore[override]  # a datetime, from the clock of the scene
            scene.clock.advance(30)
            return scene.clock()

    lane.clock = Slow()  # type: ignore[assignment]  # as above
    began = scene.clock.seconds()
    tick(lane)
    assert scene.clock.seconds() - began < 900
    lane.clock = scene.clock
    assert lane.deadline is None
    left = runs.open_runs(lane.db)
    assert left
    for _ in left:
        tick(lane)
    assert runs.open_runs(lane.db) == []


def test_unknown_run_is_looked_for_by_tick_in_silence(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    scene.clock.advance(400)
    assert tick(lane).said == ()


def test_tick_that_finds_no_provider_raises_and_is_not_a_good_one(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    box.stop()
    with deaf_port(port_of(box.url)), pytest.raises(TryLater):
        tick(lane)
    assert runs.get_meta(lane.db, LAST_GOOD) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_between_sending_and_the_committed_id_waits(
    scene: Scene, box: Sandbox, number: signal.Signals
) -> None:
    code = """
import os, signal, sys, threading
from pathlib import Path
from tests.lane.scene import FakeClock, Scene
from lanectl.lane import signals
from lanectl.lane.submit import submit
signals.raise_on_signals()
scene = Scene(Path(sys.argv[1]), FakeClock(), sys.argv[2])
with scene.lane() as lane:
    post = lane.api.create_batch
    def killed(*args, **named):
        os.kill(os.getpid(), int(sys.argv[3]))
        return post(*args, **named)
    lane.api.create_batch = killed
    try:
        submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    except signals.Interrupted as stopped:
        print("interrupted", int(stopped.number))
    except KeyboardInterrupt:
        print("interrupted", 2)
"""
    above = Path(__file__).parent.parent.parent
    environ = {
        "PYTHONPATH": str(above),
        "HOME": str(scene.home),
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(scene.root), box.url, str(int(number))],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    told = signal.SIGTERM if number == signal.SIGHUP else number
    assert done.stdout == f"interrupted {int(told)}\n"
    with scene.lane() as lane:
        assert states(lane) == [("main", "accepted")]
        assert tries(lane)[0].batch_id == box.ledger()[0].id


def test_second_interrupt_goes_through_at_once() -> None:
    passed: list[str] = []

    def twice() -> None:
        with signals.kept():
            os.kill(os.getpid(), signal.SIGINT)
            passed.append("the first was kept")
            os.kill(os.getpid(), signal.SIGINT)
            passed.append("the second too")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert passed == ["the first was kept"]


def test_lock_of_a_killed_process_is_free(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane()
    code = "import sys; from pathlib import Path; from lanectl.state.lock import lock\n" + (
        "with lock(Path(sys.argv[1]), wait_s=0, command='lanectl submit', now=''):\n"
        " print('held', flush=True)\n input()"
    )
    above = Path(__file__).parent.parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(lane.lock_path)],
        env={"PYTHONPATH": str(above)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        found = holder(lane.lock_path)
        assert found is not None
        assert found.pid == process.pid
        process.kill()
        process.wait()
    assert submit(lane, scene.recipe(), scene.wishes(pilot="0")).jobs == 4
    assert len(box.ledger()) == 1


def test_journal_beside_a_state_file_of_its_own_is_not_lost_on_a_full_disk(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    with lane.locked():
        assert lane.journal_path.stat().st_size == 64 * 1024
    with sqlite3.connect(scene.settings().state_path) as state:
        assert state.execute("PRAGMA quick_check").fetchone() == ("ok",)
    state.close()
