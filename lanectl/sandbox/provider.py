"""What every endpoint of the sandbox stands on: the folder, the clock, the seed, and how things are set."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from lanectl.sandbox.exchange import CutError
from lanectl.sandbox.records import Batch
from lanectl.sandbox.refusals import ApiError, not_found
from lanectl.sandbox.store import Store

DEFAULT_WORKSPACE: Final = "wrkspc_01SandboxDefault"
# What others may do to a batch, or to its time.
FATES: Final = ("canceled", "deleted", "archived", "expired", "ended")


@dataclass(slots=True)
class Provider:
    """The sandbox's means: `clock` gives seconds since the epoch, `duration_s` is how long new batches take.

    `tokens_per_s` paces streams. `cold_burst`: so many requests of a batch miss a cold prefix. `origin`: our
    own `http://host:port`.
    """

    store: Store
    clock: Callable[[], float]
    seed: int = 0
    duration_s: float = 3.0
    cold_burst: int = 20
    tokens_per_s: float | None = None
    strict_schemas: bool = False
    prefix: str = ""
    origin: str = ""
    ending: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        """The sandbox's time: the clock's, and what was added to it."""
        return self.clock() + self.store.control().offset_s

    def advance(self, seconds: float) -> float:
        """Moves the clock on, for every process on the folder; gives the new time."""
        self.store.change(lambda control: replace(control, offset_s=control.offset_s + seconds))
        return self.now()

    def wait(self, seconds: float) -> None:
        """Waits on the machine's own time. Raises CutError when the server ends meanwhile."""
        if seconds > 0 and self.ending.wait(seconds):
            raise CutError

    def batch(self, batch_id: str, workspace: str) -> Batch:
        """The batch of that id in that workspace. Raises ApiError (404)."""
        found = self.store.find(batch_id)
        if found is None or found.workspace != workspace:
            raise not_found(f"Message batch {batch_id} not found.")
        return found


def gone() -> ApiError:
    """A batch that was there a moment ago."""
    return not_found("Message batch not found.")
