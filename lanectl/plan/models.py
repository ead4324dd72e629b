"""What each model takes: the provider would say so too, but of a batch only after the night.

Source of the table: the API documentation's pages on models, effort, thinking and prompt caching, state of
November 2026. A model that is not here is passed through unchecked.
"""

from dataclasses import dataclass
from datetime import date

LOW_TO_MAX = ("low", "medium", "high", "xhigh", "max")
NO_XHIGH = ("low", "medium", "high", "max")
UP_TO_HIGH = ("low", "medium", "high")
BATCH_OUTPUT = 300_000


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model's limits, in tokens.

    `thinking` holds the modes it accepts, `off_up_to_high` those of them that it refuses above effort `high`.
    `tokens_per_byte` is for estimates without the counting endpoint.
    """

    efforts: tuple[str, ...]
    default_effort: str | None
    thinking: frozenset[str]
    off_up_to_high: frozenset[str] = frozenset()
    context: int = 1_000_000
    max_output: int = 128_000
    extended_output: bool = False
    least_cached: int = 512
    retires: date | None = None
    geo: bool = True
    tokens_per_byte: float = 0.33


OLD_TOKENS_PER_BYTE = 0.25
ADAPTIVE = frozenset({"adaptive"})
ALWAYS_ON = ModelFacts(LOW_TO_MAX, "high", ADAPTIVE)

MODELS: dict[str, ModelFacts] = {
    **dict.fromkeys(
        (
            *("claude-fable-5-2", "claude-mythos-5-2", "claude-fable-5-1", "claude-mythos-5-1"),
            *("claude-fable-5", "claude-mythos-5"),
        ),
        ALWAYS_ON,
    ),
    "claude-opus-5-5": ModelFacts(LOW_TO_MAX, "medium", ADAPTIVE, extended_output=True),
    "claude-sonnet-5-5": ModelFacts(
        LOW_TO_MAX,
        "high",
        frozenset({"adaptive", "between_tools"}),
        frozenset({"between_tools"}),
        extended_output=True,
    ),
    "claude-haiku-5-5": ModelFacts(
        LOW_TO_MAX,
        "medium",
        frozenset({"adaptive", "disabled"}),
        frozenset({"disabled"}),
        extended_output=True,
    ),
    "claude-opus-5": ModelFacts(
        LOW_TO_MAX, "high", frozenset({"adaptive", "disabled"}), frozenset({"disabled"}), extended_output=True
    ),
    "claude-sonnet-5": ModelFacts(
        LOW_TO_MAX, "high", frozenset({"adaptive", "disabled"}), extended_output=True, least_cached=1024
    ),
    "claude-opus-4-8": ModelFacts(
        LOW_TO_MAX, "high", frozenset({"adaptive", "disabled"}), extended_output=True, least_cached=1024
    ),
    "claude-opus-4-7": ModelFacts(
        LOW_TO_MAX, "high", frozenset({"adaptive", "disabled"}), extended_output=True, least_cached=2048
    ),
    "claude-opus-4-6": ModelFacts(
        NO_XHIGH,
        "high",
        frozenset({"adaptive", "enabled", "disabled"}),
        extended_output=True,
        least_cached=4096,
        tokens_per_byte=OLD_TOKENS_PER_BYTE,
    ),
    "claude-sonnet-4-6": ModelFacts(
        NO_XHIGH,
        "high",
        frozenset({"adaptive", "enabled", "disabled"}),
        extended_output=True,
        least_cached=1024,
        tokens_per_byte=OLD_TOKENS_PER_BYTE,
    ),
    "claude-opus-4-5": ModelFacts(
        UP_TO_HIGH,
        "high",
        frozenset({"enabled", "disabled"}),
        context=200_000,
        max_output=64_000,
        least_cached=4096,
        geo=False,
        tokens_per_byte=OLD_TOKENS_PER_BYTE,
    ),
    "claude-sonnet-4-5": ModelFacts(
        (),
        None,
        frozenset({"enabled", "disabled"}),
        context=200_000,
        max_output=64_000,
        least_cached=1024,
        retires=date(2026, 11, 30),
        geo=False,
        tokens_per_byte=OLD_TOKENS_PER_BYTE,
    ),
    "claude-haiku-4-5": ModelFacts(
        (),
        None,
        frozenset({"enabled", "disabled"}),
        context=200_000,
        max_output=64_000,
        least_cached=4096,
        geo=False,
        tokens_per_byte=OLD_TOKENS_PER_BYTE,
    ),
}


def facts(model: str) -> ModelFacts | None:
    """What is known of a model, by its id with or without a date at the end; None for an unknown one."""
    found = MODELS.get(model)
    if found is None and len(model) > 9 and model[-8:].isdigit() and model[-9] == "-":
        return MODELS.get(model[:-9])
    return found
