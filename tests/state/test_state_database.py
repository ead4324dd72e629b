"""The state file: durable, private, refused untouched where it is not ours to change."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.state import database, place, schema
from lanectl.state.database import (
    Database,
    StateBroken,
    move_aside,
    open_for_reading,
    open_state,
    quick_check,
)
from tests.disk_faults import file_size_limit, unwritable

NOW = "2026-11-24T22:00:00+00:00"
STAMP = "20261124T220000"
Together: TypeAlias = Callable[[Callable[[int], str], int], list[str]]


def opened(path: Path, *, sandbox: bool = False) -> Database:
    return open_state(path, sandbox=sandbox, now=NOW)


def plain(path: Path) -> sqlite3.Connection:
    """The file without any of our own settings."""
    return sqlite3.connect(path, isolation_level=None)


def put(db: Database, key: str, value: object = "x") -> None:
    with db.write():
        db.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key, value))


def keys(db: Database) -> list[str]:
    return [row["key"] for row in db.rows("SELECT key FROM meta ORDER BY key")]


def everything(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def dump(path: Path) -> list[str]:
    """The whole schema and all rows as SQL."""
    connection = plain(path)
    try:
        return [*connection.iterdump(), str(connection.execute("PRAGMA user_version").fetchone())]
    finally:
        connection.close()


def interrupt(path: Path, *, version: int) -> None:
    """Leave the file as a process that died while writing leaves it: half changed, with its journal."""
    connection = plain(path)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?)", [(f"k{n}", "x" * 2000) for n in range(200)]
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA cache_size = 5")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("UPDATE meta SET value = value || 'y' WHERE key LIKE 'k_%'")
    journal = path.with_name(path.name + "-journal")
    copies = {file: file.with_name(f"{file.name}.copy") for file in (path, journal)}
    for file, copy in copies.items():
        shutil.copy(file, copy)
    connection.execute("ROLLBACK")
    connection.close()
    for file, copy in copies.items():
        copy.rename(file)


def test_new_file_is_private_marked_and_durable(db: Database, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    settings = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check")
    assert [db.value(f"PRAGMA {name}") for name in settings] == ["delete", 3, 1, 0, 1]
    assert db.value("PRAGMA application_id") == 0x6C616E65
    assert db.value("PRAGMA user_version") == schema.VERSION == len(schema.MIGRATIONS)
    assert keys(db) == ["kind"]
    assert quick_check(db) == "ok"


def test_reader_that_stops_early_is_let_go_after_the_file(db: Database) -> None:
    rows = db.each("SELECT name FROM sqlite_schema")
    next(rows)

    db.close()

    # As the interpreter does when it tidies up; what is raised there is printed with a traceback.
    cast("Generator[sqlite3.Row]", rows).close()


def test_open_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "a/b/state.db") as db:
            put(db, "x")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / part).stat().st_mode) for part in ("a", "a/b", "a/b/state.db")]
    assert modes == [0o700, 0o700, 0o600]


def test_every_table_is_strict(db: Database) -> None:
    tables = db.rows("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    loose = [row["name"] for row in tables if not row["strict"] and not row["name"].startswith("sqlite_")]
    assert loose == []
    assert len(tables) > 5


@pytest.mark.parametrize(
    "name", ["with blank.db", "100%25.db", "a?b.db", "a#b.db", "ä‮.db", "a&mode=memory.db"]
)
def test_odd_file_names_are_only_names(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / name) as db:
        put(db, "x")
    with opened(tmp_path / name) as db:
        assert keys(db) == ["kind", "x"]
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_what_was_committed_is_there_again_and_no_side_file_is(path: Path) -> None:
    with opened(path) as db:
        put(db, "x")
    with opened(path) as db:
        assert keys(db) == ["kind", "x"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_exception_takes_the_whole_block_back(db: Database) -> None:
    with pytest.raises(StateBroken):
        _write_one_key_twice(db)
    assert keys(db) == ["kind"]


def _write_one_key_twice(db: Database) -> None:
    with db.write():
        put(db, "a")
        put(db, "b")
        put(db, "a")


def test_interruption_takes_the_whole_block_back(db: Database) -> None:
    with pytest.raises(KeyboardInterrupt):
        _interrupted_write(db)
    assert keys(db) == ["kind"]
    put(db, "after")
    assert keys(db) == ["after", "kind"]


def _interrupted_write(db: Database) -> None:
    with db.write():
        put(db, "inner")
        raise KeyboardInterrupt


def test_text_that_utf8_cannot_hold_is_kept_as_far_as_it_can(db: Database) -> None:
    put(db, "a\ud800b", "\x00 \ud83d\ude00")
    with db.write():
        db.fill("INSERT INTO meta (key, value) VALUES (?, ?)", iter([("fill\udcff", "")]))
        named = {"key": "n\udfff", "value": "v"}
        db.execute("INSERT INTO meta (key, value) VALUES (:key, :value)", named)
    assert keys(db) == ["a\ufffdb", "fill\ufffd", "kind", "n\ufffd"]
    assert db.value("SELECT value FROM meta WHERE key = ?", ("a\ud800b",)) == "\ufffd 😀"


def test_full_disk_is_told_and_the_file_is_as_before(db: Database, path: Path) -> None:
    put(db, "before")
    with file_size_limit(path.stat().st_size), pytest.raises(StateBroken) as caught:
        put(db, "too much", "x" * 200_000)
    assert caught.value.message.startswith("the state file cannot be written (")
    assert caught.value.hint == "lanectl doctor"
    assert keys(db) == ["before", "kind"]
    put(db, "later")
    assert quick_check(db) == "ok"


def test_locked_file_is_tried_later(path: Path, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    with opened(path) as other, db.write():
        put(db, "x")
        with pytest.raises(TryLater) as caught:
            put(other, "y")
        assert caught.value.message == "the state file is locked by another process"
    assert keys(db) == ["kind", "x"]


def test_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with unwritable(tmp_path), pytest.raises(ConfigError) as caught:
        opened(tmp_path / "new/state.db")
    assert caught.value.message == "the state file cannot be created: permission denied"


def test_twenty_processes_lose_no_update(path: Path, db: Database, together: Together) -> None:
    put(db, "n", "0")
    db.close()

    def work(_: int) -> str:
        with opened(path) as own:
            for _ in range(5):
                with own.write():
                    n = int(own.value("SELECT value FROM meta WHERE key = 'n'"))
                    own.execute("UPDATE meta SET value = ? WHERE key = 'n'", (str(n + 1),))
        return "done"

    assert together(work, 20) == ["done"] * 20
    with opened(path) as own:
        assert own.value("SELECT value FROM meta WHERE key = 'n'") == "100"


def test_many_first_processes_make_one_state(path: Path, together: Together) -> None:
    def work(n: int) -> str:
        try:
            with opened(path, sandbox=n % 2 == 0) as own:
                put(own, f"from {n}")
        except ConfigError as error:
            return error.message
        return "done"

    said = together(work, 8)
    kind = "a sandbox" if "this state file is a sandbox's" in said else "a paid lane"
    assert said == ["done"] * 4 + [f"this state file is {kind}'s"] * 4


@pytest.mark.parametrize("sandbox", [True, False])
def test_state_of_the_other_kind_is_refused_untouched(path: Path, *, sandbox: bool) -> None:
    opened(path, sandbox=sandbox).close()
    before = everything(path.parent)
    with pytest.raises(ConfigError) as caught:
        opened(path, sandbox=not sandbox)
    assert caught.value.message == f"this state file is {'a sandbox' if sandbox else 'a paid lane'}'s"
    assert caught.value.hint == ("lanectl --sandbox status" if sandbox else "lanectl status")
    assert everything(path.parent) == before
    opened(path, sandbox=sandbox).close()


def make_newer(path: Path) -> None:
    connection = plain(path)
    connection.execute("CREATE TABLE novelty (x)")
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()


def test_newer_state_is_refused_untouched_and_can_be_read(path: Path) -> None:
    with opened(path) as db:
        put(db, "x")
    make_newer(path)
    before, when = everything(path.parent), path.stat().st_mtime_ns
    with pytest.raises(ConfigError) as caught:
        opened(path)
    assert str(caught.value) == (
        f"the state file has schema {schema.VERSION + 1}; this lanectl knows {schema.VERSION} - {path}"
    )
    assert caught.value.hint == "lanectl status --offline"
    reading = open_for_reading(path)
    assert reading is not None
    with reading:
        assert keys(reading) == ["kind", "x"]
        with pytest.raises(ConfigError):
            put(reading, "y")
    assert (everything(path.parent), path.stat().st_mtime_ns) == (before, when)


@pytest.mark.parametrize("act", [opened, open_for_reading])
def test_newer_programs_broken_off_write_is_left_to_it(path: Path, act: Callable[[Path], object]) -> None:
    opened(path).close()
    make_newer(path)
    interrupt(path, version=schema.VERSION + 1)
    before = everything(path.parent)
    with pytest.raises(ConfigError):
        act(path)
    assert everything(path.parent) == before
    assert len(before) == 2


def test_broken_off_write_of_our_own_is_undone_by_the_next_reader(path: Path) -> None:
    opened(path).close()
    interrupt(path, version=schema.VERSION)
    reading = open_for_reading(path)
    assert reading is not None
    with reading:
        assert reading.value("SELECT count(*) FROM meta WHERE value LIKE '%y'") == 0
        assert len(keys(reading)) == 201
        with pytest.raises(ConfigError):
            put(reading, "y")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_reading_writes_nothing_even_where_nothing_is(path: Path) -> None:
    assert open_for_reading(path) is None
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    assert open_for_reading(path) is None
    assert everything(path.parent) == {path.name: b""}


def foreign(path: Path, *, application_id: int, version: int, table: bool) -> None:
    path.parent.mkdir()
    connection = plain(path)
    if table:
        connection.execute("CREATE TABLE bookmarks (x)")
    connection.execute(f"PRAGMA application_id = {application_id}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("act", [opened, open_for_reading])
@pytest.mark.parametrize(
    ("application_id", "version", "table"),
    [(0, 0, True), (0, 57, False), (0x12345678, 57, True), (0x12345678, 1, True)],
)
def test_another_programs_file_is_refused_untouched(
    path: Path, act: Callable[[Path], object], *, application_id: int, version: int, table: bool
) -> None:
    foreign(path, application_id=application_id, version=version, table=table)
    before = everything(path.parent)
    with pytest.raises(ConfigError) as caught:
        act(path)
    assert str(caught.value) == f"this is not a lanectl state file - {path}"
    assert everything(path.parent) == before


@pytest.mark.parametrize("act", [opened, open_for_reading])
def test_file_that_is_no_database_is_damaged(path: Path, act: Callable[[Path], object]) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all\n" * 1000)
    before = everything(path.parent)
    with pytest.raises(StateBroken) as caught:
        act(path)
    assert str(caught.value) == f"the state file is damaged - {path}"
    assert caught.value.hint == "lanectl recover"
    assert everything(path.parent) == before


def test_damaged_page_is_found_by_the_check(path: Path) -> None:
    with opened(path) as db:
        for n in range(50):
            put(db, f"key {n}", "x" * 3000)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    with opened(path) as db:
        try:
            said = quick_check(db)
        except StateBroken as error:
            said = error.message
    assert said != "ok"


def test_damaged_file_is_put_aside_with_its_journal_and_never_over_another(path: Path) -> None:
    path.parent.mkdir()
    journal = path.with_name("state.db-journal")
    for text in (b"first", b"second"):
        path.write_bytes(text)
        journal.write_bytes(b"journal of the " + text)
        move_aside(path, now=NOW)
    assert everything(path.parent) == {
        f"state.db.broken-{STAMP}": b"first",
        f"state.db.broken-{STAMP}-journal": b"journal of the first",
        f"state.db.broken-{STAMP}.2": b"second",
        f"state.db.broken-{STAMP}.2-journal": b"journal of the second",
    }


SECOND = (
    "ALTER TABLE runs ADD COLUMN mood TEXT",
    "CREATE TABLE moods (mood TEXT PRIMARY KEY) STRICT",
    "INSERT INTO moods VALUES ('calm')",
)
FAILING = (*SECOND, "INSERT INTO moods VALUES ('calm')")


def next_version(monkeypatch: pytest.MonkeyPatch, *migrations: tuple[str, ...]) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[: schema.VERSION], *migrations))
    monkeypatch.setattr(schema, "VERSION", len(schema.MIGRATIONS))


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.v*"))


def test_migrated_file_equals_a_fresh_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(path).close()
    next_version(monkeypatch, SECOND)
    opened(path).close()
    opened(tmp_path / "fresh.db").close()
    assert dump(path) == dump(tmp_path / "fresh.db")


def test_file_of_every_earlier_schema_becomes_a_fresh_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path / "fresh.db").close()
    released = schema.MIGRATIONS
    for version in range(1, len(released)):
        old = path.with_name(f"v{version}.db")
        with monkeypatch.context() as past:
            past.setattr(schema, "MIGRATIONS", released[:version])
            past.setattr(schema, "VERSION", version)
            opened(old).close()
        opened(old).close()
        assert dump(old) == dump(tmp_path / "fresh.db")


def test_migration_leaves_a_private_copy_of_what_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as db:
        put(db, "x")
    before, version = dump(path), schema.VERSION
    next_version(monkeypatch, SECOND)
    opened(path).close()
    (copy,) = backups(path)
    assert copy.name == f"state.db.v{version}-{STAMP}"
    assert dump(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_migration_is_applied_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    next_version(monkeypatch, SECOND)
    opened(path).close()
    after = everything(path.parent)
    opened(path).close()
    assert everything(path.parent) == after


def test_failing_migration_changes_nothing_and_works_once_repaired(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as db:
        put(db, "x")
    before, version = dump(path), schema.VERSION
    next_version(monkeypatch, ("CREATE TABLE second (x TEXT) STRICT",), FAILING)
    with pytest.raises(LanectlError):
        opened(path)
    connection = plain(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (version + 1,)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'moods'").fetchone() == (0,)
    connection.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:-1], SECOND))
    with opened(path) as db:
        assert [row["mood"] for row in db.rows("SELECT mood FROM moods")] == ["calm"]
        assert keys(db) == ["kind", "x"]
    assert [dump(copy)[-1] for copy in backups(path)] == [f"({version},)", f"({version + 1},)"]
    assert dump(backups(path)[0]) == before


def test_copy_that_finds_no_room_stops_the_migration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    before = everything(path.parent)
    next_version(monkeypatch, SECOND)
    with file_size_limit(8192), pytest.raises(StateBroken):
        opened(path)
    assert everything(path.parent) == before


def test_many_processes_migrate_once(path: Path, together: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    version = schema.VERSION
    next_version(monkeypatch, SECOND)

    def work(_: int) -> str:
        with opened(path) as own:
            return ",".join(row["mood"] for row in own.rows("SELECT mood FROM moods"))

    assert together(work, 6) == ["calm"] * 6
    assert {dump(copy)[-1] for copy in backups(path)} <= {f"({version},)", f"({version + 1},)"}


MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /home tmpfs rw 0 0
server:/export /home/team nfs4 rw 0 0
//server/share /home/team\\040files cifs rw 0 0
/dev/vdb /home/team/local ext4 rw 0 0
garbage
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/team", "nfs4"),
        ("/home/team/me/state", "nfs4"),
        ("/home/team files/x", "cifs"),
        ("/home/team/local/x", None),
        ("/home/teammate", None),
        ("/var/lib", None),
    ],
)
def test_network_disk_is_refused(tmp_path: Path, folder: str, kind: str | None) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    place.refuse_network_disk(Path(folder), mounts=mounts, insist=True)
    if kind is None:
        place.refuse_network_disk(Path(folder), mounts=mounts, insist=False)
        return
    with pytest.raises(ConfigError) as caught:
        place.refuse_network_disk(Path(folder), mounts=mounts, insist=False)
    assert caught.value.message == (
        f"a state file on a network disk ({kind}) can be damaged; LANECTL_STATE_ON_NETWORK=1 insists"
    )
