"""Sends one attempt, at most once: body on disk, intent durable, one POST, the id committed before anything
else.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lanectl.api import AnswerLost, Created, NotAccepted
from lanectl.errors import LanectlError
from lanectl.files import free_bytes
from lanectl.lane.context import Lane
from lanectl.lane.signals import kept
from lanectl.models import AttemptState
from lanectl.plan import batches
from lanectl.plan.prefix import dumps, shared_of
from lanectl.spool import SpooledRun, parse_job
from lanectl.state import attempts, journal, runs
from lanectl.state.attempts import Attempt
from lanectl.state.database import StateBroken

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
RESULT_ROOM = 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The provider's list just before a creation: its newest id, and how far its clock is ahead of ours, in
    seconds.
    """

    newest_id: str | None
    skew_s: float
    workspace: str | None


def preflight(lane: Lane) -> Snapshot:
    """Look at the provider before money is at stake: a wrong key, a dead network or a captive portal ends
    here.

    Raises `NoAccess` or `TryLater`; nothing has been recorded then.
    """
    page = lane.api.list_batches(limit=20)
    skew = 0.0
    if page.server_date is not None:
        skew = (datetime.fromisoformat(page.server_date) - lane.clock()).total_seconds()
    return Snapshot(page.batches[0].id if page.batches else None, skew, page.workspace)


def send(lane: Lane, attempt: Attempt, snapshot: Snapshot) -> Attempt:
    """Send an attempt in state `intent`; it is `accepted`, `refused` or `unknown` afterwards, and returned
    so.

    The caller holds the lock. Raises `DiskError` before anything is sent, `StateBroken` when the id could
    only be written to the journal.
    """
    spooled = lane.spool.run(attempt.run)
    sha256, length = _spool_body(lane, attempt, spooled)
    _check_room(lane, attempt, length)
    lane.tell(f"sending {attempt.requests:,} requests, {length:,} bytes, to {lane.api.host}")
    with kept():
        attempts.mark_sending(
            lane.db,
            attempt,
            facts={
                "sha256": sha256,
                "bytes": length,
                "base_url": lane.api.base_url,
                "workspace": snapshot.workspace,
                "key_print": lane.api.key_print,
                "snapshot_id": snapshot.newest_id,
                "skew_s": snapshot.skew_s,
                "boot_id": BOOT_ID.read_text().strip() if BOOT_ID.exists() else None,
            },
            now=lane.now,
        )
        _post(lane, attempt, spooled, length)
    return attempts.get_attempt(lane.db, attempt.run, attempt.number)


def _post(lane: Lane, attempt: Attempt, spooled: SpooledRun, length: int) -> None:
    try:
        with spooled.open_body(attempt.number) as body:
            created = lane.api.create_batch(body, length=length, timeout_s=lane.settings.provider.timeout_s)
    except NotAccepted as refusal:
        _record_refusal(lane, attempt, refusal)
        return
    except AnswerLost as lost:
        attempts.mark_unsettled(lane.db, attempt, AttemptState.UNKNOWN, error=str(lost), now=lane.now)
        runs.add_event(
            lane.db, attempt.run, f"the answer to batch {attempt.number} was lost: {lost}", now=lane.now
        )
        return
    _record_id(lane, attempt, created)
    spooled.drop_body(attempt.number)


def _record_id(lane: Lane, attempt: Attempt, created: Created) -> None:
    try:
        attempts.mark_accepted(
            lane.db,
            attempt,
            created.batch,
            request_id=created.request_id,
            workspace=created.workspace,
            now=lane.now,
        )
    except LanectlError:
        noted = journal.Noted(attempt.run, attempt.number, created.batch.id, created.request_id)
        if not journal.note(lane.journal_path, noted):
            # The last resort of an id that must not exist only in memory.
            sys.stderr.write(f"accepted as {created.batch.id}: run {attempt.run}, batch {attempt.number}\n")
        raise StateBroken(
            f"the batch was accepted as {created.batch.id}, and the state file could not take it",
            where=str(lane.settings.state_path),
            hint="lanectl status",
        ) from None


def _record_refusal(lane: Lane, attempt: Attempt, refusal: NotAccepted) -> None:
    not_before = None
    if refusal.retry_after_s is not None:
        not_before = (lane.clock() + timedelta(seconds=refusal.retry_after_s)).isoformat(timespec="seconds")
    with lane.db.write():
        attempts.mark_unsettled(
            lane.db, attempt, AttemptState.REFUSED, error=str(refusal), not_before=not_before, now=lane.now
        )
        runs.add_event(lane.db, attempt.run, f"not accepted: {refusal}", now=lane.now)
        if refusal.retry_after_s is None:
            runs.hold(
                lane.db,
                attempt.run,
                reason=f"the provider refused the batch: {refusal.message}",
                hint=f"lanectl release {attempt.run}",
            )


def _spool_body(lane: Lane, attempt: Attempt, spooled: SpooledRun) -> tuple[str, int]:
    """Write the body and its manifest to the spool, durably; returns the body's hash and length."""
    shared = shared_of(spooled.read_json("shared.json"))
    shared_bytes = dumps(shared.body(attempt.cache_mode, attempt.max_tokens))
    with spooled.body_pen(attempt.number) as pen:
        for piece in batches.body(_entries(lane, attempt, spooled, shared_bytes)):
            pen.write(piece)
    facts = {
        "schema": 1,
        "install": lane.identity.install,
        "run": attempt.run,
        "attempt": attempt.number,
        "role": attempt.role,
        "cache_mode": attempt.cache_mode,
        "max_tokens": attempt.max_tokens,
        "created_at": attempt.created_at,
        "sending_at": lane.now,
        "sha256": pen.written.sha256,
        "bytes": pen.written.bytes,
    }
    placed = attempts.list_placed(lane.db, attempt)
    spooled.write_manifest(attempt.number, facts, ((one.custom_id, one.job, one.digest) for one in placed))
    return pen.written.sha256, pen.written.bytes


def _entries(lane: Lane, attempt: Attempt, spooled: SpooledRun, shared: bytes) -> Iterator[bytes]:
    """The requests of an attempt, one at a time."""
    with spooled.open_jobs() as file:
        for placed in attempts.list_placed(lane.db, attempt):
            file.seek(placed.offset)
            yield batches.entry(placed.custom_id, shared, parse_job(file.read(placed.bytes)).own)


def _check_room(lane: Lane, attempt: Attempt, length: int) -> None:
    """Refuse to buy results that the disk cannot hold; nothing has been sent yet."""
    free = free_bytes(lane.settings.spool_dir)
    needed = RESULT_ROOM * (length // 4 + attempt.requests * 20_000)
    if free < needed:
        raise LanectlError(
            f"{free:,} bytes are free, and the results may need {needed:,}",
            where=str(lane.settings.spool_dir),
            hint="lanectl clean --dry-run",
        )
