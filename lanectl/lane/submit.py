"""Submit: plan, estimate, guard, record, send; what is interrupted anywhere is taken further by the next
command."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path

from lanectl.digest.account import dollars
from lanectl.digest.words import counted
from lanectl.errors import LanectlError
from lanectl.lane import budget
from lanectl.lane.advance import advance
from lanectl.lane.context import Lane
from lanectl.lane.numbering import sendings_of
from lanectl.lane.pilot import Decision, decide
from lanectl.lane.prepare import Prepared, Wishes, prepare, repeated
from lanectl.lane.send import preflight
from lanectl.lane.settle import settle
from lanectl.lane.signals import Interrupted
from lanectl.lane.sync import sync
from lanectl.models import AttemptState, Estimate, Role, Skip
from lanectl.plan import batches
from lanectl.plan.batches import Numbers, Sized
from lanectl.plan.prefix import dumps
from lanectl.recipe.tables import Recipe
from lanectl.state import attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import PlannedJob, Run

Confirm = Callable[[Estimate], bool]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of one recipe's submission; `run` is None when nothing was left to send.

    `passed_over` counts the items that `--only` left out where it left nothing.
    """

    recipe: str
    run: str | None
    state: str | None
    held: tuple[str, str] | None
    jobs: int
    skipped: Collection[Skip]
    batches: tuple[Attempt, ...]
    estimate: Estimate | None
    artifacts: Path | None
    canceled_by_user: bool = False
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a submission would send: the prefix and the first job as they would go out, counts and sizes."""

    recipe: str
    host: str
    jobs: int
    skipped: Collection[Skip]
    batches: tuple[int, ...]
    bytes: int
    prefix_bytes: int
    system: tuple[str, ...]
    first_key: str | None
    first_prompt: str | None
    params: dict[str, object]
    estimate: Estimate | None
    artifacts: Path
    passed_over: int = 0


def submit(lane: Lane, recipe: Recipe, wishes: Wishes, *, confirm: Confirm | None = None) -> Submitted:
    """Send one recipe's items as a run.

    `confirm` asks a person once when *high* is above the configured amount; without one the caps decide.
    Raises `HeldError` (nothing recorded, nothing sent), `NoAccess`, `TryLater` and `ConfigError`.
    """
    with lane.locked():
        sync(lane)
        _advance_older(lane, recipe)
    prepared = prepare(lane, recipe, wishes)
    try:
        if not prepared.jobs:
            lane.spool.remove(prepared.run_id)
            return _nothing(prepared)
        decided = decide(lane, prepared, wishes)
        estimated = decided.estimate
        _check(lane, prepared, decided, wishes, attended=confirm is not None and not wishes.yes)
        if confirm is not None and not wishes.yes and _asks(lane, estimated) and not confirm(estimated):
            lane.spool.remove(prepared.run_id)
            return replace(_nothing(prepared), estimate=estimated, canceled_by_user=True)
        lane.remark(_announced(prepared, estimated))
        with lane.locked():
            snapshot = preflight(lane)
            run = record(lane, prepared, decided, wishes, attended=confirm is not None)
            if run is not None:
                advance(lane, run, snapshot=snapshot)
        if run is None:
            return _nothing(prepared)
        wait_s = recipe.run.pilot_wait_s if wishes.pilot_wait_s is None else wishes.pilot_wait_s
        settle(lane, run.id, wait_s=wait_s)
    except BaseException as stop:
        if isinstance(stop, KeyboardInterrupt | Interrupted):
            # What cannot be said of a broken state file must not take the interruption's place.
            with suppress(LanectlError):
                stop.add_note(_left(lane, prepared))
        _forget_unrecorded(lane, prepared.run_id)
        raise
    return submitted(lane, run.id, estimate=estimated)


def _left(lane: Lane, prepared: Prepared) -> str:
    """What an interrupted submission leaves behind, for whoever interrupted it."""
    name, run_id = prepared.recipe.name, prepared.run_id
    if not runs.has_run(lane.db, run_id):
        return f"interrupted: nothing of {name} was sent"
    waiting = runs.waiting_count(lane.db, run_id)
    rest = (
        f"{counted(waiting, 'job')} not sent yet, which the next tick or pull sends"
        if waiting
        else "all sent"
    )
    return f"interrupted: run {run_id} of {name} is kept, {rest}: lanectl status {run_id}"


def _announced(prepared: Prepared, estimated: Estimate) -> str:
    """What a person is told before a cent is spent."""
    figures = (estimated.expected_usd, estimated.high_usd, estimated.at_most_usd)
    expected, high, most = map(dollars, figures)
    return (
        f"{prepared.recipe.name}: sending {counted(estimated.jobs, 'job')};"
        f" expected {expected}, high {high}, at most {most}"
    )


def preview(lane: Lane, recipe: Recipe, wishes: Wishes, *, host: str) -> Preview:
    """Everything that `submit` does before it sends, and nothing of it kept; no network."""
    prepared = prepare(lane, recipe, wishes)
    try:
        decided = decide(lane, prepared, wishes, offline=True)
        estimated = decided.estimate
        shared_bytes = _shared_bytes(prepared, estimated.cache.mode)
        split = [len(numbers) for _, numbers in _parts(prepared.jobs, decided.pilots, shared_bytes)]
        job = prepared.jobs.first
        first = lane.spool.run(prepared.run_id).job(job.offset, job.bytes) if job else None
        return Preview(
            recipe=recipe.name,
            host=host,
            jobs=len(prepared.jobs),
            skipped=prepared.jobs.skips,
            batches=tuple(split),
            bytes=batches.bytes_of(shared_bytes, len(prepared.jobs), prepared.jobs.own_bytes),
            prefix_bytes=prepared.shared.prefix_bytes(),
            system=prepared.shared.system,
            first_key=first.key if first else None,
            first_prompt=str(first.own["messages"][0]["content"]) if first else None,
            params=dict(prepared.shared.params),
            estimate=estimated if prepared.jobs else None,
            artifacts=prepared.artifacts,
            passed_over=prepared.passed_over,
        )
    finally:
        lane.spool.remove(prepared.run_id)


def submitted(lane: Lane, run_id: str, *, estimate: Estimate | None) -> Submitted:
    """A run as `submit` shows it, from the state file."""
    run = runs.get_run(lane.db, run_id)
    held = (run.held_reason, run.held_hint or f"lanectl release {run.id}") if run.held_reason else None
    return Submitted(
        recipe=run.recipe,
        run=run.id,
        state=runs.run_state(lane.db, run),
        held=held,
        jobs=sum(runs.outcome_counts(lane.db, run.id).values()),
        skipped=runs.Skips(lane.db, run.id),
        batches=tuple(attempts.list_attempts(lane.db, run.id)),
        estimate=estimate,
        artifacts=Path(run.artifacts),
    )


def _advance_older(lane: Lane, recipe: Recipe) -> None:
    """Take runs of this recipe further that an interrupted submission left behind."""
    for run in runs.open_runs(lane.db):
        if run.recipe == recipe.name:
            advance(lane, run)


def _asks(lane: Lane, estimated: Estimate) -> bool:
    above = lane.settings.budget.ask_above_usd
    return estimated.high_usd is None or estimated.high_usd > above


def record(
    lane: Lane,
    prepared: Prepared,
    decided: Decision,
    wishes: Wishes,
    *,
    attended: bool,
    also: Callable[[Run], None] | None = None,
) -> Run | None:
    """Commit the run with every job and every custom id; None when others have taken all of it meanwhile.

    `also` writes what belongs into the same transaction. Raises `HeldError` for a cap, nothing recorded.
    """
    lane.spool.run(prepared.run_id).write_json("run.json", _facts(prepared))
    with lane.db.write():
        _leave_out_taken(lane, prepared, wishes)
        jobs = prepared.jobs
        if not jobs:
            lane.spool.remove(prepared.run_id)
            return None
        _check(lane, prepared, decided, wishes, attended=attended and not wishes.yes)
        run = _run(lane, prepared, decided, wishes)
        runs.add_run(lane.db, run, jobs, jobs.skips)
        for role, numbers in _parts(jobs, decided.pilots, _shared_bytes(prepared, run.cache_mode)):
            _add_attempt(lane, run, prepared, role, numbers)
        if also is not None:
            also(run)
    return run


def _check(lane: Lane, prepared: Prepared, decided: Decision, wishes: Wishes, *, attended: bool) -> None:
    budget.check(
        lane,
        prepared.recipe,
        decided.estimate,
        max_cost_usd=wishes.max_cost_usd,
        attended=attended,
        again=decided.again,
        max_tokens=prepared.params.max_tokens,
    )


def _add_attempt(lane: Lane, run: Run, prepared: Prepared, role: Role, numbers: Numbers) -> None:
    attempt = Attempt(
        run=run.id,
        number=attempts.next_number(lane.db, run.id),
        role=role,
        state=AttemptState.INTENT,
        requests=len(numbers),
        bytes=0,
        cache_mode=run.cache_mode,
        max_tokens=prepared.params.max_tokens,
        created_at=lane.now,
    )
    attempts.add_attempt(lane.db, attempt, sendings_of(lane, run.id, attempt.number, numbers))


def _leave_out_taken(lane: Lane, prepared: Prepared, wishes: Wishes) -> None:
    """Look once more, inside the transaction: another process may have sent the same items since they were
    planned."""
    if wishes.again or prepared.recipe.run.repeat == "always":
        return
    for job in prepared.jobs:
        skip = repeated(lane, job.key, job.digest)
        if skip is not None:
            prepared.jobs.skip(skip, instead_of=job)


def _run(lane: Lane, prepared: Prepared, decided: Decision, wishes: Wishes) -> Run:
    recipe, estimated = prepared.recipe, decided.estimate
    reserved = budget.reserve(lane, estimated)
    facts = _facts(prepared)
    return Run(
        id=prepared.run_id,
        recipe=recipe.name,
        recipe_sha256=recipe.sha256,
        description=recipe.description,
        repo=str(prepared.place.root),
        repo_name=prepared.place.name,
        commit_sha=prepared.place.commit,
        branch=prepared.place.branch,
        model=prepared.params.model,
        output=facts["output"],
        policy={
            **facts["policy"],
            "unprimed_cache": decided.unprimed_cache,
            **({} if wishes.max_cost_usd is None else {"cap_usd": wishes.max_cost_usd}),
            **({} if wishes.pilot_wait_s is None else {"pilot_wait_s": wishes.pilot_wait_s}),
        },
        estimate=asdict(estimated),
        cache_mode=estimated.cache.mode,
        prefix_sha256=prepared.shared.sha256(),
        prefix_bytes=prepared.shared.prefix_bytes(),
        form=prepared.form,
        artifacts=str(prepared.artifacts),
        reserved_usd=None if reserved is None else Decimal(str(reserved)),
        created_at=lane.now,
    )


def _facts(prepared: Prepared) -> dict[str, dict[str, object]]:
    """What the way back needs of the recipe, kept with the run and in the spool."""
    recipe = prepared.recipe
    return {
        "run": {
            "id": prepared.run_id,
            "recipe": recipe.name,
            "recipe_sha256": recipe.sha256,
            "description": recipe.description,
            "repo": str(prepared.place.root),
            "repo_name": prepared.place.name,
            "commit_sha": prepared.place.commit,
            "branch": prepared.place.branch,
            "model": prepared.params.model,
            "artifacts": str(prepared.artifacts),
        },
        "output": {
            "table": recipe.output.model_dump(mode="json", by_alias=True),
            "schema_value": recipe.schema_value,
        },
        "policy": recipe.run.model_dump(mode="json"),
    }


def _shared_bytes(prepared: Prepared, cache_mode: str) -> int:
    return len(dumps(prepared.shared.body(cache_mode)))


def _parts(jobs: Collection[PlannedJob], pilots: int, shared_bytes: int) -> Iterator[tuple[Role, Numbers]]:
    """The batches of a run in the order in which they go: the pilot's, then those of the rest."""
    waiting = iter(jobs)
    first = islice(waiting, max(min(pilots, len(jobs) - 1), 0))
    for part, role in ((first, Role.PILOT), (waiting, Role.MAIN)):
        for numbers in _split(part, shared_bytes):
            yield role, numbers


def _split(jobs: Iterable[PlannedJob], shared_bytes: int) -> Iterator[Numbers]:
    return batches.split((Sized(job.n, job.own_bytes) for job in jobs), shared_bytes=shared_bytes)


def _nothing(prepared: Prepared) -> Submitted:
    return Submitted(
        recipe=prepared.recipe.name,
        run=None,
        state=None,
        held=None,
        jobs=0,
        skipped=prepared.jobs.skips,
        batches=(),
        estimate=None,
        artifacts=None,
        passed_over=prepared.passed_over,
    )


def _forget_unrecorded(lane: Lane, run_id: str) -> None:
    """Take the spool folder of a run that was never recorded away."""
    try:
        known = runs.has_run(lane.db, run_id)
    except Exception:  # noqa: BLE001 -- the first failure is the one to tell; the folder is swept later
        return
    if not known:
        lane.spool.remove(run_id)
