"""A last place for an accepted id when the state file cannot take it, reserved while the disk had room."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

SLOT = 1024
SLOTS = 64
BLANK = b" " * (SLOT - 1) + b"\n"
FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Noted:
    """An id that the state file does not know yet: which attempt of which run became which batch."""

    run: str
    attempt: int
    batch_id: str
    request_id: str | None


def reserve(path: Path) -> bool:
    """Write the journal out in blanks, so that a full disk does no harm later; keep what it holds.

    False where there is no room for it: then the intent cannot be recorded either, and nothing is sent.
    """
    with contextlib.suppress(OSError):
        if path.exists() and path.stat().st_size >= SLOT * SLOTS:
            return True
        fd = os.open(path, FLAGS, 0o600)
        try:
            for slot in range(os.fstat(fd).st_size // SLOT, SLOTS):
                _put(fd, slot, BLANK)
            os.fsync(fd)
        finally:
            os.close(fd)
        return True
    return False


def note(path: Path, noted: Noted) -> bool:
    """Put one id into the first blank slot, synced; False when even that failed."""
    said = {"run": noted.run, "attempt": noted.attempt, "batch_id": noted.batch_id}
    line = json.dumps({**said, "request_id": noted.request_id}).encode()
    if len(line) >= SLOT:
        line = json.dumps({**said, "request_id": None}).encode()
    with contextlib.suppress(OSError):
        fd = os.open(path, FLAGS, 0o600)
        try:
            slot = 0
            while os.pread(fd, SLOT, slot * SLOT).strip():
                slot += 1
            _put(fd, slot, line.ljust(SLOT - 1) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        return True
    return False


def read(path: Path) -> list[Noted]:
    """Every id that was noted and not yet taken over; a line that cannot be read is passed over."""
    noted: list[Noted] = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                noted.append(Noted(said["run"], int(said["attempt"]), said["batch_id"], said["request_id"]))
    return noted


def clear(path: Path) -> None:
    """Blank the journal once the state file holds what it held; the room stays reserved."""
    with contextlib.suppress(OSError):
        fd = os.open(path, FLAGS, 0o600)
        try:
            for slot in range(max(os.fstat(fd).st_size // SLOT, SLOTS)):
                _put(fd, slot, BLANK)
            os.fsync(fd)
        finally:
            os.close(fd)


def _put(fd: int, slot: int, line: bytes) -> None:
    if os.pwrite(fd, line, slot * SLOT) != len(line):
        raise OSError("the disk took a part of the line")
