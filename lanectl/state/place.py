"""Where the state file lies: made for this user alone, and on a disk whose locks hold."""

import contextlib
import os
import re
from pathlib import Path

from lanectl.errors import ConfigError

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "9p", "fuse.sshfs", "afs"})
INSIST = "LANECTL_STATE_ON_NETWORK"
MOUNTS = Path("/proc/mounts")


def make_private(folder: Path) -> None:
    """Make a folder, and what is missing above it, for this user alone; durable in the one above."""
    if folder.is_dir():
        return
    make_private(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    above = os.open(folder.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def create(path: Path) -> None:
    """An empty state file where there is none; raises `ConfigError` where there can be none.

    A file that is there is not opened: closing it would let go of the locks that this process holds on it.
    """
    try:
        make_private(path.parent)
        if path.exists():
            return
        refuse_network_disk(path.parent, mounts=MOUNTS, insist=os.environ.get(INSIST) == "1")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        said = f"the state file cannot be created: {(error.strerror or '').lower()}"
        raise ConfigError(said, where=str(path), hint="lanectl config path") from None


def refuse_network_disk(folder: Path, *, mounts: Path, insist: bool) -> None:
    """Raise `ConfigError` on a network file system: SQLite's locks do not hold there (sqlite.org/faq, 5)."""
    if insist or not mounts.exists():
        return
    kind = _kind_of_disk(folder.resolve(), mounts.read_text(encoding="utf-8", errors="replace"))
    if kind in NETWORK_FILE_SYSTEMS:
        raise ConfigError(
            f"a state file on a network disk ({kind}) can be damaged; {INSIST}=1 insists",
            where=str(folder),
            hint="lanectl config path",
        )


def stamp(now: str) -> str:
    """UTC ISO text as a part of a file name."""
    return now.replace(":", "").replace("-", "")[:15]


def _kind_of_disk(folder: Path, mounts: str) -> str:
    """The file system of the innermost mount above a folder; of several on one place the last one counts."""
    best, kind = 0, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # The kernel writes blanks and the like in mount points as octal escapes.
        mount = Path(re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), fields[1]))
        if folder.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), fields[2]
    return kind
