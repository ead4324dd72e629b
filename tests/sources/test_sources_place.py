"""A place is git's top level or the folder itself, and what a repository claims about itself is checked."""

from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import ConfigError, LanectlError, UsageError
from lanectl.sources.place import Place, place


def test_repository_is_found_from_below(repo: Any) -> None:
    sha = repo.commit("first", {"src/a.py": "x\n"})

    assert place(repo.root / "src") == Place(root=repo.root, git=True, name="app", commit=sha, branch="main")


def test_repository_without_a_commit_has_a_branch_only(repo: Any) -> None:
    assert place(repo.root) == Place(root=repo.root, git=True, name="app", commit=None, branch="main")


def test_detached_head_has_no_branch(repo: Any) -> None:
    sha = repo.commit("first")
    repo.git("checkout", "-q", "--detach")

    assert place(repo.root) == Place(root=repo.root, git=True, name="app", commit=sha, branch=None)


def test_folder_without_git_is_a_place_too(tmp_path: Path) -> None:
    folder = tmp_path / "my notes"
    folder.mkdir()

    assert place(folder) == Place(root=folder, git=False, name="my-notes", commit=None, branch=None)


def test_worktree_and_submodule_are_places_of_their_own(repo: Any, tmp_path: Path) -> None:
    sha = repo.commit("first", {"a.py": "x\n"})
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.root), "sub")

    assert place(tmp_path / "tree") == Place(
        tmp_path / "tree", git=True, name="tree", commit=sha, branch="other"
    )
    assert place(repo.root / "sub").root == repo.root / "sub"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/team/web-app.git", "web-app"),
        ("git@github.com:team/web-app", "web-app"),
        ("git@host:web-app.git", "web-app"),
        ("ssh://git@host:22/team/web app/", "web-app"),
        ("https://host/\x1b[31m.git", "31m"),
        ("/srv/mirror/repo", "app"),
        ("../repo", "app"),
        ("file:///srv/mirror/repo", "app"),
    ],
)
def test_name_is_the_remotes_unless_that_is_a_folder(repo: Any, url: str, name: str) -> None:
    repo.git("config", "remote.origin.url", url)

    assert place(repo.root).name == name


def test_link_to_a_repository_is_its_real_folder(repo: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo.root)

    assert place(tmp_path / "link").root == repo.root


def test_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        place(tmp_path / "none")

    assert str(caught.value) == f"no such folder - {tmp_path / 'none'}"
    assert caught.value.hint == "lanectl submit RECIPE --repo DIR"


def test_repository_that_claims_another_folder_is_refused(repo: Any, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    repo.git("config", "core.worktree", str(tmp_path / "victim"))

    with pytest.raises(ConfigError) as caught:
        place(repo.root)

    assert (
        str(caught.value) == f"this repository takes {tmp_path / 'victim'} for its own folder - {repo.root}"
    )
    assert caught.value.hint == f"git -C {repo.root} config --show-origin core.worktree"


def test_repository_that_claims_the_folder_above_is_refused(repo: Any, tmp_path: Path) -> None:
    repo.git("config", "core.worktree", str(tmp_path))

    with pytest.raises(ConfigError, match=r"takes .* for its own folder"):
        place(repo.root)


def test_broken_repository_is_not_taken_for_a_plain_folder(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")

    with pytest.raises(LanectlError, match="not a git repository"):
        place(tmp_path)
