"""Compares what was counted here with the provider's usage and cost reports, and says what it cannot."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from lanectl.api import Api
from lanectl.lane.context import Lane
from lanectl.state import money

KINDS = ("input", "output", "cache read", "written 5m", "written 1h")
BUCKETS = 31
DATED = re.compile(r"-\d{8}$")
Query = dict[str, str | int | list[str]]
CENTS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Compared:
    """Batch tokens of one kind, workspace (None: the default one) and model: by our rows, and as reported."""

    workspace: str | None
    model: str
    kind: str
    here: int
    there: int


@dataclass(frozen=True, slots=True)
class KeyUse:
    """All batch tokens that the provider counts for one of the organization's keys in one workspace."""

    api_key_id: str | None
    workspace: str | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Both accounts of a period (UTC days); `cost_usd` is what the cost report charges batches by workspace.

    `paid_usd` is our own figure for the same days, None when unknown; `notes` say what cannot be compared.
    """

    since: str
    until: str
    compared: tuple[Compared, ...]
    keys: tuple[KeyUse, ...]
    cost_usd: Mapping[str, float]
    paid_usd: float | None
    notes: tuple[str, ...]


def invoice(lane: Lane, admin: Api, *, since: str) -> Invoice:
    """Ask for the reports since a day and lay our own sums beside them; raises `NoAccess` and `TryLater`."""
    start = _midnight(datetime.fromisoformat(since))
    end = _midnight(lane.clock()) + timedelta(days=1)
    period: Query = {
        "starting_at": _text(start),
        "ending_at": _text(end),
        "bucket_width": "1d",
        "limit": BUCKETS,
    }
    lane.tell(f"asking {admin.host} for the usage report")
    grouped: Query = {"group_by": ["api_key_id", "workspace_id", "model"], "service_tiers": ["batch"]}
    usage = list(_results(admin.report("usage_report/messages", {**period, **grouped})))
    lane.tell(f"asking {admin.host} for the cost report")
    costs = list(
        _results(admin.report("cost_report", {**period, "group_by": ["workspace_id", "description"]}))
    )
    first, last = start.isoformat(timespec="seconds"), end.isoformat(timespec="seconds")
    ours, nameless = _named(money.tokens_by_workspace(lane.db, first, last), usage)
    keys = _keys(usage)
    paid = [row.cost_usd for row in money.spent(lane.db, first)]
    known = [usd for usd in paid if usd is not None]
    return Invoice(
        first,
        last,
        tuple(_compared(ours, usage)),
        keys,
        _costs(costs),
        float(sum(known, Decimal(0))) if len(known) == len(paid) else None,
        (*nameless, *_notes(lane, ours, keys, costs, money.not_pulled(lane.db, first, last))),
    )


def _named(
    ours: list[tuple[str | None, str, dict[str, int]]], usage: Iterable[Mapping[str, Any]]
) -> tuple[list[tuple[str | None, str, dict[str, int]]], list[str]]:
    """Our sums under the reports' names: the default workspace has an id for us, and none there."""
    theirs = {_workspace(result.get("workspace_id")) for result in usage}
    strange = {workspace for workspace, _, _ in ours if _workspace(workspace)} - theirs
    if len(strange) != 1 or None not in theirs or any(workspace is None for workspace, _, _ in ours):
        return ours, []
    (default,) = strange
    told = f"{default} stands in no report: it is taken for the default workspace, which has no name there"
    named = [(None if workspace == default else workspace, model, kinds) for workspace, model, kinds in ours]
    return named, [told]


