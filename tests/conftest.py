"""No test touches the real home folder or any address but loopback: the guards say what was forgotten."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REAL_HOME = Path.home()
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4_000_000_000

# Thousands of tests sync every file that they write: a disk in memory makes that cheap where there is a large
# one.
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
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
    """A home folder of the test's own, with no key, no proxy and no setting of the machine's."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "LANECTL_", "XDG_", "GIT_", "CLAUDE_")) or name.upper().endswith(
            "_PROXY"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LANECTL_HOME", str(folder / "lanectl"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.invalid")
    if Path.home() == REAL_HOME:
        raise YouForgotToMoveTheHomeFolderError(str(REAL_HOME))
    return folder
