"""Real faults of a disk for one block of a test: nothing is replaced, the kernel itself refuses."""

import contextlib
import os
import resource
from collections.abc import Iterator

NOBODY = 65534


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
def as_nobody() -> Iterator[None]:
    """File permissions hold even where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
