"""Stale reviews are found from the refs that lie here already."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lanectl.lane.heads import moved
from lanectl.lane.pull import pull
from lanectl.lane.report import digest_of
from lanectl.lane.submit import submit
from lanectl.state import runs
from tests.lane.scene import OpenLane, Scene
from tests.lane.test_lane_post import RECIPE


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(repo), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def branched(scene: Scene) -> Scene:
    """A repository with the branch `topic`, and the recipe that reviews it."""
    (scene.root / "reviews.toml").write_text(RECIPE)
    git(scene.repo, "checkout", "-q", "-b", "topic")
    (scene.repo / "new.py").write_text("a = 1\n")
    git(scene.repo, "add", "-A")
    git(scene.repo, "commit", "-q", "-m", "Work")
    return scene


def test_branch_that_moved_is_stale_and_one_that_did_not_is_not(branched: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, branched.recipe("reviews"), branched.wishes())
    branched.clock.advance(60)
    pull(lane)
    (run,) = runs.list_runs(lane.db)
    was = git(branched.repo, "rev-parse", "topic")
    assert list(moved(lane, run)) == []

    git(branched.repo, "commit", "-q", "--allow-empty", "-m", "More")

    (one,) = moved(lane, run)
    assert (one.key, one.was, one.now) == ("topic", was, git(branched.repo, "rev-parse", "topic"))
    assert digest_of(lane, [run]).moved == (one,)
    pull(lane, run)
    assert f"reviewed `{was[:12]}`, now" in (Path(run.artifacts) / "digest.md").read_text()


def test_repository_that_is_gone_makes_no_digest_fail(branched: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, branched.recipe("reviews"), branched.wishes(out=branched.root / "out"))
    branched.clock.advance(60)
    pull(lane)
    (run,) = runs.list_runs(lane.db)
    shutil.rmtree(branched.repo)
    assert digest_of(lane, [run]).moved == ()


def test_pages_of_later_nights_show_the_last_runs(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    for _ in range(3):
        submit(lane, scene.recipe(pilot=0), scene.wishes(again=True))
        scene.clock.advance(86_400)
        pull(lane)
    newest, middle, oldest = runs.list_runs(lane.db)
    assert [one.run for one in digest_of(lane, [newest]).past] == [oldest.id, middle.id, newest.id]
    assert [one.run for one in digest_of(lane, [middle]).past] == [oldest.id, middle.id]
