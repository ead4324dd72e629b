"""Exit codes, and the few exceptions that somebody acts on differently."""

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """What the process says to cron and to scripts; a code not listed here must be read as failure."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    HELD = 4
    PENDING = 8
    TRY_LATER = 75
    NO_ACCESS = 77
    CONFIG = 78
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def word(self) -> str:
        """The code's name as `--json` and the README spell it."""
        return "interrupted" if self is Exit.TERMINATED else self.name.lower().replace("_", "-")


class LanectlError(Exception):
    """A failure that the user is told in one line with one hint, never with a traceback.

    `message` says what happened, `where` says where (a file, a table and key, a run), `hint` names one
    command.
    """

    exit: ClassVar[Exit] = Exit.FAILED
    kind: ClassVar[str] = "failed"

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} - {self.where}" if self.where else self.message


class UsageError(LanectlError):
    """The command line asks for something that cannot be."""

    exit = Exit.USAGE
    kind = "usage"


class HeldError(LanectlError):
    """A person must decide before anything is sent."""

    exit = Exit.HELD
    kind = "held"


class TryLater(LanectlError):  # noqa: N818 -- the name says what the caller does, as the exit code does
    """The network, the provider or a lock is busy; the same command later will do."""

    exit = Exit.TRY_LATER
    kind = "try-later"


class NoAccess(LanectlError):  # noqa: N818 -- named like its exit code
    """No key, a refused key, or the key of another workspace."""

    exit = Exit.NO_ACCESS
    kind = "no-access"


class ConfigError(LanectlError):
    """A configuration file, a recipe or the state file cannot be used as it is."""

    exit = Exit.CONFIG
    kind = "config"
