"""Real faults of a disk for one block of a test: nothing is replaced, the kernel itself refuses."""

import contextlib
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534
NO_WRITING = 0o500


@contextlib.contextmanager
def file_size_limit(most_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond `most_bytes`: the write ends with EFBIG, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Nothing can be made in this folder: by its mode, and for root, who asks no mode, by being nobody."""
    mode, before = stat.S_IMODE(folder.stat().st_mode), os.geteuid()
    folder.chmod(NO_WRITING)
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
        folder.chmod(mode)
