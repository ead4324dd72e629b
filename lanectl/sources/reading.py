"""Reads a file of the repository, and only of it: follows no link, opens nothing but regular files."""

import io
import os
import stat
from pathlib import Path

from lanectl.models import Skip
from lanectl.text.clean import clean, decode

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a FIFO put in the file's place would hold us up for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SORTS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


def read_text(root: Path, path: str, *, limit_bytes: int) -> str | Skip | None:
    """The text of the file `path` ('/' separates) below `root`, why it is not sent, or None if it is gone."""
    data = read_bytes(root, path, limit_bytes=limit_bytes)
    return text_of(data, path) if isinstance(data, bytes) else data


def text_of(data: bytes, key: str) -> str | Skip:
    """The text that `data` is, or why it is not sent."""
    text = decode(data)
    if text is None:
        if data.startswith(_UTF16):
            return Skip(clean(key), "not utf-8", "UTF-16")
        return Skip(clean(key), "binary" if b"\0" in data else "not utf-8")
    return text if text.strip() else Skip(clean(key), "empty")


def too_large(key: str, size: int, limit_bytes: int) -> Skip:
    """The skip of something of `size` bytes."""
    return Skip(clean(key), "too large", f"{size} bytes, limit {limit_bytes}")


def read_bytes(root: Path, path: str, *, limit_bytes: int) -> bytes | Skip | None:
    """The bytes of the file `path` below `root`, why it is not sent, or None if it is gone."""
    stream = opened(root, path)
    if not isinstance(stream, io.BufferedReader):
        return stream
    with stream:
        size = os.fstat(stream.fileno()).st_size
        data = stream.read(limit_bytes + 1) if size <= limit_bytes else b""
    size = max(size, len(data))
    return too_large(path, size, limit_bytes) if size > limit_bytes else data


def opened(root: Path, path: str) -> io.BufferedReader | Skip | None:
    """The regular file `path` below `root`, open for reading, why it is not, or None if it is gone."""
    *folders, name = path.split("/")
    try:
        folder = os.open(root, _FOLDER)
        try:
            for part in folders:
                # Each step from the descriptor of the last: a folder swapped for a link is not followed.
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            return _opened(root, path, name, folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if any(root.joinpath(*folders[:end]).is_symlink() for end in range(1, len(folders) + 1)):
            return _link(root, path)
        return Skip(clean(path), "not readable", error.strerror or "")


def _opened(root: Path, path: str, name: str, folder: int) -> io.BufferedReader | Skip:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return _link(root, path)
    if stat.S_ISREG(mode):
        # Looked at before it is opened, since opening alone can act on a device, and again afterwards.
        stream = os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb")
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_ISREG(mode):
            return stream
        stream.close()
    return Skip(clean(path), "not a regular file", _SORTS.get(stat.S_IFMT(mode), "a device"))


def _link(root: Path, path: str) -> Skip:
    # One that stays within is not read either: its target has a name of its own there, or is ignored.
    root = root.resolve()
    target = Path(os.path.realpath(root / path))
    if not target.is_relative_to(root):
        return Skip(clean(path), "outside the repository", "a link")
    inside = target.relative_to(root).as_posix()
    return Skip(clean(path), "not a regular file", clean(f"a link to {inside}"))
