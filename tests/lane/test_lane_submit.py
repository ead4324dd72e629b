"""Submit: what is sent, what is skipped, what is refused before a cent is spent."""

import json
from dataclasses import replace

import pytest

from lanectl.errors import ConfigError, HeldError, NoAccess, TryLater
from lanectl.lane.pull import pull
from lanectl.lane.submit import preview, submit
from lanectl.models import Skip
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, runs
from tests.lane.scene import KEYS, RECIPE, OpenLane, Scene, make_repo, prompts, states, the_run, tries
from tests.ports import deaf_port, port_of


def test_submit_sends_the_pilot_and_then_the_rest(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert (done.state, done.held, done.jobs, list(done.skipped)) == ("in_progress", None, 4, [])
    assert states(lane) == [("pilot", "pulled"), ("main", "accepted")]
    assert [one.requests for one in tries(lane)] == [1, 3]
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_submit_before_the_pilot_is_back_stops_waiting_in_time(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes(pilot_wait_s=10))
    assert done.state == "in_progress"
    assert states(lane) == [("pilot", "accepted"), ("main", "accepted")]


def test_submit_with_a_late_pilot_holds_where_the_recipe_says_so(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    done = submit(lane, scene.recipe(pilot_late="hold"), scene.wishes(pilot_wait_s=10))
    assert done.held is not None
    assert "the pilot is late" in done.held[0]
    assert states(lane) == [("pilot", "accepted"), ("main", "intent")]


def test_submit_without_a_pilot_sends_one_batch(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    assert [(one.role, one.requests) for one in tries(lane)] == [("main", 4)]


def test_second_submit_skips_what_is_in_flight_and_makes_no_run(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    lane = open_lane()
    first = submit(lane, scene.recipe(), scene.wishes())
    again = submit(lane, scene.recipe(), scene.wishes())
    assert again.run is None
    reasons = sorted(skip.reason for skip in again.skipped)
    assert reasons == [f"in flight in {first.run}"] * 3 + ["unchanged"]
    assert len(runs.list_runs(lane.db)) == 1
    assert lane.spool.runs() == [first.run]
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_submit_after_a_pull_sends_only_what_has_changed(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    make_repo(scene.repo, {"beta.txt": "another text"})
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.jobs == 1
    assert sorted(skip.reason for skip in done.skipped) == ["unchanged"] * 3
    assert [(one.role, one.requests) for one in done.batches] == [("main", 1)]


def test_submit_again_sends_unchanged_items_too(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    assert submit(lane, scene.recipe(), scene.wishes(again=True)).jobs == 4


def test_submit_of_an_unanswering_provider_records_nothing(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.stop()
    lane = open_lane()
    with deaf_port(port_of(box.url)), pytest.raises(TryLater, match="no connection"):
        submit(lane, scene.recipe(), scene.wishes())
    assert runs.list_runs(lane.db) == []
    assert lane.spool.runs() == []


def test_submit_with_a_refused_key_records_nothing(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults(wire=(WireFault("list", status=401, times=-1),)))
    lane = open_lane()
    with pytest.raises(NoAccess):
        submit(lane, scene.recipe(), scene.wishes())
    assert runs.list_runs(lane.db) == []
    assert box.ledger() == []


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_refused_creation_holds_the_run_with_the_reason(
    scene: Scene, box: Sandbox, open_lane: OpenLane, status: int
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=status, message="no such beta"),)))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is not None
    assert done.held[0].startswith("the provider refused the batch: ")
    assert done.held[1] == f"lanectl release {done.run}"
    assert states(lane) == [("pilot", "refused"), ("main", "intent")]
    assert box.ledger() == []


@pytest.mark.parametrize("status", [429, 529])
def test_busy_provider_is_met_again_after_its_own_delay(
    scene: Scene, box: Sandbox, open_lane: OpenLane, status: int
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", status=status, retry_after="90"),)))
    lane = open_lane()
    began = scene.clock.seconds()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert states(lane) == [("pilot", "refused"), ("main", "accepted"), ("pilot", "pulled")]
    assert done.held is None
    assert scene.clock.seconds() - began >= 90
    assert sorted(prompts(box).values()) == [1, 1, 1, 1]


def test_item_fault_in_the_pilot_holds_the_rest(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    box.set_faults(Faults.from_json({"items": [{"outcome": "errored", "error": "invalid_request_error"}]}))
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is not None
    assert done.held[0].startswith("the pilot failed: invalid_request_error")
    assert len(box.ledger()) == 1


def test_passing_error_in_the_pilot_sends_another_pilot(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(
        Faults.from_json({"items": [{"outcome": "errored", "error": "overloaded_error", "batches": [1]}]})
    )
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    assert states(lane) == [("pilot", "pulled"), ("main", "accepted"), ("pilot", "pulled")]


def test_bodies_go_after_acceptance_and_come_again_with_the_same_bytes(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    box.set_faults(Faults(wire=(WireFault("create", do="cut"),)))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    run = the_run(lane)
    assert states(lane) == [("main", "absent"), ("main", "accepted")]
    lost = json.loads((lane.spool.root / run.id / "00.body").read_bytes())["requests"]
    sent = list(box.requests(str(tries(lane)[1].batch_id)))
    assert [one["params"] for one in lost] == [one["params"] for one in sent]
    assert all(a["custom_id"] != b["custom_id"] for a, b in zip(lost, sent, strict=True))
    assert [name for name in lane.spool.run(run.id).names() if name.endswith(".body")] == ["00.body"]


def test_two_items_with_one_key_are_refused(scene: Scene, open_lane: OpenLane) -> None:
    (scene.root / "notes.toml").write_text(RECIPE.replace("{{ item.path }}", "same"), encoding="utf-8")
    lane = open_lane()
    with pytest.raises(ConfigError, match="two items have the key"):
        submit(lane, scene.recipe(), scene.wishes())
    assert lane.spool.runs() == []


def test_over_a_cap_nothing_is_recorded_and_the_hint_says_what_fits(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    with pytest.raises(HeldError, match="over the cap --max-cost") as caught:
        submit(lane, scene.recipe(), scene.wishes(max_cost_usd=0.0))
    assert caught.value.hint == "lanectl spend"
    assert runs.list_runs(lane.db) == []


def test_confirmation_refused_leaves_nothing(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane()
    dear = scene.settings().budget
    lane.settings = scene.settings(budget=type(dear)(ask_above_usd=0.0))
    done = submit(lane, scene.recipe(), scene.wishes(yes=False), confirm=lambda _: False)
    assert (done.canceled_by_user, done.run) == (True, None)
    assert lane.spool.runs() == []
    assert box.ledger() == []


def test_preview_shows_the_request_and_keeps_nothing(scene: Scene, box: Sandbox, open_lane: OpenLane) -> None:
    lane = open_lane()
    shown = preview(lane, scene.recipe(), scene.wishes(), host="example.invalid")
    assert (shown.jobs, shown.batches, shown.first_key) == (4, (1, 3), "alpha.txt")
    assert "the text of alpha.txt" in str(shown.first_prompt)
    assert lane.spool.runs() == []
    assert box.seen == ()


def test_limit_and_only_choose_items(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    assert submit(lane, scene.recipe(), scene.wishes(only="[ab]*", limit=1)).jobs == 1
    assert [job.key for job in runs.list_jobs(lane.db, the_run(lane).id)] == ["alpha.txt"]


def test_empty_file_is_a_named_skip(scene: Scene, open_lane: OpenLane) -> None:
    make_repo(scene.repo, {"empty.txt": ""})
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert [skip for skip in done.skipped if skip.key == "empty.txt"] == [Skip("empty.txt", "empty")]
    assert done.jobs == len(KEYS)


def test_what_is_reserved_counts_against_the_day_until_the_run_is_settled(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes(only="a*"))
    assert done.estimate is not None
    high = float(done.estimate.high_usd or 0)
    scene.clock.advance(100)
    pull(lane)
    paid = float(answers.sums(lane.db, the_run(lane).id).cost_usd or 0)
    assert 0 < paid < 25
    lane.settings = replace(lane.settings, budget=replace(lane.settings.budget, day_usd=paid + high / 2))
    with pytest.raises(HeldError, match=r"over the cap \[budget\] day_usd"):
        submit(lane, scene.recipe(), scene.wishes(only="b*"))
    scene.clock.advance(24 * 3600)
    assert submit(lane, scene.recipe(), scene.wishes(only="b*")).jobs == 1
