"""Runs and their jobs and skips: what was planned, what holds it, and how far it has come."""

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from sqlite3 import Row
from typing import Any

from lanectl.errors import UsageError
from lanectl.models import Outcome, RunState, Skip
from lanectl.state.database import Database

PICO = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Run:
    """One submission of one recipe, as it was planned, and what became of it since.

    `output`, `policy` and `estimate` are plain data that planning left for the way back; `form` names this
    form of request (model, parameters, templates, schema). Times are UTC ISO text.
    """

    id: str
    recipe: str
    recipe_sha256: str
    description: str
    repo: str
    repo_name: str
    commit_sha: str | None
    branch: str | None
    model: str
    output: Mapping[str, Any]
    policy: Mapping[str, Any]
    estimate: Mapping[str, Any]
    cache_mode: str
    prefix_sha256: str
    prefix_bytes: int
    form: str
    artifacts: str
    reserved_usd: Decimal | None
    created_at: str
    held_reason: str | None = None
    held_hint: str | None = None
    canceled_at: str | None = None
    dropped_at: str | None = None
    pulled_at: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job to be: `offset` and `bytes` say where its line lies in the run's spooled jobs.

    `own_bytes` are those of its own part of the request.
    """

    n: int
    key: str
    digest: str
    offset: int
    bytes: int
    own_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands: `outcome` is None while there is none, `attempt` the one it came from."""

    n: int
    key: str
    digest: str
    offset: int
    bytes: int
    outcome: str | None
    attempt: int | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another run's job with the same request: `outcome` is None while it is still out."""

    run: str
    job: int
    key: str
    outcome: str | None
    created_at: str
    artifact: str | None


def pico(usd: Decimal | None) -> int | None:
    """Dollars as the whole picodollars that the state file keeps; None stays unknown."""
    return None if usd is None else int((usd * PICO).to_integral_value())


def usd(picodollars: int | None) -> Decimal | None:
    """Whole picodollars as dollars; None stays unknown."""
    return None if picodollars is None else Decimal(picodollars) / PICO


