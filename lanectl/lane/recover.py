"""Recover: rebuilds a lost state file from the spool's manifests, and from the provider's own word without
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from lanectl.api import NotFound
from lanectl.errors import TryLater
from lanectl.lane.collect import collect
from lanectl.lane.context import Lane
from lanectl.lane.fetch import fetch
from lanectl.lane.rebuild import rebuild
from lanectl.lane.report import write_report
from lanectl.models import AttemptState, Batch, Role, RunState
from lanectl.outputs.read import custom_id_of
from lanectl.plan.custom_id import Parts, parse
from lanectl.spool import SpooledJob, dump_job
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt, Sending
from lanectl.state.runs import PlannedJob, Run

MOST_PAGES = 50
UNKNOWN_MODEL = "unknown"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back: runs rebuilt, outcomes recorded, open batches that cannot be named yet, and strangers'
    ones.
    """

    runs: tuple[str, ...]
    outcomes: int
    unidentified: tuple[str, ...]
    foreign: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """An ended batch that no row owns, with its custom ids and what they say."""

    batch: Batch
    ids: Sequence[tuple[str, Parts]]


def recover(lane: Lane, *, adopt: frozenset[str], out: Path | None) -> Recovered:
    """Rebuild what the state file does not know; what it knows already is left as it is.

    Runs without a manifest come back only when they are named in `adopt`, bear this installation's id, or the
    workspace is declared dedicated; their artifacts go below `out`. Results older than 29 days are gone.
    """
    with lane.locked():
        rebuilt = rebuild(lane)
        owned = {one.batch_id for one in attempts.list_attempts(lane.db)}
        unknown = [batch for batch in _list_all(lane) if batch.id not in owned]
        notes: list[str] = []
        found, foreign = _by_run(lane, unknown, adopt, notes)
        for run_id, batches in found.items():
            if not runs.has_run(lane.db, run_id):
                if out is None:
                    notes.append(f"run {run_id} has no manifest; say where its artifacts go: --out DIR")
                    continue
                _rebuild(lane, run_id, batches, out)
            attached = [_attach(lane, one, notes) for one in batches]
            if any(attached):
                rebuilt.append(run_id)
        outcomes = sum(_collect(lane, run_id, notes) for run_id in dict.fromkeys(rebuilt))
    unidentified = tuple(batch.id for batch in unknown if batch.processing_status != "ended")
    notes.extend(f"{batch_id} has not ended and cannot be named until then" for batch_id in unidentified)
    return Recovered(tuple(dict.fromkeys(rebuilt)), outcomes, unidentified, foreign, tuple(notes))


def _by_run(
    lane: Lane, unknown: Sequence[Batch], adopt: frozenset[str], notes: list[str]
) -> tuple[dict[str, list[Found]], int]:
    """Ended batches nobody owns, read and sorted by the run they bear; and how many are strangers'."""
    found: dict[str, list[Found]] = {}
    foreign = 0
    for batch in unknown:
        if batch.processing_status != "ended" or batch.archived_at is not None:
            continue
        ids = _ids(lane, batch)
        if not ids:
            foreign += 1
        elif not _may_adopt(lane, ids[0][1], adopt):
            run_id = ids[0][1].run
            notes.append(f"{batch.id} bears run {run_id} of another installation: --adopt {run_id}")
            foreign += 1
        else:
            found.setdefault(ids[0][1].run, []).append(Found(batch, ids))
    return found, foreign


def _list_all(lane: Lane) -> list[Batch]:
    listed: list[Batch] = []
    after_id: str | None = None
    for _ in range(MOST_PAGES):
        page = lane.api.list_batches(after_id=after_id)
        listed.extend(page.batches)
        if not page.has_more or not page.batches:
            break
        after_id = page.batches[-1].id
    return listed


def _ids(lane: Lane, batch: Batch) -> list[tuple[str, Parts]] | None:
    """Every custom id of an ended batch with what it says; empty for a stranger's, None when it cannot be
    read.
    """
    found: list[tuple[str, Parts]] = []
    rest = b""
    try:
        with lane.api.results(batch.id, timeout_s=lane.settings.provider.timeout_s) as chunks:
            for chunk in chain(chunks, (b"\n",)):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    custom_id = custom_id_of(line)
                    parts = parse(custom_id) if custom_id else None
                    if custom_id and parts is None:
                        return []
                    if custom_id and parts:
                        found.append((custom_id, parts))
    except (NotFound, TryLater):
        return None
    return found


