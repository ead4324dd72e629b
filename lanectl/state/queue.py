"""The queue: single calls that wait to be batched, each row with one state that only moves forward."""

from collections.abc import Collection
from dataclasses import dataclass
from sqlite3 import Row

from lanectl.errors import UsageError
from lanectl.state.database import Database

WAITING = ("waiting", "late")
OPEN = ("waiting", "late", "sending", "lost")


@dataclass(frozen=True, slots=True)
class Entry:
    """One queued call; `own` is its part of the request as JSON (None once a run has it), times are UTC text.

    States: `waiting`; `late` (its deadline is near: a person decides); `sending` (on the interactive lane);
    `sent` (a job of `run`); `answered` (on the interactive lane); `lost` (sent there, no answer); `dropped`.
    `outcome` is that of its job, None while there is none.
    """

    id: str
    key: str | None
    prefix: str
    digest: str
    own: str | None
    title: str
    state: str
    queued_at: str
    deadline_at: str | None = None
    settled_at: str | None = None
    run: str | None = None
    job: int | None = None
    artifact: str | None = None
    error: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the calls of a group share: the request's shared part and the place it was asked in, both JSON."""

    id: str
    shared: str
    place: str


SELECT = """SELECT queue.*, jobs.outcome AS outcome,
        coalesce(queue.artifact, (
            SELECT runs.artifacts || '/' || path FROM artifacts JOIN runs ON runs.id = artifacts.run
            WHERE artifacts.run = queue.run AND artifacts.job = queue.job ORDER BY first DESC LIMIT 1
        )) AS found
    FROM queue LEFT JOIN jobs ON jobs.run = queue.run AND jobs.n = queue.job"""


def add_entry(db: Database, entry: Entry, prefix: Prefix) -> bool:
    """Put a call into the queue; False where one with its key is there already, whatever became of that."""
    with db.write():
        db.execute(
            "INSERT INTO prefixes (id, shared, place) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (prefix.id, prefix.shared, prefix.place),
        )
        return bool(
            db.execute(
                """INSERT INTO queue (id, key, prefix, digest, own, title, state, queued_at, deadline_at)
                VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?) ON CONFLICT (key) DO NOTHING""",
                (
                    *(entry.id, entry.key, entry.prefix, entry.digest, entry.own, entry.title),
                    *(entry.queued_at, entry.deadline_at),
                ),
            )
        )


def count(db: Database) -> int:
    """How many calls wait, late ones included; 0 for a state file from before the queue."""
    if not db.value("SELECT 1 FROM sqlite_schema WHERE name = 'queue'"):
        return 0
    return int(db.value("SELECT count(*) FROM queue WHERE state IN ('waiting', 'late')"))


def list_entries(db: Database, *states: str) -> list[Entry]:
    """The calls in these states, or all of them, oldest first."""
    marks = ", ".join("?" * len(states))
    where = f" WHERE queue.state IN ({marks})" if states else ""
    return [_entry(row) for row in db.rows(f"{SELECT}{where} ORDER BY queue.queued_at, queue.id", states)]


def find_by_key(db: Database, key: str) -> Entry | None:
    """The call with this idempotency key."""
    row = db.row(f"{SELECT} WHERE queue.key = ?", (key,))
    return None if row is None else _entry(row)


def named_entry(db: Database, name: str) -> Entry:
    """The call a user means by an id, its beginning, or a key; raises `UsageError`."""
    found = [one for one in list_entries(db) if name in (one.id, one.key)]
    found = found or [one for one in list_entries(db) if name and one.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    what = f"{name} is the beginning of several" if found else f"no call {name} in the queue"
    raise UsageError(what, hint="lanectl queue --all")


def get_prefix(db: Database, prefix: str) -> Prefix:
    """What the calls of a group share; raises `LookupError`."""
    row = db.row("SELECT * FROM prefixes WHERE id = ?", (prefix,))
    if row is None:
        raise LookupError(prefix)
    return Prefix(row["id"], row["shared"], row["place"])


def move(
    db: Database,
    entry: str,
    state: str,
    *,
    only: Collection[str] = WAITING,
    now: str | None = None,
    artifact: str | None = None,
    error: str | None = None,
) -> bool:
    """Move one call on, if it still is in one of the states `only`; False where another process was first.

    `now` says that it is settled: its request is kept no longer.
    """
    marks = ", ".join("?" * len(only))
    with db.write():
        return bool(
            db.execute(
                f"""UPDATE queue SET state = ?, settled_at = ?, artifact = ?, error = ?,
                    own = CASE WHEN ? IS NULL THEN own END
                WHERE id = ? AND state IN ({marks})""",  # noqa: S608 -- only question marks are put in
                (state, now, artifact, error, now, entry, *only),
            )
        )


def take(db: Database, entry: str, run: str, job: int, *, now: str) -> bool:
    """A run takes a waiting call over as one of its jobs; inside the `write` block that records the run.

    False where it does not wait any more.
    """
    return bool(
        db.execute(
            """UPDATE queue SET state = 'sent', run = ?, job = ?, settled_at = ?, own = NULL
            WHERE id = ? AND state IN ('waiting', 'late')""",
            (run, job, now, entry),
        )
    )


def forget(db: Database, before: str) -> None:
    """Forget calls that were settled before a time, and prefixes that nothing waits for."""
    with db.write():
        db.execute(
            "DELETE FROM queue WHERE settled_at < ? AND state IN ('sent', 'answered', 'dropped')", (before,)
        )
        db.execute(
            """DELETE FROM prefixes WHERE id NOT IN
                (SELECT prefix FROM queue WHERE state IN ('waiting', 'late', 'sending', 'lost'))"""
        )


def _entry(row: Row) -> Entry:
    values = dict(row)
    values["artifact"] = values.pop("found")
    return Entry(**values)
