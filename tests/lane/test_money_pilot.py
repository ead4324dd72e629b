"""The pilot: what its answers let through, what holds the run, which cache and reservation the rest gets."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lanectl.config import Budget
from lanectl.errors import Exit, HeldError
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.pull import pull
from lanectl.lane.release import release
from lanectl.lane.submit import submit
from lanectl.lane.sync import sync
from lanectl.sandbox.faults import Faults, ItemFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import runs
from tests.lane.scene import OpenLane, Scene, make_repo, prompts, states, the_run, tries

FIRST = (1,)


def rewrite(scene: Scene, old: str, new: str) -> None:
    """Change the recipe."""
    path = scene.root / "notes.toml"
    path.write_text(path.read_text().replace(old, new))


def outcomes(lane: Lane) -> dict[str, int]:
    return runs.outcome_counts(lane.db, the_run(lane).id)


@pytest.mark.parametrize(
    "error", ["invalid_request_error", "not_found_error", "authentication_error", "billing_error"]
)
def test_pilot_errored_for_request_key_or_account_holds_until_release(
    scene: Scene, box: Sandbox, open_lane: OpenLane, error: str
) -> None:
    box.set_faults(Faults(items=(ItemFault("errored", error=error, message="no such thing", batches=FIRST),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held == (f"the pilot failed: {error}: no such thing", f"lanectl release {done.run}")
    assert states(lane) == [("pilot", "pulled"), ("main", "intent")]
    pull(lane)
    assert len(box.ledger()) == 1
    release(lane, the_run(lane))
    assert states(lane) == [("pilot", "pulled"), ("main", "accepted")]
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane) == {"errored": 1, "succeeded": 3}


@pytest.mark.parametrize(
    "fault",
    [
        ItemFault("errored", error="overloaded_error", batches=(1, 2)),
        ItemFault("errored", error="api_error", batches=(1, 2)),
        ItemFault("expired", batches=(1, 2)),
    ],
    ids=["overloaded", "api error", "expired"],
)
def test_pilot_that_met_a_passing_trouble_is_sent_again_and_then_the_rest(
    scene: Scene, box: Sandbox, open_lane: OpenLane, fault: ItemFault
) -> None:
    box.set_faults(Faults(items=(fault,)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    assert [(one.role, one.requests) for one in sorted(tries(lane), key=lambda one: one.number)] == [
        ("pilot", 1),
        ("main", 3),
        ("pilot", 1),
        ("pilot", 1),
    ]
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane) == {"succeeded": 4}


def test_pilot_that_never_gets_through_holds_the_run(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(items=(ItemFault("errored", error="overloaded_error", message="busy"),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is not None
    assert done.held[0] == "the pilot did not get through 3 times: busy"
    assert len(box.ledger()) == 3


@pytest.mark.parametrize(("fault", "outcome"), [("refusal", "refused"), ("context", "truncated")])
def test_pilot_with_an_outcome_of_its_own_lets_the_rest_go(
    scene: Scene, box: Sandbox, open_lane: OpenLane, fault: str, outcome: str
) -> None:
    box.set_faults(Faults(items=(ItemFault(fault, batches=FIRST),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    scene.clock.advance(100)
    pull(lane)
    assert outcomes(lane) == {outcome: 1, "succeeded": 3}


def test_invalid_pilot_lets_the_rest_go(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    rewrite(scene, 'kind = "text"', 'kind = "findings"')
    box.set_faults(Faults(items=(ItemFault("prose", batches=FIRST),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    assert outcomes(lane) == {"": 3, "invalid": 1}


def test_truncated_pilot_is_followed_by_one_from_another_item(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(items=(ItemFault("max_tokens", batches=FIRST),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    by_number = sorted(tries(lane), key=lambda one: one.number)
    assert [(one.role, one.requests) for one in by_number] == [("pilot", 1), ("main", 2), ("pilot", 1)]
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_two_truncated_pilots_hold_the_run_and_a_release_sends_the_rest(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(items=(ItemFault("max_tokens", batches=(1, 2)),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is not None
    assert done.held[0] == "2 pilots were cut at max_tokens = 2,000"
    assert len(box.ledger()) == 2
    release(lane, the_run(lane))
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_pilot_of_two_sends_only_the_failed_one_again_and_with_the_rest(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(items=(ItemFault("errored", error="overloaded_error", index=(1,), batches=FIRST),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="2"))
    assert sorted((one.role, one.requests) for one in tries(lane)) == [("main", 1), ("main", 2), ("pilot", 2)]
    assert sorted(prompts(box).values()) == [1, 1, 1, 2]


def test_missing_result_of_a_pilot_holds_since_it_proves_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot_wait_s=1))
    box.befall(box.ledger()[0].id, "archived")
    scene.clock.advance(30 * 86_400)
    pull(lane)
    pull(lane)
    assert "main" not in {one.role for one in tries(lane) if one.batch_id}


# --- the cache and the money of the rest


PREFIX = "The rules of the house, in many words. " * 900


def wide(scene: Scene) -> None:
    """A scene whose prefix is worth a cache: some 11,000 tokens, and twelve further files."""
    rewrite(scene, "You write notes.", PREFIX)
    make_repo(scene.repo, {f"{n:02}.txt": f"the text of {n}" for n in range(12)})


def test_rest_after_a_pilot_reads_what_it_wrote(scene: Scene, open_lane: OpenLane) -> None:
    wide(scene)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="1"))
    assert [(one.role, one.cache_mode) for one in tries(lane)] == [("pilot", "1h"), ("main", "1h")]


def test_late_pilot_lets_the_rest_go_with_the_cache_that_pays_unprimed(
    scene: Scene, open_lane: OpenLane
) -> None:
    wide(scene)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="1", pilot_wait_s=10))
    unprimed = str(the_run(lane).policy["unprimed_cache"])
    assert unprimed != "1h"
    assert [(one.role, one.cache_mode) for one in tries(lane)] == [("pilot", "1h"), ("main", unprimed)]


def test_rest_that_is_taken_further_after_the_entry_expired_uses_the_unprimed_cache(
    scene: Scene, open_lane: OpenLane
) -> None:
    wide(scene)
    lane = open_lane()
    submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot="1", pilot_wait_s=5))
    run = the_run(lane)
    with lane.db.write():
        runs.unhold(lane.db, run.id)
    scene.clock.advance(3 * 3600)
    pull(lane)
    with lane.locked():
        sync(lane)
        advance(lane, runs.get_run(lane.db, run.id))
    assert [(one.role, one.cache_mode) for one in tries(lane)] == [
        ("pilot", "1h"),
        ("main", run.policy["unprimed_cache"]),
    ]
    told = [text for _, text in runs.list_events(lane.db, run.id)]
    assert any("the pilot's entry has expired" in text for text in told)


def test_late_pilot_whose_rest_is_over_the_cap_unprimed_holds_it(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    wide(scene)
    # Primed some 6 cents are high, unprimed some 17.
    lane = open_lane(budget=Budget(run_usd=0.14))
    done = submit(lane, scene.recipe(), scene.wishes(pilot="1", pilot_wait_s=10))
    assert done.held is not None
    assert done.held[0].startswith("after the pilot: over the cap [budget] run_usd: high is $0.")
    assert len(box.ledger()) == 1
    with pytest.raises(HeldError, match=r"over the cap \[budget\] run_usd") as raised:
        release(lane, the_run(lane))
    assert raised.value.exit == Exit.HELD
    assert len(box.ledger()) == 1
    release(open_lane(budget=Budget(run_usd=1.0)), the_run(lane))
    assert len(box.ledger()) == 2


def test_pilot_with_longer_answers_than_guessed_raises_the_reservation_or_holds(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    # Every answer is cut: the pilot is the longest answer there can be, and its twin succeeds.
    box.set_faults(Faults(items=(ItemFault("max_tokens", batches=FIRST),)))
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.estimate is not None
    assert done.estimate.high_usd is not None
    reserved = the_run(lane).reserved_usd
    assert reserved is not None
    assert reserved > Decimal(str(done.estimate.high_usd))


def test_pilot_with_short_answers_lowers_the_reservation(scene: Scene, open_lane: OpenLane) -> None:
    rewrite(scene, "max_tokens = 2000", "max_tokens = 32000")
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.estimate is not None
    assert done.estimate.high_usd is not None
    reserved = the_run(lane).reserved_usd
    assert reserved is not None
    assert 0 < reserved < Decimal(str(done.estimate.high_usd)) * Decimal("0.6")


def test_hurrying_person_gets_the_rest_sent_and_the_run_is_judged_once(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane(hurry=True)
    submit(lane, scene.recipe(), scene.wishes())
    assert states(lane) == [("pilot", "accepted"), ("main", "accepted")]
    assert the_run(lane).policy["pilot_judged"] is True


def test_pilot_form_that_succeeded_before_is_not_piloted_again(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    done = submit(lane, scene.recipe(), scene.wishes(again=True))
    assert [one.role for one in done.batches] == ["main"]
    changed = replace(scene.wishes(again=True), pilot="auto")
    recipe = scene.recipe()
    other = recipe.model_copy(update={"lane": recipe.lane.model_copy(update={"max_tokens": 2001})})
    assert [one.role for one in submit(lane, other, changed).batches] == ["pilot", "main"]
