"""Rebuild: what the spool's manifests know and the state file does not, after it was lost or put back from a
copy.

A manifest is written before its batch is sent, so an attempt that the state file does not know may be at the
provider: it comes back as `unknown`, and its jobs are not sent again before its own custom ids are seen or
proven absent.
"""

import json
from collections.abc import Iterator
from typing import Any

from lanectl.errors import LanectlError
from lanectl.lane.context import Lane
from lanectl.models import AttemptState
from lanectl.spool import SpooledRun, parse_job
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt, Sending
from lanectl.state.runs import PlannedJob, Run

MANIFEST = ".manifest.json"
MAY_BE_SENT = (AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT, AttemptState.UNKNOWN)


def rebuild(lane: Lane) -> list[str]:
    """Take over every manifest that the state file does not know; returns the ids of the runs concerned.

    The caller holds the lock: a manifest that another process is just writing would look like a lost one.
    """
    known: dict[str, set[int]] = {}
    for attempt in attempts.list_attempts(lane.db):
        known.setdefault(attempt.run, set()).add(attempt.number)
    return [run_id for run_id in lane.spool.runs() if _rebuilt(lane, run_id, known.get(run_id, set()))]


def _rebuilt(lane: Lane, run_id: str, known: set[int]) -> bool:
    spooled = lane.spool.run(run_id)
    names = spooled.names()
    lost = [name for name in names if name.endswith(MANIFEST) and int(name[: -len(MANIFEST)]) not in known]
    sent = _sent_unknowingly(lane, run_id, names) if known else []
    if not lost and not sent:
        return False
    try:
        manifests = [spooled.read_json(name) for name in lost]
        with lane.db.write():
            fresh = not runs.has_run(lane.db, run_id)
            if fresh:
                _add_run(lane, spooled, manifests)
            for manifest in manifests:
                _add_lost(lane, run_id, manifest)
            for attempt in sent:
                manifest = spooled.read_json(f"{attempt.number:02}{MANIFEST}")
                attempts.mark_lost(lane.db, attempt, sent_at=manifest["sending_at"], now=lane.now)
            if fresh:
                runs.give_up_unsent(lane.db, run_id)
            runs.reopen(lane.db, run_id)
            runs.add_event(lane.db, run_id, "rebuilt from the spool", now=lane.now)
    except (LanectlError, FileNotFoundError, KeyError, TypeError, ValueError) as error:
        # One damaged folder must not keep the others from coming back.
        lane.tell(f"the spool of run {run_id} cannot be read: {error}")
        return False
    lane.tell(f"run {run_id} was sent, and the state file does not say so: looking for it at the provider")
    return True


def _sent_unknowingly(lane: Lane, run_id: str, names: list[str]) -> list[Attempt]:
    """Intents whose body is gone although their manifest is there: a body is dropped only after it was
    accepted.
    """
    return [
        attempt
        for attempt in attempts.list_attempts(lane.db, run_id, AttemptState.INTENT)
        if attempt.replaced_by is None
        and f"{attempt.number:02}{MANIFEST}" in names
        and f"{attempt.number:02}.body" not in names
    ]


def _add_run(lane: Lane, spooled: SpooledRun, manifests: list[dict[str, Any]]) -> None:
    kept = spooled.read_json("run.json")
    digests = {job: digest for manifest in manifests for job, digest in manifest["jobs"].values()}
    run = _run(kept, spooled.read_json("shared.json"), manifests[0])
    runs.add_run(lane.db, run, _jobs(spooled, digests), ())
    # Nothing of a rebuilt run is sent unasked: what it had sent is still being found out.
    hint = f"lanectl release {run.id}"
    runs.hold(lane.db, run.id, reason="rebuilt after the state file was lost", hint=hint)


def _run(kept: dict[str, Any], shared: dict[str, Any] | None, first: dict[str, Any]) -> Run:
    facts = kept["run"]
    return Run(
        id=facts["id"],
        recipe=facts["recipe"],
        recipe_sha256=facts["recipe_sha256"],
        description=facts["description"],
        repo=facts["repo"],
        repo_name=facts["repo_name"],
        commit_sha=facts["commit_sha"],
        branch=facts["branch"],
        model=facts["model"],
        output=kept["output"],
        policy=kept["policy"],
        estimate={},
        cache_mode=first["cache_mode"],
        prefix_sha256="",
        prefix_bytes=sum(len(text.encode()) for text in (shared or {}).get("system", ())),
        form="",
        artifacts=facts["artifacts"],
        reserved_usd=None,
        created_at=first["created_at"],
    )


def _jobs(spooled: SpooledRun, digests: dict[int, str]) -> Iterator[PlannedJob]:
    offset = 0
    with spooled.open_jobs() as file:
        for line in file:
            job = parse_job(line)
            digest = digests.get(job.n, f"recovered-{spooled.id}-{job.n}")
            size = len(json.dumps(job.own, ensure_ascii=False, separators=(",", ":")).encode())
            yield PlannedJob(job.n, job.key, digest, offset, len(line), size)
            offset += len(line)


def _add_lost(lane: Lane, run_id: str, manifest: dict[str, Any]) -> None:
    """An attempt whose manifest is here and whose answer is not: it is unknown until its own custom ids are
    seen.
    """
    jobs = {job for job, _ in manifest["jobs"].values()}
    attempt = Attempt(
        run=run_id,
        number=manifest["attempt"],
        role=manifest["role"],
        state=AttemptState.INTENT,
        requests=len(jobs),
        bytes=manifest["bytes"],
        cache_mode=manifest["cache_mode"],
        max_tokens=manifest["max_tokens"],
        created_at=manifest["created_at"],
    )
    for older in attempts.list_attempts(lane.db, run_id, *MAY_BE_SENT):
        if older.replaced_by is None and jobs & {one.job for one in attempts.list_sendings(lane.db, older)}:
            # The lost attempt is how these jobs went on: sending the older one as well would pay twice.
            attempts.replace(lane.db, older, attempt.number)
    sendings = [Sending(custom_id, job) for custom_id, (job, _) in manifest["jobs"].items()]
    attempts.add_attempt(lane.db, attempt, sendings)
    attempts.mark_lost(lane.db, attempt, sent_at=manifest["sending_at"], now=lane.now)
    runs.reset_jobs(lane.db, run_id, sorted(jobs))
