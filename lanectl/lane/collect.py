"""Turns one attempt's results into artifacts and outcomes: durable files first, then the rows that say so."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lanectl.artifacts import ArtifactFolder, safe_path
from lanectl.lane.context import Lane
from lanectl.lane.fetch import is_torn
from lanectl.lane.marks import Marks
from lanectl.lane.residency import marked, region_of
from lanectl.models import JobError, Outcome, Result, Usage
from lanectl.models import Lane as Lanes
from lanectl.outputs.read import Expected, Reader, custom_id_of
from lanectl.prices import Prices
from lanectl.recipe.tables import OutputTable
from lanectl.spool import SpooledJob, parse_job
from lanectl.state import answers, attempts
from lanectl.state.answers import Artifact, Price
from lanectl.state.attempts import Attempt, Placed
from lanectl.state.runs import Run, list_jobs

GROUP = 64
GROUP_BYTES = 16_000_000
# Results of which nothing can be read, their usage neither.
GONE = frozenset({Outcome.MISSING, Outcome.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Collected:
    """What one attempt left: artifacts written, and those that were there already."""

    written: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Read:
    """One job's result, still to be put on disk."""

    job: int
    key: str
    result: Result


def collect(lane: Lane, run: Run, attempt: Attempt, *, whole: bool, unreadable: int) -> Collected:
    """Record every result of an attempt that is not recorded yet; repeatable, killed anywhere.

    `whole` says that a job without a line will never have one: it is `missing`, or `unreadable` where at
    least as many lines could not be read. Otherwise it stays out.
    """
    done = Marks(answers.recorded_jobs(lane.db, run.id, attempt.number))
    book = PriceBook(lane, run, attempt)
    standing = _standing_elsewhere(lane, run, attempt)
    written = unchanged = 0
    with ArtifactFolder(Path(run.artifacts)) as folder:
        folder.sweep()
        for group in _groups(_results(lane, run, attempt, done, whole=whole)):
            for placed in _record(lane, run, attempt, folder, book, standing, group):
                written += not placed
                unchanged += placed
    if whole:
        _settle_missing(lane, run, attempt, book, unreadable)
        with lane.db.write():
            attempts.mark_pulled(lane.db, attempt, results_sha256=None, now=lane.now)
    return Collected(written, unchanged)


def collect_nothing(lane: Lane, run: Run, attempt: Attempt) -> Collected:
    """Settle an attempt whose results are gone for good: each of its jobs says so."""
    _settle_missing(lane, run, attempt, PriceBook(lane, run, attempt), 0)
    with lane.db.write():
        attempts.mark_pulled(lane.db, attempt, results_sha256=None, now=lane.now)
    return Collected(0, 0)


def restore(lane: Lane, run: Run) -> int:
    """Write artifacts again that are missing on disk, from the raw results; returns how many."""
    if not answers.has_artifacts(lane.db, run.id):
        return 0
    with ArtifactFolder(Path(run.artifacts)) as folder:
        recorded = answers.each_artifact(lane.db, run.id)
        missing = {file.path for file in recorded if folder.digest(file.path) is None}
        if not missing:
            return 0
        written = 0
        for _, result in standing_results(lane, run):
            for file in result.files:
                if safe_path(file.path) in missing:
                    folder.place(file, known_sha256=None, taken=False)
                    written += 1
        folder.sync()
    return written


class PriceBook:
    """Prices a run's answers by the day their batch was created."""

    def __init__(self, lane: Lane, run: Run, attempt: Attempt) -> None:
        day = attempt.batch_created_at or attempt.created_at
        self._prices = Prices(datetime.fromisoformat(day).date(), lane.settings.price_overrides)
        self._model = run.model

    def price(self, result: Result) -> Price:
        """What one result costs here, on the other lane, and here without a cache.

        Of one that is gone nobody knows: it may well have been answered, and billed.
        """
        if result.outcome in GONE:
            return Price(None, None, None)
        usage = result.usage
        plain = Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.output_tokens,
            inference_geo=usage.inference_geo,
        )
        return Price(
            self._prices.cost(usage, self._model, Lanes.BATCH),
            self._prices.cost(usage, self._model, Lanes.INTERACTIVE),
            self._prices.cost(plain, self._model, Lanes.BATCH),
        )


def reader_of(run: Run) -> Reader:
    """What reads the answers of a run, from what planning left."""
    return Reader(OutputTable.model_validate(run.output["table"]), run.output.get("schema_value"), run.model)


def expected_of(custom_id: str, job: SpooledJob) -> Expected:
    """What an answer of this job is held against."""
    return Expected(custom_id, job.key, job.path, job.material)


def standing_results(lane: Lane, run: Run) -> Iterator[tuple[str, Result]]:
    """Every job's standing result with its key, read again from the raw results; those without a line are
    left out.
    """
    reader = reader_of(run)
    spooled = lane.spool.run(run.id)
    for attempt in attempts.list_attempts(lane.db, run.id):
        if not spooled.has_results(attempt.number):
            continue
        for placed, line, expected in _lines(lane, run, attempt):
            if placed.standing == attempt.number:
                yield expected.key, reader.read(line, expected)


