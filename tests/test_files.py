"""The door to the disk: whole or not at all, durable in order, and never through a link."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lanectl.files import Folder, Written, free_bytes
from lanectl.files.disk import Blocked, DiskError
from tests.disk_faults import file_size_limit, unwritable

HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def folder(root: Path) -> Iterator[Folder]:
    with Folder.open(root, create=True, private=True) as opened:
        yield opened


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def everything(root: Path) -> dict[str, bytes | str]:
    """All that lies below a folder: what files hold, where links point."""
    return {
        path.relative_to(root).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_written_file_is_whole_and_private(folder: Folder, root: Path) -> None:
    written = folder.write("a/b/note.md", b"hello")
    assert written == Written(HELLO_SHA256, 5)
    assert everything(root) == {"a/b/note.md": b"hello"}
    assert [mode(root), mode(root / "a"), mode(root / "a/b")] == [0o700] * 3
    assert mode(root / "a/b/note.md") == 0o600


def test_open_umask_still_makes_private_folders_and_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Folder.open(tmp_path / "one/two", create=True, private=True) as opened:
            opened.write("sub/file", b"x")
    finally:
        os.umask(before)
    assert [mode(tmp_path / part) for part in ("one", "one/two", "one/two/sub")] == [0o700] * 3
    assert mode(tmp_path / "one/two/sub/file") == 0o600


def test_second_write_replaces_the_first(folder: Folder) -> None:
    folder.write("note", b"old and longer")
    folder.write("note", b"new")
    with folder.read("note") as file:
        assert file.read() == b"new"
    assert folder.names() == ["note"]


def test_pen_tells_offsets_hash_and_length(folder: Folder) -> None:
    with folder.pen("jobs") as pen:
        assert [pen.write(b"hel"), pen.write(b"lo")] == [0, 3]
    assert pen.written == Written(HELLO_SHA256, 5)
    assert folder.digest("jobs") == HELLO_SHA256
    assert folder.size("jobs") == 5


def test_exception_inside_a_pen_leaves_the_old_file_and_nothing_else(folder: Folder, root: Path) -> None:
    folder.write("note", b"old")
    with pytest.raises(DiskError), folder.pen("note") as pen:
        pen.write(folder.read("").read())
    assert everything(root) == {"note": b"old"}


@pytest.mark.parametrize("size", [5_000, 2_000_000], ids=["within the buffer", "while writing"])
def test_full_disk_leaves_the_old_file_and_nothing_else(folder: Folder, root: Path, size: int) -> None:
    folder.write("note", b"old")
    with file_size_limit(4096), pytest.raises(DiskError) as caught:
        folder.write("note", b"x" * size)
    assert str(caught.value) == f"cannot write or read here: file too large - {root / 'note'}"
    assert caught.value.hint == "lanectl clean --dry-run"
    assert everything(root) == {"note": b"old"}


def test_folder_that_may_not_be_written_is_told(folder: Folder, root: Path) -> None:
    with unwritable(root), pytest.raises(DiskError) as caught:
        folder.write("note", b"x")
    assert caught.value.hint == "lanectl doctor"
    assert everything(root) == {}


def events_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every sync and rename from now on, as it happens."""
    told: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        told.append("sync folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "sync file")
        fsync(fd)

    def renamed(*args: object, **named: object) -> None:
        told.append("rename")
        rename(*args, **named)  # type: ignore[arg-type]  # whatever it was called with

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    return told


@pytest.mark.skipif(sys.platform == "darwin", reason="there the disk is asked by F_FULLFSYNC")
def test_file_is_synced_before_its_name_and_the_folder_after(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = events_of(monkeypatch)
    folder.write("note", b"x")
    assert told == ["sync file", "rename", "sync folder"]


@pytest.mark.skipif(sys.platform == "darwin", reason="there the disk is asked by F_FULLFSYNC")
def test_later_files_share_one_sync_for_each_folder(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("sub/first", b"x")
    told = events_of(monkeypatch)
    for name in ("a", "b", "sub/c"):
        folder.write(name, b"x", later=True)
    assert told == ["sync file", "rename"] * 3
    folder.sync()
    assert told[6:] == ["sync folder"] * 2
    folder.sync()
    assert len(told) == 8


@pytest.mark.skipif(sys.platform == "darwin", reason="there the disk is asked by F_FULLFSYNC")
def test_new_folders_are_durable_in_the_ones_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = events_of(monkeypatch)
    with Folder.open(tmp_path / "one/two", create=True, private=True) as opened:
        assert told == ["sync folder"] * 2
        opened.write("three/file", b"x")
    assert told[2:] == ["sync folder", "sync file", "rename", "sync folder"]


KILLED = """
import os, signal, sys
from pathlib import Path
from lanectl.files import Folder
with Folder.open(Path(sys.argv[1])) as folder, folder.pen("deep/note") as pen:
    pen.write(b"x" * 1_000_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_process_leaves_a_file_that_is_swept(folder: Folder, root: Path) -> None:
    folder.write("deep/note", b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(folder.names("deep")) == 2
    assert folder.sweep() == 1
    assert everything(root) == {"deep/note": b"old"}


def test_sweep_leaves_files_that_only_look_alike(folder: Folder, root: Path) -> None:
    for name in (".lanectl-notes", "x.tmp", ".lanectl-/x.tmp"):
        folder.write(name, b"mine")
    assert folder.sweep() == 0
    assert len(everything(root)) == 3


def test_sweep_follows_no_link(folder: Folder, root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / ".lanectl-0.tmp").write_bytes(b"theirs")
    (root / "sub").symlink_to(victim)
    assert folder.sweep() == 0
    assert (victim / ".lanectl-0.tmp").exists()


def at_once(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("folder")
def test_one_of_many_new_writers_wins_and_the_others_know_it(root: Path) -> None:
    barrier = threading.Barrier(8)
    won: list[int] = []

    def work(n: int) -> None:
        with Folder.open(root) as own:
            barrier.wait()
            if own.write_new("install", b"%d" % n):
                won.append(n)

    at_once(work, 8)
    assert everything(root) == {"install": b"%d" % won[0]}
    assert len(won) == 1


def test_reader_never_sees_half_a_file(root: Path, folder: Folder) -> None:
    folder.write("note", b"0" * 100_000)
    seen: set[bytes] = set()
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.add((root / "note").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for n in b"123456789":
        folder.write("note", bytes([n]) * 100_000)
    ended.set()
    reader.join()
    assert seen <= {bytes([n]) * 100_000 for n in b"0123456789"}


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/tmp/out", "a/..", "..", ".", "", "/"])
def test_path_that_leaves_the_folder_is_refused(folder: Folder, tmp_path: Path, name: str) -> None:
    for act in (lambda: folder.write(name, b"x"), lambda: folder.read(name), lambda: folder.remove(name)):
        with pytest.raises(DiskError):
            act()
    assert everything(tmp_path) == {}


def test_symlinked_folder_below_is_not_entered(folder: Folder, root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "secret").write_bytes(b"theirs")
    (root / "sub").symlink_to(victim)
    for act in (
        lambda: folder.write("sub/secret", b"mine"),
        lambda: folder.read("sub/secret"),
        lambda: folder.remove("sub/secret"),
        lambda: folder.link("sub/latest", "x"),
        lambda: folder.names("sub"),
    ):
        with pytest.raises(Blocked) as caught:
            act()
        assert caught.value.message == "a link, a file or a folder stands in the way"
    assert everything(victim) == {"secret": b"theirs"}


def test_link_in_the_place_of_a_file_is_replaced_and_never_followed(
    folder: Folder, root: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    (root / "note").symlink_to(victim)
    with pytest.raises(Blocked):
        folder.read("note")
    folder.write("note", b"mine")
    assert everything(root) == {"note": b"mine"}
    assert victim.read_bytes() == b"theirs"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_not_read(folder: Folder, root: Path, make: Callable[[Path], None]) -> None:
    make(root / "note")
    with pytest.raises(Blocked):
        folder.digest("note")


def test_file_in_the_place_of_a_folder_is_told(folder: Folder) -> None:
    folder.write("a", b"x")
    assert folder.can_hold("a")
    assert folder.can_hold("b/c")
    assert not folder.can_hold("a/b")
    with pytest.raises(Blocked):
        folder.write("a/b", b"y")


def test_missing_things_are_no_errors(folder: Folder) -> None:
    assert folder.digest("no/such") is None
    assert folder.size("nothing") is None
    assert folder.names("nowhere") == []
    assert folder.remove("no/such") is False
    assert folder.sweep("nowhere") == 0
    folder.remove_tree("nowhere")
    with pytest.raises(FileNotFoundError):
        folder.read("no/such")


def test_remove_takes_one_file(folder: Folder, root: Path) -> None:
    folder.write("a", b"x")
    folder.write("b", b"y")
    assert folder.remove("a") is True
    assert everything(root) == {"b": b"y"}


def test_remove_of_a_folder_is_told(folder: Folder) -> None:
    folder.write("sub/a", b"x")
    with pytest.raises(DiskError):
        folder.remove("sub")


def test_remove_tree_takes_links_and_not_what_they_point_at(
    folder: Folder, root: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "theirs").write_bytes(b"x")
    folder.write("run/deep/er/file", b"x")
    folder.write("other", b"x")
    (root / "run/link").symlink_to(victim)
    folder.remove_tree("run")
    assert everything(root) == {"other": b"x"}
    assert everything(victim) == {"theirs": b"x"}


def test_link_moves_at_a_stroke_and_spares_what_is_no_link(folder: Folder, root: Path) -> None:
    folder.link("latest", "one")
    folder.link("latest", "two")
    folder.write("mine", b"a file of the user")
    folder.link("mine", "two")
    assert everything(root) == {"latest": "two", "mine": b"a file of the user"}


def test_folder_that_anybody_may_write_to_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(DiskError) as caught:
        Folder.open(open_to_all)
    assert str(caught.value) == f"others may write to this folder - {open_to_all}"
    assert caught.value.hint == f"chmod o-w {open_to_all}"
    open_to_all.chmod(0o1777)
    Folder.open(open_to_all).close()


def test_missing_folder_is_told_unless_it_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        Folder.open(tmp_path / "missing")
    with pytest.raises(DiskError):
        Folder.open(tmp_path / "missing/below", own=1)
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_place_of_the_folder_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Blocked):
        Folder.open(tmp_path / "file", create=True)


@pytest.mark.parametrize("planted", ["lane", "lane/recipe", "lane/recipe/run"])
def test_own_part_of_a_path_may_be_no_link(tmp_path: Path, planted: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    path = tmp_path / planted
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(victim)
    with pytest.raises(Blocked):
        Folder.open(tmp_path / "lane/recipe/run", create=True, own=3)
    assert list(victim.iterdir()) == []


def test_link_above_the_own_part_is_the_users_business(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with Folder.open(tmp_path / "link/recipe/run", create=True, own=2) as opened:
        opened.write("note", b"x")
    assert everything(tmp_path / "real") == {"recipe/run/note": b"x"}


def test_no_descriptor_is_left_open_or_inherited(folder: Folder, root: Path) -> None:
    def open_now() -> list[tuple[int, int]]:
        """The files below the folder that this process has open, whatever else is opened and closed in it."""
        places = {(found.st_dev, found.st_ino) for found in map(os.stat, (root, *root.rglob("*")))}
        found = []
        for entry in Path("/dev/fd").iterdir():
            with contextlib.suppress(OSError):
                state = os.fstat(int(entry.name))
                found += [(state.st_dev, state.st_ino)] if (state.st_dev, state.st_ino) in places else []
        return sorted(found)

    before = open_now()
    assert before
    (root / "link").symlink_to(root)
    for name in ("link/x", "../x", "a/b/c"):
        with pytest.raises((DiskError, FileNotFoundError)):
            folder.read(name)
    with pytest.raises(Blocked):
        folder.write("link/x", b"")
    folder.write("a/b/c", b"")
    with folder.read("a/b/c") as file:
        assert not os.get_inheritable(file.fileno())
    assert open_now() == before


def test_free_bytes_of_a_folder_to_be_are_those_of_its_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not/yet/there") > 0
