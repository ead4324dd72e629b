"""A person in a hostile place: a clock moved by hand, a relay to the provider, and `cli(*argv)`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl.cli import main
from lanectl.sandbox.server import Sandbox
from tests.lane.scene import make_repo
from tests.security.hostile_world import HEADER_TOKEN, KEY, Cli, Clock, Ran, Relay


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], clock: Clock) -> Cli:
    """`cli("status", "--json")`: run one command line in this process and read everything it printed."""

    def run(*argv: str) -> Ran:
        capsys.readouterr()
        code = main(argv, clock=clock, sleep=clock.sleep)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def box(tmp_path: Path, clock: Clock) -> Iterator[Sandbox]:
    """The provider: a sandbox whose batches take 40 seconds of the clock."""
    with Sandbox(tmp_path / "provider", clock=lambda: clock().timestamp(), duration_s=40.0) as server:
        yield server


@pytest.fixture
def relay(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """What the environment points to: it sees every byte that is sent."""
    with Relay(box.url) as between:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", between.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Gateway-Token: {HEADER_TOKEN}")
        yield between


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository one stands in."""
    folder = tmp_path / "shop"
    make_repo(folder, {"alpha.txt": "the text of alpha\n", "beta.txt": "the text of beta\n"})
    monkeypatch.chdir(folder)
    return folder
