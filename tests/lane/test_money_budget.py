"""Caps: over one nothing is sent, the sentence says which and what would fit; the dead reserve nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lanectl.config import Budget, ModelSettings, Price
from lanectl.errors import ConfigError, Exit, HeldError
from lanectl.lane import budget
from lanectl.lane.cancel import cancel
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.release import drop, release
from lanectl.lane.retry import choose, plan, retry
from lanectl.lane.submit import submit
from lanectl.sandbox.faults import Faults, ItemFault, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import money, runs
from tests.lane.scene import RECIPE, OpenLane, Scene, SharedClock, make_repo, the_run, tries

PROCESSES = int(os.environ.get("LANECTL_TEST_PROCESSES", "4"))


def rewrite(scene: Scene, changes: Mapping[str, str]) -> None:
    """Change the recipe."""
    text = (scene.root / "notes.toml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (scene.root / "notes.toml").write_text(text)


def committed(lane: Lane) -> Decimal:
    return money.committed(lane.db, "2026-11-01", stale=budget.stale(lane)).usd


def refused(lane: Lane, scene: Scene, box: Sandbox, **wishes: Any) -> HeldError:
    """The refusal of a submission that must leave nothing behind."""
    with pytest.raises(HeldError) as raised:
        submit(lane, scene.recipe(), scene.wishes(**wishes))
    assert raised.value.exit == Exit.HELD
    assert box.ledger() == []
    assert runs.list_runs(lane.db) == []
    assert lane.spool.runs() == []
    return raised.value


@pytest.mark.parametrize(
    ("caps", "key"),
    [
        ({"run_usd": 0.005}, "[budget] run_usd"),
        ({"day_usd": 0.005}, "[budget] day_usd"),
        ({"month_usd": 0.005}, "[budget] month_usd"),
    ],
)
def test_submit_over_a_cap_sends_nothing_and_says_what_fits(
    scene: Scene, box: Sandbox, open_lane: OpenLane, caps: dict[str, Any], key: str
) -> None:
    lane = open_lane(budget=Budget(**caps))
    error = refused(lane, scene, box)
    said = re.fullmatch(
        rf"over the cap {re.escape(key)}: high is \$0\.01\d\d; \$0\.0050 of \$0\.0050 are left;"
        r" would fit: --limit (\d+)",
        error.message,
    )
    assert said, error.message
    assert error.hint == f"lanectl submit notes --limit {said[1]}"
    done = submit(lane, scene.recipe(), scene.wishes(limit=int(said[1])))
    assert done.run is not None


def test_max_tokens_that_is_named_as_fitting_fits(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    rewrite(scene, {"max_tokens = 2000": "max_tokens = 32000"})
    lane = open_lane(budget=Budget(run_usd=0.1))
    said = re.search(r"would fit: --limit \d+, or max_tokens at ([\d,]+)", refused(lane, scene, box).message)
    assert said
    tokens = int(said[1].replace(",", ""))
    assert 15_000 < tokens < 25_000
    rewrite(scene, {"max_tokens = 32000": f"max_tokens = {tokens}"})
    assert submit(lane, scene.recipe(), scene.wishes()).run is not None


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (
            {"run_requests": 3},
            "over the cap [budget] run_requests: 4 requests; 3 of 3 are left; would fit: --limit 3",
        ),
        (
            {"day_requests": 2},
            "over the cap [budget] day_requests: 4 requests; 2 of 2 are left; would fit: --limit 2",
        ),
        (
            {"month_requests": 0},
            "over the cap [budget] month_requests: 4 requests; 0 of 0 are left; nothing would fit",
        ),
    ],
)
def test_submit_over_a_cap_in_requests_sends_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane, caps: dict[str, Any], said: str
) -> None:
    assert refused(open_lane(budget=Budget(**caps)), scene, box).message == said


def test_recipe_lowers_the_cap_and_never_raises_it(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane(budget=Budget(run_usd=0.005))
    with pytest.raises(HeldError, match=r"over the cap \[budget\] run_usd"):
        submit(lane, scene.recipe(max_cost_usd=50.0), scene.wishes())
    with pytest.raises(HeldError, match=r"over the cap \[run\] max_cost_usd"):
        submit(open_lane(), scene.recipe(max_cost_usd=0.004), scene.wishes())
    with pytest.raises(HeldError, match="over the cap --max-cost"):
        submit(open_lane(), scene.recipe(max_cost_usd=1.0), scene.wishes(max_cost_usd=0.004))
    assert box.ledger() == []


def test_basis_at_most_compares_and_reserves_the_worst_case(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    error = refused(open_lane(budget=Budget(run_usd=0.02, basis="at-most")), scene, box)
    assert error.message.startswith(
        "over the cap [budget] run_usd: at most is $0.0405; $0.0200 of $0.0200 are left"
    )
    lane = open_lane(budget=Budget(basis="at-most"))
    done = submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    assert done.estimate is not None
    assert the_run(lane).reserved_usd == Decimal(str(done.estimate.at_most_usd))


def test_run_that_is_out_counts_with_its_reservation_and_then_with_what_it_cost(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    reserved = the_run(lane).reserved_usd
    assert reserved is not None
    assert committed(lane) == reserved
    scene.clock.advance(100)
    pull(lane)
    (row,) = money.spent(lane.db)
    assert row.cost_usd is not None
    assert committed(lane) == row.cost_usd != reserved


def test_day_cap_counts_only_its_day_and_month_cap_the_month(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    spent = float(committed(lane))
    caps = Budget(day_usd=spent + 0.001)
    with pytest.raises(HeldError, match=r"\[budget\] day_usd"):
        submit(open_lane(budget=caps), scene.recipe(), scene.wishes(again=True))
    scene.clock.advance(86_400)
    assert submit(open_lane(budget=caps), scene.recipe(), scene.wishes(again=True)).run is not None


@pytest.mark.parametrize("end", ["dropped", "canceled", "refused by the provider", "forgotten"])
def test_reservation_of_a_dead_run_is_released(
    scene: Scene, box: Sandbox, open_lane: OpenLane, end: str
) -> None:
    lane = open_lane()
    if end == "refused by the provider":
        box.set_faults(Faults(wire=(WireFault("create", status=400),)))
    elif end != "canceled":
        box.set_faults(Faults(wire=(WireFault("create", status=429, retry_after="90000"),)))
    submit(lane, scene.recipe(), scene.wishes(pilot="0", pilot_wait_s=0))
    run = the_run(lane)
    if end == "dropped":
        assert committed(lane) > 0
        drop(lane, run)
    elif end == "canceled":
        assert committed(lane) > 0
        cancel(lane, run)
        scene.clock.advance(100)
        pull(lane)
        assert committed(lane) == sum(row.known_usd for row in money.spent(lane.db))
        return
    elif end == "forgotten":
        assert committed(lane) > 0
        scene.clock.advance(25 * 3600)
    assert committed(lane) == 0


def test_retry_is_compared_with_the_caps_and_reserved(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(items=(ItemFault("expired", index=(0, 1)),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    run = the_run(lane)
    spent = committed(lane)
    poor = open_lane(budget=Budget(day_usd=float(spent) + 0.0005))
    with pytest.raises(HeldError, match=r"over the cap \[budget\] day_usd: high is \$"):
        retry(poor, run, choose(poor, run, None))
    assert len(box.ledger()) == 1
    assert runs.get_run(poor.db, run.id).pulled_at is not None
    box.set_faults(Faults())
    with lane.locked():
        plan(lane, run, choose(lane, run, None))
    again = runs.get_run(lane.db, run.id)
    assert again.reserved_usd is not None
    assert again.reserved_usd > spent
    assert committed(lane) == again.reserved_usd


def test_run_cap_counts_what_a_run_has_cost_before_its_retry(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(items=(ItemFault("expired", index=(0,)),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    scene.clock.advance(100)
    pull(lane)
    run = the_run(lane)
    poor = open_lane(budget=Budget(run_usd=float(committed(lane)) + 0.0001))
    with pytest.raises(HeldError, match=r"over the cap \[budget\] run_usd"):
        retry(poor, run, choose(poor, run, None))


def test_release_does_not_lift_a_cap(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=400),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    run = the_run(lane)
    assert run.held_reason is not None
    poor = open_lane(budget=Budget(day_usd=0.001))
    with pytest.raises(HeldError, match=r"over the cap \[budget\] day_usd"):
        release(poor, run)
    assert runs.get_run(poor.db, run.id).held_reason is not None
    assert box.ledger() == []
    release(lane, run)
    assert len(box.ledger()) == 1
    assert committed(lane) > 0


# --- models and prices


def test_unknown_model_is_refused_by_the_free_count_before_anything_is_sent(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    rewrite(scene, {"claude-sonnet-5-5": "claude-sonnet-9"})
    lane = open_lane()
    with pytest.raises(ConfigError) as raised:
        submit(lane, scene.recipe(), scene.wishes())
    assert raised.value.exit == Exit.CONFIG
    assert raised.value.message.startswith("the provider refuses the request: ")
    assert "claude-sonnet-9" in raised.value.message
    assert box.ledger() == []
    assert runs.list_runs(lane.db) == []


def test_unknown_price_refuses_unattended_unless_requests_are_capped(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    rewrite(scene, {"claude-sonnet-5-5": "claude-mythos-preview"})
    box.set_faults(Faults(wire=(WireFault("count_tokens", status=503, times=-1),)))
    error = refused(open_lane(), scene, box)
    assert error.message == "the price of the model is unknown, and no cap in requests is set"
    assert error.hint == "lanectl config set budget.run_requests 100"
    with pytest.raises(HeldError, match="run_requests: 4 requests; 3 of 3"):
        submit(open_lane(budget=Budget(run_requests=3)), scene.recipe(), scene.wishes())


def test_unknown_price_is_a_question_to_a_person(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    rewrite(scene, {"claude-sonnet-5-5": "claude-mythos-preview"})
    box.set_faults(Faults(wire=(WireFault("count_tokens", status=503, times=-1),)))
    asked: list[float | None] = []

    def no(figures: Any) -> bool:
        asked.append(figures.high_usd)
        return False

    done = submit(open_lane(), scene.recipe(), replace(scene.wishes(), yes=False), confirm=no)
    assert (done.canceled_by_user, asked, box.ledger()) == (True, [None], [])


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, None),
        (5, "claude-sonnet-4-5 retires on 2026-11-30, within the 24 hours a batch may take"),
        (6, "claude-sonnet-4-5 retired on 2026-11-30"),
    ],
)
def test_model_that_retires_within_a_batch_is_refused(
    scene: Scene, box: Sandbox, open_lane: OpenLane, days: int, said: str | None
) -> None:
    rewrite(scene, {"claude-sonnet-5-5": "claude-sonnet-4-5"})
    scene.clock.advance(days * 86_400)
    if said is None:
        done = submit(open_lane(), scene.recipe(), scene.wishes())
        assert done.estimate is not None
        assert done.estimate.warnings == ("claude-sonnet-4-5 retires on 2026-11-30",)
        return
    with pytest.raises(ConfigError) as raised:
        submit(open_lane(), scene.recipe(), scene.wishes())
    assert (raised.value.message, raised.value.exit, box.ledger()) == (said, Exit.CONFIG, [])


def test_override_of_a_price_is_what_runs_are_held_against(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    dear = {"claude-sonnet-5-5": ModelSettings(price=Price(output=100_000.0))}
    assert "[budget] run_usd: high is $100." in refused(open_lane(models=dear), scene, box).message


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("input = -1", "must be at least 0"),
        ('input = "2"', "a finite number"),
        ("inputs = 2", "did you mean input?"),
        ("input = nan", "a finite number"),
    ],
)
def test_wrong_override_of_a_price_is_a_configuration_error(
    scene: Scene,
    box: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    price: str,
    said: str,
) -> None:
    from lanectl.cli import main

    config = scene.root / "config.toml"
    config.write_text(f'[models."claude-sonnet-5-5".price]\n{price}\n')
    monkeypatch.setenv("ANTHROPIC_BASE_URL", box.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-sandbox")
    path = str(scene.root / "notes.toml")
    code = main(["submit", path, "--repo", str(scene.repo), "--config", str(config), "--yes"])
    assert code == Exit.CONFIG
    error = capsys.readouterr().err
    assert "price" in error
    assert said in error
    assert box.ledger() == []


# --- many at once

CHILD = """
import sys
from pathlib import Path
from tests.lane.scene import Scene, SharedClock
from lanectl.config import Budget
from lanectl.errors import HeldError
from lanectl.lane.submit import submit

