"""How results end the process: pure rules from what came of a command to its trouble and its exit code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lanectl.errors import Exit, HeldError, LanectlError, TryLater
from lanectl.models import AttemptState, Outcome, RunAccount, RunState

if TYPE_CHECKING:
    from lanectl.lane.pull import Pulled
    from lanectl.lane.status import Status
    from lanectl.lane.submit import Submitted
    from lanectl.lane.tick import Ticked

UNSETTLED = (AttemptState.UNKNOWN, AttemptState.SENDING)
UNSENT = (AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT)
# The reason of a skip that leaves an item without an answer although one was wanted.
WITHHELD = "secret"


def trouble_of_submitted(done: "Submitted") -> LanectlError | None:
    """Held: a person must decide. Lost or put off: later. None where everything is on its way."""
    if done.canceled_by_user:
        return HeldError(
            "nothing was sent: it was not confirmed",
            where=done.recipe,
            hint=f"lanectl submit {done.recipe} --yes",
        )
    if done.run is None:
        return None
    if done.held is not None:
        return HeldError(done.held[0], where=f"run {done.run}", hint=done.held[1])
    if any(one.state in UNSETTLED for one in done.batches):
        return TryLater(
            "the answer to a submission was lost; nothing of it is sent again until its fate is known",
            where=f"run {done.run}",
            hint=f"lanectl status {done.run}",
        )
    waits = any(one.state in UNSENT and one.replaced_by is None for one in done.batches)
    if waits and done.state == RunState.PLANNED:
        return TryLater(
            "the provider takes nothing now; what waits is sent by the next tick, pull or submit",
            where=f"run {done.run}",
            hint="lanectl tick",
        )
    return None


def end_of_pull(pulled: "Pulled", *, waited: bool) -> tuple[Exit, LanectlError | None]:
    """75 when something could not be brought in, 8 when waiting did not help, 3 for a short run."""
    trouble = next((one.trouble for one in pulled.runs if one.trouble is not None), None)
    if trouble is not None:
        return Exit.TRY_LATER, TryLater(
            trouble.message, where=trouble.where, hint=trouble.hint or "lanectl pull"
        )
    if waited and pulled.pending:
        return Exit.PENDING, None
    short = any(one.settled_now and is_short(one.account) for one in pulled.runs)
    return (Exit.PARTIAL if short else Exit.OK), None


def end_of_status(status: "Status") -> tuple[Exit, LanectlError | None]:
    """4 for a run that a person must release, 8 for one that is not settled, 3 for one that settled short."""
    for one in status.runs:
        if one.run.held_reason:
            hint = one.run.held_hint or f"lanectl release {one.run.id}"
            return Exit.HELD, HeldError(one.run.held_reason, where=f"run {one.run.id}", hint=hint)
    if any(
        one.run.pulled_at is None and (one.account.out or one.state != RunState.PULLED) for one in status.runs
    ):
        return Exit.PENDING, None
    return (Exit.PARTIAL if any(is_short(one.account) for one in status.runs) else Exit.OK), None


def is_short(account: RunAccount) -> bool:
    """Whether a run has items without success, those withheld for a secret included."""
    missing = sum(count for name, count in account.outcomes.items() if name != Outcome.SUCCEEDED)
    return bool(missing or account.skipped.get(WITHHELD, 0))


def first(troubles: Sequence[LanectlError]) -> tuple[LanectlError | None, tuple[str, ...]]:
    """The first trouble ends the command; the others are told beside it."""
    return (troubles[0] if troubles else None), tuple(str(one) for one in troubles[1:])


def end_of_tick(done: "Ticked") -> tuple[Exit, LanectlError | None]:
    """As a pull ends; what was sent again by itself has not settled."""
    pulled = done.pulled
    trouble = next((one.trouble for one in pulled.runs if one.trouble is not None), None)
    if trouble is not None:
        return Exit.TRY_LATER, TryLater(trouble.message, where=trouble.where, hint="lanectl pull")
    short = any(
        one.settled_now and is_short(one.account) and one.account.run not in done.retried
        for one in pulled.runs
    )
    return (Exit.PARTIAL if short else Exit.OK), None
