"""Turns usage into dollars with the price that held on that day; a price that nobody knows stays unknown."""

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from lanectl.models import Lane, Usage

Overrides: TypeAlias = Mapping[str, Mapping[str, float]]

COLUMNS: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_MTOK = Decimal(1_000_000)
_HALF = Decimal("0.5")
# platform.claude.com/docs/en/manage-claude/data-residency: `us` costs a tenth more on every kind of token,
# and models older than 4.6 refuse it.
_US = Decimal("1.1")
_US_SINCE = (4, 6)
_VERSION = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d{1,2}))?(?!\d)")
_SUFFIX = re.compile(r"-\d{8}$")


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Dollars per token of each kind on one lane.

    `derived`: some column is not published but follows from a rule (half of the list price, the usual
    multiples of the input price). `source` says in a few words where the figures come from.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    derived: bool
    source: str


# Models that genai-prices 0.2.3 lacks, in dollars per million tokens, in the order of COLUMNS:
# platform.claude.com/docs/en/about-claude/pricing. Claude Mythos Preview is in none of its tables.
_OWN_DATE = date(2026, 11, 23)
_OWN: Mapping[str, tuple[str, str, str, str, str]] = {
    "claude-mythos-5": ("10", "50", "1.00", "12.50", "20"),
    "claude-mythos-5-1": ("10", "50", "0.25", "12.50", "20"),
}
# The pricing page's footnote: Sonnet 5.5 reads cost 0.1 of the input price before this day, 0.05 from it on.
_SONNET_5_5_READS = (date(2026, 10, 7), Decimal("0.20") / _MTOK)


def unit_prices(
    model: str,
    lane: Lane,
    day: date,
    *,
    prompt_tokens: int,
    geo: str | None = None,
    overrides: Overrides | None = None,
) -> UnitPrices | None:
    """What a token of each kind costs on `lane` and `day` in a prompt of `prompt_tokens`, None when unknown.

    `overrides` are list prices in dollars per million tokens by model and column: the user's own words. What
    they leave out follows from what is known, or from their input price.
    """
    known = _lane_prices(model, lane, day, prompt_tokens)
    own = (overrides or {}).get(model)
    if own:
        known = _overridden(own, lane, known)
    if known is not None and geo == "us" and _us_is_dearer(model):
        known = _times(known, _US, source=f"{known.source}, computed in the us")
    return known


class Prices:
    """The prices of one day, asked for once and multiplied often."""

    def __init__(self, day: date, overrides: Overrides | None = None) -> None:
        self._day = day
        self._overrides = overrides
        self._units: dict[tuple[str, Lane, str | None, int], UnitPrices | None] = {}

    def unit(
        self, model: str, lane: Lane, *, prompt_tokens: int, geo: str | None = None
    ) -> UnitPrices | None:
        """As `unit_prices`, for this day."""
        tier = bisect_left(_tiers(model, self._day), prompt_tokens)
        key = (model, lane, geo, tier)
        if key not in self._units:
            self._units[key] = unit_prices(
                model, lane, self._day, prompt_tokens=prompt_tokens, geo=geo, overrides=self._overrides
            )
        return self._units[key]

    def cost(self, usage: Usage, model: str, lane: Lane) -> Decimal | None:
        """What `usage` cost in dollars, None when the model's price is unknown."""
        unit = self.unit(model, lane, prompt_tokens=usage.prompt_tokens, geo=usage.inference_geo)
        if unit is None:
            return None
        return (
            usage.input_tokens * unit.input
            + usage.output_tokens * unit.output
            + usage.cache_read_input_tokens * unit.cache_read
            + usage.cache_write_5m_tokens * unit.cache_write_5m
            + usage.cache_write_1h_tokens * unit.cache_write_1h
        )


def _lane_prices(model: str, lane: Lane, day: date, prompt_tokens: int) -> UnitPrices | None:
    own = _own_prices(model)
    listed = own or _library_prices(model, Lane.INTERACTIVE, day, prompt_tokens)
    if listed is None:
        return None
    dated = _dated(listed, model, day)
    if lane is Lane.INTERACTIVE:
        return dated
    if own is not None:
        return _times(own, _HALF, source=own.source)
    batch = _library_prices(model, Lane.BATCH, day, prompt_tokens)
    # The library answers with the list price where it has no batch row, or none for that day: half of it is
    # what the provider promises for every model.
    if batch is None or batch.input == listed.input or dated is not listed:
        return replace(_times(dated, _HALF, source=f"half of {dated.source}"), derived=True)
    return batch