def _may_adopt(lane: Lane, parts: Parts, adopt: frozenset[str]) -> bool:
    own = parts.install == lane.identity.install
    return own or parts.run in adopt or lane.settings.provider.dedicated_workspace


def _attach(lane: Lane, found: Found, notes: list[str]) -> bool:
    """Give an ended batch to the attempt whose custom ids it bears."""
    owner = attempts.find_sending(lane.db, found.ids[0][0])
    if owner is None:
        notes.append(f"{found.batch.id} bears ids that run {found.ids[0][1].run} never had")
        return False
    attempt = attempts.get_attempt(lane.db, owner[0], owner[1])
    if attempt.batch_id is not None:
        # Another installation with a copy of this state file sent the same ids: somebody paid twice.
        notes.append(f"{found.batch.id} bears the same ids as {attempt.batch_id}")
        return False
    attempts.mark_accepted(lane.db, attempt, found.batch, request_id=None, workspace=None, now=lane.now)
    return True


def _rebuild(lane: Lane, run_id: str, batches: Sequence[Found], out: Path) -> None:
    """Make a run from the ids alone: its jobs are named by their slugs, its answers are taken as text."""
    parts_of = {parts.job: parts for found in batches for _, parts in found.ids}
    planned: list[PlannedJob] = []
    with lane.spool.run(run_id).jobs_pen() as pen:
        for job in sorted(parts_of):
            key = f"{parts_of[job].slug}-{job}"
            line = dump_job(SpooledJob(job, key, key, {"messages": []}, {}))
            offset = pen.write(line)
            planned.append(PlannedJob(job, key, f"recovered-{run_id}-{job}", offset, len(line), len(line)))
    run = Run(
        id=run_id,
        recipe="recovered",
        recipe_sha256="",
        description="rebuilt from the provider's results alone",
        repo="",
        repo_name="",
        commit_sha=None,
        branch=None,
        model=UNKNOWN_MODEL,
        output={"table": {"kind": "text"}, "schema_value": None},
        policy={},
        estimate={},
        cache_mode="off",
        prefix_sha256="",
        prefix_bytes=0,
        form="",
        artifacts=str(out.absolute() / run_id),
        reserved_usd=None,
        created_at=min(found.batch.created_at for found in batches),
    )
    with lane.db.write():
        runs.add_run(lane.db, run, planned, ())
        for number, found in {found.ids[0][1].attempt: found for found in batches}.items():
            attempt = Attempt(
                run=run_id,
                number=number,
                role=Role.MAIN,
                state=AttemptState.INTENT,
                requests=len(found.ids),
                bytes=0,
                cache_mode="off",
                max_tokens=1,
                created_at=found.batch.created_at,
            )
            sendings = [Sending(custom_id, parts.job) for custom_id, parts in found.ids]
            attempts.add_attempt(lane.db, attempt, sendings)
        runs.add_event(lane.db, run_id, "rebuilt from the provider's results", now=lane.now)


def _collect(lane: Lane, run_id: str, notes: list[str]) -> int:
    run = runs.get_run(lane.db, run_id)
    recorded = 0
    for attempt in attempts.list_attempts(lane.db, run_id, AttemptState.ENDED):
        try:
            fetched = fetch(lane, attempt)
            collect(lane, run, attempt, whole=fetched.whole, unreadable=fetched.unreadable)
        except (TryLater, NotFound) as error:
            notes.append(f"run {run_id}: {error}")
            continue
        recorded += fetched.lines
    run = runs.get_run(lane.db, run_id)
    settled = runs.run_state(lane.db, run) is RunState.PULLED and not runs.waiting_count(lane.db, run_id)
    if recorded:
        write_report(lane, replace(run, pulled_at=lane.now) if settled else run)
    if settled and run.pulled_at is None:
        runs.mark_pulled(lane.db, run_id, now=lane.now)
    return recorded
