"""The arithmetic of caches and estimates: the published figures, and an order that always holds."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.models import CacheChoice
from lanectl.plan import cache
from lanectl.plan.estimate import Outputs, Work, estimate, outputs_of
from tests.plan.plans import unit_prices

PREFIX: dict[str, Any] = {"prefix_tokens": 20_000, "least_tokens": 512}


# What a prefix token costs relative to no cache, by hit rate: five minutes and an hour with reads at a tenth
# of the input price, an hour with reads at a twentieth; batches are documented to hit 30 to 98 %.
@pytest.mark.parametrize(
    ("hit_rate", "five_minutes", "hour", "hour_cheap"),
    [(0.30, "0.91", "1.43", "1.42"), (0.50, "0.68", "1.05", "1.03"), (0.70, "0.45", "0.67", "0.64"),
     (0.98, "0.12", "0.14", "0.09")],
)  # fmt: skip
def test_relative_cost_is_the_published_one(
    hit_rate: float, five_minutes: str, hour: str, hour_cheap: str
) -> None:
    dear, cheap = unit_prices(read="0.1", times="1"), unit_prices(read="0.05", times="1")
    found = [
        cache.relative_cost(dear, "5m", hit_rate),
        cache.relative_cost(dear, "1h", hit_rate),
        cache.relative_cost(cheap, "1h", hit_rate),
    ]
    published = [Decimal(five_minutes), Decimal(hour), Decimal(hour_cheap)]
    assert all(abs(one - other) <= Decimal("0.005") for one, other in zip(found, published, strict=True))
    assert cache.relative_cost(dear, "off", hit_rate) == 1


@pytest.mark.parametrize(
    ("read", "mode", "percent"),
    [("0.1", "1h", 53), ("0.05", "1h", 51), ("0.1", "5m", 22), ("0.025", "1h", 51)],
)
def test_break_even_is_the_published_one(read: str, mode: str, percent: int) -> None:
    even = cache.break_even(unit_prices(read=read), mode)
    assert even is not None
    assert round(even * 100) == percent


@given(st.sampled_from(["0.1", "0.05", "0.025"]), st.sampled_from(["1h", "5m"]), st.floats(0, 1))
def test_cache_costs_less_than_none_exactly_above_its_break_even(
    read: str, mode: str, hit_rate: float
) -> None:
    prices = unit_prices(read=read)
    even = cache.break_even(prices, mode)
    assert even is not None
    if abs(hit_rate - even) > 1e-9:
        assert (cache.relative_cost(prices, mode, hit_rate) < prices.input) == (hit_rate > even)


def choose(wanted: str = "auto", **changed: Any) -> CacheChoice:
    told = {"jobs": 100, "prices": unit_prices(), "primed": False, **PREFIX, **changed}
    return cache.choose(wanted, **told)


@pytest.mark.parametrize(
    ("mode", "changed"),
    [
        ("5m", {}),
        ("1h", {"primed": True}),
        ("off", {"hit_rate": 0.20}),
        ("5m", {"hit_rate": 0.25}),
        ("off", {"prefix_tokens": 511}),
        ("off", {"prefix_tokens": 511, "primed": True}),
        ("off", {"jobs": 1}),
        ("off", {"jobs": 1, "primed": True}),
        ("5m", {"prices": None}),
    ],
)
def test_cache_that_pays_is_chosen(mode: str, changed: dict[str, Any]) -> None:
    assert choose(**changed).mode == mode


@pytest.mark.parametrize("wanted", ["1h", "5m", "off"])
def test_users_word_stands(wanted: str) -> None:
    for changed in ({}, {"primed": True}, {"prefix_tokens": 1}, {"jobs": 1}, {"prices": None}):
        chosen = choose(wanted, **changed)
        assert chosen.mode == wanted
        assert chosen.reason.startswith("as asked for")


def test_reason_says_what_was_compared() -> None:
    assert choose(hit_rate=0.1).reason.endswith("below the break-even of 22% for 5m")
    assert "about 20 tokens; this model caches from 512" in choose(prefix_tokens=20).reason
    assert "pilot" in choose(primed=True).reason


rates = st.floats(0, 1)
works = st.builds(
    Work,
    jobs=st.integers(1, 100_000),
    prefix_tokens=st.integers(0, 500_000),
    own_tokens=st.integers(0, 10**9),
    max_tokens=st.integers(1, 128_000),
)


@given(works, st.lists(st.integers(1, 200_000), max_size=30), rates, st.sampled_from(["1h", "5m", "off"]))
def test_expected_is_never_above_high_nor_high_above_at_most(
    work: Work, history: list[int], hit_rate: float, mode: str
) -> None:
    made = estimate(
        work,
        outputs=outputs_of(history, work.max_tokens),
        cache=CacheChoice(mode, ""),
        hit_rate=hit_rate,
        batch=unit_prices(),
        interactive=unit_prices(times="0.000002"),
        basis="counted",
    )
    assert made.expected_usd is not None
    assert made.high_usd is not None
    assert made.at_most_usd is not None
    assert 0 <= made.expected_usd <= made.high_usd <= made.at_most_usd
    assert made.list_usd == pytest.approx(2 * made.expected_usd)


def test_figures_are_tokens_times_prices() -> None:
    made = estimate(
        Work(jobs=10, prefix_tokens=1000, own_tokens=5000, max_tokens=400),
        outputs=Outputs(Decimal(100), Decimal(200), "measured"),
        cache=CacheChoice("1h", "asked"),
        hit_rate=0.9,
        batch=unit_prices(times="0.001"),
        interactive=None,
        basis="counted",
        warnings=["take care"],
    )
    assert made.expected_usd == pytest.approx(10 * (0.9 * 0.1 + 0.1 * 2) + 5 + 10 * 0.1 * 5)
    assert made.high_usd == pytest.approx(10 * 2 + 5 + 10 * 0.2 * 5)
    assert made.at_most_usd == pytest.approx(10 * 2 + 5 + 10 * 0.4 * 5)
    assert made.list_usd is None
    assert (made.input_tokens, made.output_tokens, made.prefix_tokens) == (15_000, 1000, 1000)
    assert made.basis == "measured; counted"
    assert made.warnings == ("take care",)


@pytest.mark.parametrize(
    ("history", "expected", "high"),
    [
        ([], 100, 250),
        ([5, 5, 5, 5], 100, 250),
        ([10] * 5, 10, 10),
        (list(range(1, 101)), Decimal("50.5"), 96),
        ([10] * 99 + [1000], Decimal("19.9"), Decimal("19.9")),
        ([5000] * 10, 1000, 1000),
    ],
)
def test_answers_of_the_past_say_how_long_the_next_will_be(
    history: list[int], expected: Decimal, high: Decimal
) -> None:
    found = outputs_of(history, 1000)
    assert (found.expected, found.high) == (expected, high)


def test_unknown_price_is_unknown_and_never_zero() -> None:
    made = estimate(
        Work(10, 1000, 5000, 400),
        outputs=outputs_of([], 400),
        cache=CacheChoice("5m", ""),
        hit_rate=0.3,
        batch=None,
        interactive=None,
        basis="",
    )
    assert (made.expected_usd, made.high_usd, made.at_most_usd, made.list_usd) == (None, None, None, None)
    assert made.input_tokens == 15_000
