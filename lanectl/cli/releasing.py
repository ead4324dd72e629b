"""Release in its three ways, and what was sent again: each says what it did to the run."""

from typing import TYPE_CHECKING

from lanectl.cli.exits import trouble_of_submitted
from lanectl.digest.account import dollars
from lanectl.digest.words import counted
from lanectl.errors import HeldError
from lanectl.lane import release as verbs
from lanectl.lane.release import Held
from lanectl.lane.submit import Submitted
from lanectl.render.answer import Answer
from lanectl.render.planned import draw_return, draw_submitted, submitted_data

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.context import Lane
    from lanectl.render.screen import Screen
    from lanectl.state.runs import Run


def sent_again(done: Submitted, *, again: int = 0) -> Answer:
    """A run after more of it was sent, in the form that `submit` has; `again` of its jobs a further time."""

    def draw(screen: "Screen") -> None:
        draw_submitted(screen, done)
        if again:
            screen.say(f"of these jobs again: {again:,}")
        draw_return(screen, [done])

    return Answer({"runs": [submitted_data(done)]}, draw, trouble=trouble_of_submitted(done))


def released(desk: "Desk", lane: "Lane", run: "Run", *, yes: bool) -> Answer:
    """Say what held the run and what it costs, ask, and send; without an answer nothing is sent."""
    facts = verbs.held(lane, run)
    if not facts.waiting and facts.reason is None:
        return _nothing(run)
    desk.screen.note(_told(run, facts))
    if not yes and not (desk.screen.watched and desk.screen.ask(f"Send {counted(facts.waiting, 'job')}?")):
        raise HeldError(_told(run, facts), where=f"run {run.id}", hint=f"lanectl release {run.id} --yes")
    return sent_again(verbs.release(lane, run))


def dropped(lane: "Lane", run: "Run") -> Answer:
    """Give up what was not sent."""
    count = verbs.drop(lane, run)

    def draw(screen: "Screen") -> None:
        screen.say(f"run {run.id}: {counted(count, 'job')} given up, nothing is held or reserved for them")

    return Answer({"run": run.id, "dropped": count}, draw)


def settled(lane: "Lane", run: "Run", batch_id: str | None) -> Answer:
    """Take a person's word for what became of a lost answer: a batch, or nothing."""
    if batch_id is None:
        attempt = verbs.settle_not_sent(lane, run)
        told, then = "was not sent", f"send it: lanectl release {run.id}"
    else:
        attempt = verbs.settle_as(lane, run, batch_id)
        told, then = f"is {batch_id}", f"bring it in: lanectl pull {run.id}"

    def draw(screen: "Screen") -> None:
        screen.say(f"run {run.id}: batch {attempt.number} {told}")
        screen.note(screen.typed(then))

    return Answer(
        {"run": run.id, "batch": attempt.number, "id": attempt.batch_id, "state": str(attempt.state)}, draw
    )


def _nothing(run: "Run") -> Answer:
    return Answer({"runs": []}, lambda screen: screen.say(f"run {run.id}: nothing is held back"))


def _told(run: "Run", facts: Held) -> str:
    why = f"held: {facts.reason}" if facts.reason else "not held, and not sent yet"
    return f"{run.recipe}: {why}; {counted(facts.waiting, 'job')} wait, high {dollars(facts.high_usd)}"
