"""What was asked of the provider about batches that are out."""

from typing import TYPE_CHECKING

from lanectl.digest.words import counted
from lanectl.models import JsonValue

if TYPE_CHECKING:
    from lanectl.lane.cancel import Canceled
    from lanectl.render.screen import Screen


def canceled_data(done: "Canceled") -> dict[str, JsonValue]:
    """The batches that were asked to stop, and what was given up unsent."""
    return {"run": done.run, "asked": list(done.asked), "dropped": done.dropped, "unknown": done.unknown}


def draw_canceled(screen: "Screen", done: "Canceled") -> None:
    """What was asked, and what follows."""
    asked = counted(len(done.asked), "batch", "batches")
    said = f"the provider was asked to cancel {asked}" if done.asked else "nothing of it is at the provider"
    screen.say(f"run {done.run}: {said}")
    if done.dropped:
        screen.say(f"{counted(done.dropped, 'job')} that were not sent are given up")
    if done.unknown:
        screen.say(f"{counted(done.unknown, 'submission')} whose fate is not known yet will be looked for")
    if done.asked:
        screen.note(
            screen.typed(f"what is done by then counts and is billed: lanectl pull {done.run}"), "dim"
        )
