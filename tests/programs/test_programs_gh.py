"""gh answers, or says in one line with one hint why not."""

from pathlib import Path

import pytest

from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.programs.gh import gh


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script that is found as gh."""
    script = tmp_path / "bin" / "gh"
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return script


def test_answer_comes_as_bytes_and_arguments_as_given(fake: Path, tmp_path: Path) -> None:
    fake.write_text('#!/bin/sh\nprintf "%s|" "$@"; cat\n')

    assert gh(tmp_path, "api", "a b", stdin=b"in") == b"api|a b|in"


def test_gh_gets_its_login_and_a_git_that_runs_nothing(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.write_text("#!/bin/sh\nenv; git config core.fsmonitor; git config core.hooksPath\n")
    monkeypatch.setenv("GH_TOKEN", "x")
    monkeypatch.setenv("GH_DEBUG", "api")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")

    lines = gh(tmp_path, "x").decode().splitlines()

    assert {"GH_TOKEN=x", "GH_PROMPT_DISABLED=1", "GH_PAGER=cat"} <= set(lines)
    assert not [line for line in lines if line.startswith(("ANTHROPIC_", "GH_DEBUG"))]
    assert lines[-2:] == ["false", "/dev/null"]


FAILURES = [
    (4, "To get started with GitHub CLI, please run:  gh auth login", NoAccess, "gh auth login"),
    (1, "HTTP 401: Bad credentials (https://api.github.com/graphql)", NoAccess, "gh auth login"),
    (
        1,
        "none of the git remotes configured for this repository point to a known GitHub host",
        ConfigError,
        None,
    ),
    (1, "error connecting to api.github.com", TryLater, "gh auth status"),
    (1, "HTTP 502: Bad Gateway", TryLater, "gh auth status"),
    (1, "something else", LanectlError, "gh auth status"),
    (1, "", LanectlError, "gh auth status"),
]


@pytest.mark.parametrize(("code", "complaint", "kind", "hint"), FAILURES, ids=lambda value: str(value)[:30])
def test_failure_is_told_by_what_would_help(
    fake: Path, tmp_path: Path, code: int, complaint: str, kind: type[LanectlError], hint: str | None
) -> None:
    fake.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit {code}\n")

    with pytest.raises(LanectlError) as caught:
        gh(tmp_path, "pr", "list")

    assert type(caught.value) is kind
    assert caught.value.hint == (hint or "gh repo set-default")
    assert (complaint or "exit code 1") in caught.value.message


def test_missing_gh_is_no_access_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoAccess, match="gh is not installed") as caught:
        gh(tmp_path, "pr", "list")

    assert caught.value.hint in ("sudo apt install gh", "brew install gh")
