"""Failing: one message to each target when `tick` or `pull` does not get through, until it does again."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lanectl.notify import PLAIN
from lanectl.state import episode, outbox, runs
from lanectl.state.database import Database
from lanectl.state.episode import Episode
from lanectl.state.outbox import Message
from lanectl.state.runs import Run
from lanectl.text import terminal

# What passes by itself is told once it has not: a quarter of an hour without a network wakes nobody.
TIMES = 3
FOR = timedelta(hours=3)
# A message is read on a telephone.
MOST_RUNS = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command ended: `words` hold no key; `lasting` is what no later try will mend by itself."""

    command: str
    words: str
    lasting: bool


def failed(db: Database, failure: Failure, now: datetime) -> None:
    """Put a message for each target of an open run that has none of this episode yet.

    At once where the failure is lasting, else after `TIMES` in a row over at least `FOR`.
    """
    text = now.isoformat(timespec="seconds")
    with db.write():
        waiting = _waiting(db)
        if not waiting:
            return
        before = episode.current(db) or Episode(text, 0)
        here = replace(before, times=before.times + 1)
        long = here.times >= TIMES and now - datetime.fromisoformat(here.since) >= FOR
        told = dict(here.told)
        for target, mine in waiting.items():
            if target not in told and (failure.lasting or long):
                message = _message(target, failure, here, mine, text)
                outbox.put(db, message, ())
                told[target] = message.id
        episode.keep(db, replace(here, told=told))


def worked(db: Database, now: datetime) -> None:
    """The command got through: an episode, where there was one, is over."""
    # Looked at first: a tick with nothing to do writes as little as it can.
    if episode.current(db) is not None:
        episode.end(db, now=now.isoformat(timespec="seconds"))


def _waiting(db: Database) -> dict[str, list[Run]]:
    """The open runs by the name of each target that hears of them."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs.open_runs(db):
        for target in dict.fromkeys(run.policy.get("notify", ())):
            found[target].append(run)
    return found


def _message(target: str, failure: Failure, here: Episode, waiting: Sequence[Run], now: str) -> Message:
    """The subject, and a line a run that waits, with nothing in it that a model wrote."""
    title = terminal.line(f"{failure.command} is failing: {failure.words}".translate(PLAIN), 200)
    lines = [terminal.line(f"{run.recipe} {run.id} waits", 200) for run in waiting[:MOST_RUNS]]
    more = [f"{len(waiting) - MOST_RUNS} more wait"] if len(waiting) > MOST_RUNS else []
    since = [f"since {here.since[:16]}Z"] if here.times > 1 else []
    return Message(
        id=secrets.token_hex(16),
        target=target,
        title=title,
        body="\n".join([*since, *lines, *more, "Look: lanectl doctor"]),
        created_at=now,
        tries=0,
        not_before=now,
        sent_at=None,
        dropped_at=None,
        error=None,
    )
