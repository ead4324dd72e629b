"""The disk's own calls: folders entered without following a link, writes made to last, failures told."""

import contextlib
import errno
import fcntl
import os
import sys
from pathlib import Path

from lanectl.errors import LanectlError

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class DiskError(LanectlError):
    """A file cannot be read or written where it must be."""

    kind = "disk"


class Blocked(DiskError):  # noqa: N818 -- what is found there, which a caller may walk around
    """Something else stands there: a link, a folder in a file's place, or a file in a folder's."""


def full_sync(fd: int) -> None:
    """Ask the disk itself to keep what was written; `fsync` alone stops short of that on macOS."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    os.fsync(fd)


def make(path: Path, mode: int) -> None:
    """Make a folder and what is missing above it, each with `mode` and durable in the one above."""
    if path.is_dir():
        return
    if path.parent != path:
        make(path.parent, mode)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode)
    above = os.open(path.parent, FOLDER_FLAGS)
    try:
        full_sync(above)
    finally:
        os.close(above)


def enter(fd: int, part: str, *, create: bool, where: Path) -> int:
    """The descriptor of a folder in the folder `fd`, made if need be; `where` is for the message.

    A missing one that is not to be made raises `FileNotFoundError`.
    """
    try:
        return os.open(part, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        raise failure(error, where) from None
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=fd)
        full_sync(fd)
        return os.open(part, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as error:
        raise failure(error, where) from None


def failure(error: OSError, where: Path) -> DiskError:
    """What the disk said, as the user is told."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
        said = "a link, a file or a folder stands in the way"
        return Blocked(said, where=str(where), hint=f"ls -l {where.parent}")
    reason = (error.strerror or type(error).__name__).lower()
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = "lanectl clean --dry-run" if full else "lanectl doctor"
    return DiskError(f"cannot write or read here: {reason}", where=str(where), hint=hint)
