"""No test touches the real home folder or any address but loopback: the guards say what was forgotten."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REAL_HOME = os.environ.get("HOME")
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4_000_000_000
COMMITTED = "2026-11-24T21:00:00Z"

# All of the environment that a test sees: what Python and the machine need to run at all. The rest is of
# somebody's shell or of a runner, and a test that met it would mean something else on every machine.
KEPT = frozenset({"PATH", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"})
KEPT_BEGIN = ("PYTHON", "PYTEST_", "COV_", "COVERAGE_", "FAKETIME", "HYPOTHESIS_")


def _memory_is_a_disk() -> bool:
    """Whether there is a large disk in memory that tests may write to and run programs from."""
    try:
        told = os.statvfs(MEMORY)
    except OSError:
        return False
    usable = not told.f_flag & (os.ST_RDONLY | getattr(os, "ST_NOEXEC", 0)) and os.access(MEMORY, os.W_OK)
    return usable and told.f_bavail * told.f_frsize > ENOUGH_BYTES


# Thousands of tests sync every file that they write: a disk in memory makes that cheap where there is a large
# one.
if _memory_is_a_disk():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# The same examples in every run and no stopwatch: a slow machine or an unlucky draw must not fail somebody's
# change.
# HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


class YouForgotToKeepTheTestOnLoopbackError(AssertionError):
    """A test tried to connect to an address that is not this machine."""


class YouForgotToMoveTheHomeFolderError(AssertionError):
    """A test runs with the real home folder."""


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise YouForgotToKeepTheTestOnLoopbackError(str(address))
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, with no key, no proxy and no setting of the machine's.

    It stands in an empty folder and not in this repository, which may be somebody else's or no repository at
    all. Commits all bear one date: which second a machine is in when it makes them must change nothing.
    """
    folder = tmp_path_factory.mktemp("home")
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    for name in list(os.environ):
        if name not in KEPT and not name.startswith(KEPT_BEGIN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LANECTL_HOME", str(folder / "lanectl"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.invalid")
        monkeypatch.setenv(f"{name}_DATE", COMMITTED)
    if os.environ["HOME"] == REAL_HOME:
        raise YouForgotToMoveTheHomeFolderError(REAL_HOME)
    return folder
