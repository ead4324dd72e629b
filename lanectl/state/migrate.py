"""Brings a state file up to this program's schema: first a copy, then each step in its own transaction."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.state import schema
from lanectl.state.place import stamp

if TYPE_CHECKING:
    from lanectl.state.database import Database


def bring_up_to_date(database: "Database", version: int, *, sandbox: bool, now: str) -> None:
    """Apply the migrations after `version`; one that fails leaves the file as the one before it left it."""
    if version:
        _back_up(database, version, now)
    for number, statements in enumerate(schema.MIGRATIONS, 1):
        with database.write():
            # Another process may have migrated while this one waited for the lock.
            if int(database.value("PRAGMA user_version")) >= number:
                continue
            for statement in statements:
                database.execute(statement)
            if number == 1:
                kind = "sandbox" if sandbox else "paid"
                database.execute("INSERT INTO meta (key, value) VALUES ('kind', ?)", (kind,))
                database.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {number}")


def _back_up(database: "Database", version: int, now: str) -> None:
    """A whole copy beside the file, durable before anything is changed."""
    copy = _free_name(database.path, f"v{version}-{stamp(now)}")
    try:
        database.execute("VACUUM INTO ?", (str(copy),))
        fd = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def _free_name(path: Path, ending: str) -> Path:
    """An empty file with this ending: another process may be at the same thing in the same second."""
    for n in range(1, 1000):
        name = path.with_name(f"{path.name}.{ending}" + (f".{n}" if n > 1 else ""))
        with contextlib.suppress(FileExistsError):
            os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            return name
    raise AssertionError(f"a thousand copies of {path}")
