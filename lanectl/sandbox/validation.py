"""What the API refuses in a message request; in a batch, each request is judged when it is worked on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lanectl.sandbox import prompts, turns
from lanectl.sandbox.catalogue import MODELS, Model
from lanectl.sandbox.refusals import invalid, not_found
from lanectl.sandbox.schema_limits import unsupported

NEWEST_VERSION: Final = "2026-10-21"
VERSIONS: Final = ("2023-01-01", "2023-06-01", NEWEST_VERSION)
_SAMPLING: Final = ("temperature", "top_p", "top_k")
# Keys of the SDK's parameter types, GA and beta; anything else is "Extra inputs are not permitted".
_KEYS: Final = frozenset(
    (
        "billing_policy",
        "cache_control",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "thread",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "user_profile_id",
    )
)
# Documentation "Batch processing", table "Not supported", with older rows that no page has affirmed since.
_NOT_IN_A_BATCH: Final = (
    "fallbacks",
    "speed",
    "store",
    "thread",
    "previous_thread_event_id",
    "cache_hint",
    "context_hint",
)
_OBJECTS: Final = ("billing_policy", "cache_control", "metadata", "output_config", "thinking", "tool_choice")
_LISTS: Final[Mapping[str, type]] = {"stop_sequences": str, "tools": Mapping}
_OFF: Final = ("disabled", "between_tools")


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a request is judged: API version, betas, lane, time, and how strict with schemas."""

    version: str
    betas: tuple[str, ...] = ()
    batch: bool = False
    now: float = 0.0
    user_profile: str = ""
    strict_schemas: bool = False


def check(params: Mapping[str, Any], terms: Terms) -> Model:
    """The model that will answer. Raises ApiError as the API refuses a request."""
    _keys(params, terms)
    model = _model(params, terms)
    _max_tokens(params, model, terms)
    turns.check(params, prefill=model.prefill, newest=terms.version == NEWEST_VERSION)
    _thinking(params, model)
    _output_config(params, model, terms)
    turns.check_breakpoints(params)
    _tools(params, model)
    _placement(params, model, terms)
    _sampling(params, model)
    _length(params, model)
    return model


def check_counted(params: Mapping[str, Any], terms: Terms) -> Model:
    """The model of a request whose tokens are counted: it has no `max_tokens`. Raises ApiError."""
    # As much as every model allows, so that any thinking budget fits below it.
    return check({"max_tokens": 64_000, **params}, terms)


def _keys(params: Mapping[str, Any], terms: Terms) -> None:
    if terms.batch:
        for key in _NOT_IN_A_BATCH:
            if params.get(key) is not None:
                raise invalid(f"{key}: not supported in a Message Batch")
        if params.get("stream"):
            raise invalid("stream: streaming is not supported in a Message Batch")
    for key in params:
        if key not in _KEYS:
            raise invalid(f"{key}: Extra inputs are not permitted")
    for key in _OBJECTS:
        if params.get(key) is not None and not isinstance(params[key], Mapping):
            raise invalid(f"{key}: Input should be an object")
    for key, kind in _LISTS.items():
        value = params.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
            raise invalid(f"{key}: Input should be a list of the right kind")
    for key in _SAMPLING:
        if key in params and terms.version == NEWEST_VERSION:
            raise invalid(f"{key}: not supported with anthropic-version {NEWEST_VERSION}")


def _model(params: Mapping[str, Any], terms: Terms) -> Model:
    name = params.get("model")
    if not isinstance(name, str) or not name:
        raise invalid("model: Field required")
    model = MODELS.get(name)
    if model is None or model.lifecycle(terms.now) == "retired":
        raise not_found(f"model: {name}")
    return model


