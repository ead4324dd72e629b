"""Opens the SQLite file so that a committed row outlives a power cut, and nothing newer is touched."""

import contextlib
import os
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.state import migrate, place, schema
from lanectl.text.clean import clean

BUSY_TIMEOUT_S = 30.0
Values: TypeAlias = Sequence[object] | Mapping[str, object]


class StateBroken(LanectlError):  # noqa: N818 -- the state of the file, not a fault of the caller
    """The state file cannot be written or is damaged; what it knew is still in the spool."""

    kind = "state"


class Database:
    """A connection whose every write is one IMMEDIATE transaction, durable when its `with` block has ended.

    Settings: rollback journal with `synchronous=EXTRA`, the cheapest pair that kept a committed row in every
    one of the measured power cuts and that has no side files to lose.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        """All of the block or none of it; inside another `write` it joins that one."""
        if self._connection.in_transaction:
            yield
            return
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, sql: str, values: Values = ()) -> int:
        """Run one statement inside `write`; returns how many rows it changed."""
        with self._told():
            return self._connection.execute(sql, _held(values)).rowcount

    def fill(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows, read as they come."""
        with self._told():
            self._connection.executemany(sql, map(_held, rows))

    def rows(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._told():
            return self._connection.execute(sql, _held(values)).fetchall()

    def each(self, sql: str, values: Values = ()) -> Iterator[sqlite3.Row]:
        """The rows of a query as they are read; none of its tables is written meanwhile."""
        with self._told():
            # Not `yield from`: that closes the cursor of a reader that stops early, which fails once we are
            # closed.
            for row in self._connection.execute(sql, _held(values)):  # noqa: UP028 -- for that reason
                yield row

    def define(self, name: str, function: Callable[[str], str]) -> None:
        """Let queries call a function that says the same of the same text each time."""
        with self._told():
            self._connection.create_function(name, 1, function, deterministic=True)

    def row(self, sql: str, values: Values = ()) -> sqlite3.Row | None:
        """The first row of a query."""
        with self._told():
            found: sqlite3.Row | None = self._connection.execute(sql, _held(values)).fetchone()
            return found

    def value(self, sql: str, values: Values = ()) -> Any:  # noqa: ANN401 -- whatever the column holds
        """The first column of the first row, None where there is none."""
        found = self.row(sql, values)
        return None if found is None else found[0]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _said(error, self.path) from None


class _Temporary(Database):
    """A database whose loss costs nothing: what goes wrong with it is the disk's fault."""

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LanectlError(
                f"the plan does not fit into a temporary file ({error})",
                where=str(self.path),
                hint=f"df -h {shlex.quote(str(self.path))}",
            ) from None


def open_state(path: Path, *, sandbox: bool, now: str) -> Database:
    """The state file at `path`, created or brought up to date where needed.

    `now` (UTC ISO text) dates the backup made before a migration. Raises `ConfigError` for a file that is
    newer than the program, another program's, or of the other kind (a sandbox's state never mixes with a paid
    one), `TryLater` when it stays locked, `StateBroken` when it is damaged or the disk is full.
    """
    place.create(path)
    with _connect(path, "mode=ro&immutable=1") as looked_at:
        # Before any other connection: that one would play back a journal, which is a touch already.
        _refuse_newer(looked_at)
    database = _connect(path, "mode=rw")
    try:
        version = _version(database)
        database.value("PRAGMA journal_mode=DELETE")
        if version < schema.VERSION:
            migrate.bring_up_to_date(database, version, sandbox=sandbox, now=now)
        _check_kind(database, sandbox=sandbox)
    except BaseException:
        database.close()
        raise
    return database


def open_for_reading(path: Path) -> Database | None:
    """The state file as it stands, never written, even a newer one's; None where there is no state yet.

    Where a process died in the middle of a write, that write is undone first, unless it was a newer program:
    then `ConfigError`.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    if _is_interrupted(path):
        with _connect(path, "mode=ro&immutable=1") as looked_at:
            _refuse_newer(looked_at)
        database = _connect(path, "mode=rw")
    else:
        database = _connect(path, "mode=ro")
    try:
        database.execute("PRAGMA query_only=ON")
        _version(database)
    except BaseException:
        database.close()
        raise
    return database


def open_temporary(tables: Iterable[str]) -> Database:
    """A database with these tables that nobody else sees, gone when it is closed or its process dies.

    What does not fit into SQLite's cache goes to a file in the folder for temporary ones.
    """
    connection = sqlite3.connect("", isolation_level=None)
    connection.row_factory = sqlite3.Row
    database = _Temporary(connection, _temporary_folder(os.environ))
    # Nothing in it has to outlive anything.
    for statement in ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", *tables):
        database.execute(statement)
    return database


def _temporary_folder(environ: Mapping[str, str]) -> Path:
    """Where SQLite puts its temporary files (sqlite.org/tempfiles, section 5): a full folder suits it too,
    which Python's own choice passes over."""
    named = [environ[name] for name in ("SQLITE_TMPDIR", "TMPDIR") if environ.get(name)]
    for folder in map(Path, (*named, "/var/tmp", "/usr/tmp", "/tmp")):  # noqa: S108 -- SQLite's own list
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return Path()


def move_aside(path: Path, *, now: str) -> Path:
    """Put a damaged state file out of the way, never deleting it; returns its new place."""
    aside = path.with_name(f"{path.name}.broken-{place.stamp(now)}")
    n = 1
    while aside.exists():
        n += 1
        aside = path.with_name(f"{path.name}.broken-{place.stamp(now)}.{n}")
    journal = path.with_name(path.name + "-journal")
    if journal.exists():
        # First of the two: a journal left beside a new file would be replayed into it.
        journal.rename(aside.with_name(aside.name + "-journal"))
    path.rename(aside)
    return aside


def quick_check(database: Database) -> str:
    """SQLite's own word on the file: `ok`, or the first thing that is wrong."""
    return str(database.value("PRAGMA quick_check(1)"))


def _connect(path: Path, options: str) -> Database:
    try:
        uri = _uri(path, options)
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise _said(error, path) from None
    connection.row_factory = sqlite3.Row
    database = Database(connection, path)
    # A process that died in the middle of a commit leaves a file shorter than its header says; only with the
    # first setting does SQLite read that header all the same (lockBtree in its btree.c). Nothing is written.
    header_only = ["writable_schema=ON"] if "immutable" in options else []
    try:
        for setting in (*header_only, *_settings()):
            database.execute(f"PRAGMA {setting}")
    except BaseException:
        database.close()
        raise
    return database


def _settings() -> list[str]:
    settings = ["synchronous=EXTRA", "foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON"]
    return [*settings, "fullfsync=ON", "checkpoint_fullfsync=ON"] if sys.platform == "darwin" else settings


def _refuse_newer(database: Database) -> None:
    """Raise `ConfigError` for a newer program's file, from its header alone."""
    version, owner = database.value("PRAGMA user_version"), database.value("PRAGMA application_id")
    if owner == schema.APPLICATION_ID and version > schema.VERSION:
        raise ConfigError(
            f"the state file has schema {version}; this lanectl knows {schema.VERSION}",
            where=str(database.path),
            hint="lanectl status --offline",
        )


def _version(database: Database) -> int:
    """The schema's number, 0 for an empty file; raises `ConfigError` for another program's file."""
    # One statement, so that it sees one state: another process may be making the file right now.
    row = database.row(
        """SELECT (SELECT user_version FROM pragma_user_version) AS version,
            (SELECT application_id FROM pragma_application_id) AS owner,
            (SELECT count(*) FROM sqlite_schema) AS tables"""
    )
    if row is None or (row["owner"] != schema.APPLICATION_ID and (row["tables"] or row["version"])):
        where = str(database.path)
        raise ConfigError("this is not a lanectl state file", where=where, hint="lanectl config path")
    return int(row["version"])


def _is_interrupted(path: Path) -> bool:
    """Whether a process died in the middle of a write, so that nobody can read before it is undone."""
    with contextlib.closing(sqlite3.connect(_uri(path, "mode=ro"), uri=True)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema")
        except sqlite3.Error as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK
    return False


def _uri(path: Path, options: str) -> str:
    name = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file://{name}?{options}"


def _check_kind(database: Database, *, sandbox: bool) -> None:
    kind = database.value("SELECT value FROM meta WHERE key = 'kind'")
    if kind != ("sandbox" if sandbox else "paid"):
        raise ConfigError(
            f"this state file is {'a sandbox' if kind == 'sandbox' else 'a paid lane'}'s",
            where=str(database.path),
            hint="lanectl --sandbox status" if kind == "sandbox" else "lanectl status",
        )


def _held(values: Values) -> Values:
    """Values that SQLite can hold: one bad character in one answer must not stop all the others."""
    if isinstance(values, Mapping):
        return {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}
    return [clean(value) if isinstance(value, str) else value for value in values]


def _said(error: sqlite3.Error, path: Path) -> LanectlError:
    """What SQLite says as the user is told, by its primary result code (sqlite.org/rescode)."""
    where, code = str(path), getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TryLater("the state file is locked by another process", where=where, hint="lanectl status")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateBroken("the state file is damaged", where=where, hint="lanectl recover")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        said = f"the state file cannot be used ({error})"
        return ConfigError(said, where=where, hint="lanectl config path")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        said = f"the state file cannot be written ({error})"
        return StateBroken(said, where=where, hint="lanectl doctor")
    return StateBroken(f"the state file: {error}", where=where, hint="lanectl doctor")
