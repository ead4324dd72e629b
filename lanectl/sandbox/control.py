"""The sandbox's own endpoints, below /sandbox: switches, clock, strangers' batches, what befalls a batch."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lanectl.models import JsonValue
from lanectl.sandbox import batches, ledger
from lanectl.sandbox.exchange import Body
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.provider import DEFAULT_WORKSPACE, FATES, Provider, gone
from lanectl.sandbox.records import Batch, Sent, moment
from lanectl.sandbox.refusals import ApiError, invalid, not_found
from lanectl.sandbox.validation import NEWEST_VERSION

_STRANGER = "claude-haiku-4-5"


def answer(provider: Provider, method: str, parts: list[str], body: Body) -> JsonValue:
    """What `method /sandbox/<parts>` does. Raises ApiError (404) for what there is not."""
    match (method, *parts):
        case ("GET",):
            return {"sandbox": True, "now": moment(provider.now()), "duration_s": provider.duration_s}
        case ("GET", "faults"):
            return provider.store.faults().as_json()
        case ("PUT", "faults"):
            return set_faults(provider, _read(body)).as_json()
        case ("POST", "clock"):
            return {"now": moment(provider.advance(float(_read(body).get("advance_s", 0))))}
        case ("POST", "duration"):
            provider.duration_s = float(_read(body).get("duration_s", provider.duration_s))
            return {"duration_s": provider.duration_s}
        case ("POST", "foreign"):
            return {"batches": [one.id for one in foreign(provider, _read(body))]}
        case ("GET", "ledger"):
            path = provider.store.folder / "ledger.jsonl"
            return [{"id": one.id, "requests": len(one.custom_ids)} for one in ledger.read(path)]
        case ("POST", "batches", batch_id, what) if what in FATES:
            befall(provider, batch_id, what)
            return {"id": batch_id, "fate": what}
    raise not_found("[sandbox] no such switch")


def set_faults(provider: Provider, value: Mapping[str, Any]) -> Faults:
    """Sets the switches from JSON. Raises ApiError (400) that names what is wrong."""
    try:
        faults = Faults.from_json(value)
    except (ValueError, TypeError) as error:
        raise invalid(str(error)) from None
    provider.store.set_faults(faults)
    return faults


def foreign(provider: Provider, wanted: Mapping[str, Any]) -> list[Batch]:
    """Makes batches that somebody else sent: `batches` of `requests` each, `age_s` old, not in the ledger.

    `custom_ids` gives their ids (the same in each batch); `workspace` whose they are.
    """
    count = int(wanted.get("requests", 1))
    ids = list(wanted.get("custom_ids") or [f"someone-elses-{number}" for number in range(count)])
    sent = Sent(
        str(wanted.get("workspace", DEFAULT_WORKSPACE)), len(ids), 0, "", NEWEST_VERSION, foreign=True
    )
    made = []
    for _ in range(int(wanted.get("batches", 1))):
        with provider.store.incoming() as folder:
            batches.write(folder, (_stranger(one) for one in ids))
            now = provider.now() - float(wanted.get("age_s", 0))
            made.append(provider.store.accept(folder, sent, now=now, duration_s=provider.duration_s))
    return made


def befall(provider: Provider, batch_id: str, what: str) -> None:
    """Lets something happen to a batch that its sender did not do. Raises ApiError (404)."""
    batch = provider.store.find(batch_id)
    if batch is None:
        raise gone()
    now = provider.now()
    if what == "canceled":
        batches.cancel(provider, batch_id, batch.workspace)
    elif what == "deleted":
        provider.store.delete(batch)
    elif what == "archived":
        provider.store.update(batch, lambda newest: replace(newest, archived=now))
    elif batch.ended is None:
        span = max(0.0, now - batch.created)
        expires = now if what == "expired" else batch.expires
        duration = batch.duration_s if what == "expired" else min(span, batch.duration_s)
        provider.store.update(
            batch, lambda newest: replace(newest, ends=now, expires=expires, duration_s=duration)
        )


def _stranger(custom_id: str) -> dict[str, Any]:
    message = {"role": "user", "content": "[sandbox] A stranger's request."}
    return {"custom_id": custom_id, "params": {"model": _STRANGER, "max_tokens": 64, "messages": [message]}}


def _read(body: Body) -> dict[str, Any]:
    try:
        value = json.loads(body.all(1 << 20))
    except ValueError as error:
        raise invalid(f"[sandbox] {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "[sandbox] an object is expected")
    return value
