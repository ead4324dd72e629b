"""The parameters of a run's requests, refused here where the provider would refuse them a day later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from lanectl.errors import ConfigError
from lanectl.models import Lane
from lanectl.plan.models import BATCH_OUTPUT, LOW_TO_MAX, ModelFacts, facts
from lanectl.recipe.tables import Recipe

DEFAULT_MAX_TOKENS = 32_000
HIGH = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Params:
    """What every request of a run asks of the model; `thinking` is the API's parameter or None."""

    model: str
    max_tokens: int
    effort: str | None
    thinking: dict[str, str | int] | None
    inference_geo: str | None

    def request(self) -> dict[str, Any]:
        """The parameters as the API names them, without prefix and messages."""
        body: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens}
        if self.thinking is not None:
            body["thinking"] = self.thinking
        if self.effort is not None:
            body["output_config"] = {"effort": self.effort}
        if self.inference_geo is not None:
            body["inference_geo"] = self.inference_geo
        return body


def resolve(
    recipe: Recipe, *, model: str, effort: str | None, max_tokens: int | None, geo: str | None
) -> Params:
    """The recipe's parameters, filled up with those of the user's lane (`model`, `effort`, ...).

    Defaults give way to the model's limits: an effort is left away for a model that takes none, or lowered to
    one that it takes, `max_tokens` to the most it writes. What the recipe says stays, to be checked.
    """
    lane = recipe.lane
    chosen = lane.model or model
    known = facts(chosen)
    thinking = lane.thinking_param
    wanted: str | None = lane.effort
    if wanted is None and effort is not None:
        wanted = effort if known is None else _lowered(effort, known, thinking)
    longest = max_tokens or DEFAULT_MAX_TOKENS
    if known is not None:
        longest = min(longest, known.max_output)
    return Params(
        model=chosen,
        max_tokens=lane.max_tokens or longest,
        effort=wanted,
        thinking=thinking,
        inference_geo=lane.inference_geo or geo,
    )


def _lowered(effort: str, known: ModelFacts, thinking: Mapping[str, object] | None) -> str | None:
    """The highest effort that the model takes, no higher than the wanted one; None where it takes none."""
    off = thinking is not None and thinking["type"] in known.off_up_to_high
    allowed = LOW_TO_MAX[: LOW_TO_MAX.index(effort) + 1]
    fitting = [one for one in allowed if one in known.efforts and (one in HIGH or not off)]
    return fitting[-1] if fitting else None


def check(params: Params, lane: Lane, *, today: date, where: str) -> list[str]:
    """Warnings about the parameters; raises `ConfigError` for what the provider refuses, with the reason.

    Source of each rule: the API's documentation of models, effort, thinking and batches, November 2026.
    """
    known = facts(params.model)
    if known is None:
        return [f"{params.model} is not a model this version knows: its parameters are not checked"]
    problem = (
        _retired(params, known, lane, today)
        or _effort_problem(params, known)
        or _thinking_problem(params, known)
        or _length_problem(params, known)
    )
    if problem:
        key, reason = problem
        raise ConfigError(reason, where=f"{where} [lane] {key}", hint=f"lanectl recipes check {where}")
    if known.retires and today + timedelta(days=14) >= known.retires:
        return [f"{params.model} retires on {known.retires}"]
    return []


def _retired(params: Params, known: ModelFacts, lane: Lane, today: date) -> tuple[str, str] | None:
    if known.retires is None:
        return None
    if today >= known.retires:
        return "model", f"{params.model} retired on {known.retires}"
    if lane is Lane.BATCH and today + timedelta(days=1) >= known.retires:
        return "model", f"{params.model} retires on {known.retires}, within the 24 hours a batch may take"
    return None


def _effort_problem(params: Params, known: ModelFacts) -> tuple[str, str] | None:
    if params.effort is None or params.effort in known.efforts:
        return None
    if not known.efforts:
        return "effort", f"{params.model} takes no effort at all"
    return "effort", f"{params.model} has no effort {params.effort}; it has {', '.join(known.efforts)}"


def _thinking_problem(params: Params, known: ModelFacts) -> tuple[str, str] | None:
    if params.thinking is None:
        return None
    mode = str(params.thinking["type"])
    effort = params.effort or known.default_effort
    if mode not in known.thinking:
        return (
            "thinking",
            f"{params.model} refuses thinking {mode}; it takes {', '.join(sorted(known.thinking))}",
        )
    if mode in known.off_up_to_high and effort not in HIGH:
        return "thinking", f"{params.model} refuses thinking {mode} at effort {effort}; high is the most"
    budget = params.thinking.get("budget_tokens")
    if isinstance(budget, int) and not 1024 <= budget < params.max_tokens:
        return "thinking", f"a thinking budget of {budget} must be at least 1024 and below max_tokens"
    return None


def _length_problem(params: Params, known: ModelFacts) -> tuple[str, str] | None:
    if params.max_tokens > known.max_output:
        more = f" ({BATCH_OUTPUT:,} needs a beta that is not used here)" if known.extended_output else ""
        return "max_tokens", f"{params.model} writes at most {known.max_output:,} tokens{more}"
    if params.inference_geo and not known.geo:
        return "inference_geo", f"{params.model} refuses inference_geo"
    return None