def _compared(
    ours: Iterable[tuple[str | None, str, Mapping[str, int]]], usage: Iterable[Mapping[str, Any]]
) -> Iterator[Compared]:
    """Every kind of token of the workspaces and models that we have used; others are left out."""
    here: dict[tuple[str | None, str], dict[str, int]] = {}
    for workspace, model, counts in ours:
        mine = here.setdefault((_workspace(workspace), _model(model)), dict.fromkeys(KINDS, 0))
        for kind, count in counts.items():
            mine[kind] += count
    there: dict[tuple[str | None, str], dict[str, int]] = {}
    for result in usage:
        place = (_workspace(result.get("workspace_id")), _model(result.get("model")))
        theirs = there.setdefault(place, dict.fromkeys(KINDS, 0))
        for kind, count in _kinds(result).items():
            theirs[kind] += count
    nothing = dict.fromkeys(KINDS, 0)
    for place in sorted(here, key=str):
        for kind in KINDS:
            counted, reported = here[place][kind], there.get(place, nothing)[kind]
            if counted or reported:
                yield Compared(*place, kind, counted, reported)


def _keys(usage: Iterable[Mapping[str, Any]]) -> tuple[KeyUse, ...]:
    sums: dict[tuple[str | None, str | None], int] = {}
    for result in usage:
        key = result.get("api_key_id")
        place = (key if isinstance(key, str) else None, _workspace(result.get("workspace_id")))
        sums[place] = sums.get(place, 0) + sum(_kinds(result).values())
    return tuple(KeyUse(key, workspace, tokens) for (key, workspace), tokens in sorted(sums.items(), key=str))


def _costs(costs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Dollars that batches cost by workspace; amounts are decimal text in cents (cost report reference)."""
    sums: dict[str, Decimal] = {}
    for result in costs:
        if result.get("service_tier") != "batch":
            continue
        try:
            amount = Decimal(str(result.get("amount"))) / CENTS
        except InvalidOperation:
            continue
        if not amount.is_finite():
            continue
        name = _workspace(result.get("workspace_id")) or "the default workspace"
        sums[name] = sums.get(name, Decimal(0)) + amount
    return {name: float(usd) for name, usd in sorted(sums.items())}


def _notes(
    lane: Lane,
    ours: Iterable[tuple[str | None, str, Mapping[str, int]]],
    keys: Iterable[KeyUse],
    costs: Iterable[Mapping[str, Any]],
    waiting: int,
) -> Iterator[str]:
    yield "no report has a figure for one batch or run: days, keys, workspaces and models are all there is"
    if not lane.settings.provider.dedicated_workspace:
        yield (
            "whatever else runs batches in the same workspace is in the provider's figures too; a workspace"
            " of its own (and [provider] dedicated_workspace = true) makes the totals comparable"
        )
    mine = {_workspace(workspace) for workspace, _, _ in ours}
    if any(sum(key.workspace == place for key in keys) > 1 for place in mine):
        yield "several keys use our workspace, and no key is kept here: which of them is ours is not known"
    yield "a request counts there on the day it ran, here on the day its batch was sent: days may differ"
    if waiting:
        yield f"{waiting} batches of these days are not pulled: their tokens are missing here"
    if not any(result.get("service_tier") == "batch" for result in costs):
        yield "the cost report tells no batch cost for these days (it may lag by a day)"


def _kinds(result: Mapping[str, Any]) -> dict[str, int]:
    written = result.get("cache_creation")
    created = written if isinstance(written, dict) else {}
    return {
        "input": _count(result.get("uncached_input_tokens")),
        "output": _count(result.get("output_tokens")),
        "cache read": _count(result.get("cache_read_input_tokens")),
        "written 5m": _count(created.get("ephemeral_5m_input_tokens")),
        "written 1h": _count(created.get("ephemeral_1h_input_tokens")),
    }


def _results(buckets: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for bucket in buckets:
        results = bucket.get("results")
        yield from (one for one in results if isinstance(one, dict)) if isinstance(results, list) else ()


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _workspace(value: object) -> str | None:
    """The workspace's id; the default one has none in the reports."""
    return value if isinstance(value, str) and value.startswith("wrkspc_") else None


def _model(value: object) -> str:
    return DATED.sub("", value) if isinstance(value, str) else "unknown"


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
