"""The parameters: what the provider would refuse after the night is refused before it, nothing else."""

from datetime import date
from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import Lane
from lanectl.plan.models import LOW_TO_MAX, MODELS, facts
from lanectl.plan.params import Params, check, resolve
from tests.plan.plans import recipe

TODAY = date(2026, 11, 24)
FABLES = ("claude-fable-5-2", "claude-mythos-5-2", "claude-fable-5-1", "claude-mythos-5-1", "claude-fable-5")
MODES = ("adaptive", "between_tools", "disabled", "enabled")

# The models reference of the API, November 2026: efforts, and thinking modes accepted at effort high.
EFFORTS = {
    **dict.fromkeys(
        (*FABLES, "claude-mythos-5", "claude-opus-5-5", "claude-sonnet-5-5"), "low medium high xhigh max"
    ),
    **dict.fromkeys(("claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5"), "low medium high xhigh max"),
    **dict.fromkeys(("claude-opus-4-8", "claude-opus-4-7"), "low medium high xhigh max"),
    **dict.fromkeys(("claude-opus-4-6", "claude-sonnet-4-6"), "low medium high max"),
    "claude-opus-4-5": "low medium high",
    "claude-sonnet-4-5": "",
    "claude-haiku-4-5": "",
}
THINKING = {
    **dict.fromkeys((*FABLES, "claude-mythos-5", "claude-opus-5-5"), "adaptive"),
    "claude-sonnet-5-5": "adaptive between_tools",
    **dict.fromkeys(("claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5"), "adaptive disabled"),
    **dict.fromkeys(("claude-opus-4-8", "claude-opus-4-7"), "adaptive disabled"),
    **dict.fromkeys(("claude-opus-4-6", "claude-sonnet-4-6"), "adaptive disabled enabled"),
    **dict.fromkeys(("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"), "disabled enabled"),
}
# Without an effort of its own a model works at this one, which decides whether thinking may be off.
DEFAULT_EFFORTS = {"claude-opus-5-5": "medium", "claude-haiku-5-5": "medium"}
LONGEST = {"claude-opus-4-5": 64_000, "claude-sonnet-4-5": 64_000, "claude-haiku-4-5": 64_000}
LEAST_CACHED = {
    **dict.fromkeys(MODELS, 512),
    **dict.fromkeys(("claude-opus-4-8", "claude-sonnet-5", "claude-sonnet-4-6", "claude-sonnet-4-5"), 1024),
    "claude-opus-4-7": 2048,
    **dict.fromkeys(("claude-opus-4-6", "claude-opus-4-5", "claude-haiku-4-5"), 4096),
}


def params(model: str = "claude-opus-5-5", **changed: Any) -> Params:
    told = {"max_tokens": 32_000, "effort": None, "thinking": None, "inference_geo": None, **changed}
    return Params(model=model, **told)


def mode(name: str, budget: int = 2000) -> dict[str, Any]:
    return {"type": name, "budget_tokens": budget} if name == "enabled" else {"type": name}


def problem(one: Params, *, lane: Lane = Lane.BATCH, today: date = TODAY) -> tuple[str, str] | None:
    """The key that is complained of and why, None where the provider would take it."""
    try:
        check(one, lane, today=today, where="notes.toml")
    except ConfigError as error:
        where, _, key = str(error.where).partition(" [lane] ")
        return key if where == "notes.toml" else str(error.where), error.message
    return None


def test_every_model_of_the_reference_is_known_and_no_other() -> None:
    assert set(MODELS) == set(EFFORTS) == set(THINKING)


def test_refusal_tells_which_command_to_run() -> None:
    with pytest.raises(ConfigError) as caught:
        check(params(effort="none"), Lane.BATCH, today=TODAY, where="notes.toml")
    assert caught.value.hint == "lanectl recipes check notes.toml"


@pytest.mark.parametrize("model", EFFORTS)
def test_effort_that_a_model_lacks_is_refused(model: str) -> None:
    allowed = EFFORTS[model].split()
    refused = {effort for effort in LOW_TO_MAX if problem(params(model, effort=effort))}
    assert refused == set(LOW_TO_MAX) - set(allowed)
    for effort in refused:
        why = f"has no effort {effort}; it has {', '.join(allowed)}" if allowed else "takes no effort at all"
        assert problem(params(model, effort=effort)) == ("effort", f"{model} {why}")


