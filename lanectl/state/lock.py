"""One process at a time between the preflight and the committed id: a lock that dies with its holder."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lanectl.errors import ConfigError, TryLater
from lanectl.state.place import make_private

POLL_S = 0.2
# Somebody who only looks who holds the lock is in the way for a moment; it is never worth a refusal.
LOOKER_S = 0.3


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, as it wrote itself down: `since` is UTC ISO text."""

    pid: int
    command: str
    since: str


@contextlib.contextmanager
def lock(
    path: Path,
    *,
    wait_s: float,
    command: str,
    now: str,
    waiting: Callable[[Holder | None], None] | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock file at `path` for the block; `TryLater` when another holds it for longer than `wait_s`.

    The wait is measured on the wall clock, so that a laptop that slept does not wait again. The file is never
    removed: a process that unlinked it would leave two holders of "the" lock. Its descriptor is not inherited
    by programs that are started, so none of them keeps the lock alive.
    """
    fd = _take(path, clock() + wait_s, waiting, clock, sleep)
    try:
        # Who holds it is a courtesy: on a full disk the lock itself still does its work.
        with contextlib.suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps({"pid": os.getpid(), "command": command, "since": now}).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, 0)
        # Not by closing alone: a forked child would hold on to it.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def holder(path: Path) -> Holder | None:
    """Who holds the lock right now, None when nobody does; never waits."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(fd) or Holder(0, "another process", "")
    finally:
        os.close(fd)
    return None


def _take(
    path: Path,
    deadline: float,
    waiting: Callable[[Holder | None], None] | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> int:
    deadline = max(deadline, clock() + LOOKER_S)
    while True:
        fd = _open(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(fd)
            os.close(fd)
            if clock() >= deadline:
                raise _held(path, found) from None
            if waiting:
                waiting(found)
                waiting = None
            sleep(POLL_S)
        except OSError as error:
            os.close(fd)
            raise _cannot(path, error) from None
        else:
            if _is_still_there(path, fd):
                return fd
            os.close(fd)


def _open(path: Path) -> int:
    try:
        make_private(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _cannot(path, error) from None


def _held(path: Path, found: Holder | None) -> TryLater:
    who = f"{found.command} (pid {found.pid}, since {found.since})" if found else "another lanectl"
    return TryLater(f"{who} holds the lock", where=str(path), hint="lanectl status")


def _cannot(path: Path, error: OSError) -> ConfigError:
    reason = (error.strerror or "").lower()
    return ConfigError(f"cannot lock: {reason}", where=str(path), hint="lanectl config path")


def _is_still_there(path: Path, fd: int) -> bool:
    """Whether the file that is locked is the one that others will find: somebody may have replaced it."""
    with contextlib.suppress(FileNotFoundError):
        ours, theirs = os.fstat(fd), path.stat()
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
    return False


def _read(fd: int) -> Holder | None:
    try:
        said = json.loads(os.pread(fd, 4096, 0))
        return Holder(int(said["pid"]), str(said["command"]), str(said["since"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
