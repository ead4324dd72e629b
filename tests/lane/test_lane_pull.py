"""Pull: results become artifacts, outcomes and a page; damage costs no other job its result."""

import json
from pathlib import Path

import pytest

from lanectl.errors import NoAccess, TryLater
from lanectl.lane.pull import pull
from lanectl.lane.status import status
from lanectl.lane.submit import submit
from lanectl.lane.sync import sync
from lanectl.sandbox.faults import Faults, ResultsFault, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, runs
from lanectl.state.lock import lock
from tests.lane.scene import KEYS, OpenLane, Scene, prompts, states, the_run, tries


@pytest.fixture
def sent(scene: Scene, open_lane: OpenLane) -> Scene:
    """One batch of four, ended and not pulled."""
    submit(open_lane(), scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    return scene


def outcomes(lane: object) -> dict[str, int]:
    """Jobs of the one run by outcome."""
    return runs.outcome_counts(lane.db, the_run(lane).id)  # type: ignore[attr-defined, arg-type]  # a Lane


def test_pull_writes_artifacts_manifest_results_digest_and_page(sent: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    done = pull(lane)
    (one,) = done.runs
    root = Path(the_run(lane).artifacts)
    assert (one.state, one.written, one.unchanged, one.settled_now, done.pending) == ("pulled", 4, 0, True, 0)
    assert sorted(path.name for path in root.iterdir()) == sorted(
        [*KEYS, "digest.html", "digest.md", "manifest.json", "results.jsonl"]
    )
    manifest = json.loads((root / "manifest.json").read_bytes())
    assert [job["key"] for job in manifest["jobs"]] == sorted(KEYS)
    assert {job["outcome"] for job in manifest["jobs"]} == {"succeeded"}
    assert (manifest["out"], manifest["skipped"]) == (0, [])
    assert done.morning is not None
    assert done.morning.page == sent.settings().data_dir / "morning.html"
    assert (root.parent / "latest").resolve() == root


@pytest.mark.usefixtures("sent")
def test_pull_again_changes_nothing(open_lane: OpenLane) -> None:
    lane = open_lane()
    pull(lane)
    done = pull(lane)
    assert (done.runs, done.pending, done.morning) == ((), 0, None)


@pytest.mark.usefixtures("sent")
def test_pull_of_a_named_run_writes_deleted_artifacts_again_and_keeps_edits(open_lane: OpenLane) -> None:
    lane = open_lane()
    pull(lane)
    run = the_run(lane)
    root = Path(run.artifacts)
    (root / "alpha.txt").unlink()
    (root / "beta.txt").write_text("mine", encoding="utf-8")
    done = pull(lane, run)
    assert done.runs[0].written == 1
    assert (root / "alpha.txt").exists()
    assert (root / "beta.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("sent")
def test_file_of_the_users_own_is_never_overwritten(open_lane: OpenLane) -> None:
    lane = open_lane()
    root = Path(the_run(lane).artifacts)
    root.mkdir(parents=True)
    (root / "alpha.txt").write_text("mine", encoding="utf-8")
    pull(lane)
    assert (root / "alpha.txt").read_text(encoding="utf-8") == "mine"
    assert (root / "alpha.2.txt").exists()


def test_pull_before_the_end_says_pending(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    done = pull(lane)
    assert (done.runs, done.pending) == ((), 1)


def test_pull_waits_until_nothing_is_pending(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    done = pull(lane, wait=True)
    assert done.pending == 0
    assert outcomes(lane) == {"succeeded": 4}


def test_pull_with_a_timeout_ends_in_time(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_duration(9000)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    before = scene.clock.seconds()
    assert pull(lane, wait=True, timeout_s=100).pending == 1
    assert scene.clock.seconds() - before == 100


def test_pull_takes_an_interrupted_submission_further(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot_wait_s=0))
    runs.unhold(lane.db, the_run(lane).id)
    scene.clock.advance(100)
    done = pull(lane)
    assert [(one.role, one.state) for one in done.sent] == [("main", "accepted")]
    assert states(lane) == [("pilot", "pulled"), ("main", "accepted")]
    assert len(box.ledger()) == 2


@pytest.mark.usefixtures("sent")
def test_lock_that_is_held_is_told_with_its_holder(open_lane: OpenLane) -> None:
    lane = open_lane()
    held = lock(lane.lock_path, wait_s=0, command="lanectl submit", now=lane.now)
    with held, pytest.raises(TryLater, match="lanectl submit"):
        pull(open_lane(), lock_wait_s=0)
    assert pull(lane, lock_wait_s=0).pending == 0


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        ("malformed", "unreadable"),
        ("blank", "succeeded"),
        ("duplicate", "succeeded"),
        ("foreign", "succeeded"),
        ("unknown-type", "unreadable"),
        ("missing", "missing"),
        ("not-utf8", "unreadable"),
        ("surrogate", "unreadable"),
        ("crlf", "succeeded"),
    ],
)
def test_damaged_line_costs_no_other_job_its_result(
    sent: Scene, box: Sandbox, open_lane: OpenLane, what: str, outcome: str, line: int
) -> None:
    box.set_faults(Faults(results=(ResultsFault(what, at=line, times=-1),)))
    lane = open_lane()
    for _ in range(4):
        pull(lane)
        sent.clock.advance(310)
    assert sum(outcomes(lane).values()) == 4
    assert outcomes(lane).get("succeeded", 0) == (4 if outcome == "succeeded" else 3)
    assert outcomes(lane).get(outcome, 0) in (1, 4)
    kept = (lane.spool.root / "quarantine").exists()
    assert kept == (what in ("malformed", "foreign", "unknown-type", "not-utf8", "surrogate"))


@pytest.mark.usefixtures("sent")
def test_results_short_of_a_job_are_fetched_again_before_it_is_missing(
    box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(results=(ResultsFault("missing", at=1, times=2),)))
    lane = open_lane()
    done = pull(lane)
    assert isinstance(done.runs[0].trouble, TryLater)
    assert outcomes(lane) == {"succeeded": 3, "": 1}
    pull(lane)
    assert outcomes(lane) == {"succeeded": 3, "": 1}
    pull(lane)
    assert outcomes(lane) == {"succeeded": 4}


@pytest.mark.parametrize("framing", ["content-length", "chunked", "chunked-end", "close"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.75, 0.99])
@pytest.mark.usefixtures("sent")
def test_cut_results_make_no_job_done_and_lose_none(
    box: Sandbox, open_lane: OpenLane, framing: str, share: float
) -> None:
    lane = open_lane()
    with lane.api.results(box.ledger()[0].id, timeout_s=10) as chunks:
        whole = b"".join(chunks)
    at = round(share * len(whole))
    box.set_faults(Faults(results=(ResultsFault("truncate", at=at, framing=framing),)))
    pull(lane)
    done = 4 - outcomes(lane).get("", 0)
    assert done <= whole[:at].count(b"\n")
    pull(lane)
    assert outcomes(lane) == {"succeeded": 4}


def test_results_cut_for_good_end_as_unreadable_and_missing(
    sent: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    with lane.api.results(box.ledger()[0].id, timeout_s=10) as chunks:
        lines = b"".join(chunks).splitlines(keepends=True)
    at = len(lines[0] + lines[1]) + len(lines[2]) // 2
    box.set_faults(Faults(results=(ResultsFault("truncate", at=at, framing="close", times=-1),)))
    for _ in range(4):
        pull(lane)
        sent.clock.advance(310)
    assert outcomes(lane) == {"succeeded": 2, "unreadable": 1, "missing": 1}


def test_huge_answer_is_kept_whole(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults.from_json({"items": [{"outcome": "huge", "size": 3_000_000, "index": [1]}]}))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane) == {"succeeded": 4}
    sizes = sorted(path.stat().st_size for path in Path(the_run(lane).artifacts).glob("*.txt"))
    assert sizes[-1] >= 3_000_000


def test_one_404_is_not_the_end_of_a_batch(sent: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("retrieve", status=404, times=4),)))
    lane = open_lane()
    for _ in range(4):
        pull(lane)
        assert states(lane) == [("main", "accepted")]
        sent.clock.advance(3600)
    pull(lane)
    assert outcomes(lane) == {"succeeded": 4}


def test_batch_deleted_elsewhere_is_missing_after_patience_and_never_sent_again(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    box.befall(str(tries(lane)[0].batch_id), "ended")
    box.befall(str(tries(lane)[0].batch_id), "deleted")
    for hour in range(8):
        pull(lane)
        if hour < 2:
            assert outcomes(lane) == {"": 4}
        scene.clock.advance(1800)
    assert outcomes(lane) == {"missing": 4}
    assert the_run(lane).pulled_at is not None
    assert len(box.ledger()) == 1


def test_batch_deleted_between_end_and_pull_is_not_asked_for_for_ever(
    sent: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    sync(lane)
    assert states(lane) == [("main", "ended")]
    box.befall(str(tries(lane)[0].batch_id), "deleted")
    for _ in range(8):
        pull(lane)
        sent.clock.advance(1800)
    assert outcomes(lane) == {"missing": 4}


def test_archived_results_end_as_missing_with_the_reason(sent: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    sync(lane)
    sent.clock.advance(30 * 24 * 3600)
    pull(lane)
    pull(lane)
    assert outcomes(lane) == {"missing": 4}
    (answer,) = answers.history(lane.db, the_run(lane).id, 0)
    assert answer.error is not None
    assert answer.error.type == "archived"
    assert answer.error.message == "the provider let the results go after 29 days"
    # They were answered, and billed: nobody knows how much.
    assert (answer.cost_usd, answer.list_usd) == (None, None)


def test_batch_canceled_elsewhere_ends_its_jobs_as_canceled(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    box.befall(str(tries(lane)[0].batch_id), "canceled")
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane).get("succeeded", 0) + outcomes(lane).get("canceled", 0) == 4
    assert outcomes(lane).get("canceled", 0) > 0
    assert len(box.ledger()) == 1


def test_expired_batch_ends_its_jobs_as_expired(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_duration(80_000)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(40_000)
    box.befall(str(tries(lane)[0].batch_id), "expired")
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane).get("expired", 0) > 0
    assert sum(outcomes(lane).values()) == 4


def test_key_of_another_workspace_changes_nothing(sent: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("retrieve", status=404, times=-1),)))
    lane = open_lane(key="sk-ant-another")
    for _ in range(8):
        with pytest.raises(NoAccess, match="which another key sent"):
            pull(lane)
        sent.clock.advance(3600)
    assert states(lane) == [("main", "accepted")]
    box.set_faults(Faults())
    pull(open_lane())
    assert outcomes(lane) == {"succeeded": 4}


@pytest.mark.usefixtures("sent")
def test_refused_key_changes_nothing(box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("retrieve", status=401, times=1),)))
    lane = open_lane()
    with pytest.raises(NoAccess):
        pull(lane)
    assert states(lane) == [("main", "accepted")]


