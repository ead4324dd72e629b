"""Works on batches whose time has come: every request becomes one line of the results file, one at a time."""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import draws, outcomes, replies, validation
from lanectl.sandbox.cache import Cache, Visit
from lanectl.sandbox.faults import Faults
from lanectl.sandbox.provider import Provider
from lanectl.sandbox.records import Batch
from lanectl.sandbox.refusals import ApiError, error_object
from lanectl.sandbox.validation import Terms

PLACE: Final = struct.Struct("<QQ")
COUNTED: Final = ("succeeded", "errored", "canceled", "expired")


def settle(provider: Provider) -> None:
    """Ends every batch that is due, in the order of their ends, under a lock that processes share."""
    if not _due(provider):
        return
    with provider.store.locked("work.lock"):
        for batch in _due(provider):
            cache = Cache(provider.store.folder / "cache.json", cold_burst=provider.cold_burst)
            counts = _Work(provider, batch, cache, provider.store.faults()).run()
            cache.save(provider.now())
            provider.store.update(batch, partial(_ended, counts))


def _ended(counts: Mapping[str, int], newest: Batch) -> Batch:
    return replace(newest, ended=newest.ends, counts=counts)


def _due(provider: Provider) -> list[Batch]:
    now = provider.now()
    due = [batch for batch in provider.store.batches() if batch.ended is None and batch.ends <= now]
    return sorted(due, key=lambda batch: (batch.ends, batch.seq))


@dataclass(frozen=True, slots=True)
class _Work:
    provider: Provider
    batch: Batch
    cache: Cache
    faults: Faults

    def run(self) -> dict[str, int]:
        """Writes the results file and gives the counts by outcome."""
        folder = self.provider.store.where(self.batch)
        counts = dict.fromkeys(COUNTED, 0)
        with (folder / ".results").open("wb") as out:
            for custom_id, result in self._results():
                counts[result["type"]] += 1
                out.write(line_of({"custom_id": custom_id, "result": result}))
        (folder / ".results").replace(folder / "results.jsonl")
        return counts

    def _results(self) -> Iterator[tuple[str, dict[str, Any]]]:
        # Out of order, as the documentation warns: the order of results is nothing to rely on.
        folder = self.provider.store.where(self.batch)
        count = self.batch.requests
        with (folder / "body.json").open("rb") as body, (folder / "index").open("rb") as index:
            for turn, number in enumerate(draws.shuffled(count, self.provider.seed, self.batch.seq)):
                index.seek(number * PLACE.size)
                offset, size = PLACE.unpack(index.read(PLACE.size))
                body.seek(offset)
                raw = body.read(size)
                start = self.batch.created + self.batch.duration_s * turn / count
                request = json.loads(raw)
                yield request["custom_id"], self._result(request, raw, number, start)

    def _result(self, request: dict[str, Any], raw: bytes, number: int, start: float) -> dict[str, Any]:
        batch, params = self.batch, request["params"]
        if batch.canceled is not None and start > batch.canceled:
            return {"type": "canceled"}
        if start >= batch.expires:
            return {"type": "expired"}
        fault = outcomes.fault_for(self.faults, batch, number, raw, self.provider.seed)
        if fault is not None and fault.outcome in ("expired", "canceled"):
            return {"type": fault.outcome}
        request_id = draws.name("req_", batch.id, number)
        if fault is not None and fault.outcome == "errored":
            return _errored(fault.error, fault.message, request_id)
        terms = Terms(
            batch.version, batch.betas, True, start, batch.user_profile, self.provider.strict_schemas
        )
        try:
            model = validation.check(params, terms)
            made = replies.reply(params, model, self.provider.seed)
        except ApiError as error:
            return _errored(error.type, error.message, request_id)
        visit = Visit("batch", batch.workspace, batch.id, start, batch.ends, batch.betas)
        use = self.cache.use(params, model, visit)
        if fault is not None:
            made = outcomes.altered(made, fault, params, model, self.provider.seed)
        message_id = draws.name("msg_", batch.id, number)
        whole = replies.message(made, params, use, tier="batch", message_id=message_id)
        return {"type": "succeeded", "message": whole}


def line_of(value: dict[str, Any]) -> bytes:
    """One line of JSON, characters as they are where UTF-8 can hold them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _errored(type_: str, message: str, request_id: str) -> dict[str, JsonValue]:
    return {"type": "errored", "error": error_object(type_, message, request_id=request_id)}
