"""What git says comes back whole, piece by piece, or as one line with one hint."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.programs.git import git, git_lines, reason


def test_answer_comes_as_bytes(hostile: Any) -> None:
    assert git(hostile.repo, "cat-file", "-p", "HEAD:a.txt") == b"signed\n"


def test_input_is_passed_on(hostile: Any) -> None:
    blob = git(hostile.repo, "hash-object", "-w", "--stdin", stdin=b"\0\xff").strip().decode()

    assert git(hostile.repo, "cat-file", "blob", blob) == b"\0\xff"


def test_code_that_the_caller_expects_is_no_error(hostile: Any) -> None:
    assert git(hostile.repo, "rev-parse", "--verify", "--quiet", "none", codes=(0, 1)) == b""


def test_failure_says_why_where_and_what_to_run(hostile: Any) -> None:
    with pytest.raises(LanectlError) as caught:
        git(hostile.repo, "log", "none", "--")

    assert type(caught.value) is LanectlError
    assert str(caught.value) == f"git log failed: bad revision 'none' - {hostile.repo}"
    assert caught.value.hint == f"git -C {hostile.repo} status"


def test_paths_are_literal(hostile: Any) -> None:
    (hostile.repo / "*.txt").write_text("star\n")
    hostile.plain("add", ".")

    assert git(hostile.repo, "ls-files", "--", "*.txt") == b"*.txt\n"


def test_variables_of_a_hook_do_not_move_git_elsewhere(hostile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(hostile.remote))
    monkeypatch.setenv("GIT_WORK_TREE", "/")

    assert git(hostile.repo, "rev-parse", "--show-toplevel").decode().strip() == str(hostile.repo)


def test_folder_of_another_owner_is_an_error_with_the_line_that_allows_it(
    hostile: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = _fake(
        tmp_path,
        "git",
        """echo "fatal: detected dubious ownership in repository at '/srv/the app'" >&2; exit 128""",
    )
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(ConfigError) as caught:
        git(hostile.repo, "rev-parse", "HEAD")

    assert caught.value.message == "git does not trust this folder: it belongs to somebody else"
    assert caught.value.where == "/srv/the app"
    assert caught.value.hint == "git config --global --add safe.directory '/srv/the app'"


REMOTES = [
    ("fatal: unable to access 'https://x/': Could not resolve host: x", TryLater),
    (
        "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.",
        TryLater,
    ),
    ("git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.", NoAccess),
    ("fatal: could not read Username for 'https://x': terminal prompts disabled", NoAccess),
    ("remote: Repository not found.\nfatal: repository 'https://x/' not found", NoAccess),
    ("fatal: couldn't find remote ref refs/pull/1/head", LanectlError),
]


@pytest.mark.parametrize(("complaint", "kind"), REMOTES, ids=lambda value: str(value)[:40])
def test_remote_that_fails_says_whether_later_or_other_rights_would_help(
    complaint: str, kind: type[LanectlError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = f"case \"$*\" in *config*) exit 0;; esac\ncat >&2 <<'END'\n{complaint}\nEND\nexit 128"
    monkeypatch.setenv("PATH", f"{_fake(tmp_path, 'git', script)}:/usr/bin:/bin")

    with pytest.raises(LanectlError) as caught:
        git(tmp_path, "fetch", "origin")

    assert type(caught.value) is kind


def test_address_in_an_error_loses_user_and_password() -> None:
    complaint = "warning: x\nfatal: unable to access 'https://me:ghp_secret@github.com/o/r.git/': 403\n"

    assert reason(complaint) == "unable to access 'https://[redacted]@github.com/o/r.git/': 403"


def test_fatal_line_wins_over_errors_and_errors_over_the_rest() -> None:
    assert reason("hint: a\nerror: b\nfatal: c\n") == "c"
    assert reason("hint: a\nerror: b\n") == "b"
    assert reason("a\nb\n") == "a"
    assert reason("\n") == ""


def test_only_commands_for_remotes_get_tokens_agent_and_protocols(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{_fake(tmp_path, 'git', 'env')}:/usr/bin:/bin")
    for name in ("GH_TOKEN", "SSH_AUTH_SOCK", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "x")

    def seen(verb: str) -> set[str]:
        lines = set(git(tmp_path, verb).decode().splitlines())
        return lines & {
            *("GH_TOKEN=x", "SSH_AUTH_SOCK=x", "HTTPS_PROXY=x"),
            *("GIT_ALLOW_PROTOCOL=", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh", "GIT_TERMINAL_PROMPT=0"),
        }

    assert seen("log") == {"GIT_ALLOW_PROTOCOL=", "GIT_TERMINAL_PROMPT=0"}
    assert seen("fetch") == {
        *("GH_TOKEN=x", "SSH_AUTH_SOCK=x", "HTTPS_PROXY=x"),
        *("GIT_ALLOW_PROTOCOL=file:git:http:https:ssh", "GIT_TERMINAL_PROMPT=0"),
    }


def _lines(repo: Path, text: bytes, **options: Any) -> list[bytes]:
    blob = git(repo, "hash-object", "-w", "--stdin", stdin=text).decode().strip()
    return list(git_lines(repo, "cat-file", "blob", blob, **options))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb\r\n", [b"a", b"", b"b\r"]),
        (b"\n", [b""]),
    ],
)
def test_lines_come_without_their_separator(hostile: Any, text: bytes, lines: list[bytes]) -> None:
    assert _lines(hostile.repo, text) == lines


def test_lines_across_pieces_are_whole(hostile: Any) -> None:
    text = b"".join(b"%d " % n * (n % 50) + b"\0" for n in range(20_000))

    assert _lines(hostile.repo, text, separator=b"\0") == text.split(b"\0")[:-1]


def test_line_over_the_limit_comes_cut_to_one_byte_more(hostile: Any) -> None:
    text = b"x" * 1_000_000 + b"\n" + b"y" * 10 + b"\n" + b"z" * 11

    assert _lines(hostile.repo, text, line_bytes=10) == [b"x" * 11, b"y" * 10, b"z" * 11]


def test_failure_after_the_lines_is_raised(hostile: Any) -> None:
    lines: Iterator[bytes] = git_lines(hostile.repo, "cat-file", "--batch-check", "--no-such-option")

    with pytest.raises(LanectlError, match="git cat-file failed"):
        list(lines)


def test_iterator_that_is_closed_early_raises_nothing(hostile: Any) -> None:
    lines = git_lines(hostile.repo, "cat-file", "-p", "HEAD:a.txt")
    next(lines)

    lines.close()  # type: ignore[attr-defined]  # a generator, which the signature need not promise


def _fake(tmp_path: Path, name: str, script: str) -> Path:
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder
