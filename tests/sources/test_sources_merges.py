"""Merges of the past as pull requests: what each brought, under which name, and in which parts."""

from typing import Any

import pytest

from lanectl.models import Item, Skip
from lanectl.sources.pull_requests import _packed

MERGES = 'kind = "pull-requests"\nfrom = "merges"'


def names(found: list[Item | Skip]) -> list[str]:
    return [each.name if isinstance(each, Item) else f"{each.key}: {each.reason}" for each in found]


def topic(repo: Any, branch: str, files: dict[str, str], message: str) -> tuple[str, str]:
    """A branch from main with one commit, merged; the ids of its commit and of the merge."""
    repo.git("checkout", "-q", "-b", branch, "main")
    head = repo.commit(f"Work on {branch}", files)
    repo.git("checkout", "-q", "main")
    return head, repo.merge(branch, message)


@pytest.fixture
def merged(repo: Any) -> Any:
    """Three merges after a first commit: a numbered one of GitHub's, one by its title, and a local one."""
    repo.commit("first", {"a": "1\n"})
    topic(repo, "one", {"b": "1\n"}, "Merge pull request #1 from team/one\n\nAdd b\n\nBecause.")
    topic(repo, "two", {"c": "1\n"}, "Add c (#2)\n\n* a\n* b")
    topic(repo, "three", {"d": "1\n"}, "Merge branch 'three'")
    return repo


def test_merge_becomes_an_item_with_its_fields(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"a": "1\n"})
    repo.git("checkout", "-q", "-b", "topic")
    head = repo.commit("Add b", {"b": "1\n"})
    repo.git("checkout", "-q", "main")
    other = repo.commit("meanwhile", {"m": "1\n"})
    repo.merge("topic", "Merge pull request #12 from team/topic\n\nThe title\n\nThe body.")
    commit = {
        "sha": head,
        "subject": "Add b",
        "body": "",
        "author": "Test",
        "date": "2026-01-01T06:00:00Z",
        "files": [],
        "more_files": 0,
        "group": "Added",
        "pr": None,
        "merge": False,
        "breaking": False,
    }

    assert gathered(repo.root, MERGES) == [
        Item(
            name="12",
            fields={
                "number": "12",
                "pr": 12,
                "part": 1,
                "parts": 1,
                "title": "The title",
                "body": "The body.",
                "author": "Test",
                "labels": [],
                "url": "",
                "branch": "",
                "base": other[:12],
                "head": head,
                "diff": "## b (added)\n@@ new lines 1-1 @@\n     1 +1",
                "files": ["b"],
                "commits": [commit],
            },
            material={"head": head, "hunks": {"b": [[1, 1]]}},
        )
    ]


def test_merges_come_newest_first_by_number_or_id(merged: Any, gathered: Any) -> None:
    found = gathered(merged.root, MERGES)

    assert names(found) == [merged.git("rev-parse", "--short=12", "HEAD"), "2", "1"]
    assert [(item.fields["title"], item.fields["body"]) for item in found] == [
        ("Merge branch 'three'", ""),
        ("Add c", "* a\n* b"),
        ("Add b", "Because."),
    ]


def test_range_and_limit_choose(merged: Any, gathered: Any) -> None:
    merged.git("tag", "v1", "HEAD~1")

    assert len(gathered(merged.root, f'{MERGES}\nrange = "v1.."')) == 1
    assert names(gathered(merged.root, f'{MERGES}\nrange = "v1"')) == ["2", "1"]
    assert names(gathered(merged.root, f'{MERGES}\nrange = "v1"\nlimit = 1')) == ["2"]


def test_history_without_merges_has_no_items(repo: Any, gathered: Any) -> None:
    assert gathered(repo.root, MERGES) == []
    repo.commit("Add a (#1)")

    assert gathered(repo.root, MERGES) == []


def test_number_that_comes_twice_is_told_apart_by_the_merge(merged: Any, gathered: Any) -> None:
    _, sha = topic(merged, "again", {"e": "1\n"}, "Merge pull request #1 from fork/again")

    assert names(gathered(merged.root, MERGES)) == [
        "1",
        merged.git("rev-parse", "--short=12", "HEAD~1"),
        "2",
        f"1-{merged.git('rev-parse', '--short=12', 'HEAD~3')}",
    ]
    assert sha


@pytest.mark.parametrize(
    "message",
    [
        "Merge branch 'main' into topic",
        "Merge remote-tracking branch 'origin/main' into topic",
        "Merge branch 'main' of https://github.com/team/app into topic",
    ],
)
def test_merge_of_main_into_a_branch_is_named_and_not_sent_again(
    repo: Any, gathered: Any, message: str
) -> None:
    repo.commit("first")
    repo.git("branch", "topic")
    repo.commit("on main", {"m": "1\n"})
    repo.git("checkout", "-q", "topic")
    repo.commit("on topic", {"t": "1\n"})
    sha = repo.merge("main", message)
    repo.git("checkout", "-q", "main")
    repo.merge("topic", "Merge pull request #3 from team/topic")

    assert gathered(repo.root, MERGES)[1:] == [Skip(sha[:12], "not a pull request", message)]


