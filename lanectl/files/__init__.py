"""The door to the disk, the only place that writes files: no link followed, nothing half-written."""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from lanectl.files.disk import FOLDER_FLAGS, Blocked, DiskError, enter, failure, full_sync, make

TEMPORARY = ".lanectl-"
SUFFIX = ".tmp"
# O_NONBLOCK: a pipe that somebody put in a file's place must not hold us up.
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole: hex SHA-256 and length in bytes of what it holds."""

    sha256: str
    bytes: int


class Folder:
    """An open folder; every path is relative to its descriptor and no component of it may be a link.

    Files are written to a temporary name, synced, renamed, and their folders synced: at once, or all
    together by `sync()` for those written with `later=True`. Raises `DiskError`.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._unsynced: set[str] = set()

    @classmethod
    def open(cls, path: Path, *, create: bool = False, private: bool = False, own: int = 0) -> Self:
        """The folder at `path`; one that anybody on the machine may write to is refused.

        The last `own` parts of the path are ours alone: they are made for this user only and may be no links,
        while those before them are the user's own business.
        """
        base = path.parents[own - 1] if own else path
        try:
            if create:
                make(base, 0o700 if private else 0o777)
            fd = os.open(base, FOLDER_FLAGS)
            folder = cls(base, fd)
            if own:
                with folder, folder._inside(str(path.relative_to(base)), create=create) as inner:
                    folder = cls(path, os.dup(inner))
        except OSError as error:
            raise failure(error, path) from None
        mode = os.fstat(folder._fd).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            folder.close()
            hint = f"chmod o-w {path.as_posix()}"
            raise DiskError("others may write to this folder", where=str(path), hint=hint)
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the descriptor go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def write(self, name: str, data: bytes, *, later: bool = False) -> Written:
        """Put a whole file at `name` ('/' separates), old or new and never torn."""
        with self.pen(name, later=later) as pen:
            pen.write(data)
        return pen.written

    def write_new(self, name: str, data: bytes) -> bool:
        """Put a whole file at `name` unless one is there: of two processes the first wins, one gets False."""
        try:
            with self.pen(name, new=True) as pen:
                pen.write(data)
        except FileExistsError:
            return False
        return True

    def pen(self, name: str, *, later: bool = False, new: bool = False) -> "Pen":
        """A file that appears at `name` when the `with` block ends without an exception.

        With `new` it replaces nothing: `FileExistsError` where something stands.
        """
        return Pen(self, name, later=later, new=new)

    def read(self, name: str) -> BufferedReader:
        """The file at `name`, open for reading; a missing one raises `FileNotFoundError`."""
        with self._told(name), self._parent(name, create=False) as (fd, last):
            file = os.open(last, READ_FLAGS, dir_fd=fd)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise Blocked("this is not a file", where=str(self.path / name), hint=f"ls -l {self.path}")
            return os.fdopen(file, "rb")

    def digest(self, name: str) -> str | None:
        """Hex SHA-256 of the file at `name`, None where there is none."""
        try:
            with self.read(name) as file, self._told(name):
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        """Bytes of the file at `name`, None where there is none."""
        try:
            with self.read(name) as file:
                return os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None

    def can_hold(self, name: str) -> bool:
        """Whether a file could stand at `name`: its path leads through folders only, as far as it exists."""
        try:
            with self._parent(name, create=False):
                return True
        except FileNotFoundError:
            return True
        except Blocked:
            return False

    def names(self, folder: str = "") -> list[str]:
        """The names in a folder below, sorted, temporary ones included; empty where there is none."""
        try:
            with self._told(folder), self._inside(folder) as fd, os.scandir(fd) as entries:
                return sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> bool:
        """Take a file away; False where there was none."""
        nothing = contextlib.suppress(FileNotFoundError)
        with nothing, self._told(name), self._parent(name, create=False) as (fd, last):
            os.unlink(last, dir_fd=fd)
            return True
        return False

    def remove_tree(self, name: str) -> None:
        """Take a folder and all below it away, following no link."""
        for entry, is_folder in self._entries(name):
            if is_folder:
                self.remove_tree(f"{name}/{entry}")
            else:
                self.remove(f"{name}/{entry}")
        nothing = contextlib.suppress(FileNotFoundError)
        with nothing, self._told(name), self._parent(name, create=False) as (fd, last):
            os.rmdir(last, dir_fd=fd)

    def link(self, name: str, target: str) -> None:
        """Point the symbolic link `name` at `target`, replacing an older one at a stroke.

        Where something that is no link stands, it is the user's and stays.
        """
        with self._told(name), self._parent(name, create=True) as (fd, last):
            if _is_real(fd, last):
                return
            temporary = _temporary_name()
            os.symlink(target, temporary, dir_fd=fd)
            os.rename(temporary, last, src_dir_fd=fd, dst_dir_fd=fd)

    def sync_later(self, name: str) -> None:
        """Let the next `sync` make the name of a file durable that stands there already."""
        self._unsynced.add(_split(name)[0])

    def sync(self) -> None:
        """Make the names of everything written with `later=True` durable."""
        for folder in sorted(self._unsynced):
            try:
                with self._inside(folder) as fd:
                    full_sync(fd)
            except OSError as error:
                raise failure(error, self.path / folder) from None
        self._unsynced.clear()

    def sweep(self, folder: str = "", *, below: bool = True) -> int:
        """Remove what killed processes left half-written in a folder and `below` it; returns how many."""
        swept = 0
        for name, is_folder in self._entries(folder, half_written=True):
            path = f"{folder}/{name}" if folder else name
            if not is_folder:
                swept += self.remove(path)
            elif below:
                swept += self.sweep(path)
        return swept

    def _entries(self, folder: str, *, half_written: bool = False) -> list[tuple[str, bool]]:
        """The names in a folder below, each with whether it is a folder itself and no link to one.

        With `half_written` only folders and temporary files: a large run has tens of thousands of others.
        """
        try:
            with self._told(folder), self._inside(folder) as fd, os.scandir(fd) as entries:
                found = ((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
                return sorted(one for one in found if one[1] or not half_written or _is_temporary(one[0]))
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def _inside(self, folder: str, *, create: bool = False) -> Iterator[int]:
        """The descriptor of a folder below, each component opened without following a link."""
        fd = os.dup(self._fd)
        try:
            for part in PurePosixPath(folder).parts:
                if part in ("..", "/"):
                    raise DiskError("a path leaves its folder", where=str(self.path / folder))
                inner = enter(fd, part, create=create, where=self.path / folder)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _parent(self, name: str, *, create: bool) -> Iterator[tuple[int, str]]:
        parent, last = _split(name)
        if last in ("", ".", ".."):
            raise DiskError("not a file name", where=str(self.path / name))
        with self._inside(parent, create=create) as fd:
            yield fd, last

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say what the disk says as a `DiskError`; that nothing is there is the caller's to judge."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise failure(error, self.path / name) from None


class Pen:
    """A file in the making: bytes go in, and it is there whole at the end or not at all."""

    def __init__(self, folder: Folder, name: str, *, later: bool, new: bool) -> None:
        self._folder = folder
        self._name = name
        self._later = later
        self._new = new
        self._hash = hashlib.sha256()
        self.bytes = 0

    def __enter__(self) -> Self:
        self._parent, self._last = _split(self._name)
        self._temporary = _temporary_name()
        try:
            with self._folder._parent(self._name, create=True) as (fd, _):
                opened = os.open(self._temporary, WRITE_FLAGS, 0o600, dir_fd=fd)
                self._file = os.fdopen(opened, "wb", BUFFER)
        except OSError as error:
            raise failure(error, self._folder.path / self._name) from None
        return self

    def write(self, data: bytes) -> int:
        """Add bytes; returns the offset at which they begin."""
        offset = self.bytes
        try:
            self._file.write(data)
        except OSError as error:
            raise failure(error, self._folder.path / self._name) from None
        self._hash.update(data)
        self.bytes += len(data)
        return offset

    @property
    def written(self) -> Written:
        """What the file holds so far."""
        return Written(self._hash.hexdigest(), self.bytes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._finish()
        except BaseException as failed:
            self._discard()
            if isinstance(failed, OSError) and not (self._new and isinstance(failed, FileExistsError)):
                raise failure(failed, self._folder.path / self._name) from None
            raise

    def _finish(self) -> None:
        self._file.flush()
        if os.fstat(self._file.fileno()).st_size != self.bytes:
            raise OSError(errno.EIO, "the file is shorter than what was written")
        full_sync(self._file.fileno())
        self._file.close()
        with self._folder._inside(self._parent) as fd:
            if not self._new or not self._linked(fd):
                os.rename(self._temporary, self._last, src_dir_fd=fd, dst_dir_fd=fd)
            if self._later:
                self._folder.sync_later(self._name)
            else:
                full_sync(fd)

    def _linked(self, fd: int) -> bool:
        """Name the file by a link, which replaces nothing as a rename would; False: the disk has no links."""
        try:
            os.link(self._temporary, self._last, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOTSUP):
                return False
            raise
        os.unlink(self._temporary, dir_fd=fd)
        return True

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError, DiskError), self._folder._inside(self._parent) as fd:
            os.unlink(self._temporary, dir_fd=fd)


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write on the disk of `path`, or of its nearest existing parent."""
    while not path.exists() and path != path.parent:
        path = path.parent
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def _split(name: str) -> tuple[str, str]:
    path = PurePosixPath(name)
    parent = str(path.parent)
    return ("" if parent == "." else parent), path.name


def _is_real(fd: int, name: str) -> bool:
    """Whether something that is not a link stands there: the user's, and not ours to replace."""
    try:
        return not stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _is_temporary(name: str) -> bool:
    return name.startswith(TEMPORARY) and name.endswith(SUFFIX)


def _temporary_name() -> str:
    return f"{TEMPORARY}{secrets.token_hex(8)}{SUFFIX}"
