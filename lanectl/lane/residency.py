"""Residency: where answers were computed, held against where they were to be; a difference is an alarm."""

from dataclasses import replace

from lanectl.lane.context import Lane
from lanectl.models import JobError, Result
from lanectl.state.runs import Run

ELSEWHERE = "inference_geo"
# `global` allows every place, so that only a narrower wish can be missed.
ANYWHERE = frozenset({None, "global"})


def region_of(lane: Lane, run: Run) -> str | None:
    """Where a run's requests asked to be computed, as they lie in the spool; None for anywhere."""
    kept = lane.spool.run(run.id).read_json("shared.json") or {}
    asked = kept.get("params", {}).get("inference_geo", lane.settings.provider.inference_geo)
    return None if asked in ANYWHERE else str(asked)


def marked(result: Result, region: str | None) -> Result:
    """The same result, with an error where tokens were computed elsewhere or nobody says where.

    Its outcome and its files stay: it is paid for, and what must not have happened has happened.
    """
    usage = result.usage
    if region is None or usage.inference_geo == region or not (usage.prompt_tokens or usage.output_tokens):
        return result
    told = f"computed in {usage.inference_geo or 'an unnamed place'}, not in {region}"
    before = result.error
    if before is None:
        return replace(result, error=JobError(ELSEWHERE, told))
    told = f"{told}; {before.type}: {before.message}"
    return replace(result, error=JobError(ELSEWHERE, told, before.request_id))
