"""Attempts: each a batch that is meant, sent, lost, accepted or over, and the looks taken for it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from sqlite3 import Row

from lanectl.models import AttemptState, Batch, Counts
from lanectl.state.database import Database

RESULTS_KEPT = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of some of a run's jobs; times are UTC ISO text, `bytes` the length of the body."""

    run: str
    number: int
    role: str
    state: str
    requests: int
    bytes: int
    cache_mode: str
    max_tokens: int
    created_at: str
    sha256: str | None = None
    base_url: str | None = None
    workspace: str | None = None
    key_print: str | None = None
    snapshot_id: str | None = None
    skew_s: float | None = None
    sending_at: str | None = None
    boot_id: str | None = None
    answered_at: str | None = None
    batch_id: str | None = None
    request_id: str | None = None
    processing_status: str | None = None
    batch_created_at: str | None = None
    expires_at: str | None = None
    ended_at: str | None = None
    archived_at: str | None = None
    counts: Counts | None = None
    not_before: str | None = None
    error: str | None = None
    looks: int = 0
    first_look_at: str | None = None
    last_look_at: str | None = None
    not_found: int = 0
    first_not_found_at: str | None = None
    fetches: int = 0
    first_fetch_at: str | None = None
    results_sha256: str | None = None
    replaced_by: int | None = None
    late: bool = False
    pulled_at: str | None = None

    @property
    def results_expire_at(self) -> str | None:
        """When the provider lets the results go: 29 days after creation (Message Batches docs)."""
        if self.batch_created_at is None:
            return None
        return (datetime.fromisoformat(self.batch_created_at) + RESULTS_KEPT).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A batch that an unknown attempt may be; `verdict` is `open`, `ours` or `foreign`."""

    batch_id: str
    first_seen_at: str
    looks: int
    batch_created_at: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Sending:
    """One job within one attempt, by the id the provider gives back."""

    custom_id: str
    job: int


@dataclass(frozen=True, slots=True)
class Placed:
    """One job within one attempt, with the offset and length of its line in the run's spooled jobs.

    `digest` tells its request from others, `standing` is the attempt that its outcome is from.
    """

    custom_id: str
    job: int
    offset: int
    bytes: int
    digest: str
    standing: int | None


PLACED = """SELECT sendings.custom_id, sendings.job, jobs.offset, jobs.bytes, jobs.digest, jobs.attempt
    FROM sendings JOIN jobs ON jobs.run = sendings.run AND jobs.n = sendings.job"""


def add_attempt(db: Database, attempt: Attempt, sendings: Iterable[Sending]) -> None:
    """Record what is about to be sent, in state `intent`, with every custom id; inside a `write` block."""
    db.execute(
        """INSERT INTO attempts
            (run, number, role, state, requests, bytes, cache_mode, max_tokens, created_at)
        VALUES (?, ?, ?, 'intent', ?, ?, ?, ?, ?)""",
        (
            *(attempt.run, attempt.number, attempt.role, attempt.requests, attempt.bytes),
            *(attempt.cache_mode, attempt.max_tokens, attempt.created_at),
        ),
    )
    db.fill(
        "INSERT INTO sendings (custom_id, run, attempt, job) VALUES (?, ?, ?, ?)",
        ((sending.custom_id, attempt.run, attempt.number, sending.job) for sending in sendings),
    )


def replace(db: Database, old: Attempt, new: int) -> None:
    """Say that the jobs of a refused or absent attempt go on in another; inside a `write` block."""
    db.execute("UPDATE attempts SET replaced_by = ? WHERE run = ? AND number = ?", (new, old.run, old.number))


def next_number(db: Database, run: str) -> int:
    """The number of a run's next attempt, from 0."""
    return int(db.value("SELECT coalesce(max(number) + 1, 0) FROM attempts WHERE run = ?", (run,)))


def get_attempt(db: Database, run: str, number: int) -> Attempt:
    """One attempt that must be there."""
    row = db.row("SELECT * FROM attempts WHERE run = ? AND number = ?", (run, number))
    if row is None:
        raise LookupError(f"{run}/{number}")
    return _attempt(row)