def _dated(prices: UnitPrices, model: str, day: date) -> UnitPrices:
    until, read = _SONNET_5_5_READS
    if _SUFFIX.sub("", model) == "claude-sonnet-5-5" and day < until:
        return replace(prices, cache_read=read, source=f"{prices.source}, reads as before {until}")
    return prices


def _own_prices(model: str) -> UnitPrices | None:
    row = _OWN.get(_SUFFIX.sub("", model))
    if row is None:
        return None
    columns = {column: Decimal(figure) / _MTOK for column, figure in zip(COLUMNS, row, strict=True)}
    return UnitPrices(**columns, derived=False, source=f"the pricing page of {_OWN_DATE}")


def _library_prices(model: str, lane: Lane, day: date, prompt_tokens: int) -> UnitPrices | None:
    from genai_prices import Usage as Counts
    from genai_prices import __version__, calc_price

    tokens = max(prompt_tokens, 1)
    context = {"processing": "batch"} if lane is Lane.BATCH else None

    def price(count: int, **counts: int) -> Decimal:
        calculated = calc_price(
            Counts(**counts),
            model,
            provider_id="anthropic",
            genai_request_timestamp=datetime.combine(day, time(12), UTC),
            price_context=context,
        )
        return calculated.total_price / count

    try:
        plain = price(tokens, input_tokens=tokens)
        if not plain:
            return None  # a row without a price is no price
        return UnitPrices(
            input=plain,
            output=price(1, input_tokens=tokens, output_tokens=1) - plain * tokens,
            cache_read=price(tokens, input_tokens=tokens, cache_read_tokens=tokens),
            cache_write_5m=price(tokens, input_tokens=tokens, cache_write_tokens=tokens),
            cache_write_1h=price(
                tokens, input_tokens=tokens, cache_write_tokens=tokens, cache_write_1h_tokens=tokens
            ),
            derived=False,
            source=f"genai-prices {__version__}",
        )
    except LookupError:
        return None


@lru_cache(maxsize=256)
def _tiers(model: str, day: date) -> tuple[int, ...]:
    """Prompt lengths above which `model` has other prices, in ascending order."""
    from genai_prices import Usage as Counts
    from genai_prices import calc_price
    from genai_prices.types import TieredPrices

    try:
        found = calc_price(
            Counts(input_tokens=1),
            model,
            provider_id="anthropic",
            genai_request_timestamp=datetime.combine(day, time(12), UTC),
        )
    except LookupError:
        return ()
    columns = vars(found.model_price).values()
    return tuple(
        sorted(
            {tier.start for column in columns if isinstance(column, TieredPrices) for tier in column.tiers}
        )
    )


def _overridden(own: Mapping[str, float], lane: Lane, known: UnitPrices | None) -> UnitPrices | None:
    factor = _HALF if lane is Lane.BATCH else Decimal(1)
    given = {column: Decimal(str(own[column])) / _MTOK * factor for column in COLUMNS if column in own}
    if known is None:
        if "input" not in given or "output" not in given:
            return None
        # The provider's usual multiples; reads at the full price, since what others charge is not known.
        one = given["input"]
        usual = {"cache_read": one, "cache_write_5m": one * Decimal("1.25"), "cache_write_1h": one * 2}
        columns = {**usual, **given}
    else:
        columns = {**{column: getattr(known, column) for column in COLUMNS}, **given}
    derived = lane is Lane.BATCH or len(given) < len(COLUMNS)
    return UnitPrices(**columns, derived=derived, source="your configuration")


def _times(prices: UnitPrices, factor: Decimal, *, source: str) -> UnitPrices:
    columns = {column: getattr(prices, column) * factor for column in COLUMNS}
    return UnitPrices(**columns, derived=prices.derived, source=source)


def _us_is_dearer(model: str) -> bool:
    version = _VERSION.match(model)
    return version is not None and (int(version[1]), int(version[2] or 0)) >= _US_SINCE
