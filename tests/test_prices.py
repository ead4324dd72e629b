"""Prices to the last digit, on both lanes, and never a zero where nobody knows."""

import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import pytest

from lanectl.models import Lane, Usage
from lanectl.prices import COLUMNS, Prices, UnitPrices, unit_prices

TODAY = date(2026, 11, 23)
MTOK = Decimal(1_000_000)

# Dollars per million tokens as the pricing page has them on 2026-11-23. Model, prompt tokens; input, output,
# 5-minute write, 1-hour write, read; batch input, output, 1-hour write, read.
FABLE = ("10", "50", "12.50", "20")
OPUS = ("5", "25", "6.25", "10", "0.50", "2.50", "12.50", "5", "0.25")
SONNET = ("3", "15", "3.75", "6", "0.30", "1.50", "7.50", "3", "0.15")
TABLE = [
    ("claude-fable-5-2", 1000, "8", "40", "10", "16", "0.20", "4", "20", "8", "0.10"),
    ("claude-mythos-5-2", 1000, "8", "40", "10", "16", "0.20", "4", "20", "8", "0.10"),
    ("claude-fable-5-1", 1000, *FABLE, "0.25", "5", "25", "10", "0.125"),
    ("claude-mythos-5-1", 1000, *FABLE, "0.25", "5", "25", "10", "0.125"),
    ("claude-fable-5", 1000, *FABLE, "1.00", "5", "25", "10", "0.50"),
    ("claude-mythos-5", 1000, *FABLE, "1.00", "5", "25", "10", "0.50"),
    ("claude-opus-5-5", 1000, "4", "20", "5", "8", "0.20", "2", "10", "4", "0.10"),
    ("claude-opus-5", 1000, *OPUS),
    ("claude-opus-4-8", 1000, *OPUS),
    ("claude-opus-4-7", 1000, *OPUS),
    ("claude-opus-4-6", 1000, *OPUS),
    ("claude-opus-4-5", 1000, *OPUS),
    ("claude-sonnet-5-5", 1000, "2", "10", "2.50", "4", "0.10", "1", "5", "2", "0.05"),
    ("claude-sonnet-5", 1000, "2", "10", "2.50", "4", "0.20", "1", "5", "2", "0.10"),
    ("claude-sonnet-4-6", 1000, *SONNET),
    ("claude-sonnet-4-5", 1000, *SONNET),
    ("claude-haiku-5-5", 0, "0.10", "0.50", "0.125", "0.20", "0.01", "0.05", "0.25", "0.10", "0.005"),
    ("claude-haiku-5-5", 100_000, "0.10", "0.50", "0.125", "0.20", "0.01", "0.05", "0.25", "0.10", "0.005"),
    ("claude-haiku-5-5", 100_001, "0.50", "2.50", "0.625", "1.00", "0.05", "0.25", "1.25", "0.50", "0.025"),
    ("claude-haiku-4-5", 1000, "1", "5", "1.25", "2", "0.10", "0.50", "2.50", "1", "0.05"),
]


def columns(prices: UnitPrices | None) -> dict[str, Decimal]:
    assert prices is not None
    return {column: getattr(prices, column) * MTOK for column in COLUMNS}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_column_of_every_model_is_right_on_both_lanes(row: tuple[str, int, *tuple[str, ...]]) -> None:
    model, tokens, *figures = row
    given = [Decimal(figure) for figure in figures]
    listed = dict(
        zip(("input", "output", "cache_write_5m", "cache_write_1h", "cache_read"), given, strict=False)
    )
    halved = {column: usd / 2 for column, usd in listed.items()}
    batch = {"input": given[5], "output": given[6], "cache_write_1h": given[7], "cache_read": given[8]}
    assert {**halved, **batch} == halved
    for lane, expected in ((Lane.INTERACTIVE, listed), (Lane.BATCH, halved)):
        found = unit_prices(model, lane, TODAY, prompt_tokens=tokens)
        assert columns(found) == expected
        assert found is not None
        assert not found.derived


@pytest.mark.parametrize(
    ("lane", "usage", "usd"),
    [
        (Lane.INTERACTIVE, Usage(8_000, 12_000, cache_write_5m_tokens=250_000), "1.9025"),
        (Lane.INTERACTIVE, Usage(8_000, 12_000, cache_read_input_tokens=250_000), "0.465"),
        (Lane.BATCH, Usage(8_000, 12_000, cache_read_input_tokens=250_000), "0.2325"),
    ],
)
def test_worked_example_comes_out_to_the_last_digit(lane: Lane, usage: Usage, usd: str) -> None:
    assert Prices(TODAY).cost(usage, "claude-opus-4-7", lane) == Decimal(usd)


def test_length_tier_counts_the_whole_prompt_and_prices_all_of_it() -> None:
    prices = Prices(TODAY)
    below = Usage(5_000, 1_000, cache_read_input_tokens=95_000)
    above = Usage(5_001, 1_000, cache_read_input_tokens=95_000)
    assert [prices.cost(usage, "claude-haiku-5-5", Lane.BATCH) for usage in (below, above)] == [
        5_000 * Decimal("0.05") / MTOK + 1_000 * Decimal("0.25") / MTOK + 95_000 * Decimal("0.005") / MTOK,
        5_001 * Decimal("0.25") / MTOK + 1_000 * Decimal("1.25") / MTOK + 95_000 * Decimal("0.025") / MTOK,
    ]


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-haiku-4-5"])
def test_batch_price_before_it_was_published_is_half_and_says_so(model: str) -> None:
    day = date(2026, 10, 13)
    listed = columns(unit_prices(model, Lane.INTERACTIVE, day, prompt_tokens=1000))
    batch = unit_prices(model, Lane.BATCH, day, prompt_tokens=1000)
    assert columns(batch) == {column: usd / 2 for column, usd in listed.items()}
    assert batch is not None
    assert batch.derived
    assert batch.source.startswith("half of genai-prices ")