def find_by_batch(db: Database, batch_id: str) -> Attempt | None:
    """The attempt that owns a batch id."""
    row = db.row("SELECT * FROM attempts WHERE batch_id = ?", (batch_id,))
    return None if row is None else _attempt(row)


def list_attempts(db: Database, run: str | None = None, *states: AttemptState) -> list[Attempt]:
    """Attempts of one run or of all, in the order they were made; only those in `states` where given."""
    rows = db.rows(
        """SELECT * FROM attempts WHERE (?1 IS NULL OR run = ?1)
            AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))
        ORDER BY created_at, run, number""",
        (run, json.dumps(states) if states else None),
    )
    return [_attempt(row) for row in rows]


def list_sendings(db: Database, attempt: Attempt) -> Iterator[Sending]:
    """The jobs of an attempt in the order of its body, read as they come."""
    sql = "SELECT custom_id, job FROM sendings WHERE run = ? AND attempt = ? ORDER BY job"
    for row in db.each(sql, (attempt.run, attempt.number)):
        yield Sending(row["custom_id"], row["job"])


def list_placed(db: Database, attempt: Attempt) -> Iterator[Placed]:
    """The jobs of an attempt in the order of its body, each with where it lies, read as they come."""
    sql = f"{PLACED} WHERE sendings.run = ? AND sendings.attempt = ? ORDER BY sendings.job"
    for row in db.each(sql, (attempt.run, attempt.number)):
        yield Placed(*row)


def find_placed(db: Database, attempt: Attempt, custom_id: str) -> Placed | None:
    """The job that an attempt sent under this id, None where it sent none."""
    sql = f"{PLACED} WHERE sendings.custom_id = ? AND sendings.run = ? AND sendings.attempt = ?"
    row = db.row(sql, (custom_id, attempt.run, attempt.number))
    return None if row is None else Placed(*row)


def find_sending(db: Database, custom_id: str) -> tuple[str, int, int] | None:
    """Run, attempt and job of a custom id that this state file sent."""
    row = db.row("SELECT run, attempt, job FROM sendings WHERE custom_id = ?", (custom_id,))
    return None if row is None else (row["run"], row["attempt"], row["job"])


def mark_sending(
    db: Database,
    attempt: Attempt,
    *,
    facts: Mapping[str, object],
    now: str,
) -> None:
    """The next thing to happen may cost money: durable before the first byte leaves.

    `facts`: sha256, bytes, base_url, workspace, key_print, snapshot_id, skew_s, boot_id.
    """
    with db.write():
        changed = db.execute(
            """UPDATE attempts SET state = 'sending', sending_at = :now, sha256 = :sha256, bytes = :bytes,
                base_url = :base_url, workspace = :workspace, key_print = :key_print,
                snapshot_id = :snapshot_id, skew_s = :skew_s, boot_id = :boot_id, error = NULL
            WHERE run = :run AND number = :number AND state = 'intent'""",
            {**facts, "now": now, "run": attempt.run, "number": attempt.number},
        )
        if changed != 1:
            raise AssertionError(f"attempt {attempt.run}/{attempt.number} was not an intent")


def mark_accepted(
    db: Database,
    attempt: Attempt,
    batch: Batch,
    *,
    request_id: str | None,
    workspace: str | None,
    late: bool = False,
    now: str,
) -> None:
    """The provider has it: from now on there is an id to ask for."""
    with db.write():
        db.execute(
            """UPDATE attempts SET state = 'accepted', batch_id = ?, request_id = coalesce(?, request_id),
                workspace = coalesce(?, workspace), answered_at = ?, late = ?, error = NULL
            WHERE run = ? AND number = ?""",
            (batch.id, request_id, workspace, now, int(late), attempt.run, attempt.number),
        )
        _fold(db, attempt, batch)


def mark_unsettled(
    db: Database,
    attempt: Attempt,
    state: AttemptState,
    *,
    error: str,
    not_before: str | None = None,
    now: str,
) -> None:
    """Record how a sending ended without an id: `unknown`, `refused` or `absent`, and why."""
    with db.write():
        db.execute(
            """UPDATE attempts SET state = ?, error = ?, not_before = ?, answered_at = ?
            WHERE run = ? AND number = ?""",
            (state, error, not_before, now, attempt.run, attempt.number),
        )


