"""Flush: waiting calls become runs named `ask`, each row moved in the transaction that records its job."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from lanectl.artifacts import ArtifactFolder, ignore_all
from lanectl.digest.words import counted
from lanectl.errors import HeldError, LanectlError, NoAccess, TryLater
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.pilot import decide
from lanectl.lane.prepare import Prepared, Wishes
from lanectl.lane.queue import OUTPUT, due_now
from lanectl.lane.report import ARTIFACT_ROOT
from lanectl.lane.send import preflight
from lanectl.lane.submit import record
from lanectl.lane.talk import talk
from lanectl.models import Outcome
from lanectl.outputs.read import Expected, Reader
from lanectl.plan.params import Params
from lanectl.plan.prefix import dumps, shared_of
from lanectl.recipe.tables import Recipe
from lanectl.sources.place import Place
from lanectl.spool import SpooledJob, dump_job, new_run_id
from lanectl.state import queue, runs
from lanectl.state.attempts import Attempt
from lanectl.state.queue import Entry
from lanectl.state.runs import PlannedJob, Run

NAME = "ask"
LAST_TROUBLE = "queue_trouble"
STAYS = re.compile("queue: (1 call stays|[0-9,]+ calls stay): ")
# A flush goes by what the calls were planned with; the recipe only says how a run of them behaves.
RECIPE = {
    "name": NAME,
    "description": "Single calls that nobody waited for",
    "source": {"kind": "text"},
    "job": {"key": "{{ item.name }}", "prompt": "{{ item.text }}"},
    "output": OUTPUT.model_dump(mode="json", by_alias=True, exclude_none=True),
    "run": {"pilot": 0, "repeat": "always"},
    "path": None,
    "sha256": "",
    "origin": "bundled",
}


@dataclass(frozen=True, slots=True)
class Flushed:
    """What one flush did: runs with how many calls each took, calls answered at once, and what is to be
    told."""

    runs: tuple[tuple[str, int], ...]
    sent: tuple[Attempt, ...]
    answered: tuple[str, ...]
    said: tuple[str, ...]


class Taken(TryLater):
    """Another process moved a call while it was being recorded; nothing of the run was kept."""


def flush(lane: Lane, *, every: bool = False) -> Flushed:
    """Send what is due, or with `every` all that waits; the caller holds the lock and has synced.

    Killed anywhere and called again, no call is lost and none sent twice: it waits until the transaction that
    makes it a job of a recorded run. Raises `NoAccess` and `TryLater`, and with `every` `HeldError`.
    """
    said = _own_up(lane)
    found = due_now(lane)
    answered, told = ([], []) if every else _late(lane, found.late)
    said += told
    done: list[tuple[str, int]] = []
    sent: list[Attempt] = []
    for prefix, entries in _groups(lane, found.groups, every=every).items():
        if lane.late:
            break
        try:
            run, attempts = _send(lane, prefix, entries)
        except HeldError as held:
            if every:
                raise
            many = "1 call stays" if len(entries) == 1 else f"{len(entries):,} calls stay"
            said.append(f"queue: {many}: {held}")
            continue
        done.append((run.id, len(entries)))
        sent += attempts
        said.append(f"queue: {counted(len(entries), 'call')} to {run.model} sent as run {run.id}")
    queue.forget(lane.db, _before(lane))
    return Flushed(tuple(done), tuple(sent), tuple(answered), tuple(_news(lane, said)))


def _groups(lane: Lane, due: Sequence[str], *, every: bool) -> dict[str, list[Entry]]:
    """The calls to send by prefix, oldest first; those that are late go only when a person says so."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    states = queue.WAITING if every else ("waiting",)
    for one in queue.list_entries(lane.db, *states):
        if every or one.prefix in due:
            groups[one.prefix].append(one)
    return groups


def _send(lane: Lane, prefix: str, entries: list[Entry]) -> tuple[Run, tuple[Attempt, ...]]:
    """Spool a group, record it as a run, and send that as any other."""
    prepared = _prepared(lane, prefix, entries)
    wishes = Wishes(repo=prepared.place.root, again=True, yes=True, pilot="0")
    try:
        decided = decide(lane, prepared, wishes)
        snapshot = preflight(lane)

        def also(run: Run) -> None:
            for n, one in enumerate(entries):
                if not queue.take(lane.db, one.id, run.id, n, now=lane.now):
                    raise Taken(
                        "a call was dropped while it was being sent", where=one.id, hint="lanectl tick"
                    )

        run = record(lane, prepared, decided, wishes, attended=False, also=also)
    except BaseException:
        if not runs.has_run(lane.db, prepared.run_id):
            lane.spool.remove(prepared.run_id)
        raise
    if run is None:
        raise AssertionError(f"a run of {len(entries)} calls has no job")
    return run, advance(lane, run, snapshot=snapshot).sent


