"""Answers: each counted once, a success never displaced, and no table read once for every job."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from lanectl.models import AttemptState as State
from lanectl.models import Finding, FoundLine, JobError, JobLine, Outcome, Severity, Usage
from lanectl.state import answers, attempts, runs
from lanectl.state.answers import Artifact, ManifestRow
from lanectl.state.attempts import Attempt
from lanectl.state.database import Database
from tests.state.facts import FIRST, LATER, SECOND, add_attempt, add_run, answer, run, send

FOUND = Finding(Severity.HIGH, "src/a.py", 3, 5, "wrong", "because \ud800", "do this", "bug", in_diff=False)


@pytest.fixture
def sent(db: Database) -> Attempt:
    return send(db, add_attempt(db, add_run(db, run()), [0, 1, 2]), State.ENDED)


def put(db: Database, job: int, *files: str, findings: tuple[Finding, ...] = ()) -> None:
    with db.write():
        answers.add_artifacts(db, FIRST, job, [Artifact(path, f"hash of {path}") for path in files], findings)


def found(db: Database) -> list[tuple[str, FoundLine]]:
    return list(answers.found_lines(db, [FIRST], fold=str.casefold))


def outcomes(db: Database) -> list[tuple[str | None, int | None]]:
    return [(job.outcome, job.attempt) for job in runs.list_jobs(db, FIRST)]


def test_answer_is_recorded_once_with_its_price(db: Database, sent: Attempt) -> None:
    for _ in range(2):
        answer(db, sent, 1)
    (kept,) = answers.history(db, FIRST, 1)
    assert (kept.attempt, kept.outcome, kept.error, kept.headline) == (0, "succeeded", None, "it succeeded")
    assert (kept.cost_usd, kept.list_usd, kept.at) == (Decimal("0.25"), Decimal("0.5"), LATER)
    assert kept.usage == Usage(input_tokens=100, output_tokens=20)
    assert outcomes(db) == [(None, None), ("succeeded", 0), (None, None)]
    assert list(answers.recorded_jobs(db, FIRST, 0)) == [1]


def test_counts_come_with_successes_and_the_worst_first(db: Database, sent: Attempt) -> None:
    answer(db, sent, 0)
    answer(db, sent, 1, Outcome.ERRORED)
    put(db, 0, "b.md", findings=tuple(replace(FOUND, severity=one) for one in reversed(Severity)))
    assert list(runs.outcome_counts(db, FIRST).items()) == [("succeeded", 1), ("errored", 1), ("", 1)]
    assert list(answers.severity_counts(db, FIRST)) == ["critical", "high", "medium", "low"]


def test_success_is_never_displaced_and_the_last_failure_stands(db: Database, sent: Attempt) -> None:
    one = runs.get_run(db, FIRST)
    again = send(db, add_attempt(db, one, [0, 1], number=1, role="retry"), State.ENDED)
    answer(db, sent, 0)
    answer(db, again, 0, Outcome.ERRORED)
    answer(db, sent, 1, Outcome.ERRORED)
    answer(db, again, 1, Outcome.EXPIRED)
    assert outcomes(db) == [("succeeded", 0), ("expired", 1), (None, None)]
    assert [kept.outcome for kept in answers.history(db, FIRST, 0)] == ["succeeded", "errored"]
    assert answers.history(db, FIRST, 1)[-1].error == JobError("api_error", "was expired", "req_2")


def test_sums_count_every_answer_once_and_an_unknown_price_is_unknown(db: Database, sent: Attempt) -> None:
    nothing = answers.sums(db, FIRST)
    assert (nothing.cost_usd, nothing.answers, nothing.cache_hit_rate) == (Decimal(0), 0, None)
    answer(db, sent, 0, cost="0.10")
    answer(db, sent, 1, Outcome.TRUNCATED, cost="0.20")
    added = answers.sums(db, FIRST)
    assert (added.cost_usd, added.list_usd, added.uncached_usd) == (
        Decimal("0.30"),
        Decimal("0.60"),
        Decimal("0.90"),
    )
    assert (added.input_tokens, added.output_tokens, added.answers) == (200, 40, 2)
    answer(db, sent, 2, cost=None)
    assert answers.sums(db, FIRST).cost_usd is None


def test_artifacts_of_a_later_attempt_replace_the_earlier_ones(db: Database) -> None:
    add_run(db, run())
    put(db, 0, "b.md", "a.patch", findings=(FOUND,))
    put(db, 1, "c.md")
    assert [one.path for one in answers.list_artifacts(db, FIRST)] == ["b.md", "a.patch", "c.md"]
    put(db, 0, "b.2.md")
    assert answers.list_artifacts(db, FIRST, 0) == [Artifact("b.2.md", "hash of b.2.md")]
    assert [answers.owner_of(db, FIRST, path) for path in ("b.md", "b.2.md", "c.md")] == [None, 0, 1]
    assert found(db) == []


def test_lines_are_what_a_digest_shows(db: Database, sent: Attempt) -> None:
    answer(db, sent, 0)
    answer(db, sent, 1, Outcome.ERRORED)
    put(db, 0, "key-0.md", "more.patch", findings=(FOUND, FOUND))
    error = JobError("api_error", "was errored", "req_2")
    assert list(answers.job_lines(db, FIRST)) == [
        JobLine("key 0", Outcome.SUCCEEDED, "it succeeded", "key-0.md", None, None, 0.25, 2, Severity.HIGH),
        JobLine("key 1", Outcome.ERRORED, "it errored", None, error, None, 0.25),
    ]
    shown = Finding(
        Severity.HIGH, "src/a.py", 3, 5, "wrong", "because \ufffd", "do this", "bug", in_diff=False
    )
    assert found(db) == [(FIRST, FoundLine("key 0", "key-0.md", shown))] * 2
    assert answers.severity_counts(db, FIRST) == {"high": 2}


def test_findings_of_the_same_place_stand_together_and_those_from_before_come_first(db: Database) -> None:
    def told(job: int, run_id: str, *findings: Finding) -> None:
        with db.write():
            answers.add_artifacts(db, run_id, job, [Artifact(f"{job}.md", "00")], findings)

    for run_id in (FIRST, SECOND):
        add_run(db, run(run_id))
    bare = replace(FOUND, path="", line=0)
    told(1, FIRST, replace(FOUND, title="WRONG", line=80), replace(FOUND, path="only/then.py"), bare)
    told(0, SECOND, bare, FOUND, replace(FOUND, title="Right"))
    told(2, SECOND, replace(FOUND, line=1))
    lines = answers.found_lines(db, [SECOND], [FIRST], fold=str.casefold)
    assert [
        (run_id, line.key, line.artifact, line.finding.title, line.finding.line, line.finding.suggestion)
        for run_id, line in lines
    ] == [
        (SECOND, "key 0", "0.md", "wrong", 0, "do this"),
        (FIRST, "key 1", None, "wrong", 0, ""),
        (SECOND, "key 0", "0.md", "Right", 3, "do this"),
        (FIRST, "key 1", None, "WRONG", 80, ""),
        (SECOND, "key 2", "2.md", "wrong", 1, "do this"),
        (SECOND, "key 0", "0.md", "wrong", 3, "do this"),
    ]


def test_manifest_accounts_for_every_job_settled_or_out(db: Database, sent: Attempt) -> None:
    one = runs.get_run(db, FIRST)
    again = add_attempt(db, one, [1, 2], number=1, role="retry")
    answer(db, sent, 0)
    answer(db, sent, 1, Outcome.ERRORED)
    put(db, 0, "key-0.md", "more.patch")
    usage, error = Usage(input_tokens=100, output_tokens=20), JobError("api_error", "was errored", "req_2")
    assert list(answers.manifest_rows(db, FIRST)) == [
        ManifestRow(
            "key 0",
            f"L1_{FIRST}_0_0",
            "succeeded",
            None,
            "key-0.md",
            "hash of key-0.md",
            usage,
            Decimal("0.25"),
            None,
        ),
        ManifestRow("key 1", f"L1_{FIRST}_0_1", "errored", None, None, None, usage, Decimal("0.25"), error),
        ManifestRow("key 2", f"L1_{FIRST}_{again.number}_2", None, None, None, None, None, None, None),
    ]


def test_lengths_of_past_answers_are_of_this_recipe_and_model(db: Database, sent: Attempt) -> None:
    for job in range(3):
        answer(db, sent, job)
    assert answers.output_tokens(db, "notes", "claude-opus-5-5") == [20, 20, 20]
    assert answers.output_tokens(db, "notes", "claude-opus-5-5", most=2) == [20, 20]
    assert answers.output_tokens(db, "notes", "claude-haiku-5-5") == []
    assert answers.output_tokens(db, "review", "claude-opus-5-5") == []


def fill(db: Database, jobs: int) -> None:
    """A run of so many jobs in place of what was there, in one transaction."""
    with db.write():
        for table in ("findings", "artifacts", "answers", "sendings", "attempts", "jobs", "runs"):
            db.execute(f"DELETE FROM {table}")
        one = add_run(db, run(), jobs=jobs)
        sent = send(db, add_attempt(db, one, list(range(jobs))), State.ENDED)
        for job in range(jobs - 1):
            answer(db, sent, job, Outcome.SUCCEEDED if job % 3 else Outcome.ERRORED)
            put(db, job, f"{job}.md", findings=(FOUND,))


READS: dict[str, Callable[[Database, int], object]] = {
    "lines": lambda db, _: list(answers.job_lines(db, FIRST)),
    "manifest": lambda db, _: list(answers.manifest_rows(db, FIRST)),
    "findings": lambda db, _: found(db),
    "histories": lambda db, jobs: [answers.history(db, FIRST, job) for job in range(jobs)],
    "artifacts": lambda db, jobs: [answers.list_artifacts(db, FIRST, job) for job in range(jobs)],
    "owners": lambda db, jobs: [answers.owner_of(db, FIRST, f"{job}.md") for job in range(jobs)],
    "earlier": lambda db, jobs: [runs.earlier(db, f"digest {job}") for job in range(jobs)],
    "waiting": lambda db, _: runs.waiting_count(db, FIRST),
    "placed": lambda db, _: list(attempts.list_placed(db, attempts.get_attempt(db, FIRST, 0))),
    "dropped": lambda db, _: runs.mark_dropped(db, FIRST, now=LATER),
}


def steps(db: Database, work: Callable[[], object]) -> int:
    """How many hundreds of SQLite's instructions some work takes."""
    counted: Iterator[int] = iter(range(10**9))
    db._connection.set_progress_handler(lambda: next(counted) < 0, 100)
    work()
    db._connection.set_progress_handler(None, 0)
    return next(counted)


@pytest.mark.parametrize("name", READS)
def test_work_grows_with_the_run_and_not_with_its_square(db: Database, name: str) -> None:
    fill(db, 100)
    small = steps(db, lambda: READS[name](db, 100))
    fill(db, 400)
    assert steps(db, lambda: READS[name](db, 400)) < 6 * small + 100
