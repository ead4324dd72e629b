"""Reads the tokens that an answer was billed for."""

from lanectl.models import JsonValue, Usage

# What SQLite's integers and JSON readers elsewhere hold exactly; more tokens than this is no count.
_MOST = 2**53


def usage_of(value: JsonValue) -> Usage:
    """`usage` of a message as the provider sent it; a field that is absent or of a wrong type counts 0
    (None).

    Cache writes that the split by lifetime (`cache_creation.ephemeral_*`) does not explain count as 5-minute
    writes, which is what they were before the split existed.
    """
    if not isinstance(value, dict):
        return Usage()
    split = _object(value.get("cache_creation"))
    written_1h = _count(split.get("ephemeral_1h_input_tokens"))
    written_5m = _count(split.get("ephemeral_5m_input_tokens"))
    unexplained = _count(value.get("cache_creation_input_tokens")) - written_1h - written_5m
    return Usage(
        input_tokens=_count(value.get("input_tokens")),
        output_tokens=_count(value.get("output_tokens")),
        cache_read_input_tokens=_count(value.get("cache_read_input_tokens")),
        cache_write_5m_tokens=written_5m + max(0, unexplained),
        cache_write_1h_tokens=written_1h,
        thinking_tokens=_count(_object(value.get("output_tokens_details")).get("thinking_tokens")),
        service_tier=_word(value.get("service_tier")),
        inference_geo=_word(value.get("inference_geo")),
    )


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _count(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= _MOST else 0


def _word(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and len(value) <= 64 else None
