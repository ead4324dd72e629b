"""What every verb works with: the settings, the doors that are open, the clock, and one way to report
progress."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lanectl.config import Settings
from lanectl.spool import Identity, Spool
from lanectl.state import journal
from lanectl.state.database import Database, open_state
from lanectl.state.draft import Draft
from lanectl.state.lock import Holder, lock

if TYPE_CHECKING:
    from lanectl.api import Api

UPLOAD_WAIT_S = 900.0
PERSON_WAIT_S = 10.0


def wall_clock() -> datetime:
    """The time now, in UTC; waits are measured on it, so that a laptop that slept does not wait again."""
    return datetime.now(UTC)


def patient() -> bool:
    """Nobody at a keyboard wants to send the rest now."""
    return False


def silent(_: str) -> None:
    """Progress that nobody watches."""


@dataclass
class Lane:
    """The doors of one command; opened on first use, closed together.

    `tell` takes one sentence of progress and `remark` one that is to stay on a terminal; `clock` and `sleep`
    are the caller's so that no test waits, `connect` makes the API connection (a verb that needs none never
    imports the SDK). `hurry` says that a person wants what follows the pilot sent now. `deadline` is looked
    at between steps and cuts none of them.
    """

    settings: Settings
    connect: Callable[[bytes], "Api"]
    command: str = "lanectl"
    tell: Callable[[str], None] = silent
    remark: Callable[[str], None] = silent
    clock: Callable[[], datetime] = wall_clock
    sleep: Callable[[float], None] = time.sleep
    hurry: Callable[[], bool] = patient
    deadline: datetime | None = None
    _db: Database | None = field(default=None, init=False)
    _spool: Spool | None = field(default=None, init=False)
    _api: "Api | None" = field(default=None, init=False)
    _identity: Identity | None = field(default=None, init=False)
    _locked: int = field(default=0, init=False)
    _drafts: list[Draft] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._api is not None:
            self._api.close()
        if self._spool is not None:
            self._spool.__exit__()
        for draft in self._drafts:
            draft.close()
        if self._db is not None:
            self._db.close()

    @property
    def now(self) -> str:
        """The time now as UTC ISO text with whole seconds, the form that the state file keeps."""
        return self.clock().isoformat(timespec="seconds")

    @property
    def late(self) -> bool:
        """Whether the command's time is over, so that no further step is begun."""
        return self.deadline is not None and self.clock() >= self.deadline

    @property
    def db(self) -> Database:
        """The state file; ids that it missed in a full-disk night are taken over first."""
        if self._db is None:
            self._db = open_state(self.settings.state_path, sandbox=self.settings.sandbox, now=self.now)
        return self._db

    @property
    def spool(self) -> Spool:
        """The spool."""
        if self._spool is None:
            self._spool = Spool(self.settings.spool_dir)
        return self._spool

    @property
    def identity(self) -> Identity:
        """This installation's id and keys."""
        if self._identity is None:
            self._identity = self.spool.identity()
        return self._identity

    @property
    def api(self) -> "Api":
        """The connection to the provider."""
        if self._api is None:
            self._api = self.connect(self.identity.print_key)
        return self._api

    def draft(self, run_id: str) -> Draft:
        """An empty draft of a run, to be read for as long as this command lasts."""
        self._drafts.append(Draft(run_id))
        return self._drafts[-1]

    @property
    def journal_path(self) -> Path:
        """Where an accepted id goes when the state file cannot take it."""
        return self.settings.state_path.with_name("accepted.journal")

    @property
    def lock_path(self) -> Path:
        """The lock beside the state file."""
        return self.settings.state_path.with_name(self.settings.state_path.name + ".lock")

    @contextlib.contextmanager
    def locked(self, *, wait_s: float = UPLOAD_WAIT_S) -> Iterator[None]:
        """Be the only process between a preflight and a committed id; joins a lock that this command holds
        already."""
        if self._locked:
            yield
            return
        with lock(
            self.lock_path, wait_s=wait_s, command=self.command, now=self.now, waiting=self._tell_waiting
        ):
            self._locked += 1
            try:
                journal.reserve(self.journal_path)
                yield
            finally:
                self._locked -= 1

    def _tell_waiting(self, holder: Holder | None) -> None:
        who = f"{holder.command} (pid {holder.pid})" if holder else "another lanectl"
        self.tell(f"waiting for {who} to let go of the lock")
