"""What a pulled run leaves is read from the state file as it comes, and knows what earlier nights told."""

import csv
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from lanectl.digest import csvform
from lanectl.digest.limits import WHOLE
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.report import digest_of, write_morning
from lanectl.lane.submit import submit
from lanectl.models import AttemptState, Finding, Outcome, Severity, Skip
from lanectl.state import answers, runs
from lanectl.state.answers import Artifact
from lanectl.state.database import Database
from lanectl.state.runs import Run
from tests.lane.scene import OpenLane, Scene
from tests.state.facts import add_attempt, add_run, result, run, send

REVIEWS = {"table": {"kind": "findings"}, "schema_value": None}
UNKNOWN = answers.Price(None, None, None)


def night(
    db: Database, run_id: str, day: int, *found: Finding, recipe: str = "reviews", settled: bool = True
) -> Run:
    """A run of one review that found this, made on a day of November."""
    at = f"2026-11-{day:02}T02:00:00+00:00"
    made = add_run(db, run(run_id, recipe=recipe, output=REVIEWS, created_at=at), jobs=1)
    fill(db, made, 1, found)
    if settled:
        runs.mark_pulled(db, run_id, now=at)
    return runs.get_run(db, run_id)


def fill(db: Database, made: Run, jobs: int, found: tuple[Finding, ...] = ()) -> None:
    """Answer the jobs of a run; each finds `found`, or else something of its own and something shared."""
    attempt = send(db, add_attempt(db, made, list(range(jobs))), AttemptState.ENDED)
    with db.write():
        for job in range(jobs):
            outcome = Outcome.ERRORED if job % 5 == 4 else Outcome.SUCCEEDED
            answers.add_answer(
                db, made.id, attempt.number, job, result(outcome), UNKNOWN, now=made.created_at
            )
            if outcome is Outcome.SUCCEEDED:
                mine = found or (
                    finding(f"Own {job}", detail=f"because of {job} " * 40),
                    finding(f"Shared {job // 100}", severity=Severity.LOW),
                )
                answers.add_artifacts(db, made.id, job, [Artifact(f"{job}.md", "00")], mine)


def finding(title: str, **changed: Any) -> Finding:
    told: dict[str, Any] = {"severity": Severity.HIGH, "path": "a.py", "line": 7, "end_line": 7, **changed}
    return Finding(title=title, **told)


def since(lane: Lane, *wanted: Run) -> dict[str, str | None]:
    groups = digest_of(lane, wanted).severities
    return {one.finding.title: one.first_reported for group in groups for one in group.findings}


def test_finding_is_known_from_the_first_settled_night_before(open_lane: OpenLane) -> None:
    lane = open_lane()
    old = finding("The key is logged")
    first = night(lane.db, "a" * 10, 20, old, finding("Gone since"))
    night(lane.db, "b" * 10, 21, finding("THE KEY is `logged`!", line=9, severity=Severity.LOW))
    night(lane.db, "c" * 10, 22, finding("Not settled"), settled=False)
    night(lane.db, "d" * 10, 22, finding("Another recipe's"), recipe="others")
    tonight = night(
        lane.db, "e" * 10, 23, old, *map(finding, ("Fresh", "Not settled", "Another recipe's", "Tomorrow's"))
    )
    night(lane.db, "f" * 10, 24, finding("Tomorrow's"))
    assert since(lane, tonight) == {
        "The key is logged": first.created_at,
        "Fresh": None,
        "Not settled": None,
        "Another recipe's": None,
        "Tomorrow's": None,
    }
    # Of a week that is told as one, the first night is no earlier night.
    assert since(lane, first, tonight)["The key is logged"] is None


def test_without_a_path_it_is_the_job_that_is_known(open_lane: OpenLane) -> None:
    lane = open_lane()
    bare = finding("The title says nothing", path="", line=0)
    first = night(lane.db, "a" * 10, 20, bare)
    assert since(lane, night(lane.db, "b" * 10, 21, bare)) == {"The title says nothing": first.created_at}


def test_state_file_tells_the_same_places_together(open_lane: OpenLane) -> None:
    lane = open_lane()
    spread = [finding(title, line=line) for line in (30, 10, 12, 29) for title in ("a b", "A-B", "c")]
    tonight = night(lane.db, "a" * 10, 20, *spread)
    groups = digest_of(lane, [tonight]).severities
    told = [(one.finding.title, one.finding.line, one.times) for group in groups for one in group.findings]
    assert sorted(told) == [("A-B", 10, 4), ("A-B", 29, 4), ("c", 10, 2), ("c", 29, 2)]


def peak_bytes(lane: Lane, jobs: int) -> int:
    skips = tuple(Skip(f"skipped {n}", "unchanged", f"/repo/{n}.md of 2026-11-22") for n in range(jobs))
    run_id = f"r{jobs:09}"
    at = "2026-11-20T02:00:00+00:00"
    made = add_run(
        lane.db, run(run_id, recipe="reviews", output=REVIEWS, created_at=at), jobs=jobs, skips=skips
    )
    fill(lane.db, made, jobs)
    tracemalloc.start()
    try:
        assert write_morning(lane, [made]) is not None
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_a_page_does_not_grow_with_the_run(open_lane: OpenLane) -> None:
    lane = open_lane()
    peak_bytes(lane, 50)
    small, great = peak_bytes(lane, 3_200), peak_bytes(lane, 9_600)
    # A job's key alone takes 54 bytes.
    assert (great - small) / 6_400 < 50, (small, great)


def test_whole_form_holds_what_a_page_leaves_out(open_lane: OpenLane) -> None:
    lane = open_lane()
    made = add_run(lane.db, run(recipe="reviews", output=REVIEWS), jobs=2_600)
    fill(lane.db, made, 2_600)
    page, whole = digest_of(lane, [made]), digest_of(lane, [made], limits=WHOLE)
    own = 2_600 * 4 // 5
    assert [(group.count, len(group.findings), group.cut) for group in page.severities] == [
        (own, 2_000, (("", own - 2_000),)),
        (26, 0, (("", 26),)),
    ]
    assert [len(group.findings) for group in whole.severities] == [own, 26]
    text = csvform.render(whole, link=lambda run, artifact: f"{run}/{artifact}")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert sum(row["what"] == "finding" for row in rows) == 2 * own


@pytest.mark.parametrize("binary", [0, 2])
def test_manifest_names_every_job_and_every_skipped_item(
    scene: Scene, open_lane: OpenLane, binary: int
) -> None:
    for n in range(binary):
        (scene.repo / f"{n}.txt").write_bytes(b"\0\1")
    lane = open_lane()
    submit(lane, scene.recipe(pilot=0), scene.wishes())
    scene.clock.advance(86_400)
    pull(lane)
    (made,) = runs.list_runs(lane.db)
    manifest = json.loads((Path(made.artifacts) / "manifest.json").read_text())
    assert [job["outcome"] for job in manifest["jobs"]] == ["succeeded"] * 4
    assert manifest["skipped"] == [
        {"key": f"{n}.txt", "reason": "binary", "detail": ""} for n in range(binary)
    ]
    assert list(manifest)[-4:] == ["jobs", "skipped", "out", "totals"]
    assert manifest["totals"]["skipped"] == ({"binary": binary} if binary else {})
