"""Brings an ended batch's results to the spool: whole or not at all, and complete by what is in them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BufferedReader

from lanectl.api import NotFound
from lanectl.errors import TryLater
from lanectl.lane.context import Lane
from lanectl.lane.marks import Marks
from lanectl.outputs.read import custom_id_of
from lanectl.outputs.strict import NotJsonError, loads
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt

ENOUGH_FETCHES = 3
ENOUGH_TIME = timedelta(minutes=10)
MOST_PER_REQUEST = 8_000_000
LEAST_ROOM = 64_000_000
SLOWEST = 3600.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies in the spool for an attempt: `whole` is whether every request has its line, or never will.

    `unreadable` counts the lines whose custom id cannot be read, `foreign` those of other requests.
    """

    whole: bool
    lines: int
    wanted: int
    unreadable: int
    foreign: int = 0


def fetch(lane: Lane, attempt: Attempt) -> Fetched:
    """Make sure the attempt's raw results are in the spool, fetching them (again) where they are short.

    Raises `TryLater` for a broken connection, with nothing changed. Results that are short although they came
    whole count as complete after three fetches over ten minutes; what is not there then is missing.
    """
    spooled = lane.spool.run(attempt.run)
    if spooled.has_results(attempt.number):
        with spooled.open_results(attempt.number) as file:
            fetched = _measure(lane, attempt, file)
        if fetched.whole:
            return fetched
    try:
        _download(lane, attempt)
    except NotFound:
        # The counts may say ended before the results can be read; an age limit is kept by `sync`.
        raise TryLater(
            "the results are not there yet", where=str(attempt.batch_id), hint="lanectl pull"
        ) from None
    attempts.count_fetch(lane.db, attempt, now=lane.now)
    with spooled.open_results(attempt.number) as file:
        fetched = _measure(lane, attempt, file)
    if fetched.foreign and fetched.foreign == fetched.lines:
        raise _disowned(lane, attempt)
    return fetched if fetched.whole else replace(fetched, whole=_given_up(lane, attempt))


def _download(lane: Lane, attempt: Attempt) -> None:
    if attempt.batch_id is None:
        raise AssertionError(f"ended without an id: {attempt.run}/{attempt.number}")
    began = lane.clock()
    most = LEAST_ROOM + attempt.requests * MOST_PER_REQUEST
    with (
        lane.api.results(attempt.batch_id, timeout_s=lane.settings.provider.timeout_s) as chunks,
        lane.spool.run(attempt.run).results_pen(attempt.number) as pen,
    ):
        for chunk in chunks:
            pen.write(chunk)
            if pen.bytes > most:
                raise TryLater(
                    f"the results have more than {most:,} bytes", where=attempt.batch_id, hint="lanectl pull"
                )
            if lane.late or (lane.clock() - began).total_seconds() > SLOWEST:
                raise TryLater("the results come too slowly", where=attempt.batch_id, hint="lanectl pull")


def _measure(lane: Lane, attempt: Attempt, file: BufferedReader) -> Fetched:
    """Hold the results against the attempt's own custom ids: a line that cannot be read stands for one of
    them.
    """
    seen = Marks()
    lines = unreadable = foreign = 0
    for line in file:
        if not line.strip() or is_torn(line):
            continue
        lines += 1
        custom_id = custom_id_of(line)
        sending = None if custom_id is None else attempts.find_sending(lane.db, custom_id)
        if custom_id is None:
            unreadable += 1
        elif sending is None or sending[:2] != (attempt.run, attempt.number):
            foreign += 1
        else:
            seen.add(sending[2])
    ours = len(seen)
    # Lines that cannot be read prove nothing by themselves: a page of a captive portal is made of them.
    whole = ours > 0 and ours + unreadable >= attempt.requests
    return Fetched(whole, lines, attempt.requests, unreadable, foreign)


def is_torn(line: bytes) -> bool:
    """Whether a last line was cut on its way: a body that ends cleanly in the middle of a line raises no
    error.
    """
    if line.endswith(b"\n"):
        return False
    try:
        loads(line)
    except NotJsonError:
        return True
    return False


def _disowned(lane: Lane, attempt: Attempt) -> TryLater:
    """Results of nothing but other people's requests: the batch was taken for ours and is not."""
    batch_id = str(attempt.batch_id)
    with lane.db.write():
        attempts.disown(lane.db, attempt, error=f"{batch_id} was taken for it and is not", now=lane.now)
        runs.add_event(lane.db, attempt.run, f"{batch_id} holds other requests than ours", now=lane.now)
    lane.spool.run(attempt.run).remove_file(f"{attempt.number:02}.results")
    return TryLater("the results are of other requests than ours", where=batch_id, hint="lanectl status")


def _given_up(lane: Lane, attempt: Attempt) -> bool:
    attempt = attempts.get_attempt(lane.db, attempt.run, attempt.number)
    first = datetime.fromisoformat(attempt.first_fetch_at or lane.now)
    return attempt.fetches >= ENOUGH_FETCHES and lane.clock() - first >= ENOUGH_TIME
