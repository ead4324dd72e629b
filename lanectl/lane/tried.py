"""Try: one item of a recipe now, on the interactive lane, with the bytes that a night would send."""

import glob
from dataclasses import dataclass, replace
from pathlib import Path

from lanectl.artifacts import ArtifactFolder, ignore_all
from lanectl.errors import HeldError, UsageError
from lanectl.lane.context import Lane
from lanectl.lane.prepare import Prepared, Wishes, prepare
from lanectl.lane.report import ARTIFACT_ROOT
from lanectl.lane.talk import Hear, Heard, talk, unheard
from lanectl.models import Lane as Lanes
from lanectl.models import Result, Skip
from lanectl.outputs.read import Expected, Reader
from lanectl.prices import Prices
from lanectl.recipe.tables import Recipe
from lanectl.spool import SpooledJob

FOLDER = "try"


@dataclass(frozen=True, slots=True)
class Tried:
    """One item's answer: read and checked as a night's would be, its files on disk, and what it cost.

    `batch_usd` is what the same use would have cost on the other lane.
    """

    recipe: str
    key: str
    model: str
    effort: str | None
    result: Result
    heard: Heard
    artifacts: tuple[Path, ...]
    batch_usd: float | None
    warnings: tuple[str, ...]


def try_recipe(
    lane: Lane, recipe: Recipe, wishes: Wishes, *, item: str | None = None, hear: Hear = unheard
) -> Tried:
    """Send one item of a recipe on the interactive lane and read its answer: `item` by its key, or the first.

    Model, effort and length are the batch lane's, so that what is tried is what a night would get. Raises
    `UsageError` when there is no such item, `HeldError` for a secret in it, and what a call raises.
    """
    only = wishes.only if item is None else glob.escape(item)
    wanted = replace(wishes, limit=1, only=only, again=True)
    prepared = prepare(lane, recipe, wanted)
    try:
        first = prepared.jobs.first
        if first is None:
            raise _nothing(recipe, item, next(iter(prepared.jobs.skips), None))
        job = lane.spool.run(prepared.run_id).job(first.offset, first.bytes)
    finally:
        lane.spool.remove(prepared.run_id)
    lane.tell(f"trying {job.key} of {recipe.name} on the interactive lane, {prepared.params.model}")
    cache = "off" if prepared.recipe.prefix.cache == "off" else "5m"
    heard = talk(lane, lane.api, {**prepared.shared.body(cache), **job.own}, verb="try", hear=hear)
    reader = Reader(recipe.output, recipe.schema_value, prepared.params.model)
    # Of an answer that was interrupted there is nothing to check.
    result = reader.read_message(heard.message, Expected("", job.key, job.path, job.material))
    return _tried(lane, prepared, job, heard, result)


def _tried(lane: Lane, prepared: Prepared, job: SpooledJob, heard: Heard, result: Result) -> Tried:
    prices = Prices(lane.clock().date(), lane.settings.price_overrides)
    batch = prices.cost(heard.usage, prepared.params.model, Lanes.BATCH)
    return Tried(
        recipe=prepared.recipe.name,
        key=job.key,
        model=prepared.params.model,
        effort=prepared.params.effort,
        result=result,
        heard=heard,
        artifacts=_kept(prepared.artifacts.parent / FOLDER, result),
        batch_usd=None if batch is None else float(batch),
        # Only one item is wanted: that the source has more is no news.
        warnings=tuple(text for text in prepared.warnings if not text.startswith("--limit ")),
    )


def _kept(root: Path, result: Result) -> tuple[Path, ...]:
    """Put the answer's files where tries go; an earlier try that differs stays, beside the new one."""
    if not result.files:
        return ()
    with ArtifactFolder(root) as folder:
        folder.sweep()
        placed = [folder.place(file, known_sha256=None, taken=False) for file in result.files]
        folder.sync()
    if root.parent.parent.name == ARTIFACT_ROOT:
        ignore_all(root.parent.parent)
    return tuple(root / one.path for one in placed)


def _nothing(recipe: Recipe, item: str | None, first: Skip | None) -> UsageError | HeldError:
    hint = f"lanectl submit {recipe.name} --dry-run"
    if first is None:
        what = "the source yields no item" if item is None else f"the source has no item {item}"
        return UsageError(what, where=recipe.name, hint=hint)
    said = f"{first.key} is not sent: {first.reason}{f' ({first.detail})' if first.detail else ''}"
    if first.reason == "secret":
        return HeldError(said, where=recipe.name, hint=f"lanectl submit {recipe.name} --dry-run")
    return UsageError(said, where=recipe.name, hint=hint)