def fold(db: Database, attempt: Attempt, batch: Batch) -> None:
    """Take over what the provider says of a batch; one that has ended is marked so."""
    with db.write():
        _fold(db, attempt, batch)


def set_unsent_cache(db: Database, run: str, cache_mode: str) -> None:
    """Choose another cache for what has not been taken yet; inside a `write` block."""
    db.execute(
        """UPDATE attempts SET cache_mode = ? WHERE run = ? AND (state = 'intent'
            OR (state IN ('refused', 'absent') AND replaced_by IS NULL))""",
        (cache_mode, run),
    )


def take_first_job(db: Database, run: str) -> int | None:
    """Take a job out of a run's first unsent main batch; None where there is none. In a `write` block."""
    row = db.row(
        """SELECT sendings.custom_id, sendings.attempt, sendings.job, attempts.requests FROM sendings
        JOIN attempts ON attempts.run = sendings.run AND attempts.number = sendings.attempt
        WHERE sendings.run = ? AND attempts.state = 'intent' AND attempts.role = 'main'
        ORDER BY sendings.attempt, sendings.job LIMIT 1""",
        (run,),
    )
    if row is None:
        return None
    db.execute("DELETE FROM sendings WHERE custom_id = ?", (row["custom_id"],))
    if row["requests"] == 1:
        db.execute("DELETE FROM attempts WHERE run = ? AND number = ?", (run, row["attempt"]))
    else:
        db.execute(
            "UPDATE attempts SET requests = requests - 1 WHERE run = ? AND number = ?", (run, row["attempt"])
        )
    return int(row["job"])


def clear_waits(db: Database, run: str) -> None:
    """A person has decided: nothing that was refused waits any longer."""
    with db.write():
        db.execute("UPDATE attempts SET not_before = NULL WHERE run = ? AND state = 'refused'", (run,))


def mark_lost(db: Database, attempt: Attempt, *, sent_at: str, now: str) -> None:
    """Only an attempt's manifest is left: it may be at the provider, and nothing tells when it was sent."""
    with db.write():
        db.execute(
            """UPDATE attempts SET state = 'unknown', sending_at = ?, answered_at = ?,
                error = 'rebuilt from the spool; its answer is not known'
            WHERE run = ? AND number = ?""",
            (sent_at, now, attempt.run, attempt.number),
        )


def disown(db: Database, attempt: Attempt, *, error: str, now: str) -> None:
    """The batch taken for this attempt is not its own: it is unknown again, that batch is foreign to it."""
    with db.write():
        db.execute(
            """INSERT INTO candidates (run, attempt, batch_id, first_seen_at, looks, batch_created_at,
            verdict)
            VALUES (?, ?, ?, ?, 1, ?, 'foreign')
            ON CONFLICT (run, attempt, batch_id) DO UPDATE SET verdict = 'foreign'""",
            (attempt.run, attempt.number, attempt.batch_id, now, attempt.batch_created_at or now),
        )
        db.execute(
            """UPDATE attempts SET state = 'unknown', batch_id = NULL, batch_created_at = NULL, counts = NULL,
                processing_status = NULL, ended_at = NULL, expires_at = NULL, fetches = 0, first_fetch_at =
                NULL, error = ? WHERE run = ? AND number = ?""",
            (error, attempt.run, attempt.number),
        )


def add_look(db: Database, attempt: Attempt, *, now: str) -> None:
    """Another look was taken at the provider's list for an unknown attempt."""
    with db.write():
        db.execute(
            """UPDATE attempts SET looks = looks + 1, first_look_at = coalesce(first_look_at, ?1),
                last_look_at = ?1
            WHERE run = ?2 AND number = ?3""",
            (now, attempt.run, attempt.number),
        )


