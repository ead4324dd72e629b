"""The queue: single calls that nobody waits for, kept until enough of them share a batch, or one must go."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lanectl.errors import UsageError
from lanectl.lane.compose import Composed, Question, compose
from lanectl.lane.context import Lane
from lanectl.lane.route import PROMISED_S, Route
from lanectl.models import Lane as Lanes
from lanectl.outputs.kinds import instructions
from lanectl.plan.params import check
from lanectl.plan.prefix import dumps
from lanectl.recipe.tables import OutputTable
from lanectl.spool import new_run_id
from lanectl.state import queue
from lanectl.state.queue import Entry, Prefix
from lanectl.text.terminal import line

OUTPUT = OutputTable(kind="markdown")
TITLE_WIDTH = 60
LONGEST_KEY = 200
# A tick comes every quarter of an hour or so: a batch leaves this long before its last moment.
MARGIN = timedelta(hours=1)
PROMISED = timedelta(seconds=PROMISED_S)


@dataclass(frozen=True, slots=True)
class Queued:
    """A call in the queue: `fresh` is False where its key was there already, `waiting` counts all that
    wait."""

    entry: Entry
    fresh: bool
    waiting: int
    route: Route
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """What must go now: prefixes whose calls make a batch, and calls whose deadline no batch can promise."""

    groups: tuple[str, ...]
    late: tuple[str, ...]


def add(lane: Lane, question: Question, route: Route, *, key: str | None, deadline_s: float | None) -> Queued:
    """Put a question into the queue, durably; no network, no lock.

    A caller that retries with the same `key` finds its first call again. Raises `UsageError`, `HeldError`.
    """
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise UsageError(f"a key has 1 to {LONGEST_KEY} characters", hint="lanectl ask --help")
    params = route.params(geo=lane.settings.provider.inference_geo)
    notes = check(params, Lanes.BATCH, today=lane.clock().date(), where=route.model)
    composed = compose(lane, question, params, instructions=instructions(OUTPUT))
    prefix = _prefix(lane, composed)
    own = dumps({"messages": [{"role": "user", "content": composed.turn}]})
    deadline = None if deadline_s is None else lane.clock() + timedelta(seconds=deadline_s)
    entry = Entry(
        id=new_run_id(),
        key=key,
        prefix=prefix.id,
        digest=hashlib.sha256(prefix.id.encode() + own).hexdigest(),
        own=own.decode(),
        title=line(composed.turn, TITLE_WIDTH),
        state="waiting",
        queued_at=lane.now,
        deadline_at=None if deadline is None else deadline.isoformat(timespec="seconds"),
    )
    fresh = queue.add_entry(lane.db, entry, prefix)
    found = entry if fresh or key is None else queue.find_by_key(lane.db, key) or entry
    if found.digest != entry.digest:
        notes.append(f"the key {key} was used for another question before: that one stands")
    return Queued(found, fresh, queue.count(lane.db), route, (*route.notes, *notes))


def due(waiting: Sequence[Entry], *, now: datetime, min_jobs: int, max_wait_s: float) -> Due:
    """What must go now: groups with enough calls, an old one, or one whose deadline leaves a batch its 24
    hours.

    A call whose deadline is nearer than those 24 hours is late, and no part of any group. Pure.
    """
    late = [one.id for one in waiting if one.state == "waiting" and _left(one, now) < PROMISED]
    groups: dict[str, list[Entry]] = defaultdict(list)
    for one in waiting:
        if one.state == "waiting" and one.id not in late:
            groups[one.prefix].append(one)
    old = now - timedelta(seconds=max_wait_s)
    going = [
        prefix
        for prefix, ones in groups.items()
        if len(ones) >= min_jobs
        or any(datetime.fromisoformat(one.queued_at) <= old for one in ones)
        or any(_left(one, now) <= PROMISED + MARGIN for one in ones)
    ]
    return Due(tuple(going), tuple(late))


def is_due(lane: Lane) -> bool:
    """Whether a tick has anything to do for the queue; the state file alone says so."""
    found = due_now(lane)
    return bool(found.groups or found.late or queue.list_entries(lane.db, "sending"))


def due_now(lane: Lane) -> Due:
    """What must go now, by the configuration."""
    wanted = lane.settings.queue
    return due(
        queue.list_entries(lane.db, "waiting"),
        now=lane.clock(),
        min_jobs=wanted.min_jobs,
        max_wait_s=wanted.max_wait_s,
    )


def listing(lane: Lane, *, every: bool = False) -> list[Entry]:
    """The calls that wait or need somebody, oldest first; with `every` all that are still known."""
    return queue.list_entries(lane.db, *(() if every else queue.OPEN))


def drop(lane: Lane, name: str) -> Entry:
    """Give a call up that was not sent, or whose answer is lost; raises `UsageError` for any other."""
    found = queue.named_entry(lane.db, name)
    if not queue.move(lane.db, found.id, "dropped", only=(*queue.WAITING, "lost"), now=lane.now):
        state = queue.named_entry(lane.db, found.id).state
        hint = f"lanectl show {found.run}" if found.run else "lanectl queue --all"
        raise UsageError(f"this call does not wait any more: it is {state}", where=found.id, hint=hint)
    return queue.named_entry(lane.db, found.id)


def _left(entry: Entry, now: datetime) -> timedelta:
    return datetime.fromisoformat(entry.deadline_at) - now if entry.deadline_at else timedelta.max


def _prefix(lane: Lane, composed: Composed) -> Prefix:
    """What the calls of a group share; its id is a hash of all of it, the place included."""
    where = composed.place
    out = lane.settings.out.dir
    # A call from cron or a unit may stand anywhere, `/` included: only a repository is a place to write into.
    base = Path(out) if out else where.root / ".lanectl" if where.git else lane.settings.data_dir
    kept = {
        "root": str(where.root),
        "git": where.git,
        "name": where.name,
        "artifacts": str(base if base.is_absolute() else where.root / base),
    }
    shared = json.dumps(composed.shared.as_json())
    stands_in = json.dumps(kept)
    name = hashlib.sha256(f"{shared}\n{stands_in}".encode()).hexdigest()
    return Prefix(name, shared, stands_in)


def entry_data(entry: Entry) -> dict[str, object]:
    """One call as plain data, without its request."""
    data = asdict(entry)
    del data["own"], data["digest"]
    return data
