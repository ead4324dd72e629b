"""Counts a run's tokens: for free where there is a provider to ask, from its bytes where there is none."""

from dataclasses import dataclass

from lanectl.api import BadRequest, NotFound
from lanectl.errors import ConfigError, TryLater
from lanectl.lane.context import Lane
from lanectl.lane.prepare import Prepared
from lanectl.plan.models import OLD_TOKENS_PER_BYTE, facts
from lanectl.spool import SpooledJob
from lanectl.state.draft import Draft
from lanectl.state.runs import PlannedJob

SAMPLES = 3
OFFLINE_ERROR = "tokens estimated from bytes, within about a fifth"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of the shared prefix and of all jobs' own parts; `basis` says how they were found."""

    prefix: int
    own: int
    basis: str


def count(lane: Lane, prepared: Prepared, *, offline: bool = False) -> Tokens:
    """Count a prepared run's tokens, at the provider for free or, `offline`, from its bytes.

    One whole rendered request is among those counted, so an unknown model or a malformed parameter is
    refused here, within a second: `ConfigError`. A provider that cannot be asked is no reason to fail.
    """
    if not offline and prepared.jobs:
        try:
            return _counted(lane, prepared)
        except (BadRequest, NotFound) as refusal:
            raise ConfigError(
                f"the provider refuses the request: {refusal.message}",
                where=str(prepared.recipe.path or prepared.recipe.name),
                hint=f"lanectl submit {prepared.recipe.name} --dry-run",
            ) from None
        except TryLater as error:
            return _from_bytes(prepared, f"{OFFLINE_ERROR} (counting failed: {error.message})")
    return _from_bytes(prepared, OFFLINE_ERROR)


def _from_bytes(prepared: Prepared, basis: str) -> Tokens:
    known = facts(prepared.params.model)
    rate = known.tokens_per_byte if known else OLD_TOKENS_PER_BYTE
    return Tokens(round(prepared.shared.prefix_bytes() * rate), round(prepared.jobs.own_bytes * rate), basis)


def _counted(lane: Lane, prepared: Prepared) -> Tokens:
    body = prepared.shared.body("off")
    prefix = lane.api.count_tokens({**body, "messages": [{"role": "user", "content": "x"}]})
    sampled = _sample(prepared.jobs)
    counted = bytes_seen = 0
    for job in sampled:
        own = _spooled(lane, prepared, job).own
        counted += max(lane.api.count_tokens({**body, **own}) - prefix, 1)
        bytes_seen += job.own_bytes
    return Tokens(
        prefix,
        round(prepared.jobs.own_bytes * counted / max(bytes_seen, 1)),
        f"tokens counted for the prefix and {len(sampled)} of {len(prepared.jobs):,} jobs",
    )


def _sample(jobs: Draft) -> list[PlannedJob]:
    """The largest, the median and the smallest job: their sum stands for the mixture of the rest."""
    count = len(jobs)
    picked = {0, count // 2, count - 1} if count >= SAMPLES else set(range(count))
    return [jobs.by_size(rank) for rank in sorted(picked)]


def _spooled(lane: Lane, prepared: Prepared, job: PlannedJob) -> SpooledJob:
    return lane.spool.run(prepared.run_id).job(job.offset, job.bytes)
