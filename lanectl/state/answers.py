"""Answers: each paid-for result by its own key, the artifacts it left, and the sums over them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from sqlite3 import Row

from lanectl.models import Finding, FoundLine, JobError, JobLine, Outcome, Result, Severity, Usage
from lanectl.state.database import Database
from lanectl.state.runs import pico, usd


@dataclass(frozen=True, slots=True)
class Price:
    """What one answer cost, what it would have cost on the other lane, and uncached on this one; dollars."""

    cost: Decimal | None
    at_list: Decimal | None
    uncached: Decimal | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One result as it was recorded, from one attempt."""

    attempt: int
    outcome: str
    stop_reason: str | None
    error: JobError | None
    usage: Usage
    cost_usd: Decimal | None
    list_usd: Decimal | None
    headline: str
    at: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A durable file of a job: its path below the run's artifact folder, and what it holds."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One job as the manifest tells it; `outcome` is None while it is out."""

    key: str
    custom_id: str | None
    outcome: str | None
    stop_reason: str | None
    artifact: str | None
    sha256: str | None
    usage: Usage | None
    cost_usd: Decimal | None
    error: JobError | None


@dataclass(frozen=True, slots=True)
class Sums:
    """What a run's answers add up to: tokens, and dollars that are None as soon as one of them is unknown."""

    cost_usd: Decimal | None
    list_usd: Decimal | None
    uncached_usd: Decimal | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    answers: int

    @property
    def cache_hit_rate(self) -> float | None:
        """The share of cacheable prompt tokens that were read, not written; None where there were none."""
        touched = self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.cache_read_tokens / touched if touched else None


def add_answer(
    db: Database, run: str, attempt: int, job: int, result: Result, price: Price, *, now: str
) -> None:
    """Record one result, once; it becomes the job's outcome unless a success stands. In a `write` block."""
    error, usage = result.error, result.usage
    db.execute(
        """INSERT INTO answers (run, attempt, job, outcome, stop_reason, error_type, error_message,
            request_id, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens, thinking_tokens, service_tier, inference_geo, cost_pico, list_pico,
            uncached_pico, headline, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (run, attempt, job) DO NOTHING""",
        (
            *(run, attempt, job, result.outcome, result.stop_reason),
            *((error.type, error.message, error.request_id) if error else (None, None, None)),
            *(usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens),
            *(usage.cache_write_5m_tokens, usage.cache_write_1h_tokens, usage.thinking_tokens),
            *(usage.service_tier, usage.inference_geo),
            *(pico(price.cost), pico(price.at_list), pico(price.uncached), result.headline, now),
        ),
    )
    db.execute(
        """UPDATE jobs SET outcome = ?, attempt = ? WHERE run = ? AND n = ?
            AND (outcome IS NULL OR outcome != 'succeeded')""",
        (result.outcome, attempt, run, job),
    )