@pytest.mark.parametrize("model", THINKING)
def test_thinking_mode_that_a_model_lacks_is_refused(model: str) -> None:
    effort = "high" if EFFORTS[model] else None
    allowed = THINKING[model].split()
    refused = {name for name in MODES if problem(params(model, effort=effort, thinking=mode(name)))}
    assert refused == set(MODES) - set(allowed)
    for name in refused:
        why = f"{model} refuses thinking {name}; it takes {', '.join(allowed)}"
        assert problem(params(model, effort=effort, thinking=mode(name))) == ("thinking", why)


@pytest.mark.parametrize(
    ("model", "name", "refused"),
    [
        ("claude-sonnet-5-5", "between_tools", {"xhigh", "max"}),
        ("claude-haiku-5-5", "disabled", {"xhigh", "max"}),
        ("claude-opus-5", "disabled", {"xhigh", "max"}),
        ("claude-sonnet-5", "disabled", set[str]()),
        ("claude-opus-4-8", "disabled", set[str]()),
    ],
)
def test_thinking_is_off_only_up_to_the_effort_that_allows_it(
    model: str, name: str, refused: set[str]
) -> None:
    found = {effort for effort in LOW_TO_MAX if problem(params(model, effort=effort, thinking=mode(name)))}
    assert found == refused
    for effort in refused:
        why = f"{model} refuses thinking {name} at effort {effort}; high is the most"
        assert problem(params(model, effort=effort, thinking=mode(name))) == ("thinking", why)


@pytest.mark.parametrize("model", MODELS)
def test_effort_left_away_is_the_models_own(model: str) -> None:
    known = facts(model)
    assert known is not None
    assert known.default_effort == DEFAULT_EFFORTS.get(model, "high" if EFFORTS[model] else None)
    for name in known.off_up_to_high:
        assert problem(params(model, thinking=mode(name))) is None


@pytest.mark.parametrize(("budget", "fits"), [(1023, False), (1024, True), (31_999, True), (32_000, False)])
def test_thinking_budget_lies_between_its_limits(budget: int, *, fits: bool) -> None:
    found = problem(params("claude-haiku-4-5", thinking=mode("enabled", budget)))
    why = f"a thinking budget of {budget} must be at least 1024 and below max_tokens"
    assert found == (None if fits else ("thinking", why))


@pytest.mark.parametrize("model", MODELS)
def test_answer_longer_than_a_model_writes_is_refused(model: str) -> None:
    most = LONGEST.get(model, 128_000)
    assert problem(params(model, max_tokens=most)) is None
    found = problem(params(model, max_tokens=most + 1))
    assert found is not None
    assert found[0] == "max_tokens"
    assert found[1].startswith(f"{model} writes at most {most:,} tokens")


def test_longer_answers_of_batches_are_named() -> None:
    why = "claude-opus-5-5 writes at most 128,000 tokens (300,000 needs a beta that is not used here)"
    assert problem(params(max_tokens=300_000)) == ("max_tokens", why)
    why = "claude-fable-5-2 writes at most 128,000 tokens"
    assert problem(params("claude-fable-5-2", max_tokens=300_000)) == ("max_tokens", why)


@pytest.mark.parametrize("model", MODELS)
def test_place_of_computing_is_refused_by_models_before_4_6(model: str) -> None:
    old = model.endswith("4-5")
    found = problem(params(model, inference_geo="us"))
    assert found == (("inference_geo", f"{model} refuses inference_geo") if old else None)


@pytest.mark.parametrize(
    ("today", "lane", "found"),
    [
        (date(2026, 11, 28), Lane.BATCH, None),
        (date(2026, 11, 29), Lane.BATCH, "retires on 2026-11-30, within the 24 hours a batch may take"),
        (date(2026, 11, 29), Lane.INTERACTIVE, None),
        (date(2026, 11, 30), Lane.INTERACTIVE, "retired on 2026-11-30"),
        (date(2026, 12, 24), Lane.BATCH, "retired on 2026-11-30"),
    ],
)
def test_model_that_retires_before_the_answer_is_refused(today: date, lane: Lane, found: str | None) -> None:
    said = problem(params("claude-sonnet-4-5"), lane=lane, today=today)
    assert said == (None if found is None else ("model", f"claude-sonnet-4-5 {found}"))


