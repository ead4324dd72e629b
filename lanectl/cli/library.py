"""What an agent loop of one's own calls: `from lanectl import route, ask`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lanectl.lane.ask import Asked
    from lanectl.lane.queue import Queued
    from lanectl.lane.route import Route
    from lanectl.lane.talk import Hear

LaneName = Literal["interactive", "batch"]


def route(
    human: bool | None = None,
    *,
    hint: str | None = None,
    jobs: int = 1,
    tools: bool = False,
    deadline_s: float | None = None,
    lane: LaneName | None = None,
    model: str | None = None,
) -> "Route":
    """Which lane and model a call should take, and why, by the user's configuration; nothing is sent.

    `human` is the one question, whether somebody waits on this token stream right now; None reads the
    surroundings. Raises `ConfigError` for a configuration that cannot be used.
    """
    from lanectl.cli.asking import signals
    from lanectl.config import Flags, load
    from lanectl.lane.route import Call
    from lanectl.lane.route import route as choose
    from lanectl.models import Lane

    call = Call(human, hint, jobs, tools, deadline_s, None if lane is None else Lane(lane), model)
    return choose(call, signals(), load(environ=os.environ, flags=Flags()))


def ask(
    prompt: str,
    *,
    human: bool | None = None,
    system: str = "",
    files: Sequence[Path] = (),
    data: str | None = None,
    hint: str | None = None,
    deadline_s: float | None = None,
    lane: LaneName | None = None,
    model: str | None = None,
    key: str | None = None,
    follow: bool = False,
    hear: "Hear | None" = None,
) -> "Asked | Queued":
    """One question on its lane: answered now (`Asked`), or kept in the queue for `lanectl tick` (`Queued`).

    `data` is text from outside, which the model is told not to obey; `hear(kind, piece)` takes the answer as
    it arrives; `key` makes a retried call the same call; `follow` goes on with the last conversation. Raises
    the children of `LanectlError`.
    """
    from lanectl.cli.desk import Desk
    from lanectl.lane.ask import ask as ask_now
    from lanectl.lane.ask import continued
    from lanectl.lane.compose import Question
    from lanectl.lane.queue import add
    from lanectl.lane.talk import unheard
    from lanectl.models import Lane

    wanted: LaneName | None = "interactive" if follow else lane
    found = route(human, hint=hint, deadline_s=deadline_s, lane=wanted, model=model)
    question = Question(prompt, piped=data, system=system, files=tuple(files))
    desk = Desk()
    try:
        with desk.lane() as opened:
            if found.lane is Lane.BATCH:
                return add(opened, question, found, key=key, deadline_s=deadline_s)
            going = continued(opened, found, model=model) if follow else found
            return ask_now(opened, question, going, environ=os.environ, follow=follow, hear=hear or unheard)
    finally:
        desk.close()
