"""Reconciles attempts whose answer was lost: looks for them at the provider until they are found or proven
absent.

Proof is by an attempt's own custom ids, never by counts alone; what may be at the provider is never sent
again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain

from lanectl.api import NotFound
from lanectl.errors import TryLater
from lanectl.lane.context import Lane
from lanectl.models import AttemptState, Batch
from lanectl.outputs.read import custom_id_of
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt, Candidate

WINDOW_SLACK = timedelta(minutes=5)
LOOKS = 3
DEDICATED_LOOKS = 2
MOST_PAGES = 10
PROOF_LINES = 50
LATE_TWINS = timedelta(hours=72)
# Every batch has ended after 24 hours; one that is no longer listed then was deleted by its owner.
LISTED_UNTIL = timedelta(hours=25)
DECLARED = "declared not sent"


def look(lane: Lane) -> tuple[int, int, int]:
    """Hunt for lost answers in the provider's list; returns how many were found, proven absent, and are still
    open.
    """
    unknown = attempts.list_attempts(lane.db, None, AttemptState.UNKNOWN)
    twins = [attempt for attempt in _absent(lane) if _recent(lane, attempt)]
    if not unknown and not twins:
        return 0, 0, 0
    earliest = min(_window(lane, attempt)[0] for attempt in (*unknown, *twins))
    listed, server_now = list_since(lane, earliest)
    found = sum(_look_for(lane, attempt, listed, alone=len(unknown) == 1) for attempt in unknown)
    for attempt in twins:
        if _look_for(lane, attempt, listed, alone=False):
            found += 1
        elif attempt.replaced_by is None and not (attempt.error or "").startswith(DECLARED):
            _doubt(lane, attempt)
    still = attempts.list_attempts(lane.db, None, AttemptState.UNKNOWN)
    absent = sum(_give_up(lane, attempt, listed, server_now) for attempt in still)
    return found, absent, len(still) - absent


def known_by(lane: Lane, attempt: Attempt) -> datetime:
    """When the fate of an unknown attempt will be known at the latest, if nothing that may be it turns up."""
    sent = datetime.fromisoformat(attempt.sending_at or attempt.created_at)
    return sent + _grace(lane)


def prove(lane: Lane, attempt: Attempt, batch: Batch) -> str | None:
    """Whose an ended batch is, by the custom ids in its own results: `ours`, `foreign`, or None while
    unreadable.

    One id of ours is proof: a line of somebody else's among them would be a fault of the transport.
    """
    verdict = None
    try:
        with lane.api.results(batch.id, timeout_s=lane.settings.provider.timeout_s) as chunks:
            for custom_id in _first_ids(chunks):
                owner = attempts.find_sending(lane.db, custom_id)
                if owner is not None and owner[:2] == (attempt.run, attempt.number):
                    return "ours"
                verdict = "foreign"
    except (NotFound, TryLater):
        return None
    return verdict


def list_since(lane: Lane, earliest: datetime) -> tuple[list[Batch], datetime]:
    """The batches created since then, newest first, and the server's time."""
    listed: list[Batch] = []
    server_now = lane.clock()
    after_id: str | None = None
    for page_number in range(MOST_PAGES):
        page = lane.api.list_batches(after_id=after_id)
        if page_number == 0 and page.server_date is not None:
            server_now = datetime.fromisoformat(page.server_date)
        recent = [batch for batch in page.batches if datetime.fromisoformat(batch.created_at) >= earliest]
        listed.extend(recent)
        if not page.has_more or not page.batches or len(recent) < len(page.batches):
            break
        after_id = page.batches[-1].id
    return listed, server_now


def give_up_dropped(lane: Lane, run_id: str) -> None:
    """In a run that was given up, jobs whose last hope is gone end too: nothing waits for them."""
    run = runs.get_run(lane.db, run_id)
    if run.dropped_at is not None:
        runs.mark_dropped(lane.db, run_id, now=run.dropped_at)


def _grace(lane: Lane) -> timedelta:
    provider = lane.settings.provider
    return timedelta(seconds=max(provider.grace_s, provider.timeout_s + 60))


def _doubt(lane: Lane, attempt: Attempt) -> None:
    """An attempt that was called absent is uncertain again when a batch turns up that it may be, before it is
    sent anew.
    """
    if any(one.verdict == "open" for one in attempts.list_candidates(lane.db, attempt)):
        attempts.mark_unsettled(
            lane.db,
            attempt,
            AttemptState.UNKNOWN,
            error="a batch that it may be has turned up late",
            now=lane.now,
        )
        runs.add_event(
            lane.db, attempt.run, f"batch {attempt.number} may be at the provider after all", now=lane.now
        )


def _absent(lane: Lane) -> list[Attempt]:
    return attempts.list_attempts(lane.db, None, AttemptState.ABSENT)


def _recent(lane: Lane, attempt: Attempt) -> bool:
    sent = datetime.fromisoformat(attempt.sending_at or attempt.created_at)
    return lane.clock() - sent < LATE_TWINS