def _prepared(lane: Lane, prefix: str, entries: list[Entry]) -> Prepared:
    """A group in the spool, as planning a recipe would leave it."""
    kept = queue.get_prefix(lane.db, prefix)
    shared, stands_in = shared_of(json.loads(kept.shared)), json.loads(kept.place)
    recipe = Recipe.model_validate(RECIPE)
    run_id = new_run_id()
    spooled = lane.spool.run(run_id)
    draft = lane.draft(run_id)
    keys = [one.key for one in entries]
    with spooled.jobs_pen() as pen:
        for n, one in enumerate(entries):
            # A key may be another call's id by accident: the id is always free.
            key = one.key if one.key and keys.count(one.key) == 1 else one.id
            own: dict[str, Any] = json.loads(one.own or "{}")
            offset, line = pen.bytes, dump_job(SpooledJob(n, key, key, own, {}))
            pen.write(line)
            draft.add(PlannedJob(n, key, one.digest, offset, len(line), len(dumps(own))))
    spooled.write_json("shared.json", shared.as_json())
    where = Place(Path(stands_in["root"]), stands_in["git"], stands_in["name"], None, None)
    return Prepared(
        run_id=run_id,
        recipe=recipe,
        place=where,
        params=_params(shared.params),
        shared=shared,
        form=hashlib.sha256(dumps([NAME, dict(shared.params)])).hexdigest(),
        jobs=draft,
        artifacts=Path(stands_in["artifacts"]) / NAME / run_id,
        warnings=(),
    )


def _params(request: Mapping[str, Any]) -> Params:
    return Params(
        str(request["model"]),
        int(request["max_tokens"]),
        (request.get("output_config") or {}).get("effort"),
        None,
        request.get("inference_geo"),
    )


def _own_up(lane: Lane) -> list[str]:
    """A call that is `sending` while we hold the lock was left by a process that died: its answer is lost."""
    said = []
    for one in queue.list_entries(lane.db, "sending"):
        error = "the process ended while the interactive lane was answering"
        queue.move(lane.db, one.id, "lost", only=("sending",), error=error)
        said.append(
            f"queue: the answer to {one.id} is lost; it may have been paid for, and is not sent again"
        )
    return said


def _late(lane: Lane, late: Sequence[str]) -> tuple[list[str], list[str]]:
    """Calls whose deadline no batch can promise to keep: answered now, or reported; never both."""
    answered: list[str] = []
    said: list[str] = []
    for one in [each for each in queue.list_entries(lane.db, "waiting") if each.id in late]:
        if lane.settings.queue.late == "report":
            queue.move(lane.db, one.id, "late", only=("waiting",), error="no batch can promise its deadline")
            said.append(
                f"queue: {one.id} is due by {one.deadline_at}, sooner than a batch promises: it waits for you"
            )
        elif not lane.late and queue.move(lane.db, one.id, "sending", only=("waiting",)):
            said.append(_answer(lane, one))
            answered.append(one.id)
    return answered, said


def _answer(lane: Lane, one: Entry) -> str:
    """Send one call on the interactive lane, the same request at its full price, and keep its artifact."""
    kept = queue.get_prefix(lane.db, one.prefix)
    base = Path(json.loads(kept.place)["artifacts"])
    shared = shared_of(json.loads(kept.shared))
    begun: list[str] = []
    try:
        heard = talk(
            lane,
            lane.api,
            {**shared.body("5m"), **json.loads(one.own or "{}")},
            verb="queue",
            hear=lambda kind, _: begun.append(kind),
        )
    except LanectlError as error:
        if begun:
            queue.move(lane.db, one.id, "lost", only=("sending",), error=str(error))
            return f"queue: the answer to {one.id} broke off: {error}"
        # The provider had not begun to answer: nothing was bought, and the next flush tries again.
        queue.move(lane.db, one.id, "waiting", only=("sending",))
        if isinstance(error, NoAccess | TryLater):
            raise
        return f"queue: {one.id} was refused: {error}"
    if heard.interrupted:
        queue.move(lane.db, one.id, "lost", only=("sending",), error="interrupted")
        raise KeyboardInterrupt
    artifact, wrong = _kept(one, base, heard.message, str(shared.params["model"]))
    queue.move(lane.db, one.id, "answered", only=("sending",), now=lane.now, artifact=artifact, error=wrong)
    return f"queue: {one.id} was due soon, so the interactive lane answered it: {artifact or wrong}"


def _kept(one: Entry, base: Path, message: Mapping[str, Any], model: str) -> tuple[str | None, str | None]:
    """Where the artifact is, durable, and what is wrong with the answer; None for what there is not."""
    key = one.key or one.id
    result = Reader(OUTPUT, None, model).read_message(message, Expected("", key, key, {}))
    error = None if result.outcome is Outcome.SUCCEEDED else f"{result.outcome}: {result.headline}"
    if not result.files:
        return None, error
    with ArtifactFolder(base / NAME / one.id) as folder:
        placed = folder.place(result.files[0], known_sha256=None, taken=False)
        folder.sync()
    if base.name == ARTIFACT_ROOT:
        ignore_all(base)
    return str(base / NAME / one.id / placed.path), error


def _before(lane: Lane) -> str:
    kept = timedelta(days=lane.settings.keep.results_days)
    return (lane.clock() - kept).isoformat(timespec="seconds")


def _news(lane: Lane, said: list[str]) -> list[str]:
    """What is worth saying: a group that stays for the same reason as at the last look is not news."""
    stays = [text for text in said if STAYS.match(text)]
    known = json.loads(runs.get_meta(lane.db, LAST_TROUBLE) or "[]")
    if stays != known:
        runs.set_meta(lane.db, LAST_TROUBLE, json.dumps(stays))
    return [text for text in said if text not in known]
