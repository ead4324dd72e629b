"""A lane that only reads its state file, and so needs no network and may be older than the file."""

from lanectl.lane.context import Lane
from lanectl.state.database import Database


class ReadingLane(Lane):
    """A lane on a database that is open for reading; whoever opens it sets `database`."""

    database: Database

    @property
    def db(self) -> Database:
        """The state file as it stands."""
        return self.database