def test_merge_that_brought_nothing_is_empty(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit("nothing")
    repo.git("checkout", "-q", "main")
    repo.merge("topic", "Merge pull request #4 from team/topic")
    base = repo.git("rev-parse", "--short=12", "HEAD^1")

    assert gathered(repo.root, MERGES) == [Skip("4", "empty", f"no difference to {base}")]


def test_merge_of_unrelated_histories_is_named(repo: Any, gathered: Any) -> None:
    first = repo.commit("first", {"a": "1\n"})
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit("other", {"b": "1\n"})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "--allow-unrelated-histories", "other", "-m", "Merge (#5)")

    assert gathered(repo.root, MERGES) == [Skip("5", "no common ancestor", f"with {first[:12]}")]


def test_merge_of_many_branches_shows_what_all_brought(repo: Any, gathered: Any) -> None:
    repo.commit("first")
    for name in ("x", "y"):
        repo.git("checkout", "-q", "-b", name, "main")
        repo.commit(name, {name: "1\n"})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "x", "y", "-m", "Merge both (#6)")

    [found] = gathered(repo.root, MERGES)

    assert (found.fields["files"], found.fields["head"]) == (["x", "y"], repo.git("rev-parse", "HEAD"))


@pytest.fixture
def large(repo: Any) -> Any:
    """A merge of five files: two that fit together, one that is too large, and two more."""
    repo.commit("first")
    files = {"a": "a\n", "b": "b\n", "c": "c" * 500 + "\n", "d": "d\n", "e": "e\n"}
    topic(repo, "topic", files, "Merge pull request #9 from team/topic\n\nMuch")
    return repo


def test_diff_over_the_limit_is_a_named_skip(large: Any, gathered: Any) -> None:
    assert gathered(large.root, MERGES, "max_item_bytes = 120") == [
        Skip("9", "too large", "713 bytes, limit 120"),
    ]


def test_diff_over_the_limit_is_split_between_files_where_that_is_wanted(large: Any, gathered: Any) -> None:
    found = gathered(large.root, MERGES, 'max_item_bytes = 120\ntoo_large = "split"')

    assert names(found) == ["9.1", "9.2: too large", "9.3"]
    first, second, third = found
    assert second == Skip("9.2", "too large", "c: 541 bytes, limit 120")
    assert [
        (item.fields["number"], item.fields["pr"], item.fields["part"], item.fields["parts"])
        for item in (first, third)
    ] == [
        ("9.1", 9, 1, 3),
        ("9.3", 9, 3, 3),
    ]
    assert first.fields["diff"] == (
        "## a (added)\n@@ new lines 1-1 @@\n     1 +a\n## b (added)\n@@ new lines 1-1 @@\n     1 +b"
    )
    assert first.fields["files"] == ["a", "b"]
    assert third.material == {"head": first.fields["head"], "hunks": {"d": [[1, 1]], "e": [[1, 1]]}}
    assert first.fields["title"] == third.fields["title"] == "Much"
    assert len(first.fields["commits"]) == 1


def test_split_is_not_used_where_all_fits(large: Any, gathered: Any) -> None:
    assert names(gathered(large.root, MERGES, 'max_item_bytes = 713\ntoo_large = "split"')) == ["9"]
    assert names(gathered(large.root, MERGES, 'max_item_bytes = 712\ntoo_large = "split"')) == ["9.1", "9.2"]


def test_limit_counts_pull_requests_and_not_their_parts(large: Any, gathered: Any) -> None:
    topic(large, "more", {"f": "f\n"}, "Merge pull request #10 from team/more")
    found = gathered(large.root, f"{MERGES}\nlimit = 2", 'max_item_bytes = 120\ntoo_large = "split"')

    assert names(found) == ["10", "9.1", "9.2: too large", "9.3"]


PACKED = [
    ([], []),
    ([10], [1]),
    ([4, 5], [2]),
    ([5, 5], [1, 1]),
    ([11, 1], [1, 1]),
    ([1, 11, 1], [1, 1, 1]),
    ([11, 11], [1, 1]),
    ([1] * 11, [5, 5, 1]),
]


@pytest.mark.parametrize(("sizes", "counts"), PACKED, ids=[str(sizes) for sizes, _ in PACKED])
def test_files_are_packed_in_order_with_the_newlines_between(sizes: list[int], counts: list[int]) -> None:
    assert _packed(sizes, 10) == counts


def test_file_that_became_a_link_is_one_path(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"a": "1\n"})
    repo.git("checkout", "-q", "-b", "topic")
    (repo.root / "a").unlink()
    (repo.root / "a").symlink_to("b")
    repo.commit("link")
    repo.git("checkout", "-q", "main")
    repo.merge("topic", "Link (#1)")

    [found] = gathered(repo.root, MERGES)

    assert (found.fields["files"], found.material["hunks"]) == (["a"], {"a": [[1, 1]]})