@pytest.mark.parametrize(("day", "warned"), [(15, False), (16, True), (28, True)])
def test_model_that_retires_soon_is_warned_of(day: int, *, warned: bool) -> None:
    said = check(params("claude-sonnet-4-5"), Lane.BATCH, today=date(2026, 11, day), where="notes.toml")
    assert said == (["claude-sonnet-4-5 retires on 2026-11-30"] if warned else [])


def test_unknown_model_is_passed_through_with_a_word() -> None:
    odd = params("deepseek-chat", effort="max", thinking=mode("enabled", 5), max_tokens=10**6)
    said = check(odd, Lane.INTERACTIVE, today=TODAY, where="notes.toml")
    assert said == ["deepseek-chat is not a model this version knows: its parameters are not checked"]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101"])
def test_dated_name_is_the_same_model(model: str) -> None:
    assert facts(model) == facts(model[:-9])


@pytest.mark.parametrize(
    "model", ["", "claude-opus-5-5-2025", "x-20250929", "claude-sonnet-4-5-2025092a", "20250929"]
)
def test_name_that_only_looks_alike_is_unknown(model: str) -> None:
    assert facts(model) is None


@pytest.mark.parametrize("model", MODELS)
def test_shortest_prefix_that_is_cached_is_the_documented_one(model: str) -> None:
    known = facts(model)
    assert known is not None
    assert known.least_cached == LEAST_CACHED[model]


def test_request_names_only_what_was_asked_for() -> None:
    assert params("m").request() == {"model": "m", "max_tokens": 32_000}
    full = params("m", effort="low", thinking=mode("enabled"), inference_geo="us")
    assert full.request() == {
        "model": "m",
        "max_tokens": 32_000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "low"},
        "inference_geo": "us",
    }


LANE: dict[str, Any] = {"model": "claude-opus-5-5", "effort": "max", "max_tokens": 64_000, "geo": "us"}


def test_recipe_goes_before_the_users_lane() -> None:
    own = {
        "model": "claude-opus-5",
        "effort": "low",
        "max_tokens": 5,
        "inference_geo": "global",
        "thinking": "disabled",
    }
    assert resolve(recipe(lane=own), **LANE) == Params(
        "claude-opus-5", 5, "low", {"type": "disabled"}, "global"
    )
    assert resolve(recipe(), **LANE) == Params("claude-opus-5-5", 64_000, "max", None, "us")


@pytest.mark.parametrize(
    ("model", "effort", "taken"),
    [
        ("claude-haiku-4-5", "max", None),
        ("claude-opus-4-5", "max", "high"),
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-6", "max", "max"),
        ("claude-opus-5-5", "xhigh", "xhigh"),
        ("deepseek-chat", "max", "max"),
    ],
)
def test_default_effort_gives_way_to_the_model(model: str, effort: str, taken: str | None) -> None:
    made = resolve(
        recipe(lane={"model": model}), **{**LANE, "effort": effort, "geo": None, "max_tokens": None}
    )
    assert made.effort == taken
    assert problem(made) is None


def test_default_effort_gives_way_to_thinking_that_is_off() -> None:
    made = resolve(recipe(lane={"model": "claude-opus-5", "thinking": "disabled"}), **LANE)
    assert made.effort == "high"
    assert problem(made) is None


@pytest.mark.parametrize(
    ("model", "asked", "taken"),
    [
        ("claude-haiku-4-5", 128_000, 64_000),
        ("claude-haiku-4-5", None, 32_000),
        ("claude-opus-5-5", 128_000, 128_000),
        ("deepseek-chat", 500_000, 500_000),
        ("deepseek-chat", None, 32_000),
    ],
)
def test_default_length_gives_way_to_the_model(model: str, asked: int | None, taken: int) -> None:
    made = resolve(recipe(lane={"model": model}), **{**LANE, "max_tokens": asked})
    assert made.max_tokens == taken


def test_recipes_own_words_stay_to_be_refused() -> None:
    made = resolve(recipe(lane={"model": "claude-haiku-4-5", "effort": "max", "max_tokens": 99_999}), **LANE)
    assert (made.effort, made.max_tokens) == ("max", 99_999)
    assert problem(made) == ("effort", "claude-haiku-4-5 takes no effort at all")


def test_budget_in_tokens_is_the_old_way_to_think() -> None:
    made = resolve(recipe(lane={"model": "claude-haiku-4-5", "thinking": 2048}), **LANE)
    assert made.thinking == {"type": "enabled", "budget_tokens": 2048}