def see_candidate(db: Database, attempt: Attempt, batch: Batch, *, now: str) -> None:
    """A batch that may be this attempt was seen (again)."""
    with db.write():
        db.execute(
            """INSERT INTO candidates
                (run, attempt, batch_id, first_seen_at, looks, batch_created_at, verdict)
            VALUES (?, ?, ?, ?, 1, ?, 'open')
            ON CONFLICT (run, attempt, batch_id) DO UPDATE SET looks = looks + 1""",
            (attempt.run, attempt.number, batch.id, now, batch.created_at),
        )


def judge_candidate(db: Database, attempt: Attempt, batch_id: str, verdict: str) -> None:
    """The candidate's own custom ids have spoken."""
    with db.write():
        db.execute(
            "UPDATE candidates SET verdict = ? WHERE run = ? AND attempt = ? AND batch_id = ?",
            (verdict, attempt.run, attempt.number, batch_id),
        )


def list_candidates(db: Database, attempt: Attempt) -> list[Candidate]:
    """What an unknown attempt may be, oldest first."""
    rows = db.rows(
        """SELECT batch_id, first_seen_at, looks, batch_created_at, verdict FROM candidates
        WHERE run = ? AND attempt = ? ORDER BY batch_created_at""",
        (attempt.run, attempt.number),
    )
    return [Candidate(**dict(row)) for row in rows]


def count_not_found(db: Database, attempt: Attempt, *, now: str) -> None:
    """The provider did not show a batch that it had accepted."""
    with db.write():
        db.execute(
            """UPDATE attempts SET not_found = not_found + 1,
                first_not_found_at = coalesce(first_not_found_at, ?)
            WHERE run = ? AND number = ?""",
            (now, attempt.run, attempt.number),
        )


def count_fetch(db: Database, attempt: Attempt, *, now: str) -> None:
    """The results were fetched whole by transport, once more."""
    with db.write():
        db.execute(
            """UPDATE attempts SET fetches = fetches + 1, first_fetch_at = coalesce(first_fetch_at, ?)
            WHERE run = ? AND number = ?""",
            (now, attempt.run, attempt.number),
        )


def mark_ended(db: Database, attempt: Attempt, *, error: str, now: str) -> None:
    """Nothing more is to be had from the provider for this attempt (gone, archived), and why."""
    with db.write():
        db.execute(
            """UPDATE attempts SET state = 'ended', ended_at = coalesce(ended_at, ?), error = ?
            WHERE run = ? AND number = ?""",
            (now, error, attempt.run, attempt.number),
        )


def mark_pulled(db: Database, attempt: Attempt, *, results_sha256: str | None, now: str) -> None:
    """Every job of this attempt has its outcome; inside the `write` block that recorded the last of them."""
    db.execute(
        """UPDATE attempts SET state = 'pulled', results_sha256 = ?, pulled_at = ?
        WHERE run = ? AND number = ?""",
        (results_sha256, now, attempt.run, attempt.number),
    )


def _fold(db: Database, attempt: Attempt, batch: Batch) -> None:
    counts = batch.counts
    db.execute(
        """UPDATE attempts SET processing_status = :status, batch_created_at = :created,
            expires_at = :expires, ended_at = :ended, archived_at = :archived, counts = :counts,
            not_found = 0, first_not_found_at = NULL,
            state = CASE WHEN :status = 'ended' AND state = 'accepted' THEN 'ended' ELSE state END
        WHERE run = :run AND number = :number""",
        {
            "status": batch.processing_status,
            "created": batch.created_at,
            "expires": batch.expires_at,
            "ended": batch.ended_at,
            "archived": batch.archived_at,
            "counts": json.dumps({field.name: getattr(counts, field.name) for field in fields(counts)}),
            "run": attempt.run,
            "number": attempt.number,
        },
    )


def _attempt(row: Row) -> Attempt:
    # `status --offline` may read a newer file, whose columns are not all known here.
    known = {each.name for each in fields(Attempt)}
    values = {name: value for name, value in dict(row).items() if name in known}
    values["counts"] = Counts(**json.loads(values["counts"])) if values["counts"] else None
    values["late"] = bool(values["late"])
    return Attempt(**values)
