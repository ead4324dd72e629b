"""Estimate: what a recipe would cost now, both lanes side by side; nothing is sent but free token
counting."""

from collections.abc import Collection
from dataclasses import dataclass

from lanectl.lane.context import Lane
from lanectl.lane.pilot import decide
from lanectl.lane.prepare import Wishes, prepare
from lanectl.models import Estimate, Skip
from lanectl.plan import batches
from lanectl.plan.estimate import OneJob
from lanectl.plan.prefix import dumps
from lanectl.recipe.tables import Recipe


@dataclass(frozen=True, slots=True)
class Estimated:
    """A recipe's figures for the items it has now; `bytes` are those of all request bodies together.

    `pilots` jobs would go first, for the reason in `pilot_reason`; `each` is one job of average size on both
    lanes.
    """

    recipe: str
    jobs: int
    skipped: Collection[Skip]
    estimate: Estimate
    bytes: int
    pilots: int = 0
    pilot_reason: str = ""
    each: tuple[OneJob, ...] = ()


def estimate(lane: Lane, recipe: Recipe, wishes: Wishes, *, offline: bool) -> Estimated:
    """Count and price a run without recording or sending anything; `offline` counts from bytes."""
    prepared = prepare(lane, recipe, wishes)
    try:
        decided = decide(lane, prepared, wishes, offline=offline)
        figures = decided.estimate
        shared = len(dumps(prepared.shared.body(figures.cache.mode)))
        count = len(prepared.jobs)
        return Estimated(
            recipe.name,
            count,
            prepared.jobs.skips,
            figures,
            batches.bytes_of(shared, count, prepared.jobs.own_bytes),
            pilots=decided.pilots,
            pilot_reason=decided.reason,
            each=decided.each,
        )
    finally:
        lane.spool.remove(prepared.run_id)
