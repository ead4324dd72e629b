"""The outbox: notices that the schema's triggers write, and the messages that tell them at least once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from sqlite3 import Row

from lanectl.state.database import Database


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a target is to be told of a run: it `settled`, is `held`, or is `late`."""

    id: int
    target: str
    run: str
    kind: str
    at: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to one target: its `id` and its words stay the same however often it is tried."""

    id: str
    target: str
    title: str
    body: str
    created_at: str
    tries: int
    not_before: str
    sent_at: str | None
    dropped_at: str | None
    error: str | None


def add_late(db: Database, *, before: str, now: str) -> None:
    """Write a notice for each run created before a time that is neither settled nor held, once a run."""
    with db.write():
        db.execute(
            """INSERT INTO notices (target, run, kind, at)
            SELECT DISTINCT each.value, runs.id, 'late', ?
            FROM runs, json_each(runs.policy, '$.notify') AS each
            WHERE runs.created_at < ? AND runs.pulled_at IS NULL AND runs.held_reason IS NULL
                AND runs.dropped_at IS NULL
                AND runs.id NOT IN (SELECT run FROM notices WHERE kind = 'late')""",
            (now, before),
        )


def waiting(db: Database) -> list[Notice]:
    """The notices that are in no message yet, oldest first."""
    rows = db.rows("SELECT id, target, run, kind, at FROM notices WHERE message IS NULL ORDER BY id")
    return [Notice(*row) for row in rows]


def under_way(db: Database, target: str) -> bool:
    """Whether a run that this target hears of is still to settle, and no person has to decide first."""
    return bool(
        db.value(
            """SELECT 1 FROM runs, json_each(runs.policy, '$.notify') AS each
            WHERE each.value = ? AND runs.pulled_at IS NULL AND runs.held_reason IS NULL
                AND runs.dropped_at IS NULL LIMIT 1""",
            (target,),
        )
    )


def put(db: Database, message: Message, notices: Sequence[Notice]) -> None:
    """Put notices into one message; what another process took meanwhile is left to it."""
    with db.write():
        taken = sum(
            db.execute("UPDATE notices SET message = NULL WHERE id = ? AND message IS NULL", (one.id,))
            for one in notices
        )
        if taken != len(notices):
            return
        db.execute(
            """INSERT INTO messages (id, target, title, body, created_at, not_before)
            VALUES (?, ?, ?, ?, ?, ?)""",
            (message.id, message.target, message.title, message.body, message.created_at, message.not_before),
        )
        db.fill("UPDATE notices SET message = ? WHERE id = ?", ((message.id, one.id) for one in notices))


def due(db: Database, now: str) -> list[Message]:
    """The messages to be tried now, those tried least first: no dead target keeps another from news."""
    rows = db.rows(
        """SELECT * FROM messages WHERE sent_at IS NULL AND dropped_at IS NULL AND not_before <= ?
        ORDER BY tries, created_at, id""",
        (now,),
    )
    return [_message(row) for row in rows]


def claim(db: Database, message: Message, *, now: str, until: str) -> bool:
    """Be the one who tries a message until a time; False where another process is at it."""
    with db.write():
        return bool(
            db.execute(
                """UPDATE messages SET tries = tries + 1, not_before = ?
                WHERE id = ? AND sent_at IS NULL AND dropped_at IS NULL AND not_before <= ?""",
                (until, message.id, now),
            )
        )


def mark_sent(db: Database, message: Message, *, now: str) -> None:
    """The target has taken it."""
    with db.write():
        db.execute("UPDATE messages SET sent_at = ?, error = NULL WHERE id = ?", (now, message.id))


def put_off(db: Database, message: Message, *, error: str, until: str) -> None:
    """It was not taken: try again at a time, and remember why."""
    with db.write():
        db.execute("UPDATE messages SET not_before = ?, error = ? WHERE id = ?", (until, error, message.id))


def drop(db: Database, message: Message, *, error: str, now: str) -> None:
    """Give a message up, and write that into the history of every run it tells of."""
    with db.write():
        db.execute("UPDATE messages SET dropped_at = ?, error = ? WHERE id = ?", (now, error, message.id))
        db.execute(
            """INSERT INTO events (run, at, text)
            SELECT DISTINCT run, ?, ? FROM notices WHERE message = ?""",
            (now, f"{message.target} was never told: {error}", message.id),
        )


def messages(db: Database) -> list[Message]:
    """Every message there ever was, oldest first."""
    return [_message(row) for row in db.rows("SELECT * FROM messages ORDER BY created_at, id")]


def _message(row: Row) -> Message:
    return Message(**{each.name: row[each.name] for each in fields(Message)})