def _max_tokens(params: Mapping[str, Any], model: Model, terms: Terms) -> None:
    wanted = params.get("max_tokens")
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise invalid("max_tokens: Field required, an integer")
    if wanted < 0 or (wanted == 0 and terms.batch):
        raise invalid("max_tokens: must be greater than or equal to 1")
    limit = model.token_limit(terms.betas, batch=terms.batch)
    if wanted > limit:
        raise invalid(f"max_tokens: {wanted} > {limit}, the maximum number of output tokens of {model.id}")
    forced = (params.get("tool_choice") or {}).get("type") in ("any", "tool")
    if wanted == 0 and (params.get("stream") or forced or (params.get("output_config") or {}).get("format")):
        raise invalid("max_tokens: 0 cannot be combined with stream, output_config.format or a forced tool")


def _thinking(params: Mapping[str, Any], model: Model) -> None:
    thinking = params.get("thinking")
    if thinking is None:
        return
    form = thinking.get("type")
    if form not in ("adaptive", "between_tools", "disabled", "enabled"):
        raise invalid("thinking.type: Input should be 'adaptive', 'between_tools', 'disabled' or 'enabled'")
    if form not in model.thinking:
        raise invalid(f"thinking.type: {form!r} is not supported by {model.id}")
    if form == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or budget < 1_024:
            raise invalid("thinking.enabled.budget_tokens: must be greater than or equal to 1024")
        if budget >= params["max_tokens"]:
            raise invalid("max_tokens: must be greater than thinking.budget_tokens")


def _output_config(params: Mapping[str, Any], model: Model, terms: Terms) -> None:
    config = params.get("output_config")
    if config is None:
        return
    for key in config:
        if key not in ("effort", "format"):
            raise invalid(f"output_config.{key}: Extra inputs are not permitted")
    effort = config.get("effort")
    if effort is not None and effort not in model.effort:
        raise invalid(f"output_config.effort: {effort!r} is not supported by {model.id}")
    off = (params.get("thinking") or {}).get("type") in _OFF
    if off and model.off_up_to_high and effort in ("xhigh", "max"):
        raise invalid(f"thinking: cannot be turned off at effort {effort!r} on {model.id}")
    if config.get("format") is not None:
        _format(config["format"], params, terms)


def _format(wanted: object, params: Mapping[str, Any], terms: Terms) -> None:
    where = "output_config.format"
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema":
        raise invalid(f"{where}.type: Input should be 'json_schema'")
    if not isinstance(wanted.get("schema"), Mapping):
        raise invalid(f"{where}.schema: Field required, an object")
    if params["messages"][-1]["role"] == "assistant":
        raise invalid(f"{where}: cannot be combined with a prefilled answer")
    if terms.strict_schemas:
        complaint = unsupported(wanted["schema"])
        if complaint:
            raise invalid(f"{where}.schema: {complaint}")


def _tools(params: Mapping[str, Any], model: Model) -> None:
    form = (params.get("tool_choice") or {}).get("type")
    if form in ("any", "tool"):
        if not params.get("tools"):
            raise invalid("tool_choice: requires tools")
        if not model.forced_tools:
            raise invalid(f"tool_choice: {form!r} is not supported by {model.id}")


def _placement(params: Mapping[str, Any], model: Model, terms: Terms) -> None:
    geo = params.get("inference_geo")
    if geo is not None and (geo not in ("us", "global") or not model.geo):
        raise invalid(f"inference_geo: {geo!r} is not supported by {model.id}")
    policy = params.get("billing_policy")
    if terms.batch and policy and policy.get("bill_to") == "user_profile":
        raise invalid("billing_policy.bill_to: 'user_profile' is not supported in a Message Batch")
    profile = params.get("user_profile_id")
    if terms.user_profile and profile and profile != terms.user_profile:
        raise invalid("user_profile_id: conflicts with the batch's header")


def _sampling(params: Mapping[str, Any], model: Model) -> None:
    if model.sampling:
        return
    for key in _SAMPLING:
        if key in params and params[key] not in (None, 1, 1.0):
            raise invalid(f"{key}: only the default is supported by {model.id}")


def _length(params: Mapping[str, Any], model: Model) -> None:
    total = prompts.count(params, model)
    if total > model.context:
        raise invalid(f"prompt is too long: {total} tokens > {model.context} maximum")
