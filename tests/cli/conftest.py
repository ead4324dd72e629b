"""A person at a prompt: a clock moved by hand, a provider on this machine, a repository, and `cli(*argv)`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl.cli import main
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import BATCH_S, KEY, RECIPE, Cli, Clock, Ran, make_repo


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
def provider(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The provider that the environment points to, with a key that it accepts."""
    folder = tmp_path / "provider"
    with Sandbox(folder, clock=lambda: clock().timestamp(), duration_s=BATCH_S) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield server


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository one stands in: three notes to write, and the recipe that asks for them."""
    folder = tmp_path / "shop"
    texts = {f"{name}.txt": f"the text of {name}\n" for name in ("alpha", "beta", "gamma")}
    make_repo(folder, {**texts, "recipes/notes.toml": RECIPE})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sent(cli: Cli, provider: Sandbox, repo: Path) -> str:  # noqa: ARG001 -- the provider must be up
    """The id of a run that was sent from the repository."""
    run = cli("submit", "notes", "--json").data["runs"][0]["run"]
    assert isinstance(run, str)
    return run


@pytest.fixture
def pulled(cli: Cli, sent: str) -> str:
    """The id of a run that has ended and was pulled."""
    assert cli("pull", "--wait").code == 0
    return sent
