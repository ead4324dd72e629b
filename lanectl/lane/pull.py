"""Pull: everything that has ended becomes artifacts, outcomes and one page; repeatable, killed anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lanectl.api import NotFound
from lanectl.errors import LanectlError, TryLater
from lanectl.lane.account import account_of
from lanectl.lane.advance import advance
from lanectl.lane.collect import collect, collect_nothing, restore
from lanectl.lane.context import PERSON_WAIT_S, Lane
from lanectl.lane.erase import erase
from lanectl.lane.fetch import fetch
from lanectl.lane.report import Morning, write_morning, write_report
from lanectl.lane.sync import sync
from lanectl.models import AttemptState, RunAccount, RunState
from lanectl.state import answers, attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run

WAIT_FIRST_S = 30.0
SANDBOX_WAIT_S = 0.5
WAIT_MOST_S = 600.0
WAIT_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class PulledRun:
    """One run that a pull touched: files written and unchanged, jobs still out, and where its digest lies.

    `settled_now` says that this pull brought the last of it; `trouble` is why some of it could not be pulled
    yet.
    """

    account: RunAccount
    state: str
    written: int
    unchanged: int
    digest: Path | None
    settled_now: bool
    trouble: LanectlError | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull did: `pending` counts runs not settled, `morning` is over all runs it touched."""

    runs: tuple[PulledRun, ...]
    pending: int
    morning: Morning | None
    sent: tuple[Attempt, ...] = ()


def pull(
    lane: Lane,
    run: Run | None = None,
    *,
    wait: bool = False,
    timeout_s: float | None = None,
    lock_wait_s: float = PERSON_WAIT_S,
) -> Pulled:
    """Bring in what has ended, of one run or of all, and take waiting ones further.

    With `wait` it goes on until nothing is pending or `timeout_s` is over. A settled run that is named is
    written again where its files are missing. Raises `NoAccess`, `TryLater`.
    """
    deadline = None if timeout_s is None else lane.clock() + timedelta(seconds=timeout_s)
    pause = SANDBOX_WAIT_S if lane.settings.sandbox else WAIT_FIRST_S
    touched: dict[str, PulledRun] = {}
    sent: list[Attempt] = []
    while True:
        with lane.locked(wait_s=lock_wait_s):
            sync(lane)
            wanted = [run] if run is not None else runs.open_runs(lane.db)
            for one in wanted:
                if lane.late:
                    break
                # Results first: a pilot that has come back is judged by its answers, not by its age.
                _merge(touched, pull_run(lane, one, named=run is not None))
                sent.extend(advance(lane, runs.get_run(lane.db, one.id)).sent)
            morning = _morning(lane, touched)
            _settle(lane, touched)
            erase(lane)
            pending = len(_pending(lane, run))
        if not wait or not pending or (deadline is not None and lane.clock() >= deadline):
            return Pulled(tuple(touched.values()), pending, morning, tuple(sent))
        left = pause if deadline is None else min(pause, (deadline - lane.clock()).total_seconds())
        lane.tell(f"{pending} run{'s' if pending > 1 else ''} not ready; looking again in {left:,.0f} s")
        lane.sleep(max(left, 0.0))
        pause = min(pause * WAIT_GROWTH, WAIT_MOST_S)


def _settle(lane: Lane, touched: Mapping[str, PulledRun]) -> None:
    """Everything of these runs is on disk, the page over them included: say so in the state file."""
    for one in touched.values():
        if one.settled_now and runs.get_run(lane.db, one.account.run).pulled_at is None:
            with lane.db.write():
                runs.mark_pulled(lane.db, one.account.run, now=one.account.pulled_at or lane.now)
                runs.add_event(lane.db, one.account.run, "settled", now=lane.now)


def _pending(lane: Lane, run: Run | None) -> list[Run]:
    return [one for one in runs.open_runs(lane.db) if run is None or one.id == run.id]


def _merge(touched: dict[str, PulledRun], pulled: PulledRun | None) -> None:
    if pulled is None:
        return
    before = touched.get(pulled.account.run)
    if before is not None:
        pulled = PulledRun(
            account=pulled.account,
            state=pulled.state,
            written=before.written + pulled.written,
            unchanged=max(before.unchanged, pulled.unchanged),
            digest=pulled.digest or before.digest,
            settled_now=before.settled_now or pulled.settled_now,
            trouble=pulled.trouble,
        )
    touched[pulled.account.run] = pulled


def pull_run(lane: Lane, run: Run, *, named: bool) -> PulledRun | None:
    """Collect what has ended of one run; None when there is nothing new to tell about it.

    A run that this settles is told so, and recorded so by `pull` once its page is written too.
    """
    ended = attempts.list_attempts(lane.db, run.id, AttemptState.ENDED)
    before = runs.get_run(lane.db, run.id)
    if not ended and not named and not _settles(lane, before):
        return None
    written = unchanged = 0
    trouble: LanectlError | None = None
    for attempt in ended:
        try:
            got = _pull_attempt(lane, run, attempt)
            written += got[0]
            unchanged += got[1]
            if not got[2]:
                trouble = TryLater(
                    "the results are short of what the provider counts",
                    where=str(attempt.batch_id),
                    hint="lanectl pull",
                )
        except (TryLater, NotFound) as error:
            trouble = error
    if named:
        written += restore(lane, run)
    after = runs.get_run(lane.db, run.id)
    if _settles(lane, after):
        # What is written says settled; the state file says so last, so that a killed pull writes it all
        # again.
        after = replace(after, pulled_at=lane.now)
    digest = write_report(lane, after) if _has_news(lane, after) else None
    return PulledRun(
        account=account_of(lane, after),
        state=runs.run_state(lane.db, after),
        written=written,
        unchanged=unchanged,
        digest=digest,
        settled_now=before.pulled_at is None and after.pulled_at is not None,
        trouble=trouble,
    )


def _pull_attempt(lane: Lane, run: Run, attempt: Attempt) -> tuple[int, int, bool]:
    """Files written, files unchanged, and whether every job of the attempt has its outcome now."""
    if attempt.error and attempt.error.startswith(("archived", "missing")):
        if lane.spool.run(run.id).has_results(attempt.number):
            got = collect(lane, run, attempt, whole=True, unreadable=0)
        else:
            got = collect_nothing(lane, run, attempt)
        return got.written, got.unchanged, True
    lane.tell(f"fetching {attempt.requests:,} results of {run.recipe}")
    fetched = fetch(lane, attempt)
    got = collect(lane, run, attempt, whole=fetched.whole, unreadable=fetched.unreadable)
    return got.written, got.unchanged, fetched.whole


def _settles(lane: Lane, run: Run) -> bool:
    """Whether nothing of a run is out, lost, waiting or unpulled."""
    return (
        run.pulled_at is None
        and runs.run_state(lane.db, run) is RunState.PULLED
        and runs.waiting_count(lane.db, run.id) == 0
    )


def _has_news(lane: Lane, run: Run) -> bool:
    return run.pulled_at is not None or answers.sums(lane.db, run.id).answers > 0


def _morning(lane: Lane, touched: Mapping[str, PulledRun]) -> Morning | None:
    told = [runs.get_run(lane.db, run_id) for run_id in touched]
    return write_morning(lane, [replace(run, pulled_at=touched[run.id].account.pulled_at) for run in told])


def unpulled(pulled: Sequence[PulledRun]) -> list[LanectlError]:
    """What kept parts of the runs from being pulled."""
    return [one.trouble for one in pulled if one.trouble is not None]
