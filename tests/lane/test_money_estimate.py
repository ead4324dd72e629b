"""Estimates: three figures always, the cache's arithmetic in words, the worked example to the last digit."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.lane.budget import reserve
from lanectl.lane.caching import cache_account
from lanectl.lane.estimate import estimate
from lanectl.lane.pull import pull
from lanectl.lane.spend import spend
from lanectl.lane.submit import submit
from lanectl.models import Lane as Lanes
from lanectl.plan import cache
from lanectl.plan.cache import Seen, break_even, choose, entry_lives, likely_cause
from lanectl.plan.estimate import after_pilot, outputs_of
from lanectl.prices import UnitPrices, unit_prices
from lanectl.render.planned import draw_estimated, estimated_data
from lanectl.render.screen import Screen
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.server import Sandbox
from lanectl.state import answers
from tests.lane.scene import OpenLane, Scene, make_repo, the_run

DAY = date(2026, 11, 24)


def rewrite(scene: Scene, changes: Mapping[str, str]) -> None:
    """Change the recipe."""
    text = (scene.root / "notes.toml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (scene.root / "notes.toml").write_text(text)


def sized(scene: Scene, *, prefix: int, own: tuple[int, ...], model: str, max_tokens: int) -> None:
    """A scene whose prefix and jobs have so many bytes: exact sizes make exact tokens offline."""
    changes = {"claude-sonnet-5-5": model, "max_tokens = 2000": f"max_tokens = {max_tokens}"}
    changes['system = "You'] = 'max_prefix_bytes = 4000000\nsystem = "You'
    rewrite(scene, changes)
    for n, size in enumerate(own):
        make_repo(scene.repo, {f"sized-{n}.md": "x" * size})
    rewrite(scene, {'include = ["*.txt"]': 'include = ["sized-*.md"]'})
    with scene.lane() as lane:
        from lanectl.lane.prepare import prepare

        made = prepare(lane, scene.recipe(), scene.wishes())
        missing = prefix - made.shared.prefix_bytes()
        lane.spool.remove(made.run_id)
    rewrite(scene, {"You write notes.": "You write notes." + "." * missing})


def test_estimate_prints_the_worked_example(scene: Scene, open_lane: OpenLane) -> None:
    # Offline a byte is 0.33 tokens: 757,576 bytes are 250,000, a file of 24,137 makes a prompt of 8,000; an
    # answer is expected to have a tenth of 120,000.
    sized(scene, prefix=757_576, own=(24_137,), model="claude-opus-4-7", max_tokens=120_000)
    lane = open_lane()
    done = estimate(lane, scene.recipe(), scene.wishes(), offline=True)
    figures = done.estimate
    assert (figures.prefix_tokens, figures.input_tokens, figures.output_tokens) == (250_000, 258_000, 12_000)
    assert estimated_data(done)["one_job"] == [
        {
            "lane": "interactive",
            "uncached_usd": 1.59,
            "write_5m_usd": 1.9025,
            "write_1h_usd": 2.84,
            "read_usd": 0.465,
        },
        {
            "lane": "batch",
            "uncached_usd": 0.795,
            "write_5m_usd": 0.95125,
            "write_1h_usd": 1.42,
            "read_usd": 0.2325,
        },
    ]
    out = io.StringIO()
    draw_estimated(Screen(out, io.StringIO(), None, {}), done)
    printed = out.getvalue()
    interactive = next(line for line in printed.splitlines() if "$1.9025" in line)
    batch = next(line for line in printed.splitlines() if "$0.2325" in line)
    assert interactive.split() == ["interactive", "$1.5900", "$1.9025", "$2.8400", "$0.4650"]
    assert batch.split()[0] == "batch"


def test_estimate_always_has_three_figures_in_their_order(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    for offline in (True, False):
        for wishes in ({}, {"pilot": "0"}, {"cache": "1h"}, {"cache": "off"}, {"limit": 1}):
            figures = estimate(lane, scene.recipe(), scene.wishes(**wishes), offline=offline).estimate
            assert figures.expected_usd is not None
            assert figures.high_usd is not None
            assert figures.at_most_usd is not None
            assert 0 < figures.expected_usd <= figures.high_usd <= figures.at_most_usd


def test_high_is_a_quarter_of_max_tokens_before_there_are_answers_and_says_so(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    figures = estimate(lane, scene.recipe(), scene.wishes(cache="off"), offline=True).estimate
    prices = unit_prices("claude-sonnet-5-5", Lanes.BATCH, DAY, prompt_tokens=1000)
    assert prices is not None
    prompt = figures.input_tokens * prices.input
    assert figures.high_usd == float(prompt + 4 * 500 * prices.output)
    assert figures.at_most_usd == float(prompt + 4 * 2000 * prices.output)
    assert "a quarter is high" in figures.basis


def test_estimate_after_answers_follows_them(scene: Scene, open_lane: OpenLane) -> None:
    make_repo(scene.repo, {"epsilon.txt": "the text of epsilon"})
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    lengths = sorted(answers.output_tokens(lane.db, "notes", "claude-sonnet-5-5"))
    figures = estimate(lane, scene.recipe(), scene.wishes(again=True, cache="off"), offline=True).estimate
    prices = unit_prices("claude-sonnet-5-5", Lanes.BATCH, DAY, prompt_tokens=1000)
    assert prices is not None
    assert figures.output_tokens == sum(lengths)
    prompt = float(figures.input_tokens * prices.input)
    assert figures.high_usd == pytest.approx(prompt + 5 * lengths[-1] * float(prices.output))
    assert "from this recipe's last 5 answers" in figures.basis


def test_at_most_writes_the_prefix_every_time(scene: Scene, open_lane: OpenLane) -> None:
    sized(scene, prefix=60_000, own=(100, 100, 100), model="claude-opus-5-5", max_tokens=1000)
    figures = estimate(
        open_lane(), scene.recipe(), scene.wishes(cache="1h", pilot="1"), offline=True
    ).estimate
    prices = unit_prices("claude-opus-5-5", Lanes.BATCH, DAY, prompt_tokens=1000)
    assert prices is not None
    own = figures.input_tokens - 3 * figures.prefix_tokens
    written = 3 * figures.prefix_tokens * prices.cache_write_1h
    assert figures.at_most_usd == float(written + own * prices.input + 3000 * prices.output)


def test_length_tier_reprices_only_the_prompts_above_it_and_is_warned_about(
    scene: Scene, open_lane: OpenLane
) -> None:
    # 95,000 tokens of prefix; two jobs of 6,000 tokens are above 100,000 together with it, one of 300 is not.
    sized(
        scene,
        prefix=287_879,
        own=(18_000, 18_000, 800),
        model="claude-haiku-5-5",
        max_tokens=1000,
    )
    figures = estimate(open_lane(), scene.recipe(), scene.wishes(cache="off"), offline=True).estimate
    (warning,) = figures.warnings
    assert warning.startswith("2 of 3 prompts are longer than 100,000 tokens (the longest about 100,9")
    assert "95,000 of them prefix), where every token costs 5 times more; a prefix below 94,0" in warning
    below = unit_prices("claude-haiku-5-5", Lanes.BATCH, DAY, prompt_tokens=100_000)
    above = unit_prices("claude-haiku-5-5", Lanes.BATCH, DAY, prompt_tokens=100_001)
    assert below is not None
    assert above is not None
    small = 95_000 * below.input + 250 * below.output
    large = 2 * (95_000 * above.input + 250 * above.output)
    assert figures.high_usd == pytest.approx(float(small + large), rel=0.08)
    assert figures.high_usd is not None
    assert figures.high_usd > float(small + large)


def test_estimate_without_a_price_is_unknown_and_never_zero(scene: Scene, open_lane: OpenLane) -> None:
    rewrite(scene, {"claude-sonnet-5-5": "claude-mythos-preview"})
    figures = estimate(open_lane(), scene.recipe(), scene.wishes(), offline=True).estimate
    assert (figures.expected_usd, figures.high_usd, figures.at_most_usd) == (None, None, None)
    assert "the price of claude-mythos-preview is unknown" in figures.warnings


# --- the cache


def prices(model: str = "claude-opus-5-5") -> UnitPrices:
    """The batch prices of a model that has some."""
    found = unit_prices(model, Lanes.BATCH, DAY, prompt_tokens=1000)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "mode", "even"),
    [
        ("claude-opus-5-5", "1h", 0.51),
        ("claude-opus-4-7", "1h", 0.53),
        ("claude-opus-4-7", "5m", 0.22),
        ("claude-opus-5-5", "5m", 0.21),
    ],
)
def test_break_even_is_the_documented_one(model: str, mode: str, even: float) -> None:
    assert round(break_even(prices(model), mode) or 0.0, 2) == even


@pytest.mark.parametrize(
    ("given", "mode", "reason"),
    [
        (
            {"jobs": 200, "primed": True},
            "1h",
            "the pilot writes it and the other 199 read it: 98% of hits are expected (before any history), "
            "above the break-even of 51% for 1h",
        ),
        (
            {"jobs": 2, "primed": True},
            "off",
            "the pilot writes it and the other 1 read it: 49% of hits are expected (before any history), "
            "below the break-even of 51% for 1h",
        ),
        (
            {"jobs": 200},
            "5m",
            "30% of hits are expected (before any history), above the break-even of 21% for 5m",
        ),
        (
            {"jobs": 200, "hit_rate": 0.1},
            "off",
            "10% of hits are expected (by this workspace's history), below the break-even of 21% for 5m",
        ),
        (
            {"jobs": 5},
            "off",
            "30% of hits are expected (before any history), below the break-even of 51% for 1h",
        ),
        (
            {"jobs": 5, "hit_rate": 0.7},
            "1h",
            "70% of hits are expected (by this workspace's history), above the break-even of 51% for 1h",
        ),
        ({"jobs": 1}, "off", "one job has nobody to share a prefix with"),
        (
            {"jobs": 200, "prefix_tokens": 500},
            "off",
            "the prefix has about 500 tokens; this model caches from 512",
        ),
        ({"jobs": 200, "wanted": "1h"}, "1h", "as asked for"),
        (
            {"jobs": 200, "wanted": "1h", "prefix_tokens": 500},
            "1h",
            "as asked for, though the prefix has about 500 tokens; this model caches from 512",
        ),
    ],
)
def test_cache_choice_says_its_arithmetic(given: dict[str, object], mode: str, reason: str) -> None:
    known = {
        "prefix_tokens": 50_000,
        "least_tokens": 512,
        "prices": prices(),
        "primed": False,
        "wanted": "auto",
    }
    values = {**known, **given}
    wanted = str(values.pop("wanted"))
    choice = choose(wanted, **values)  # type: ignore[arg-type]  # the table's values have the right types
    assert (choice.mode, choice.reason) == (mode, reason)


@given(
    rate=st.floats(0, 1),
    jobs=st.integers(2, 5000),
    primed=st.booleans(),
    model=st.sampled_from(["claude-opus-5-5", "claude-opus-4-7", "claude-haiku-4-5", "claude-fable-5-2"]),
)
def test_chosen_cache_never_costs_more_than_none_at_the_rate_it_expects(
    rate: float, jobs: int, primed: bool, model: str
) -> None:
    unit = prices(model)
    choice = choose(
        "auto", jobs=jobs, prefix_tokens=9000, least_tokens=512, prices=unit, primed=primed, hit_rate=rate
    )
    cost = cache.relative_cost(unit, choice.mode, choice.expected_hit_rate or 0.0)
    assert cost <= unit.input


@pytest.mark.parametrize(
    ("after_s", "took_s", "lives"),
    [
        (60, 60, True),
        (49 * 60, 60, True),
        (51 * 60, 60, False),
        (80 * 60, 45 * 60, False),
        (70 * 60, 45 * 60, True),
    ],
)
def test_entry_of_a_pilot_lives_for_the_rest_of_its_hour(after_s: int, took_s: int, lives: bool) -> None:
    created = datetime(2026, 11, 24, 2, tzinfo=UTC)
    ended = (created + timedelta(seconds=took_s)).isoformat()
    now = created + timedelta(seconds=after_s)
    assert entry_lives(created_at=created.isoformat(), ended_at=ended, now=now) is lives


GOOD = Seen("1h", 9000, 512, 600.0, True, True, 1200.0, 200)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"mode": "off"}, "the main batch was sent without a cache"),
        ({"prefix_tokens": 400}, "the prefix has about 400 tokens; this model caches from 512"),
        (
            {"same_workspace": False},
            "pilot and main batch went to different workspaces, which share no cache",
        ),
        (
            {"after_pilot_s": None},
            "without a pilot the first wave of a batch finds nothing to read and writes",
        ),
        ({"waited": False}, "the rest was sent before its pilot had come back"),
        (
            {"after_pilot_s": 4000.0},
            "the rest was sent over an hour after its pilot, whose cache entry had expired",
        ),
        (
            {"mode": "5m", "jobs": 3},
            "requests ran more than five minutes apart, longer than the 5-minute cache lasts",
        ),
        ({"longest_s": 5000.0}, "the batch took longer than the hour that a cache entry lasts"),
        ({}, "the provider's batch cache is best effort; 30 to 98 % of hits are what it promises"),
    ],
)
def test_low_hit_rate_has_a_likely_cause(change: dict[str, Any], cause: str) -> None:
    assert likely_cause(replace(GOOD, **change)) == cause


def test_pilot_lowers_a_guess_and_only_raises_what_history_knows() -> None:
    guess, known = outputs_of((), 64_000), outputs_of([1000] * 20, 64_000)
    assert guess.high == 16_000
    assert after_pilot(guess, [900], (), 64_000).high == 1800
    assert after_pilot(guess, [60_000], (), 64_000).high == 64_000
    assert after_pilot(known, [300], [1000] * 20, 64_000).high == 1000
    assert after_pilot(known, [5000], [1000] * 20, 64_000).high == 5000
    assert after_pilot(guess, [], (), 64_000) == guess


# --- the founding example, and priming against not priming


def wide(scene: Scene, box: Sandbox, *, jobs: int, prefix: int, model: str, max_tokens: int) -> None:
    """Many small files behind a prefix of so many bytes."""
    make_repo(scene.repo, {f"n{n:03}.md": f"the text of {n}" for n in range(jobs)})
    text = ("a line of the house's rules, which are long\\n" * (prefix // 44 + 1))[:prefix]
    rewrite(
        scene,
        {
            'include = ["*.txt"]': 'include = ["n*.md"]',
            "You write notes.": text,
            'system = "': 'max_prefix_bytes = 4000000\nsystem = "',
            "claude-sonnet-5-5": model,
            "max_tokens = 2000": f"max_tokens = {max_tokens}",
        },
    )
    box.set_duration(600.0)


def test_founding_example_goes_through_on_the_default_caps(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    # 47 reviews behind some 50,000 tokens of prefix, with room for 64,000 tokens in each answer.
    wide(scene, box, jobs=47, prefix=153_000, model="claude-opus-5-5", max_tokens=64_000)
    lane = open_lane()
    done = submit(lane, scene.recipe(), scene.wishes())
    assert done.held is None
    figures = done.estimate
    assert figures is not None
    assert 45_000 < figures.prefix_tokens < 55_000
    high = reserve(lane, figures)
    assert high is not None
    assert figures.at_most_usd is not None
    assert high < lane.settings.budget.run_usd < figures.at_most_usd
    assert [(one.role, one.requests) for one in done.batches] == [("pilot", 1), ("main", 46)]
    scene.clock.advance(3600)
    pull(lane)
    cost = answers.sums(lane.db, the_run(lane).id).cost_usd
    assert cost is not None
    assert cost < high


def test_pilot_makes_the_main_batch_read_and_cost_less_than_any_other_way(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    wide(scene, box, jobs=60, prefix=60_000, model="claude-opus-5-5", max_tokens=4000)
    lane = open_lane()
    cost: dict[str, float] = {}
    ways = {
        "pilot": {"pilot": "1"},
        "none": {"pilot": "0", "cache": "1h"},
        "off": {"pilot": "0", "cache": "off"},
    }
    for name, wishes in ways.items():
        done = submit(lane, scene.recipe(), scene.wishes(again=True, **wishes))
        scene.clock.advance(2 * 3600)
        pull(lane)
        run = next(line for line in spend(lane, by="run", since="").lines if line.key == done.run)
        assert run.paid_usd is not None
        cost[name] = run.paid_usd
        if name == "pilot":
            rows = lane.db.row(
                """SELECT sum(cache_read_tokens) AS read, sum(cache_write_1h_tokens) AS written FROM answers
                JOIN attempts ON attempts.run = answers.run AND attempts.number = answers.attempt
                WHERE attempts.role = 'main'"""
            )
            assert rows is not None
            assert rows["read"] / (rows["read"] + rows["written"]) >= 0.99
            account = cache_account(lane, the_run(lane))
            assert account.saved_usd is not None
            assert account.saved_usd > 0
            assert account.cause == ""
    assert cost["pilot"] < cost["none"] < cost["off"]


def test_history_of_hits_becomes_the_next_expectation(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    wide(scene, box, jobs=30, prefix=60_000, model="claude-opus-5-5", max_tokens=4000)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", cache="1h"))
    scene.clock.advance(2 * 3600)
    pull(lane)
    rate = answers.sums(lane.db, the_run(lane).id).cache_hit_rate
    assert rate is not None
    figures = estimate(lane, scene.recipe(), scene.wishes(again=True, pilot="0"), offline=True).estimate
    assert f"{rate:.0%} of hits are expected (by this workspace's history)" in figures.cache.reason


def test_cache_that_lost_money_says_so_with_its_cause(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    wide(scene, box, jobs=12, prefix=60_000, model="claude-opus-5-5", max_tokens=4000)
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", cache="1h"))
    scene.clock.advance(2 * 3600)
    pull(lane)
    account = cache_account(lane, the_run(lane))
    assert account.saved_usd is not None
    assert account.saved_usd < 0
    assert (account.hit_rate, account.read_tokens, account.written_5m_tokens) == (0.0, 0, 0)
    assert account.written_1h_tokens > 0
    assert account.cause == "without a pilot the first wave of a batch finds nothing to read and writes"


def test_cache_is_not_blamed_for_what_the_provider_did_not_process(
    scene: Scene, box: Sandbox, open_lane: OpenLane
) -> None:
    wide(scene, box, jobs=12, prefix=60_000, model="claude-opus-5-5", max_tokens=4000)
    box.set_faults(Faults.from_json({"items": [{"outcome": "errored"}]}))
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes(pilot="0", cache="1h"))
    scene.clock.advance(2 * 3600)
    pull(lane)
    account = cache_account(lane, the_run(lane))
    assert (account.hit_rate, account.cause) == (None, "")