def test_model_without_a_batch_price_gets_half_and_says_so() -> None:
    listed = unit_prices("claude-opus-4-1", Lane.INTERACTIVE, TODAY, prompt_tokens=1000)
    batch = unit_prices("claude-opus-4-1", Lane.BATCH, TODAY, prompt_tokens=1000)
    assert listed is not None
    assert batch is not None
    assert (batch.input * 2, batch.derived, listed.derived) == (listed.input, True, False)


@pytest.mark.parametrize(
    ("day", "lane", "read"),
    [
        (date(2026, 10, 6), Lane.INTERACTIVE, "0.20"),
        (date(2026, 10, 6), Lane.BATCH, "0.10"),
        (date(2026, 10, 7), Lane.INTERACTIVE, "0.10"),
        (date(2026, 10, 7), Lane.BATCH, "0.05"),
    ],
)
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-sonnet-5-5-20260928"])
def test_reads_of_sonnet_5_5_became_cheaper_on_a_day(model: str, day: date, lane: Lane, read: str) -> None:
    assert columns(unit_prices(model, lane, day, prompt_tokens=1000))["cache_read"] == Decimal(read)


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        ("claude-opus-4-6", "1.1"),
        ("claude-sonnet-5", "1.1"),
        ("claude-mythos-5", "1.1"),
        ("claude-haiku-5-5", "1.1"),
        ("claude-opus-4-5", "1"),
        ("claude-sonnet-4-5-20250929", "1"),
        ("claude-haiku-4-5", "1"),
    ],
)
def test_computing_in_the_us_costs_a_tenth_more_where_it_can_be_asked_for(model: str, factor: str) -> None:
    for lane in Lane:
        plain = columns(unit_prices(model, lane, TODAY, prompt_tokens=1000))
        dearer = columns(unit_prices(model, lane, TODAY, prompt_tokens=1000, geo="us"))
        assert dearer == {column: usd * Decimal(factor) for column, usd in plain.items()}
        assert columns(unit_prices(model, lane, TODAY, prompt_tokens=1000, geo="global")) == plain


def test_usage_that_was_computed_in_the_us_costs_what_it_says() -> None:
    prices = Prices(TODAY)
    usage = Usage(1_000_000, 0, inference_geo="us")
    assert prices.cost(usage, "claude-opus-5-5", Lane.BATCH) == Decimal("2.2")
    assert prices.cost(Usage(1_000_000), "claude-opus-5-5", Lane.BATCH) == Decimal(2)


@pytest.mark.parametrize("model", ["claude-mythos-preview", "claude-opus-9", "deepseek-chat", "", "claude"])
def test_unknown_model_has_no_price_and_never_zero(model: str) -> None:
    for lane in Lane:
        assert unit_prices(model, lane, TODAY, prompt_tokens=1000) is None
        assert Prices(TODAY).cost(Usage(1, 1), model, lane) is None


def test_own_prices_go_before_all_others_and_are_halved_in_a_batch() -> None:
    overrides = {"claude-opus-5-5": {"input": 3.5, "output": 17.25}}
    listed = unit_prices("claude-opus-5-5", Lane.INTERACTIVE, TODAY, prompt_tokens=1, overrides=overrides)
    assert columns(listed) == {
        "input": Decimal("3.5"),
        "output": Decimal("17.25"),
        "cache_read": Decimal("0.20"),
        "cache_write_5m": Decimal(5),
        "cache_write_1h": Decimal(8),
    }
    batch = unit_prices("claude-opus-5-5", Lane.BATCH, TODAY, prompt_tokens=1, overrides=overrides)
    assert columns(batch) == {column: usd / 2 for column, usd in columns(listed).items()}
    assert (listed.source if listed else "", batch.derived if batch else None) == ("your configuration", True)


def test_own_prices_of_an_unknown_model_need_input_and_output() -> None:
    prices = Prices(
        TODAY, {"deepseek-chat": {"input": 0.28, "output": 0.42, "cache_read": 0.028}, "x": {"input": 1}}
    )
    assert prices.cost(Usage(1_000_000, 1_000_000, 1_000_000), "deepseek-chat", Lane.INTERACTIVE) == Decimal(
        "0.728"
    )
    assert prices.cost(Usage(1), "x", Lane.INTERACTIVE) is None
    written = prices.unit("deepseek-chat", Lane.INTERACTIVE, prompt_tokens=1)
    assert columns(written)["cache_write_5m"] == Decimal("0.35")
    assert columns(written)["cache_write_1h"] == Decimal("0.56")


def test_own_prices_have_no_length_tier() -> None:
    overrides = {"claude-haiku-5-5": dict.fromkeys(COLUMNS, 1.0)}
    for tokens in (100_000, 100_001):
        found = unit_prices(
            "claude-haiku-5-5", Lane.INTERACTIVE, TODAY, prompt_tokens=tokens, overrides=overrides
        )
        assert columns(found) == dict.fromkeys(COLUMNS, Decimal(1))
        assert found is not None
        assert not found.derived


def test_hundred_thousand_costs_take_about_a_second() -> None:
    prices = Prices(TODAY)
    began = time.process_time()
    total = sum(
        prices.cost(Usage(8_000 + number, 500, 90_000), "claude-haiku-5-5", Lane.BATCH) or Decimal(0)
        for number in range(100_000)
    )
    assert time.process_time() - began < 20
    assert total > 0


def test_prices_are_imported_only_when_asked_for() -> None:
    code = "import sys, lanectl.prices; print('genai_prices' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
