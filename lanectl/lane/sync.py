"""Sync: what the provider says of every open batch, and what has become of those whose answer was lost.

The first act of every command that talks to the API. It looks and records; it never sends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lanectl.api import NotFound
from lanectl.errors import NoAccess
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.lane.rebuild import rebuild
from lanectl.lane.reconcile import list_since, look
from lanectl.models import AttemptState, Batch, Counts
from lanectl.state import attempts, journal, runs
from lanectl.state.attempts import Attempt

YOUNG = timedelta(hours=1)
NOT_FOUND_TIMES = 5
NOT_FOUND_FOR = timedelta(hours=2)
ASK_EVERY = timedelta(minutes=1)
LAST_ASKED = "last_asked_at"


@dataclass(frozen=True, slots=True)
class Synced:
    """What one sync found: open batches asked about, lost answers settled, and those that are still open."""

    asked: int
    found: int
    absent: int
    unknown: int


def sync(lane: Lane) -> Synced:
    """Settle what can be settled and fold in what the provider says; the caller holds the lock.

    Raises `NoAccess` or `TryLater`; whatever was learned before that is recorded.
    """
    _tidy(lane)
    rebuild(lane)
    _take_over_journal(lane)
    _own_up(lane)
    found, absent, unknown = look(lane)
    asked = _ask_all(lane)
    runs.set_meta(lane.db, LAST_ASKED, lane.now)
    return Synced(asked, found, absent, unknown)


def _tidy(lane: Lane) -> None:
    """Remove what a killed process left half-written beside the state file."""
    with Folder.open(lane.settings.state_dir, create=True, private=True) as folder:
        # Not below: other processes plan in the spool without the lock.
        folder.sweep(below=False)


def asked_lately(lane: Lane) -> bool:
    """Whether the provider was asked within the last minute."""
    last = runs.get_meta(lane.db, LAST_ASKED)
    if last is None:
        return False
    age = lane.clock() - datetime.fromisoformat(last)
    return timedelta(0) <= age < ASK_EVERY


def _take_over_journal(lane: Lane) -> None:
    """Ids that were accepted while the disk was full come home; one of an attempt nobody knows (yet) stays
    noted.
    """
    noted = journal.read(lane.journal_path)
    left = 0
    for note in noted:
        attempt = _noted_attempt(lane, note)
        if attempt is None:
            left += 1
            lane.tell(
                f"batch {note.batch_id} was accepted for run {note.run}, which the state file does not know"
            )
        elif attempt.batch_id is None and attempts.find_by_batch(lane.db, note.batch_id) is None:
            attempts.mark_accepted(
                lane.db,
                attempt,
                _as_noted(attempt, note),
                request_id=note.request_id,
                workspace=None,
                now=lane.now,
            )
            lane.spool.run(note.run).drop_body(note.attempt)
    if noted and not left:
        journal.clear(lane.journal_path)


def _noted_attempt(lane: Lane, note: journal.Noted) -> Attempt | None:
    try:
        return attempts.get_attempt(lane.db, note.run, note.attempt)
    except LookupError:
        return None


def _as_noted(attempt: Attempt, note: journal.Noted) -> Batch:
    """A batch of which only the id is known: what has become of it is asked next, with all patience for a
    404.
    """
    created = attempt.sending_at or attempt.created_at
    counts = Counts(processing=attempt.requests)
    return Batch(note.batch_id, "in_progress", created, None, None, None, None, counts)


def _own_up(lane: Lane) -> None:
    """An attempt that is `sending` while we hold the lock was left by a process that died: its answer is
    lost.
    """
    for attempt in attempts.list_attempts(lane.db, None, AttemptState.SENDING):
        attempts.mark_unsettled(
            lane.db,
            attempt,
            AttemptState.UNKNOWN,
            error="the process ended while it was sending",
            now=lane.now,
        )
        runs.add_event(
            lane.db, attempt.run, f"batch {attempt.number}: the process ended while sending", now=lane.now
        )


def _ask_all(lane: Lane) -> int:
    """Ask for every batch that is out, or has ended without its results being here; returns how many that
    were.
    """
    out = attempts.list_attempts(lane.db, None, AttemptState.ACCEPTED, AttemptState.ENDED)
    asked = 0
    refused: NoAccess | None = None
    for attempt in out:
        if attempt.state == AttemptState.ENDED and (
            attempt.error or lane.spool.run(attempt.run).has_results(attempt.number)
        ):
            continue
        if lane.late:
            break
        asked += 1
        try:
            _ask(lane, attempt)
        except NoAccess as error:
            # Another key's batch must not keep the others from being asked for.
            refused = error
    if refused is not None:
        raise refused
    return asked


def _ask(lane: Lane, attempt: Attempt) -> None:
    if attempt.batch_id is None:
        raise AssertionError(f"accepted without an id: {attempt.run}/{attempt.number}")
    try:
        batch = lane.api.get_batch(attempt.batch_id)
    except NotFound:
        _not_found(lane, attempt)
        return
    attempts.fold(lane.db, attempt, batch)
    if batch.archived_at is not None:
        attempts.mark_ended(
            lane.db, attempt, error="archived: the provider let the results go after 29 days", now=lane.now
        )


def _not_found(lane: Lane, attempt: Attempt) -> None:
    """One 404 never means gone: a batch can be invisible for minutes after acceptance, and again later."""
    if attempt.key_print != lane.api.key_print:
        raise NoAccess(
            f"this key does not see batch {attempt.batch_id}, which another key sent",
            where=lane.api.host,
            hint="lanectl doctor",
        )
    attempts.count_not_found(lane.db, attempt, now=lane.now)
    attempt = attempts.get_attempt(lane.db, attempt.run, attempt.number)
    first = datetime.fromisoformat(attempt.first_not_found_at or lane.now)
    accepted = datetime.fromisoformat(attempt.answered_at or attempt.created_at)
    now = lane.clock()
    if now - accepted < YOUNG or attempt.not_found < NOT_FOUND_TIMES or now - first < NOT_FOUND_FOR:
        return
    listed, _ = list_since(lane, datetime.fromisoformat(attempt.batch_created_at or attempt.created_at))
    if any(batch.id == attempt.batch_id for batch in listed):
        return
    attempts.mark_ended(
        lane.db,
        attempt,
        error="missing: the provider no longer shows the batch; deleted elsewhere?",
        now=lane.now,
    )
    runs.add_event(lane.db, attempt.run, f"batch {attempt.batch_id} is gone at the provider", now=lane.now)


def unsettled(lane: Lane) -> list[Attempt]:
    """The attempts whose answer is lost and whose fate is open."""
    return attempts.list_attempts(lane.db, None, AttemptState.UNKNOWN, AttemptState.SENDING)