@pytest.mark.usefixtures("sent")
def test_pull_after_raw_results_were_tidied_away_keeps_what_was_written(open_lane: OpenLane) -> None:
    lane = open_lane()
    pull(lane)
    run = the_run(lane)
    before = (Path(run.artifacts) / "results.jsonl").read_bytes()
    assert before
    lane.spool.remove(run.id)
    pull(lane, run)
    assert (Path(run.artifacts) / "results.jsonl").read_bytes() == before


@pytest.mark.usefixtures("sent")
def test_status_names_what_needs_a_person(open_lane: OpenLane) -> None:
    lane = open_lane()
    sync(lane)
    (shown,) = status(lane).runs
    assert shown.needs == (f"batch 0 has ended: lanectl pull {the_run(lane).id}",)
    pull(lane)
    assert status(lane).runs[0].needs == ()


def test_status_names_what_has_no_success_for_a_day(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults.from_json({"items": [{"outcome": "errored", "index": [0, 2]}]}))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(60)
    pull(lane)
    run = the_run(lane).id
    assert status(lane).runs[0].needs == (f"2 jobs without success (2 errored): lanectl retry {run}",)
    scene.clock.advance(24 * 3600)
    assert [one.needs for one in status(lane, every=True).runs] == [()]


@pytest.mark.usefixtures("sent")
def test_requests_are_paid_once_over_all_of_it(box: Sandbox, open_lane: OpenLane) -> None:
    pull(open_lane())
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]
