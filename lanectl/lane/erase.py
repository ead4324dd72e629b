"""Erase: takes batches away at the provider once every artifact of their run is verified on disk."""

from datetime import timedelta
from pathlib import Path

from lanectl.api import BadRequest, NotFound
from lanectl.artifacts import ArtifactFolder
from lanectl.errors import LanectlError, NoAccess, TryLater
from lanectl.lane.context import Lane
from lanectl.models import AttemptState, Outcome
from lanectl.state import answers, attempts, runs
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run

# The provider does it by itself after 29 days (its documentation of the Message Batches API).
BY_ITSELF = timedelta(days=29)
# Answers that a person may want to look for at the provider once more.
NOT_HERE = frozenset({Outcome.MISSING, Outcome.UNREADABLE})


def erase(lane: Lane) -> tuple[str, ...]:
    """Delete the batches of settled runs at the provider, as `[provider] delete_after_pull` says; their ids.

    A run with an artifact that is missing on disk or differs, or with results that never came, keeps its
    batches. What cannot be deleted now is met by the next pull; each deletion is an event of its run.
    """
    done: list[str] = []
    for run in erasable(lane):
        for attempt in _left(lane, run):
            if attempt.key_print != lane.api.key_print:
                # Another workspace's key does not see it, and "not found" would be believed.
                continue
            try:
                _delete(lane, run, attempt)
            except (NoAccess, TryLater) as later:
                lane.tell(f"{attempt.batch_id} stays at the provider for now: {later}")
                return tuple(done)
            except LanectlError as error:
                _note(lane, run, attempt, f"cannot be deleted at the provider: {error}")
                continue
            done.append(str(attempt.batch_id))
    return tuple(done)


def erasable(lane: Lane) -> list[Run]:
    """The settled runs that have batches to delete."""
    if not lane.settings.provider.delete_after_pull:
        return []
    since = (lane.clock() - BY_ITSELF).isoformat(timespec="seconds")
    return [
        run
        for run in runs.list_runs(lane.db, since=since)
        if run.pulled_at is not None and _left(lane, run) and _is_here(lane, run)
    ]


def _left(lane: Lane, run: Run) -> list[Attempt]:
    """The pulled batches of a run that no event says anything about yet."""
    told = " ".join(
        text for _, text in runs.list_events(lane.db, run.id) if "deleted at the provider" in text
    )
    pulled = attempts.list_attempts(lane.db, run.id, AttemptState.PULLED)
    return [one for one in pulled if one.batch_id and one.batch_id not in told.split() and not one.error]


def _is_here(lane: Lane, run: Run) -> bool:
    """Whether everything that the run's answers left is on disk, byte for byte as it was written."""
    if NOT_HERE & set(runs.outcome_counts(lane.db, run.id)) or not Path(run.artifacts).is_dir():
        return False
    spooled = lane.spool.run(run.id)
    pulled = attempts.list_attempts(lane.db, run.id, AttemptState.PULLED)
    if not all(one.error or spooled.has_results(one.number) for one in pulled):
        return False
    with ArtifactFolder(Path(run.artifacts)) as folder:
        return all(folder.digest(file.path) == file.sha256 for file in answers.each_artifact(lane.db, run.id))


def _delete(lane: Lane, run: Run, attempt: Attempt) -> None:
    try:
        lane.api.delete_batch(str(attempt.batch_id))
    except NotFound:
        _note(lane, run, attempt, "was deleted at the provider already")
        return
    except BadRequest as error:
        raise LanectlError(error.message) from None
    _note(lane, run, attempt, "deleted at the provider after its artifacts were verified")


def _note(lane: Lane, run: Run, attempt: Attempt, what: str) -> None:
    runs.add_event(lane.db, run.id, f"batch {attempt.batch_id} {what}", now=lane.now)