def add_artifacts(
    db: Database, run: str, job: int, files: list[Artifact], findings: tuple[Finding, ...]
) -> None:
    """Record what a job has durably on disk, in place of an earlier attempt's. In a `write` block."""
    db.execute("DELETE FROM findings WHERE run = ? AND job = ?", (run, job))
    db.execute("DELETE FROM artifacts WHERE run = ? AND job = ?", (run, job))
    db.fill(
        """INSERT INTO artifacts (run, job, path, first, sha256) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (run, path) DO UPDATE SET sha256 = excluded.sha256, job = excluded.job""",
        ((run, job, file.path, int(n == 0), file.sha256) for n, file in enumerate(files)),
    )
    db.fill(
        """INSERT INTO findings (run, job, n, severity, path, line, end_line, title, detail, suggestion,
            category, in_diff) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            (
                *(run, job, n, found.severity, found.path, found.line, found.end_line, found.title),
                *(found.detail, found.suggestion, found.category, int(found.in_diff)),
            )
            for n, found in enumerate(findings)
        ),
    )


def list_artifacts(db: Database, run: str, job: int | None = None) -> list[Artifact]:
    """The durable files of a run or of one of its jobs, the job's artifact first."""
    if job is None:
        sql = "SELECT path, sha256 FROM artifacts WHERE run = ? ORDER BY job, first DESC, path"
        rows = db.rows(sql, (run,))
    else:
        sql = "SELECT path, sha256 FROM artifacts WHERE run = ? AND job = ? ORDER BY first DESC, path"
        rows = db.rows(sql, (run, job))
    return [Artifact(row["path"], row["sha256"]) for row in rows]


def each_artifact(db: Database, run: str) -> Iterator[Artifact]:
    """The durable files of a run, read as they come."""
    for row in db.each("SELECT path, sha256 FROM artifacts WHERE run = ? ORDER BY job", (run,)):
        yield Artifact(row["path"], row["sha256"])


def has_artifacts(db: Database, run: str) -> bool:
    """Whether a run has left any file."""
    return db.value("SELECT 1 FROM artifacts WHERE run = ? LIMIT 1", (run,)) is not None


def owner_of(db: Database, run: str, path: str) -> int | None:
    """The job that a path of a run already belongs to."""
    found = db.value("SELECT job FROM artifacts WHERE run = ? AND path = ?", (run, path))
    return None if found is None else int(found)


def recorded_jobs(db: Database, run: str, attempt: int) -> Iterator[int]:
    """The jobs of an attempt whose answer is recorded already, read as they come."""
    for row in db.each("SELECT job FROM answers WHERE run = ? AND attempt = ?", (run, attempt)):
        yield int(row["job"])


def history(db: Database, run: str, job: int) -> list[Answer]:
    """Every answer a job ever had, oldest first; the last success, or else the last one, stands."""
    rows = db.rows("SELECT * FROM answers WHERE run = ? AND job = ? ORDER BY attempt", (run, job))
    return [_answer(row) for row in rows]


def sums(db: Database, run: str) -> Sums:
    """What a run cost so far, every answer counted once by its row."""
    row = db.row(
        """SELECT count(*) AS answers,
            CASE WHEN count(*) = count(cost_pico) THEN coalesce(sum(cost_pico), 0) END AS cost,
            CASE WHEN count(*) = count(list_pico) THEN coalesce(sum(list_pico), 0) END AS list,
            CASE WHEN count(*) = count(uncached_pico) THEN coalesce(sum(uncached_pico), 0) END AS uncached,
            coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output,
            coalesce(sum(cache_read_tokens), 0) AS read,
            coalesce(sum(cache_write_5m_tokens), 0) AS w5, coalesce(sum(cache_write_1h_tokens), 0) AS w1
        FROM answers WHERE run = ?""",
        (run,),
    )
    if row is None:
        raise AssertionError("an aggregate without a row")
    return Sums(
        *(usd(row["cost"]), usd(row["list"]), usd(row["uncached"])),
        *(row["input"], row["output"], row["read"], row["w5"], row["w1"], row["answers"]),
    )


def job_lines(db: Database, run: str) -> Iterator[JobLine]:
    """The settled jobs of a run as a digest wants them, in their order."""
    sql = """SELECT jobs.key, jobs.outcome, answers.headline, answers.error_type, answers.error_message,
            answers.request_id, answers.stop_reason, answers.cost_pico,
            (SELECT path FROM artifacts WHERE artifacts.run = jobs.run AND artifacts.job = jobs.n
                ORDER BY first DESC LIMIT 1) AS artifact,
            (SELECT group_concat(severity) FROM findings WHERE findings.run = jobs.run
                AND findings.job = jobs.n) AS severities
        FROM jobs LEFT JOIN answers
            ON answers.run = jobs.run AND answers.attempt = jobs.attempt AND answers.job = jobs.n
        WHERE jobs.run = ? AND jobs.outcome IS NOT NULL ORDER BY jobs.n"""
    for row in db.each(sql, (run,)):
        cost = usd(row["cost_pico"])
        found = [Severity(word) for word in (row["severities"] or "").split(",") if word]
        yield JobLine(
            key=row["key"],
            outcome=Outcome(row["outcome"]),
            headline=row["headline"] or "",
            artifact=row["artifact"],
            error=_error(row),
            stop_reason=row["stop_reason"],
            cost_usd=None if cost is None else float(cost),
            findings=len(found),
            worst=min(found, key=lambda severity: severity.rank, default=None),
        )


def manifest_rows(db: Database, run: str) -> Iterator[ManifestRow]:
    """Every job of a run, settled or out, with its standing answer and its artifact."""
    sql = """SELECT jobs.key, jobs.outcome AS standing, jobs.attempt AS from_attempt, answers.*,
            artifacts.path AS artifact, artifacts.sha256 AS sha256,
            (SELECT custom_id FROM sendings WHERE sendings.run = jobs.run AND sendings.job = jobs.n
                AND (jobs.attempt IS NULL OR sendings.attempt = jobs.attempt)
                ORDER BY sendings.attempt DESC LIMIT 1) AS custom_id
        FROM jobs
        LEFT JOIN answers
            ON answers.run = jobs.run AND answers.attempt = jobs.attempt AND answers.job = jobs.n
        LEFT JOIN artifacts
            ON artifacts.run = jobs.run AND artifacts.job = jobs.n AND artifacts.first = 1
        WHERE jobs.run = ? ORDER BY jobs.n"""
    for row in db.each(sql, (run,)):
        answered = row["outcome"] is not None
        yield ManifestRow(
            *(row["key"], row["custom_id"], row["standing"], row["stop_reason"]),
            *(row["artifact"], row["sha256"], _usage(row) if answered else None),
            *(usd(row["cost_pico"]), _error(row)),
        )


def found_lines(
    db: Database, wanted: Sequence[str], earlier: Sequence[str] = (), *, fold: Callable[[str], str]
) -> Iterator[tuple[str, FoundLine]]:
    """The findings of some runs as a digest merges them: what may be the same stands together.

    In the order of repository, path (for one without: its job's key) and title as `fold` makes it; then
    those of `earlier` runs, by line, before those of the `wanted` ones, by line. Of earlier runs only what
    has the path of a wanted one is told, and without its words. Whatever sorting takes lies in SQLite's
    temporary file.
    """
    db.define("folded", fold)
    sql = """SELECT runs.repo, jobs.key, folded(title) AS said, 1 AS news, findings.run, severity, path, line,
            end_line, title, detail, suggestion, category, in_diff,
            CASE path WHEN '' THEN jobs.key ELSE '' END AS bare,
            (SELECT artifacts.path FROM artifacts WHERE artifacts.run = findings.run
                AND artifacts.job = findings.job ORDER BY first DESC LIMIT 1) AS artifact
        FROM findings JOIN runs ON runs.id = findings.run
            JOIN jobs ON jobs.run = findings.run AND jobs.n = findings.job
        WHERE findings.run IN (SELECT value FROM json_each(:wanted))
        UNION ALL SELECT runs.repo, jobs.key, folded(title), 0, findings.run, severity, path, line,
            end_line, title, '', '', '', 0,
            CASE path WHEN '' THEN jobs.key ELSE '' END, NULL
        FROM findings JOIN runs ON runs.id = findings.run
            JOIN jobs ON jobs.run = findings.run AND jobs.n = findings.job
        WHERE findings.run IN (SELECT value FROM json_each(:earlier)) AND path IN (
            SELECT path FROM findings WHERE run IN (SELECT value FROM json_each(:wanted)))
        ORDER BY repo, path, bare, said, news, line"""
    for row in db.each(sql, {"wanted": json.dumps(wanted), "earlier": json.dumps(earlier)}):
        finding = Finding(
            *(Severity(row["severity"]), row["path"], row["line"], row["end_line"], row["title"]),
            *(row["detail"], row["suggestion"], row["category"], bool(row["in_diff"])),
        )
        yield row["run"], FoundLine(row["key"], row["artifact"], finding)


def severity_counts(db: Database, run: str) -> Mapping[str, int]:
    """How many findings of each severity a run has, the worst first."""
    rows = db.rows("SELECT severity, count(*) AS c FROM findings WHERE run = ? GROUP BY severity", (run,))
    counts = {row["severity"]: row["c"] for row in rows}
    return {str(severity): counts[severity] for severity in Severity if severity in counts}


def output_tokens(
    db: Database, recipe: str, model: str, *, but: str | None = None, most: int = 2000
) -> list[int]:
    """Output tokens of this recipe's newest answers on this model, at most `most`; `but` leaves a run out."""
    rows = db.rows(
        """SELECT answers.output_tokens AS t FROM answers JOIN runs ON runs.id = answers.run
        WHERE runs.recipe = ? AND runs.model = ? AND answers.output_tokens > 0 AND runs.id IS NOT ?
        ORDER BY answers.at DESC LIMIT ?""",
        (recipe, model, but, most),
    )
    return [row["t"] for row in rows]


def error_count(db: Database, run: str, error_type: str) -> int:
    """How many answers of a run bear an error of this type, whatever their outcome."""
    counted = db.value("SELECT count(*) FROM answers WHERE run = ? AND error_type = ?", (run, error_type))
    return int(counted or 0)


def _error(row: Row) -> JobError | None:
    if row["error_type"] is None:
        return None
    return JobError(row["error_type"], row["error_message"] or "", row["request_id"])


def _usage(row: Row) -> Usage:
    return Usage(
        *(row["input_tokens"], row["output_tokens"], row["cache_read_tokens"], row["cache_write_5m_tokens"]),
        *(row["cache_write_1h_tokens"], row["thinking_tokens"], row["service_tier"], row["inference_geo"]),
    )


def _answer(row: Row) -> Answer:
    return Answer(
        *(row["attempt"], row["outcome"], row["stop_reason"], _error(row), _usage(row)),
        *(usd(row["cost_pico"]), usd(row["list_pico"]), row["headline"], row["at"]),
    )
