"""A run in the making: its jobs and skips while they are planned, in a temporary file that no other process
sees.

Memory does not grow with the number of items; what is recorded in the end is read from here.
"""

from collections.abc import Collection, Iterator

from lanectl.models import Skip
from lanectl.state.database import open_temporary
from lanectl.state.runs import PlannedJob, Skips

# Rows read at a time, so that some of them may be taken away meanwhile.
PAGE = 500

TABLES = (
    "CREATE TABLE claims (key TEXT PRIMARY KEY, item TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE jobs (
        n INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        digest TEXT NOT NULL,
        offset INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        own_bytes INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE skips (
        run TEXT NOT NULL,
        n INTEGER NOT NULL,
        key TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (run, n)
    ) STRICT, WITHOUT ROWID""",
)


class Draft(Collection[PlannedJob]):
    """The jobs of a run that is being planned, in their order, and beside them what is left out.

    Raises `LanectlError` where the temporary file finds no room.
    """

    def __init__(self, run_id: str) -> None:
        self._run = run_id
        self._db = open_temporary(TABLES)
        self._left_out = 0
        self.skips = Skips(self._db, run_id)

    def close(self) -> None:
        """Let the temporary file go."""
        self._db.close()

    def __len__(self) -> int:
        return int(self._db.value("SELECT count(*) FROM jobs"))

    def __iter__(self) -> Iterator[PlannedJob]:
        last = -1
        while page := self._db.rows("SELECT * FROM jobs WHERE n > ? ORDER BY n LIMIT ?", (last, PAGE)):
            for row in page:
                yield PlannedJob(*row)
            last = page[-1]["n"]

    def __contains__(self, job: object) -> bool:
        return any(job == one for one in self)

    @property
    def first(self) -> PlannedJob | None:
        """The job that stands first, None where there is none."""
        return next(iter(self), None)

    @property
    def own_bytes(self) -> int:
        """Bytes of all jobs' own parts of their requests together."""
        return int(self._db.value("SELECT coalesce(sum(own_bytes), 0) FROM jobs"))

    def by_size(self, rank: int) -> PlannedJob:
        """The job with `rank` smaller ones before it, from 0; raises `IndexError`."""
        row = self._db.row("SELECT * FROM jobs ORDER BY own_bytes, n LIMIT 1 OFFSET ?", (rank,))
        if row is None:
            raise IndexError(rank)
        return PlannedJob(*row)

    def claim(self, key: str, item: str) -> str | None:
        """Take a key for an item; returns the item that has it already, None where it was free."""
        taken = self._db.execute("INSERT INTO claims VALUES (?, ?) ON CONFLICT DO NOTHING", (key, item)) == 0
        return str(self._db.value("SELECT item FROM claims WHERE key = ?", (key,))) if taken else None

    def add(self, job: PlannedJob) -> None:
        """Put a job at the end."""
        values = (job.n, job.key, job.digest, job.offset, job.bytes, job.own_bytes)
        self._db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?)", values)

    def skip(self, skip: Skip, *, instead_of: PlannedJob | None = None) -> None:
        """Leave an item out, one that was a job already too."""
        if instead_of is not None:
            self._db.execute("DELETE FROM jobs WHERE n = ?", (instead_of.n,))
        values = (self._run, self._left_out, skip.key, skip.reason, skip.detail)
        self._db.execute("INSERT INTO skips VALUES (?, ?, ?, ?, ?)", values)
        self._left_out += 1
