"""Reads the provider's JSON and headers as plain values; what is not the API's raises `ValueError`."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from lanectl.models import Batch, Counts

COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
LONGEST_ID = 256


def object_of(content: bytes) -> dict[str, Any]:
    """The JSON object that an answer holds."""
    try:
        body = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    return body


def batch_of(entry: Mapping[str, Any], *, seen_at: str | None = None) -> Batch:
    """A batch as the provider shows it; `seen_at` stands in for a creation time that it does not tell."""
    batch_id, created_at = entry.get("id"), utc(entry.get("created_at")) or seen_at
    if not isinstance(batch_id, str) or created_at is None:
        raise ValueError("a batch without id or creation time")
    path_part(batch_id)
    counts = entry.get("request_counts")
    numbers = counts if isinstance(counts, dict) else {}
    return Batch(
        id=batch_id,
        processing_status=str(entry.get("processing_status")),
        created_at=created_at,
        expires_at=utc(entry.get("expires_at")),
        ended_at=utc(entry.get("ended_at")),
        archived_at=utc(entry.get("archived_at")),
        cancel_initiated_at=utc(entry.get("cancel_initiated_at")),
        counts=Counts(**{name: _count(numbers.get(name)) for name in COUNTS}),
    )


def path_part(batch_id: str) -> str:
    """A batch id as one component of a URL's path, whatever its letters are."""
    if batch_id in ("", ".", "..") or len(batch_id) > LONGEST_ID or not batch_id.isprintable():
        raise ValueError(f"not a batch id: {batch_id[:80]!a}")
    return quote(batch_id, safe="")


def utc(value: object) -> str | None:
    """The API's RFC 3339 text as UTC ISO text with whole seconds, so that our times compare as text."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return None


def date_of(headers: Mapping[str, str]) -> str | None:
    """The server's own time, from the `Date` header, as UTC ISO text."""
    moment = _http_date(headers.get("date"))
    return None if moment is None else moment.isoformat(timespec="seconds")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that the provider asks to wait, never negative; None when it does not say so readably.

    A date is measured on the server's own clock; without a `Date` header beside it, it says nothing.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if not math.isnan(seconds):
            return max(seconds, 0.0)
    until, now = _http_date(headers.get("retry-after")), _http_date(headers.get("date"))
    return None if until is None or now is None else max((until - now).total_seconds(), 0.0)


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0
