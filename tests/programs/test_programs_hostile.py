"""A repository's own configuration runs nothing through the door, and the commands work all the same."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import ConfigError, LanectlError
from lanectl.programs.git import git, git_lines
from lanectl.programs.hostile import overrides

ASKS = "protocol=https\nhost=git.example.invalid\n\n"
# What is set beside the program, the key that names it, and a command with which plain git runs it.
CASES: list[tuple[dict[str, str], str, tuple[str, ...]]] = [
    ({}, "core.fsmonitor", ("status",)),
    ({}, "core.editor", ("commit", "--allow-empty")),
    ({"remote.r.url": "ssh://git.example.invalid/r.git"}, "core.sshCommand", ("fetch", "r")),
    ({"remote.r.url": "git://127.0.0.1:1/r.git"}, "core.gitProxy", ("fetch", "r")),
    ({}, "credential.helper", ("credential", "fill")),
    ({}, "credential.https://git.example.invalid.helper", ("credential", "fill")),
    ({}, "core.askPass", ("credential", "fill")),
    ({}, "diff.external", ("diff",)),
    ({}, "diff.evil.command", ("diff",)),
    ({}, "diff.evil.textconv", ("diff",)),
    ({}, "diff.evil.textconv", ("log", "-p")),
    ({}, "diff.evil.textconv", ("show",)),
    ({}, "diff.evil.textconv", ("blame", "a.txt")),
    ({}, "diff.evil.textconv", ("cat-file", "--textconv", "HEAD:a.txt")),
    ({}, "filter.evil.clean", ("diff",)),
    ({}, "filter.evil.clean", ("status",)),
    ({"filter.evil.required": "true"}, "filter.evil.clean", ("add", "a.txt")),
    ({}, "filter.evil.clean", ("hash-object", "a.txt")),
    ({}, "filter.evil.process", ("hash-object", "a.txt")),
    ({}, "filter.evil.smudge", ("checkout", "-f", "HEAD", "a.txt")),
    ({}, "filter.evil.smudge", ("cat-file", "--filters", "HEAD:a.txt")),
    ({"log.showSignature": "true"}, "gpg.program", ("log",)),
    ({"log.showSignature": "true"}, "gpg.program", ("show",)),
    ({"commit.gpgSign": "true"}, "gpg.program", ("commit", "--allow-empty", "-m", "x")),
    ({"tag.gpgSign": "true"}, "gpg.program", ("tag", "-a", "-m", "x", "x")),
    ({}, "merge.evil.driver", ("cherry-pick", "side")),
    ({}, "remote.origin.uploadpack", ("fetch", "origin")),
    ({}, "remote.origin.uploadpack", ("ls-remote", "origin")),
    ({}, "remote.origin.receivepack", ("push", "origin", "HEAD:refs/heads/x")),
    ({"rebase.autoStash": "true"}, "sequence.editor", ("rebase", "-i", "HEAD^")),
    ({"tar.evil.remote": "true"}, "tar.evil.command", ("archive", "--format=evil", "HEAD")),
    ({}, "trailer.evil.command", ("commit", "--allow-empty", "-m", "x", "--trailer", "evil: x")),
    ({}, "trailer.evil.cmd", ("commit", "--allow-empty", "-m", "x", "--trailer", "evil: x")),
]


@pytest.mark.parametrize(("beside", "key", "args"), CASES, ids=lambda value: str(value) if value else "")
def test_program_of_the_repository_is_run_by_plain_git_and_not_by_the_door(
    hostile: Any, tmp_path: Path, beside: dict[str, str], key: str, args: tuple[str, ...]
) -> None:
    if "cherry-pick" in args:
        _diverge(hostile)
    hostile.arm(key)
    for name, value in beside.items():
        hostile.plain("config", "--local", name, value)
    shutil.copytree(hostile.repo, tmp_path / "copy")

    with contextlib.suppress(LanectlError):
        git(hostile.repo, *args, stdin=ASKS.encode())
    through_the_door = hostile.ran()
    hostile.plain(*args, stdin=ASKS, repo=tmp_path / "copy")

    assert (through_the_door, hostile.ran()) == ([], ["evil"])


def _diverge(hostile: Any) -> None:
    hostile.plain("checkout", "-q", "-f", "-b", "side")
    hostile.plain("checkout", "-q", "-b", "own", "HEAD^")
    (hostile.repo / "a.txt").write_text("own\n")
    hostile.plain("commit", "-qam", "own")


HOOKS = [
    ("pre-commit", ("commit", "--allow-empty", "-m", "x")),
    ("post-checkout", ("checkout", "-q", "-f", "-b", "other")),
    ("post-index-change", ("add", "a.txt")),
    ("reference-transaction", ("update-ref", "refs/heads/new", "HEAD")),
    ("reference-transaction", ("fetch", "origin", "+refs/heads/main:refs/lanectl/pr/1")),
    ("pre-push", ("push", "origin", "HEAD:refs/heads/x")),
]


@pytest.mark.parametrize("folder", ["the repository's", "a configured one"])
@pytest.mark.parametrize(("hook", "args"), HOOKS, ids=lambda value: "" if isinstance(value, tuple) else value)
def test_hook_is_run_by_plain_git_and_not_by_the_door(
    hostile: Any, tmp_path: Path, folder: str, hook: str, args: tuple[str, ...]
) -> None:
    hooks = hostile.repo / ".git" / "hooks"
    if folder == "a configured one":
        hooks = tmp_path / "hooks"
        hostile.plain("config", "core.hooksPath", str(hooks))
    hooks.mkdir(exist_ok=True)
    (hooks / hook).symlink_to(hostile.program("evil"))
    shutil.copytree(hostile.repo, tmp_path / "copy", symlinks=True)

    git(hostile.repo, *args)
    through_the_door = hostile.ran()
    hostile.plain(*args, repo=tmp_path / "copy")

    assert (through_the_door, hostile.ran()) == ([], ["evil"])


@pytest.mark.parametrize(
    "settings",
    [
        {"remote.origin.url": "ext::EVIL"},
        {"url.ext::EVIL .insteadOf": "{remote}"},
        {"remote.origin.vcs": "ext", "remote.origin.url": "EVIL"},
    ],
    ids=lambda settings: ", ".join(settings),
)
def test_remote_that_is_a_program_is_refused(hostile: Any, settings: dict[str, str]) -> None:
    evil = hostile.program("evil")
    hostile.plain("config", "protocol.ext.allow", "always")
    for key, value in settings.items():
        value = value.replace("{remote}", str(hostile.remote))
        hostile.plain("config", key.replace("EVIL", evil), value.replace("EVIL", evil))

    with pytest.raises(LanectlError):
        git(hostile.repo, "fetch", "origin")
    through_the_door = hostile.ran()
    hostile.plain("fetch", "origin")

    assert (through_the_door, hostile.ran()) == ([], ["evil"])


def test_partial_clone_is_not_completed_behind_the_users_back(hostile: Any) -> None:
    hostile.arm("remote.origin.uploadpack")
    hostile.plain("config", "core.repositoryFormatVersion", "1")
    hostile.plain("config", "extensions.partialClone", "origin")
    blob = hostile.plain("rev-parse", "HEAD:a.txt")
    (hostile.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(ConfigError, match="this clone is partial") as caught:
        git(hostile.repo, "diff-tree", "-p", "HEAD^", "HEAD")
    through_the_door = hostile.ran()
    hostile.plain("diff-tree", "-p", "HEAD^", "HEAD")

    assert caught.value.hint == "git fetch --refetch --no-filter"
    assert (through_the_door, hostile.ran()) == ([], ["evil"])


def test_alternate_refs_command_is_run_by_plain_git_and_not_by_the_door(hostile: Any, tmp_path: Path) -> None:
    remote, repo, copy = str(hostile.remote), tmp_path / "borrower", tmp_path / "copy"
    hostile.plain("clone", "-q", "--reference", remote, remote, str(repo))
    hostile.plain("config", "core.alternateRefsCommand", hostile.program("evil"), repo=repo)
    hostile.plain("commit", "-qm", "newer", "-a")
    hostile.plain("push", "-q", "origin", "HEAD:main")
    shutil.copytree(repo, copy)

    git(repo, "fetch", "-q", "origin", "+refs/heads/main:refs/lanectl/pr/1")
    through_the_door = hostile.ran()
    hostile.plain("fetch", "-q", "origin", "+refs/heads/main:refs/lanectl/pr/1", repo=copy)

    assert (through_the_door, hostile.ran()) == ([], ["evil"])


def test_included_and_worktree_files_are_read_like_the_rest(hostile: Any) -> None:
    evil = hostile.program("evil")
    (hostile.repo / ".git" / "more").write_text(f'[filter "evil"]\n clean = {evil}\n')
    hostile.plain("config", "include.path", "more")
    hostile.plain("config", "extensions.worktreeConfig", "true")
    hostile.plain("config", "--worktree", "diff.evil.textconv", evil)
    hostile.plain("config", "--worktree", "core.fsmonitor", evil)

    git(hostile.repo, "cat-file", "--filters", "HEAD:a.txt")
    git(hostile.repo, "diff")

    assert hostile.ran() == []


def test_filter_name_that_an_argument_cannot_spell_is_refused(hostile: Any) -> None:
    hostile.arm("filter.a=b.clean")

    with pytest.raises(ConfigError) as caught:
        git(hostile.repo, "status")

    assert caught.value.where == "filter.a=b.clean"
    assert caught.value.hint == "git config --local --list --show-origin"


def test_bare_repository_inside_a_folder_is_no_repository(hostile: Any) -> None:
    with pytest.raises(LanectlError, match=r"safe\.bareRepository"):
        git(hostile.remote, "rev-parse", "HEAD")


def test_objects_commands_tell_the_same_with_everything_armed(hostile: Any) -> None:
    commands = [
        ("ls-files", "-co", "--exclude-standard", "-z"),
        ("log", "-p"),
        ("diff-tree", "-r", "-p", "--root", "HEAD"),
        ("for-each-ref",),
        ("status", "--porcelain"),
        ("diff",),
        ("blame", "-p", "HEAD", "--", "a.txt"),
    ]
    before = [hostile.plain(*args) for args in commands]
    hostile.arm(*{key for _, key, _ in CASES})
    hostile.plain("config", "log.showSignature", "true")

    told = [git(hostile.repo, *args).decode().strip() for args in commands]
    lines = [b"\n".join(git_lines(hostile.repo, *args)).decode().strip() for args in commands]

    assert told == before
    assert lines == before
    assert hostile.ran() == []


def _listing(*settings: tuple[str, str, str]) -> bytes:
    return b"".join(f"{scope}\0{key}\n{value}\0".encode() for scope, key, value in settings)


def test_users_own_program_stands_where_the_repository_names_one_too() -> None:
    listing = _listing(
        ("global", "core.sshcommand", "ssh -i key"),
        ("local", "core.sshcommand", "evil"),
        ("global", "diff.word.textconv", "antiword"),
        ("local", "core.bare", "false"),
    )

    assert overrides(listing) == ["-c", "core.sshcommand=ssh -i key"]


def test_users_own_credential_helpers_are_set_again_in_their_order() -> None:
    listing = _listing(
        ("system", "credential.helper", "store"),
        ("global", "credential.https://github.com.helper", ""),
        ("global", "credential.https://github.com.helper", "!gh auth git-credential"),
        ("local", "credential.https://github.com.helper", "!evil"),
    )

    assert overrides(listing) == [
        *("-c", "credential.helper="),
        *("-c", "credential.helper=store"),
        *("-c", "credential.https://github.com.helper="),
        *("-c", "credential.https://github.com.helper=!gh auth git-credential"),
    ]


def test_users_filter_is_off_and_their_helpers_are_left_alone() -> None:
    listing = _listing(
        ("global", "filter.lfs.smudge", "git-lfs smudge"), ("global", "credential.helper", "store")
    )

    assert overrides(listing) == [
        *("-c", "filter.lfs.clean="),
        *("-c", "filter.lfs.smudge="),
        *("-c", "filter.lfs.process="),
        *("-c", "filter.lfs.required=false"),
    ]