def add_run(db: Database, run: Run, jobs: Iterable[PlannedJob], skips: Iterable[Skip]) -> None:
    """Record a run with every job and every skip; inside a `write` block."""
    db.execute(
        """INSERT INTO runs (id, recipe, recipe_sha256, description, repo, repo_name, commit_sha, branch,
            model, output, policy, estimate, cache_mode, prefix_sha256, prefix_bytes, form, artifacts,
            reserved_pico, created_at, held_reason, held_hint)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(run.id, run.recipe, run.recipe_sha256, run.description, run.repo, run.repo_name),
            *(run.commit_sha, run.branch, run.model),
            *(json.dumps(dict(table)) for table in (run.output, run.policy, run.estimate)),
            *(run.cache_mode, run.prefix_sha256, run.prefix_bytes, run.form, run.artifacts),
            *(pico(run.reserved_usd), run.created_at, run.held_reason, run.held_hint),
        ),
    )
    db.fill(
        "INSERT INTO jobs (run, n, key, digest, offset, bytes) VALUES (?, ?, ?, ?, ?, ?)",
        ((run.id, job.n, job.key, job.digest, job.offset, job.bytes) for job in jobs),
    )
    db.fill(
        "INSERT INTO skips (run, n, key, reason, detail) VALUES (?, ?, ?, ?, ?)",
        ((run.id, n, skip.key, skip.reason, skip.detail) for n, skip in enumerate(skips)),
    )


def get_run(db: Database, run_id: str) -> Run:
    """The run with this whole id; raises `UsageError` when there is none."""
    row = db.row("SELECT * FROM runs WHERE id = ?", (run_id,))
    if row is None:
        raise UsageError(f"no run {run_id}", hint="lanectl status --all")
    return _run(row)


def has_run(db: Database, run_id: str) -> bool:
    """Whether there is a run with this whole id."""
    return db.value("SELECT 1 FROM runs WHERE id = ?", (run_id,)) is not None


def named_run(db: Database, name: str) -> Run:
    """The run a user means: an id or its beginning, a recipe's name (its newest run), or `latest`."""
    if name == "latest":
        row = db.row("SELECT * FROM runs ORDER BY created_at DESC, rowid DESC LIMIT 1")
        if row is None:
            raise UsageError("there is no run yet", hint="lanectl submit RECIPE")
        return _run(row)
    newest = db.row(
        "SELECT * FROM runs WHERE recipe = ? ORDER BY created_at DESC, rowid DESC LIMIT 1", (name,)
    )
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    begun = (
        db.rows("SELECT * FROM runs WHERE id LIKE ? || '%' ESCAPE '\\' LIMIT 3", (escaped,)) if name else []
    )
    if len(begun) == 1 and newest is None:
        return _run(begun[0])
    if newest is not None:
        return _run(newest)
    if begun:
        ids = ", ".join(row["id"] for row in begun)
        raise UsageError(f"{name} is the beginning of several runs ({ids})", hint="lanectl status --all")
    raise UsageError(f"no run or recipe {name}", hint="lanectl status --all")


def list_runs(db: Database, *, since: str = "") -> list[Run]:
    """Every run created at or after `since`, newest first."""
    rows = db.rows("SELECT * FROM runs WHERE created_at >= ? ORDER BY created_at DESC, rowid DESC", (since,))
    return [_run(row) for row in rows]


def latest_runs(db: Database, recipes: Collection[str], *, until: str, most: int) -> list[Run]:
    """The last settled runs of some recipes that were made up to a time, newest first."""
    rows = db.rows(
        """SELECT * FROM runs WHERE recipe IN (SELECT value FROM json_each(?)) AND created_at <= ?
            AND pulled_at IS NOT NULL ORDER BY created_at DESC, rowid DESC LIMIT ?""",
        (json.dumps(list(recipes)), until, most),
    )
    return [_run(row) for row in rows]


def settled_before(db: Database, recipe: str, repo: str, *, before: str, most: int) -> list[tuple[str, str]]:
    """The last settled runs of a recipe on a repository from before a time: ids and when each was made."""
    rows = db.rows(
        """SELECT id, created_at FROM runs WHERE recipe = ? AND repo = ? AND created_at < ?
            AND pulled_at IS NOT NULL ORDER BY created_at DESC, rowid DESC LIMIT ?""",
        (recipe, repo, before, most),
    )
    return [(row["id"], row["created_at"]) for row in rows]


def open_runs(db: Database) -> list[Run]:
    """The runs that are not settled, oldest first; one that was given up counts while it has paid results
    out.
    """
    rows = db.rows(
        """SELECT * FROM runs WHERE pulled_at IS NULL AND (dropped_at IS NULL OR EXISTS (
            SELECT 1 FROM attempts WHERE attempts.run = runs.id
                AND attempts.state IN ('sending', 'unknown', 'accepted', 'ended')))
        ORDER BY created_at, rowid"""
    )
    return [_run(row) for row in rows]


def list_jobs(db: Database, run_id: str) -> Iterator[Job]:
    """The jobs of a run in their order, read as they come."""
    for row in db.each("SELECT * FROM jobs WHERE run = ? ORDER BY n", (run_id,)):
        yield _job(row)


def job_bytes(db: Database, run_id: str) -> int:
    """Bytes of all spooled jobs of a run together."""
    return int(db.value("SELECT coalesce(sum(bytes), 0) FROM jobs WHERE run = ?", (run_id,)))


def find_jobs(db: Database, run_id: str, numbers: Sequence[int]) -> Iterator[Job]:
    """Some jobs of a run by their ascending numbers, read as they come."""
    for job in list_jobs(db, run_id):
        at = bisect_left(numbers, job.n)
        if at < len(numbers) and numbers[at] == job.n:
            yield job


def find_job(db: Database, run_id: str, key: str) -> Job | None:
    """The job of a run that bears this key."""
    row = db.row("SELECT * FROM jobs WHERE run = ? AND key = ?", (run_id, key))
    return None if row is None else _job(row)


class Skips(Collection[Skip]):
    """The items of a run that were not sent, in the source's order, read as they are asked for."""

    def __init__(self, db: Database, run_id: str) -> None:
        self._db = db
        self._run = run_id

    def __len__(self) -> int:
        return int(self._db.value("SELECT count(*) FROM skips WHERE run = ?", (self._run,)))

    def __iter__(self) -> Iterator[Skip]:
        rows = self._db.each("SELECT key, reason, detail FROM skips WHERE run = ? ORDER BY n", (self._run,))
        for row in rows:
            yield Skip(row["key"], row["reason"], row["detail"])

    def __contains__(self, skip: object) -> bool:
        return any(skip == one for one in self)

    def counts(self) -> dict[str, int]:
        """How many there are for each reason, in the order in which the reasons come up."""
        rows = self._db.rows(
            "SELECT reason, count(*) AS c FROM skips WHERE run = ? GROUP BY reason ORDER BY min(n)",
            (self._run,),
        )
        return {row["reason"]: row["c"] for row in rows}


def find_skip(db: Database, run_id: str, key: str) -> Skip | None:
    """The item of a run that was not sent under this key, and why; None where there is none."""
    row = db.row("SELECT key, reason, detail FROM skips WHERE run = ? AND key = ?", (run_id, key))
    return None if row is None else Skip(row["key"], row["reason"], row["detail"])


def list_skips(db: Database, run_id: str) -> list[Skip]:
    """The items of a run that were not sent, in the source's order."""
    return list(Skips(db, run_id))


def earlier(db: Database, digest: str) -> Earlier | None:
    """A job with this digest that succeeded or is still out, the newest first; None where there is none.

    What a held or dropped run never sent is not out; what of it may be at the provider is.
    """
    row = db.row(
        """SELECT jobs.run, jobs.n, jobs.key, jobs.outcome, runs.created_at, runs.dropped_at,
            (SELECT runs.artifacts || '/' || path FROM artifacts WHERE artifacts.run = jobs.run
                AND artifacts.job = jobs.n ORDER BY first DESC LIMIT 1) AS artifact
        FROM jobs JOIN runs ON runs.id = jobs.run
        WHERE jobs.digest = ? AND (jobs.outcome = 'succeeded' OR (jobs.outcome IS NULL AND (
            (runs.dropped_at IS NULL AND runs.held_reason IS NULL)
            OR EXISTS (SELECT 1 FROM attempts CROSS JOIN sendings ON sendings.run = attempts.run
                    AND sendings.attempt = attempts.number AND sendings.job = jobs.n
                WHERE attempts.run = jobs.run
                    AND attempts.state IN ('sending', 'unknown', 'accepted', 'ended')))))
        ORDER BY jobs.outcome IS NULL DESC, runs.created_at DESC LIMIT 1""",
        (digest,),
    )
    if row is None:
        return None
    return Earlier(row["run"], row["n"], row["key"], row["outcome"], row["created_at"], row["artifact"])


def taken_over_by(db: Database, run_id: str) -> str | None:
    """A later run in which requests that this one has not sent yet succeeded or are out; None for none."""
    found = db.value(
        """SELECT theirs.run FROM jobs AS ours JOIN runs AS own ON own.id = ours.run
        JOIN jobs AS theirs ON theirs.digest = ours.digest AND theirs.run != ours.run
        JOIN runs ON runs.id = theirs.run
        WHERE ours.run = ? AND ours.outcome IS NULL AND runs.created_at >= own.created_at
            AND (theirs.outcome = 'succeeded' OR (theirs.outcome IS NULL AND runs.held_reason IS NULL))
        LIMIT 1""",
        (run_id,),
    )
    return None if found is None else str(found)


def form_succeeded(db: Database, form: str) -> bool:
    """Whether a request of this form has ever succeeded."""
    return bool(
        db.value(
            """SELECT 1 FROM jobs JOIN runs ON runs.id = jobs.run
            WHERE runs.form = ? AND jobs.outcome = 'succeeded' LIMIT 1""",
            (form,),
        )
    )


def outcome_counts(db: Database, run_id: str) -> dict[str, int]:
    """How many jobs have each outcome, in that order; the last key `""` counts those without one."""
    rows = db.rows(
        "SELECT coalesce(outcome, '') AS o, count(*) AS c FROM jobs WHERE run = ? GROUP BY 1", (run_id,)
    )
    counts = {row["o"]: row["c"] for row in rows}
    return {outcome: counts[outcome] for outcome in (*map(str, Outcome), "") if outcome in counts}


def waiting_count(db: Database, run_id: str) -> int:
    """How many jobs have no outcome and no attempt that is, or may be, at the provider."""
    return int(
        db.value(
            """SELECT count(*) FROM jobs WHERE run = ?1 AND outcome IS NULL AND NOT EXISTS (
                SELECT 1 FROM sendings JOIN attempts
                    ON attempts.run = sendings.run AND attempts.number = sendings.attempt
                WHERE sendings.run = ?1 AND sendings.job = jobs.n
                    AND attempts.state IN ('sending', 'unknown', 'accepted', 'ended'))""",
            (run_id,),
        )
    )


def run_state(db: Database, run: Run) -> RunState:
    """How far a run has come, by its attempts; a replaced one counts if it has turned up after all."""
    states = [
        (row["state"], row["role"])
        for row in db.rows(
            """SELECT state, role FROM attempts
            WHERE run = ? AND (replaced_by IS NULL OR state IN ('accepted', 'ended'))""",
            (run.id,),
        )
    ]
    at_provider = {state for state, _ in states} & {"sending", "unknown", "accepted"}
    unsent = any(state in ("intent", "refused", "absent") for state, _ in states) and run.dropped_at is None
    if at_provider:
        only_pilot = all(role == "pilot" for state, role in states if state in at_provider)
        return RunState.PILOTING if only_pilot and unsent else RunState.IN_PROGRESS
    if unsent:
        return RunState.PLANNED
    if any(state == "ended" for state, _ in states):
        return RunState.ENDED
    return RunState.PULLED


def hold(db: Database, run_id: str, *, reason: str, hint: str) -> None:
    """Stop a run until a person releases it."""
    with db.write():
        db.execute("UPDATE runs SET held_reason = ?, held_hint = ? WHERE id = ?", (reason, hint, run_id))


def unhold(db: Database, run_id: str) -> None:
    """A person has looked: let the run go on."""
    with db.write():
        db.execute("UPDATE runs SET held_reason = NULL, held_hint = NULL WHERE id = ?", (run_id,))


def mark_judged(db: Database, run_id: str) -> None:
    """The pilot has been judged, or is not waited for: it holds the rest back no longer."""
    with db.write():
        db.execute(
            "UPDATE runs SET policy = json_set(policy, '$.pilot_judged', json('true')) WHERE id = ?",
            (run_id,),
        )


def set_reserved(db: Database, run_id: str, reserved: Decimal) -> None:
    """Reserve another amount, in dollars, for what a run still has to cost."""
    with db.write():
        db.execute("UPDATE runs SET reserved_pico = ? WHERE id = ?", (pico(reserved), run_id))


def allow_late(db: Database, run_id: str) -> None:
    """A person has decided: the age of the plan holds the run no longer."""
    with db.write():
        db.execute(
            "UPDATE runs SET policy = json_set(policy, '$.released', json('true')) WHERE id = ?", (run_id,)
        )


def reset_jobs(db: Database, run_id: str, numbers: Sequence[int]) -> None:
    """Jobs that are sent again have no outcome until the new one; what they had stays in the answers."""
    with db.write():
        db.fill(
            """UPDATE jobs SET outcome = NULL, attempt = NULL
            WHERE run = ? AND n = ? AND outcome != 'succeeded'""",
            ((run_id, n) for n in numbers),
        )


def mark_canceled(db: Database, run_id: str, *, now: str) -> None:
    """The user asked for the run to be canceled; what the provider makes of it is in the attempts."""
    with db.write():
        db.execute("UPDATE runs SET canceled_at = coalesce(canceled_at, ?) WHERE id = ?", (now, run_id))


def mark_dropped(db: Database, run_id: str, *, now: str) -> None:
    """What was not sent will not be: its jobs end as canceled, and nothing stays reserved for them."""
    with db.write():
        db.execute(
            "UPDATE runs SET dropped_at = ?, held_reason = NULL, held_hint = NULL WHERE id = ?", (now, run_id)
        )
        # What was given up stands for itself from now on: a later retry of its jobs is another attempt.
        db.execute(
            """UPDATE attempts SET replaced_by = number WHERE run = ? AND replaced_by IS NULL
                AND state IN ('intent', 'refused', 'absent')""",
            (run_id,),
        )
        give_up_unsent(db, run_id)


def give_up_unsent(db: Database, run_id: str) -> None:
    """Jobs that nothing will be sent for end as they last were, or as canceled; inside a `write` block."""
    db.execute(
        """UPDATE jobs SET
            attempt = (SELECT max(attempt) FROM answers WHERE answers.run = ?1 AND answers.job = jobs.n),
            outcome = coalesce((SELECT answers.outcome FROM answers WHERE answers.run = ?1
                AND answers.job = jobs.n ORDER BY answers.attempt DESC LIMIT 1), 'canceled')
        WHERE run = ?1 AND outcome IS NULL AND NOT EXISTS (
            SELECT 1 FROM sendings JOIN attempts
                ON attempts.run = sendings.run AND attempts.number = sendings.attempt
            WHERE sendings.run = ?1 AND sendings.job = jobs.n
                AND attempts.state IN ('sending', 'unknown', 'accepted', 'ended'))""",
        (run_id,),
    )


def mark_pulled(db: Database, run_id: str, *, now: str) -> None:
    """Everything of this run is settled and on disk; nothing is left that could be held."""
    with db.write():
        db.execute(
            "UPDATE runs SET pulled_at = ?, held_reason = NULL, held_hint = NULL WHERE id = ?", (now, run_id)
        )


def reopen(db: Database, run_id: str) -> None:
    """A settled run goes on: something of it has turned up."""
    with db.write():
        db.execute("UPDATE runs SET pulled_at = NULL WHERE id = ?", (run_id,))


def take_up(db: Database, run_id: str) -> None:
    """A run that was canceled or given up is wanted again: what is recorded next may be sent."""
    with db.write():
        db.execute(
            "UPDATE runs SET pulled_at = NULL, canceled_at = NULL, dropped_at = NULL WHERE id = ?", (run_id,)
        )


def add_event(db: Database, run_id: str, text: str, *, now: str) -> None:
    """Write one sentence into a run's history."""
    with db.write():
        db.execute("INSERT INTO events (run, at, text) VALUES (?, ?, ?)", (run_id, now, text))


def list_events(db: Database, run_id: str) -> list[tuple[str, str]]:
    """A run's history: times and sentences, oldest first."""
    return [
        (row["at"], row["text"])
        for row in db.rows("SELECT at, text FROM events WHERE run = ? ORDER BY id", (run_id,))
    ]


def get_meta(db: Database, key: str) -> str | None:
    """One remembered fact about this state file."""
    value = db.value("SELECT value FROM meta WHERE key = ?", (key,))
    return None if value is None else str(value)


def set_meta(db: Database, key: str, value: str) -> None:
    """Remember one fact about this state file."""
    with db.write():
        db.execute(
            """INSERT INTO meta (key, value) VALUES (?, ?)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
            (key, value),
        )


def _run(row: Row) -> Run:
    # `status --offline` may read a newer file, whose columns are not all known here.
    known = {each.name for each in fields(Run)}
    values = {name: value for name, value in dict(row).items() if name in known}
    for name in ("output", "policy", "estimate"):
        values[name] = json.loads(values[name])
    return Run(**values, reserved_usd=usd(row["reserved_pico"]))


def _job(row: Row) -> Job:
    return Job(
        row["n"], row["key"], row["digest"], row["offset"], row["bytes"], row["outcome"], row["attempt"]
    )
