"""Unmerged branches as the pull requests they would make."""

from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import Item, Skip

BRANCHES = 'kind = "pull-requests"\nfrom = "branches"'


def names(found: list[Item | Skip]) -> list[str]:
    return [each.name if isinstance(each, Item) else f"{each.key}: {each.reason}" for each in found]


def branch(repo: Any, name: str, files: dict[str, str], start: str = "main") -> str:
    """A branch with one commit; its id."""
    repo.git("checkout", "-q", "-b", name, start)
    sha: str = repo.commit(f"Work on {name}\n\nBecause.", files)
    repo.git("checkout", "-q", "main")
    return sha


@pytest.fixture
def cloned(repo: Any, tmp_path: Any) -> Any:
    """A clone of a repository with main and the branch `remote`."""
    repo.commit("first", {"a": "1\n"})
    branch(repo, "remote", {"r": "1\n"})
    repo.git("clone", "-q", str(repo.root), str(tmp_path / "clone"))
    repo.root = tmp_path / "clone"
    return repo


def test_branch_becomes_an_item_against_where_it_left_the_default(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"a": "1\n"})
    head = branch(repo, "topic/x", {"b": "1\n"})
    repo.commit("meanwhile", {"m": "1\n"})

    [found] = gathered(repo.root, BRANCHES)

    fields = {key: value for key, value in found.fields.items() if key != "commits"}
    assert fields == {
        "number": "topic/x",
        "pr": None,
        "part": 1,
        "parts": 1,
        "title": "Work on topic/x",
        "body": "Because.",
        "author": "Test",
        "labels": [],
        "url": "",
        "branch": "topic/x",
        "base": "main",
        "head": head,
        "diff": "## b (added)\n@@ new lines 1-1 @@\n     1 +1",
        "files": ["b"],
    }
    assert found.name == "topic/x"
    assert found.material == {"head": head, "hunks": {"b": [[1, 1]]}}


def test_branch_of_several_commits_is_called_by_its_name(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit("one", {"a": "1\n"})
    repo.commit("two", {"a": "2\n"})

    [found] = gathered(repo.root, f'{BRANCHES}\nbase = "main"')

    assert (found.fields["title"], found.fields["body"]) == ("topic", "")
    assert [each["subject"] for each in found.fields["commits"]] == ["two", "one"]


def test_newest_branch_comes_first_and_merged_ones_do_not(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    branch(repo, "old", {"b": "1\n"})
    branch(repo, "done", {"c": "1\n"})
    branch(repo, "new", {"d": "1\n"})
    repo.merge("done", "Merge done")

    assert names(gathered(repo.root, BRANCHES)) == ["new", "old"]
    assert names(gathered(repo.root, f"{BRANCHES}\nlimit = 1")) == ["new"]


def test_remote_branch_is_one_too_and_the_remotes_head_is_not(cloned: Any, gathered: Any) -> None:
    assert names(gathered(cloned.root, BRANCHES)) == ["origin/remote"]


def test_local_branch_stands_for_the_remote_one_that_it_holds(cloned: Any, gathered: Any) -> None:
    cloned.git("checkout", "-q", "remote")
    assert names(gathered(cloned.root, BRANCHES)) == ["remote"]

    cloned.commit("more", {"r": "2\n"})
    assert names(gathered(cloned.root, BRANCHES)) == ["remote"]


def test_local_and_remote_branch_that_went_apart_are_two(cloned: Any, gathered: Any) -> None:
    cloned.git("checkout", "-q", "remote")
    cloned.git("reset", "-q", "--hard", "HEAD^")
    cloned.commit("other", {"r": "2\n"})

    assert names(gathered(cloned.root, BRANCHES)) == ["remote", "origin/remote"]


def test_remote_branch_stands_for_the_local_one_that_lags(cloned: Any, gathered: Any) -> None:
    cloned.git("checkout", "-q", "remote")
    cloned.commit("more", {"r": "2\n"})
    cloned.git("push", "-q", "origin", "HEAD")
    cloned.git("reset", "-q", "--hard", "HEAD^")

    assert names(gathered(cloned.root, BRANCHES)) == ["origin/remote"]


@pytest.mark.parametrize("ahead", ["local", "remote"])
def test_base_is_the_local_or_remote_one_that_has_come_further(
    cloned: Any, gathered: Any, ahead: str
) -> None:
    cloned.commit("on main", {"m": "1\n"})
    if ahead == "remote":
        cloned.git("push", "-q", "origin", "HEAD:refs/heads/x")
        cloned.git("fetch", "-q", "origin", "+refs/heads/x:refs/remotes/origin/main")
        cloned.git("push", "-q", "origin", ":refs/heads/x")
    branch(cloned, "topic", {"t": "1\n"})
    if ahead == "remote":
        cloned.git("reset", "-q", "--hard", "HEAD^")

    found = gathered(cloned.root, BRANCHES)

    assert {item.name: item.fields["files"] for item in found} == {"topic": ["t"], "origin/remote": ["r"]}


def test_base_can_be_named(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    branch(repo, "develop", {"d": "1\n"})
    branch(repo, "topic", {"t": "1\n"}, "develop")

    found = gathered(repo.root, f'{BRANCHES}\nbase = "develop"')

    assert [(item.name, item.fields["base"], item.fields["files"]) for item in found] == [
        ("topic", "develop", ["t"])
    ]


def test_default_is_what_the_remote_says(cloned: Any, gathered: Any) -> None:
    cloned.git("remote", "set-head", "origin", "remote")

    assert gathered(cloned.root, BRANCHES) == []


def test_unknown_base_is_refused_with_its_place(repo: Any, gathered: Any, tmp_path: Any) -> None:
    repo.commit("first")

    with pytest.raises(ConfigError, match='no revision "none"') as caught:
        gathered(repo.root, f'{BRANCHES}\nbase = "none"')

    assert caught.value.where == f"{tmp_path / 'recipes' / 't.toml'} [source] base"


def test_repository_without_any_usual_branch_is_asked_for_one(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    repo.git("branch", "-m", "one")
    repo.git("checkout", "-q", "--detach")

    with pytest.raises(ConfigError, match="which branch is the default") as caught:
        gathered(repo.root, BRANCHES)

    assert caught.value.hint == "git remote set-head origin --auto"


def test_branch_of_another_history_is_named(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    repo.git("checkout", "-q", "--orphan", "pages")
    repo.commit("pages", {"p": "1\n"})

    assert gathered(repo.root, BRANCHES) == [Skip("pages", "no common ancestor", "with main")]


def test_repository_without_a_commit_has_no_items(repo: Any, gathered: Any) -> None:
    assert gathered(repo.root, BRANCHES) == []
