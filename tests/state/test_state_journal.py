"""The journal: an accepted id survives a disk that was full when it came."""

import os
import stat
from pathlib import Path

import pytest

from lanectl.state.journal import SLOT, SLOTS, Noted, clear, note, read, reserve
from tests.disk_faults import file_size_limit, unwritable

FIRST = Noted("abcdefghij", 0, "msgbatch_01", "req_01")
SECOND = Noted("abcdefghij", 1, "msgbatch_02", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accepted.journal"


def test_reserved_journal_is_blank_private_and_takes_its_room(path: Path) -> None:
    assert reserve(path) is True
    assert read(path) == []
    assert path.stat().st_size == SLOT * SLOTS
    assert path.stat().st_blocks * 512 >= SLOT * SLOTS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_ids_are_noted_on_a_full_disk(path: Path) -> None:
    reserve(path)
    with file_size_limit(SLOT * SLOTS):
        for n in range(SLOTS):
            assert note(path, Noted("abcdefghij", n, f"msgbatch_{n}", "req")) is True
        assert note(path, SECOND) is False
    assert [noted.attempt for noted in read(path)] == list(range(SLOTS))


def test_without_a_reservation_a_full_disk_takes_no_id(path: Path) -> None:
    with file_size_limit(0):
        assert reserve(path) is False
        assert note(path, FIRST) is False
    assert read(path) == []
    assert note(path, FIRST) is True
    assert read(path) == [FIRST]


def test_reserving_again_keeps_what_was_noted(path: Path) -> None:
    note(path, FIRST)
    assert path.stat().st_size == SLOT
    assert reserve(path) is True
    assert path.stat().st_size == SLOT * SLOTS
    note(path, SECOND)
    reserve(path)
    assert read(path) == [FIRST, SECOND]


def test_half_reserved_journal_is_completed(path: Path) -> None:
    with file_size_limit(SLOT * 3 + 100):
        assert reserve(path) is False
    note(path, FIRST)
    assert reserve(path) is True
    assert (read(path), path.stat().st_size) == ([FIRST], SLOT * SLOTS)


def test_cleared_journal_keeps_its_room(path: Path) -> None:
    reserve(path)
    before = path.stat().st_ino
    note(path, FIRST)
    with file_size_limit(SLOT * SLOTS):
        clear(path)
        assert read(path) == []
        assert note(path, SECOND) is True
    assert read(path) == [SECOND]
    assert path.stat().st_ino == before


def test_more_ids_than_slots_are_all_kept(path: Path) -> None:
    reserve(path)
    for n in range(SLOTS + 3):
        note(path, Noted("abcdefghij", n, "msgbatch", None))
    assert [noted.attempt for noted in read(path)] == list(range(SLOTS + 3))
    clear(path)
    assert read(path) == []


def test_line_that_cannot_be_read_hides_no_other(path: Path) -> None:
    note(path, FIRST)
    note(path, SECOND)
    with path.open("r+b") as file:
        file.write(b'{"half": ')
    assert read(path) == [SECOND]


def test_overlong_request_id_does_not_run_into_the_next_slot(path: Path) -> None:
    note(path, Noted("abcdefghij", 0, "msgbatch_01", "r" * 5000))
    note(path, SECOND)
    assert read(path) == [Noted("abcdefghij", 0, "msgbatch_01", None), SECOND]


def test_planted_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    path.symlink_to(victim)
    assert reserve(path) is False
    assert note(path, FIRST) is False
    clear(path)
    assert victim.read_bytes() == b"theirs"


def test_folder_that_may_not_be_written_is_no_exception(path: Path) -> None:
    with unwritable(path.parent):
        assert reserve(path) is False
        assert note(path, FIRST) is False
    assert os.listdir(path.parent) == []  # noqa: PTH208 -- the names alone