root, url, cap = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
scene = Scene(root, SharedClock(root / "clock"), url)
with scene.lane(budget=Budget(day_usd=cap)) as lane:
    try:
        done = submit(lane, scene.recipe(), scene.wishes(pilot="0", only=sys.argv[4]))
        print("sent", done.run)
    except HeldError as error:
        print("held", error.message)
"""


def test_concurrent_submits_never_exceed_a_budget(tmp_path: Path) -> None:
    # A day of the test's own: at midnight the budget of another begins.
    clock = SharedClock(tmp_path / "clock")
    with Sandbox(tmp_path / "sandbox", clock=clock.seconds, duration_s=0.0) as box:
        scene = Scene(tmp_path, clock, box.url)
        scene.make(keys=tuple(f"{n:02}.txt" for n in range(PROCESSES)), recipe=RECIPE)
        with scene.lane() as lane:
            one = submit(lane, scene.recipe(), scene.wishes(pilot="0", only="00.txt")).estimate
        assert one is not None
        assert one.high_usd is not None
        fitting = PROCESSES // 2
        cap = one.high_usd * (fitting + 0.5)
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, str(tmp_path), box.url, str(cap), f"{n:02}.txt"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
            for n in range(1, PROCESSES)
        ]
        said = [child.communicate(timeout=300)[0].strip() for child in children]
        with scene.lane() as lane:
            taken = committed(lane)
            recorded = [run.reserved_usd for run in runs.list_runs(lane.db)]
    sent = [text for text in said if text.startswith("sent")]
    held = [text for text in said if text.startswith("held over the cap [budget] day_usd")]
    assert (len(sent), len(held)) == (fitting - 1, PROCESSES - fitting)
    assert len(box.ledger()) == fitting
    assert sum(one or 0 for one in recorded) <= Decimal(str(cap))
    assert 0 < taken <= Decimal(str(cap))


def test_fixture_of_a_second_repository_is_a_run_of_its_own(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    other = scene.root / "other"
    make_repo(other, {"alpha.txt": "the text of alpha.txt"})
    done = submit(lane, scene.recipe(), scene.wishes(repo=other))
    assert done.jobs == 1
    assert len(tries(lane, runs.get_run(lane.db, str(done.run)))) >= 1
