"""The lock: one holder at a time, dead with its process, and never a second file of that name."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from lanectl.errors import ConfigError, TryLater
from lanectl.state.lock import POLL_S, Holder, holder, lock
from tests.disk_faults import file_size_limit, unwritable

Together: TypeAlias = Callable[[Callable[[int], str], int], list[str]]
NOW = "2026-11-24T22:00:00+00:00"
HELD = """
import os, sys, time
from pathlib import Path
from lanectl.state.lock import lock
with lock(Path(sys.argv[1]), wait_s=0, command="lanectl submit", now="2026-11-24T21:00:00+00:00"):
    {inside}
    print("held", flush=True)
    time.sleep(60)
"""


class Clock:
    """A clock that only moves when somebody sleeps; `on_sleep` happens during the first sleep."""

    def __init__(self, on_sleep: Callable[[], None] | None = None) -> None:
        self.now = 1_795_478_400.0
        self.slept = 0
        self._on_sleep = on_sleep

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += 1
        if self._on_sleep:
            self._on_sleep()
            self._on_sleep = None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lane/state.db.lock"


@contextmanager
def held_elsewhere(path: Path, inside: str = "pass") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed."""
    code = HELD.format(inside=inside)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def take(path: Path, clock: Clock, *, wait_s: float = 0, told: list[Holder | None] | None = None) -> None:
    waiting = None if told is None else told.append
    with lock(path, wait_s=wait_s, command="test", now=NOW, waiting=waiting, clock=clock, sleep=clock.sleep):
        pass


def test_holder_is_known_while_it_holds_and_not_after(path: Path) -> None:
    assert holder(path) is None
    with lock(path, wait_s=0, command="lanectl pull", now=NOW):
        assert holder(path) == Holder(os.getpid(), "lanectl pull", NOW)
    assert holder(path) is None
    assert path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_second_holder_is_told_who_and_tries_later(path: Path) -> None:
    clock = Clock()
    with held_elsewhere(path) as other:
        since = "2026-11-24T21:00:00+00:00"
        assert holder(path) == Holder(other.pid, "lanectl submit", since)
        with pytest.raises(TryLater) as caught:
            take(path, clock)
        assert str(caught.value) == (
            f"lanectl submit (pid {other.pid}, since {since}) holds the lock - {path}"
        )
    assert clock.slept * POLL_S < 1


def test_wait_is_measured_on_the_wall_clock_and_told_once(path: Path) -> None:
    clock, told = Clock(), list[Holder | None]()
    began = clock.now
    with held_elsewhere(path) as other, pytest.raises(TryLater):
        take(path, clock, wait_s=900, told=told)
    assert 900 <= clock.now - began < 901
    assert told == [Holder(other.pid, "lanectl submit", "2026-11-24T21:00:00+00:00")]


def test_laptop_that_slept_does_not_wait_again(path: Path) -> None:
    def lid_closed() -> None:
        clock.now += 8 * 3600

    clock = Clock(lid_closed)
    with held_elsewhere(path), pytest.raises(TryLater):
        take(path, clock, wait_s=900)
    assert clock.slept == 1


def test_lock_is_taken_as_soon_as_its_holder_is_killed(path: Path) -> None:
    with held_elsewhere(path) as other:

        def kill() -> None:
            other.send_signal(signal.SIGKILL)
            other.wait()

        clock = Clock(kill)
        take(path, clock, wait_s=900)
    assert clock.slept == 1
    assert holder(path) is None


def test_started_program_does_not_keep_the_lock(path: Path) -> None:
    start = "__import__('subprocess').Popen(['sleep', '60'], close_fds=False)"
    code = HELD.format(inside=f"print({start}.pid, flush=True)")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        child = int(other.stdout.readline())
        try:
            assert other.stdout.readline() == "held\n"
            other.kill()
            other.wait()
            os.kill(child, 0)
            take(path, Clock())
        finally:
            os.kill(child, signal.SIGKILL)


def test_forked_child_does_not_keep_a_lock_that_was_let_go(path: Path) -> None:
    with lock(path, wait_s=0, command="test", now=NOW):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        take(path, Clock())
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_lock_on_a_file_that_was_replaced_meanwhile_is_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, replaced = fcntl.flock, list[int]()

    def late(fd: int, how: int) -> None:
        if not replaced:
            replaced.append(os.fstat(fd).st_ino)
            path.rename(path.with_name("old"))
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with lock(path, wait_s=0, command="test", now=NOW):
        assert path.stat().st_ino != replaced[0]
        assert holder(path) == Holder(os.getpid(), "test", NOW)


def test_looker_is_not_taken_for_a_holder(path: Path) -> None:
    take(path, Clock())
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    clock = Clock(lambda: os.close(looking))
    take(path, clock)
    assert clock.slept == 1


def test_block_that_fails_lets_go(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), lock(path, wait_s=0, command="test", now=NOW):
        raise KeyboardInterrupt
    take(path, Clock())


def test_full_disk_costs_the_name_of_the_holder_and_not_the_lock(path: Path) -> None:
    take(path, Clock())
    with file_size_limit(0), lock(path, wait_s=0, command="test", now=NOW):
        assert holder(path) == Holder(0, "another process", "")
    assert holder(path) is None


def test_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    with unwritable(tmp_path), pytest.raises(ConfigError) as caught:
        take(tmp_path / "new/lock", Clock())
    assert caught.value.message == "cannot lock: permission denied"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        take(tmp_path / "link", Clock())
    assert not (tmp_path / "elsewhere").exists()


def test_garbage_in_the_file_is_nobodys_name(path: Path) -> None:
    path.parent.mkdir()
    for text in (b"\xff", b"[]", b'{"pid": "x"}', b"[" * 5000):
        path.write_bytes(text)
        assert holder(path) is None
        looking = os.open(path, os.O_RDONLY)
        fcntl.flock(looking, fcntl.LOCK_EX)
        assert holder(path) == Holder(0, "another process", "")
        os.close(looking)


def test_no_two_of_many_processes_are_inside_at_once(path: Path, together: Together) -> None:
    path.parent.mkdir()
    inside = path.with_name("inside")

    def work(_: int) -> str:
        for _ in range(5):
            with lock(path, wait_s=60, command="test", now=NOW, sleep=lambda _: time.sleep(0.001)):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                inside.unlink()
        return "done"

    assert together(work, 8) == ["done"] * 8