def _window(lane: Lane, attempt: Attempt) -> tuple[datetime, datetime]:
    """Between when, on the server's clock, the batch was created if it was."""
    skew = timedelta(seconds=attempt.skew_s or 0.0)
    sent = datetime.fromisoformat(attempt.sending_at or attempt.created_at) + skew
    lasted = timedelta(seconds=lane.settings.provider.timeout_s)
    return sent - WINDOW_SLACK, sent + lasted + WINDOW_SLACK


def _look_for(lane: Lane, attempt: Attempt, listed: Sequence[Batch], *, alone: bool) -> bool:
    """Look for one attempt among the listed batches; True when it was found, and is recorded."""
    if attempt.state == AttemptState.UNKNOWN:
        attempts.add_look(lane.db, attempt, now=lane.now)
    judged = {candidate.batch_id: candidate for candidate in attempts.list_candidates(lane.db, attempt)}
    possible = [batch for batch in _candidates(lane, attempt, listed) if _open(judged.get(batch.id))]
    for batch in possible:
        attempts.see_candidate(lane.db, attempt, batch, now=lane.now)
        if batch.processing_status == "ended" and batch.archived_at is None:
            verdict = prove(lane, attempt, batch)
            if verdict is not None:
                attempts.judge_candidate(lane.db, attempt, batch.id, verdict)
            if verdict == "ours":
                _found(lane, attempt, batch)
                return True
    if attempt.state == AttemptState.UNKNOWN and alone and lane.settings.provider.dedicated_workspace:
        return _conclude(lane, attempt, possible)
    return False


def _open(candidate: Candidate | None) -> bool:
    return candidate is None or candidate.verdict == "open"


def _candidates(lane: Lane, attempt: Attempt, listed: Sequence[Batch]) -> Iterable[Batch]:
    """The batches that may be this attempt: newer than its snapshot, in its window, of its size, owned by no
    row.
    """
    first, last = _window(lane, attempt)
    for batch in listed:
        if batch.id == attempt.snapshot_id:
            return
        created = datetime.fromisoformat(batch.created_at)
        if (
            first <= created <= last
            and batch.counts.total == attempt.requests
            and attempts.find_by_batch(lane.db, batch.id) is None
        ):
            yield batch


def _first_ids(chunks: Iterable[bytes]) -> Iterable[str]:
    """The custom ids in the first lines of a stream of results."""
    seen = 0
    rest = b""
    for chunk in chain(chunks, (b"\n",)):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            custom_id = custom_id_of(line)
            if custom_id is not None:
                yield custom_id
            seen += 1
            if seen >= PROOF_LINES:
                return


def _found(lane: Lane, attempt: Attempt, batch: Batch) -> None:
    late = attempt.state == AttemptState.ABSENT
    with lane.db.write():
        attempts.mark_accepted(
            lane.db, attempt, batch, request_id=None, workspace=None, late=late, now=lane.now
        )
        said = "was believed lost and has turned up; its results count once" if late else "was found"
        runs.add_event(lane.db, attempt.run, f"batch {attempt.number} {said}: {batch.id}", now=lane.now)
        if late:
            runs.reopen(lane.db, attempt.run)
    lane.spool.run(attempt.run).drop_body(attempt.number)


def _conclude(lane: Lane, attempt: Attempt, possible: Sequence[Batch]) -> bool:
    """In a workspace that only this installation uses, the one batch seen twice is the one that was sent."""
    if len(possible) != 1:
        return False
    seen = next(one for one in attempts.list_candidates(lane.db, attempt) if one.batch_id == possible[0].id)
    if seen.looks < DEDICATED_LOOKS:
        return False
    _found(lane, attempt, possible[0])
    return True


def _give_up(lane: Lane, attempt: Attempt, listed: Sequence[Batch], server_now: datetime) -> bool:
    """Whether an unknown attempt is proven absent: the grace is over, and nothing that may be it is left."""
    attempt = attempts.get_attempt(lane.db, attempt.run, attempt.number)
    sent = datetime.fromisoformat(attempt.sending_at or attempt.created_at)
    waited = server_now - (sent + timedelta(seconds=attempt.skew_s or 0.0))
    there = {batch.id for batch in listed}
    left = [
        one
        for one in attempts.list_candidates(lane.db, attempt)
        if one.verdict == "open" and (waited < LISTED_UNTIL or one.batch_id in there)
    ]
    if waited < _grace(lane) or attempt.looks < LOOKS or left:
        return False
    with lane.db.write():
        attempts.mark_unsettled(
            lane.db,
            attempt,
            AttemptState.ABSENT,
            error="not at the provider after the grace period",
            now=lane.now,
        )
        give_up_dropped(lane, attempt.run)
        runs.add_event(
            lane.db,
            attempt.run,
            f"batch {attempt.number} is not at the provider after {attempt.looks} looks: "
            "it may be sent again",
            now=lane.now,
        )
    return True
