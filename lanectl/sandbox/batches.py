"""The endpoints of Message Batches: create, look, list, cancel, delete."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lanectl.models import JsonValue
from lanectl.sandbox import bodies, work
from lanectl.sandbox.exchange import Body
from lanectl.sandbox.provider import Provider, gone
from lanectl.sandbox.records import DAY_S, Batch, Sent, moment
from lanectl.sandbox.refusals import ApiError, invalid

# Documentation "Batch processing", "Batch limitations".
MOST_BYTES: Final = 256_000_000
MOST_REQUESTS: Final = 100_000
_KEPT_S: Final = 29 * DAY_S
_CANCEL_S: Final = 1.0
_CUSTOM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def create(provider: Provider, body: Body, sent: Sent) -> Batch:
    """Receives a batch and accepts it. Raises ApiError: 413 above the limit, 400 for what is seen at once."""
    if body.length > MOST_BYTES:
        raise _too_large()
    with provider.store.incoming() as folder:
        digest, size = _receive(body, folder / "body.json")
        count = _index(folder)
        facts = replace(sent, requests=count, bytes=size, sha256=digest)
        return provider.store.accept(folder, facts, now=provider.now(), duration_s=provider.duration_s)


def write(folder: Path, requests: Iterable[Mapping[str, Any]]) -> int:
    """Writes a body of our own into `folder`, as if it had been received; gives the number of requests."""
    with (folder / "body.json").open("w", encoding="ascii") as out:
        out.write('{"requests": [')
        for number, request in enumerate(requests):
            out.write((",\n" if number else "\n") + json.dumps(request))
        out.write("\n]}")
    return _index(folder)


def _receive(body: Body, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        for piece in body.pieces():
            size += len(piece)
            if size > MOST_BYTES:
                raise _too_large()
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest(), size


def _index(folder: Path) -> int:
    """Writes where each request stands, and its custom id; gives their number."""
    others: dict[str, JsonValue] = {}
    seen: set[str] = set()
    with (
        (folder / "body.json").open("rb") as body,
        (folder / "index").open("wb") as index,
        (folder / "ids").open("w", encoding="ascii") as ids,
    ):
        try:
            for offset, raw in bodies.requests(body.read, others):
                custom_id = _custom_id(raw, len(seen), seen)
                index.write(work.PLACE.pack(offset, len(raw)))
                ids.write(custom_id + "\n")
        except bodies.NotJsonError as error:
            raise invalid(f"The request body is not valid JSON: {error}") from None
    if others:
        raise invalid(f"{next(iter(others))}: Extra inputs are not permitted")
    if not seen:
        raise invalid("requests: List should have at least 1 item after validation, not 0")
    return len(seen)


def _custom_id(raw: bytes, place: int, seen: set[str]) -> str:
    request = bodies.load(raw)
    where = f"requests.{place}"
    if place >= MOST_REQUESTS:
        raise invalid(f"requests: List should have at most {MOST_REQUESTS} items after validation")
    if not isinstance(request, dict):
        raise invalid(f"{where}: Input should be an object")
    custom_id = request.get("custom_id")
    if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
        raise invalid(f"{where}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if custom_id in seen:
        raise invalid(
            f"{where}.custom_id: {custom_id} stands more than once; each must be unique within the batch"
        )
    if not isinstance(request.get("params"), dict):
        raise invalid(f"{where}.params: Field required, an object")
    extra = set(request) - {"custom_id", "params"}
    if extra:
        raise invalid(f"{where}.{min(extra)}: Extra inputs are not permitted")
    seen.add(custom_id)
    return custom_id


def _too_large() -> ApiError:
    # Answered in front of the API, and not in its words (documentation "Errors", "Request size limits").
    return ApiError(413, "413 Request Entity Too Large", html=True)


def view(provider: Provider, batch: Batch) -> dict[str, JsonValue]:
    """A batch as the API shows it at this moment."""
    return _shown(batch, provider.now(), provider.store.faults().results_origin or provider.origin)


def _shown(batch: Batch, now: float, origin: str) -> dict[str, JsonValue]:
    # All counts are zero but `processing` until the whole batch has ended.
    counts = {"processing": batch.requests, **dict.fromkeys(work.COUNTED, 0)}
    if batch.counts is not None:
        counts = {"processing": 0, **batch.counts}
    archived = archived_at(batch, now)
    ended = batch.ended is not None
    results = f"{origin}/v1/messages/batches/{batch.id}/results" if ended and archived is None else None
    status = "ended" if ended else "in_progress" if batch.canceled is None else "canceling"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {**counts},
        "created_at": moment(batch.created),
        "expires_at": moment(batch.created + DAY_S),
        "ended_at": _moment(batch.ended),
        "cancel_initiated_at": _moment(batch.canceled),
        "archived_at": _moment(archived),
        "results_url": results,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def archived_at(batch: Batch, now: float) -> float | None:
    """When the results became unavailable: 29 days after the batch was created, not after it ended."""
    if batch.archived is not None:
        return batch.archived
    return batch.created + _KEPT_S if now >= batch.created + _KEPT_S else None


def listing(provider: Provider, workspace: str, query: Mapping[str, list[str]]) -> dict[str, JsonValue]:
    """One page of the workspace's batches, newest first. Raises ApiError for a wrong limit or cursor."""
    work.settle(provider)
    faults, now = provider.store.faults(), provider.now()
    lag = faults.list_lag_s
    ours = [batch for batch in provider.store.batches() if batch.workspace == workspace]
    visible = [batch for batch in ours if lag <= 0 or batch.created + lag <= now]
    page, more = cut(visible, query)
    return {
        "data": [_shown(batch, now, faults.results_origin or provider.origin) for batch in page],
        "has_more": more,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def cut(values: list[Any], query: Mapping[str, list[str]]) -> tuple[list[Any], bool]:
    """The page of `values` that `limit`, `after_id` and `before_id` (ids) name, and whether more follow."""
    text = query.get("limit", ["20"])[-1]
    if not text.isdigit() or not 1 <= int(text) <= 1_000:
        raise invalid("limit: Input should be between 1 and 1000")
    limit = int(text)
    after, before = query.get("after_id", [""])[-1], query.get("before_id", [""])[-1]
    if after and before:
        raise invalid("after_id: cannot be combined with before_id")
    cursor = after or before
    place = next((number for number, one in enumerate(values) if one.id == cursor), None)
    if cursor and place is None:
        raise invalid(f"{'after_id' if after else 'before_id'}: {cursor} not found")
    if before and place is not None:
        first = max(0, place - limit)
        return values[first:place], first > 0
    first = 0 if place is None else place + 1
    return values[first : first + limit], first + limit < len(values)


def retrieve(provider: Provider, batch_id: str, workspace: str) -> Batch:
    """A batch as it is now. Raises ApiError (404)."""
    provider.batch(batch_id, workspace)
    work.settle(provider)
    return provider.batch(batch_id, workspace)


def cancel(provider: Provider, batch_id: str, workspace: str) -> Batch:
    """Asks for a batch's end: what has started is finished, the rest ends `canceled`. Raises ApiError."""
    batch = retrieve(provider, batch_id, workspace)
    now = provider.now()

    def stop(newest: Batch) -> Batch:
        if newest.ended is not None or newest.ends <= now:
            raise invalid(f"Message batch {batch_id} has already ended.")
        if newest.canceled is not None:
            return newest
        return replace(newest, canceled=now, ends=min(newest.ends, now + _CANCEL_S))

    stopped = provider.store.update(batch, stop)
    if stopped is None:
        raise gone()
    return stopped


def delete(provider: Provider, batch_id: str, workspace: str) -> dict[str, JsonValue]:
    """Deletes an ended batch. Raises ApiError: 400 while it is in progress."""
    batch = retrieve(provider, batch_id, workspace)
    if batch.ended is None:
        raise invalid(f"Message batch {batch_id} cannot be deleted while it is in progress; cancel it first.")
    provider.store.delete(batch)
    return {"id": batch_id, "type": "message_batch_deleted"}
