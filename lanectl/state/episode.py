"""The episode: since when `tick` and `pull` do not get through, how often, and who was told of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from lanectl.state.database import Database

KEY = "episode"


@dataclass(frozen=True, slots=True)
class Episode:
    """Failures with no success between them: `since` the first, `times` how many; `told` has the id of the
    message by the name of its target.
    """

    since: str
    times: int
    told: Mapping[str, str] = field(default_factory=dict)


def current(db: Database) -> Episode | None:
    """The episode that has begun and is not over."""
    kept = db.value("SELECT value FROM meta WHERE key = ?", (KEY,))
    return None if kept is None else Episode(**json.loads(kept))


def keep(db: Database, episode: Episode) -> None:
    """Remember how far the episode has come."""
    with db.write():
        db.execute(
            """INSERT INTO meta (key, value) VALUES (?, ?)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
            (KEY, json.dumps(asdict(episode))),
        )


def end(db: Database, *, now: str) -> None:
    """It works again: what nobody has taken yet is not told any more, and the next failure is a new one."""
    with db.write():
        episode = current(db)
        if episode is None:
            return
        db.fill(
            """UPDATE messages SET dropped_at = ?, error = 'it works again'
            WHERE id = ? AND sent_at IS NULL AND dropped_at IS NULL""",
            ((now, message) for message in episode.told.values()),
        )
        db.execute("DELETE FROM meta WHERE key = ?", (KEY,))
