"""What one typical job of a recipe costs, before there is any item to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lanectl.models import Estimate
from lanectl.models import Lane as Lanes
from lanectl.plan import cache, estimate
from lanectl.plan.models import OLD_TOKENS_PER_BYTE, facts
from lanectl.plan.params import resolve
from lanectl.prices import unit_prices

if TYPE_CHECKING:
    from lanectl.config import Settings
    from lanectl.recipe.tables import Recipe

# A pull request or a source file of the repositories in our field notes: some 15 kB of text.
TYPICAL_ITEM_TOKENS = 4000
BASIS = f"an item of {TYPICAL_ITEM_TOKENS:,} tokens, no project memory"


@dataclass(frozen=True, slots=True)
class Typical:
    """One job's figures, and the parameters that its request would have."""

    estimate: Estimate
    lane: Mapping[str, object]


def typical(settings: "Settings", recipe: "Recipe", now: datetime) -> Typical:
    """Price one job of a recipe with the settings' model where the recipe names none; asks nobody."""
    own = settings.lanes[Lanes.BATCH]
    params = resolve(
        recipe,
        model=own.model,
        effort=own.effort,
        max_tokens=own.max_tokens,
        geo=settings.provider.inference_geo,
    )
    known = facts(params.model)
    rate = known.tokens_per_byte if known else OLD_TOKENS_PER_BYTE
    prefix = round(len(recipe.prefix.system.encode()) * rate)
    item = TYPICAL_ITEM_TOKENS + round(len(recipe.job.prompt.encode()) * rate)
    prices = {
        lanes: unit_prices(
            params.model,
            lanes,
            now.date(),
            prompt_tokens=prefix + item,
            geo=params.inference_geo,
            overrides=settings.price_overrides,
        )
        for lanes in Lanes
    }
    figures = estimate.estimate(
        estimate.Work(1, prefix, item, params.max_tokens),
        outputs=estimate.outputs_of((), params.max_tokens),
        cache=cache.choose("off", jobs=1, prefix_tokens=prefix, least_tokens=1, prices=None, primed=False),
        hit_rate=0.0,
        batch=prices[Lanes.BATCH],
        interactive=prices[Lanes.INTERACTIVE],
        basis=BASIS,
    )
    shown = {"model": params.model, "effort": params.effort, "max_tokens": params.max_tokens}
    return Typical(figures, shown)