def _results(lane: Lane, run: Run, attempt: Attempt, done: Marks, *, whole: bool) -> Iterator[Read]:
    """What is not `done` yet, each job once; they are marked as done as they come."""
    reader, region = reader_of(run), region_of(lane, run)
    for placed, line, expected in _lines(lane, run, attempt, torn=whole):
        if not done.add(placed.job):
            continue
        result = marked(reader.read(line, expected), region)
        if result.outcome is Outcome.UNREADABLE:
            lane.spool.quarantine(run.id, attempt.number, placed.job, line)
        yield Read(placed.job, expected.key, result)


def _lines(
    lane: Lane, run: Run, attempt: Attempt, *, torn: bool = False
) -> Iterator[tuple[Placed, bytes, Expected]]:
    """The lines of an attempt's results that are of its own jobs, each with what it is held against.

    A last line that was cut on its way is left for the next fetch; with `torn` it is all there will be.
    """
    spooled = lane.spool.run(run.id)
    with spooled.open_results(attempt.number) as results, spooled.open_jobs() as jobs:
        for number, line in enumerate(results):
            if not line.strip() or (is_torn(line) and not torn):
                continue
            custom_id = custom_id_of(line)
            placed = None if custom_id is None else attempts.find_placed(lane.db, attempt, custom_id)
            if custom_id is None or placed is None:
                lane.spool.quarantine(run.id, attempt.number, 1_000_000 + number, line)
                continue
            jobs.seek(placed.offset)
            yield placed, line, expected_of(custom_id, parse_job(jobs.read(placed.bytes)))


def _groups(results: Iterator[Read]) -> Iterator[list[Read]]:
    group: list[Read] = []
    size = 0
    for read in results:
        group.append(read)
        size += sum(len(file.data) for file in read.result.files)
        if len(group) >= GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _record(
    lane: Lane,
    run: Run,
    attempt: Attempt,
    folder: ArtifactFolder,
    book: PriceBook,
    standing: Marks,
    group: list[Read],
) -> list[bool]:
    """Put a group's files on disk, make them durable, then commit their rows; returns which were there
    already.
    """
    placed: list[tuple[Read, list[Artifact]]] = []
    unchanged: list[bool] = []
    mine: dict[str, int] = {}
    for read in group:
        files: list[Artifact] = []
        known = {file.path: file.sha256 for file in answers.list_artifacts(lane.db, run.id, read.job)}
        for file in () if read.job in standing else read.result.files:
            path = safe_path(file.path)
            owner = mine.get(path, answers.owner_of(lane.db, run.id, path))
            taken = owner is not None and owner != read.job
            there = folder.place(file, known_sha256=known.get(path), taken=taken)
            mine[there.path] = read.job
            files.append(Artifact(there.path, there.sha256))
            unchanged.append(there.unchanged)
        placed.append((read, files))
    folder.sync()
    with lane.db.write():
        for read, files in placed:
            price = book.price(read.result)
            answers.add_answer(lane.db, run.id, attempt.number, read.job, read.result, price, now=lane.now)
            if read.job not in standing:
                answers.add_artifacts(lane.db, run.id, read.job, files, read.result.findings)
    return unchanged


def _standing_elsewhere(lane: Lane, run: Run, attempt: Attempt) -> Marks:
    """Jobs that another attempt has brought to success: a late twin's answer is counted and changes nothing
    else.
    """
    return Marks(
        job.n
        for job in list_jobs(lane.db, run.id)
        if job.outcome == Outcome.SUCCEEDED and job.attempt != attempt.number
    )


def _settle_missing(lane: Lane, run: Run, attempt: Attempt, book: PriceBook, unreadable: int) -> None:
    """Give every job without a line its outcome: nothing is left out in silence."""
    done = Marks(answers.recorded_jobs(lane.db, run.id, attempt.number))
    sendings = attempts.list_sendings(lane.db, attempt)
    jobs = array("q", (sending.job for sending in sendings if sending.job not in done))
    if attempt.error:
        kind, _, said = attempt.error.partition(": ")
        error = JobError(kind, said or attempt.error)
        missing = Result(Outcome.MISSING, error=error, headline="its results are gone at the provider")
    elif unreadable >= len(jobs):
        error = JobError("unreadable", "its line of the results cannot be read; it is in the quarantine")
        missing = Result(Outcome.UNREADABLE, error=error, headline="its result cannot be read")
    else:
        error = JobError("missing", "the provider's results have no line for it")
        missing = Result(Outcome.MISSING, error=error, headline="no result came back for it")
    with lane.db.write():
        for job in jobs:
            answers.add_answer(
                lane.db, run.id, attempt.number, job, missing, book.price(missing), now=lane.now
            )
