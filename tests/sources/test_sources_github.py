"""Open pull requests by way of gh: listed once, fetched once, and their diffs made here."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import LanectlError, NoAccess, TryLater
from lanectl.models import Item, Skip

GH = 'kind = "pull-requests"'
# Answers with the file beside it and notes what it was asked.
SCRIPT = """#!/bin/sh
printf '%s\\n' "$@" > "$0.asked"
cat "$0.json"
"""


class GitHub:
    """A bare repository as GitHub keeps one, a clone of it, and a gh that lists what is opened."""

    def __init__(self, repo: Any, tmp_path: Path, gh: Path) -> None:
        self.repo, self.gh = repo, gh
        self.bare = tmp_path / "hub" / "team" / "app.git"
        self.opened: list[dict[str, Any]] = []
        repo.commit("first", {"a": "1\n"})
        repo.git("clone", "-q", "--bare", str(repo.root), str(self.bare))
        repo.git("remote", "add", "hub", str(self.bare))
        self.clone = tmp_path / "clone"
        repo.git("clone", "-q", str(self.bare), str(self.clone))

    def open(self, number: int, files: dict[str, str], base: str = "main", **more: Any) -> str:
        """Opens a pull request from a fork, so that only its own ref holds its head; the head."""
        self.repo.git("checkout", "-q", "--detach", base)
        head: str = self.repo.commit(f"Work for {number}", files)
        self.repo.git("push", "-q", "hub", f"HEAD:refs/pull/{number}/head")
        self.repo.git("checkout", "-q", "main")
        self.opened.append(
            {
                "number": number,
                "title": f"Title {number}",
                "body": f"Body {number}",
                "author": {"login": "someone", "is_bot": False},
                "labels": [{"name": "bug", "color": "x"}],
                "isDraft": False,
                "baseRefName": base,
                "headRefName": f"topic-{number}",
                "url": f"https://github.com/Team/App/pull/{number}",
            }
            | more
        )
        self.answer(self.opened)
        return head

    def answer(self, value: object) -> None:
        """What gh answers from now on."""
        self.gh.with_name("gh.json").write_text(json.dumps(value))

    def asked(self) -> list[str]:
        """The arguments gh was last given."""
        return self.gh.with_name("gh.asked").read_text().splitlines()


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script that is found as gh."""
    script = tmp_path / "bin" / "gh"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    script.chmod(0o755)
    script.with_name("gh.json").write_text("[]")
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/local/bin:/usr/bin:/bin")
    return script


@pytest.fixture
def github(repo: Any, tmp_path: Path, gh: Path) -> GitHub:
    """Nothing opened yet."""
    return GitHub(repo, tmp_path, gh)


def names(found: list[Item | Skip]) -> list[str]:
    return [each.name if isinstance(each, Item) else f"{each.key}: {each.reason}" for each in found]


def refs(folder: Path) -> list[str]:
    done = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname) %(objectname)"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().splitlines()


def test_open_pull_request_becomes_an_item_with_its_fields(github: GitHub, gathered: Any) -> None:
    head = github.open(7, {"b": "1\n"})
    github.repo.commit("meanwhile", {"m": "1\n"})
    github.repo.git("push", "-q", "hub", "main")

    [found] = gathered(github.clone, GH)

    commits = found.fields.pop("commits")
    assert [(each["sha"], each["subject"]) for each in commits] == [(head, "Work for 7")]
    assert found == Item(
        name="7",
        fields={
            "number": "7",
            "pr": 7,
            "part": 1,
            "parts": 1,
            "title": "Title 7",
            "body": "Body 7",
            "author": "someone",
            "labels": ["bug"],
            "url": "https://github.com/Team/App/pull/7",
            "branch": "topic-7",
            "base": "main",
            "head": head,
            "diff": "## b (added)\n@@ new lines 1-1 @@\n     1 +1",
            "files": ["b"],
        },
        material={"head": head, "hunks": {"b": [[1, 1]]}},
    )


def test_gh_is_asked_once_for_what_the_recipe_says(github: GitHub, gathered: Any) -> None:
    gathered(github.clone, f'{GH}\nbase = "v2"\nlabels = ["bug", "good first issue"]\nlimit = 5')

    assert github.asked() == [
        "pr",
        "list",
        "--state=open",
        "--limit=110",
        "--json=number,title,body,author,labels,isDraft,baseRefName,headRefName,url",
        "--base=v2",
        "--label=bug",
        "--label=good first issue",
    ]


def test_without_a_limit_one_more_is_asked_for_than_a_run_may_hold(github: GitHub, gathered: Any) -> None:
    gathered(github.clone, GH, "max_jobs = 300")

    assert "--limit=301" in github.asked()


def test_no_open_pull_request_is_no_item_and_no_fetch(github: GitHub, gathered: Any) -> None:
    (github.bare / "HEAD").unlink()

    assert gathered(github.clone, GH) == []


def test_heads_and_bases_are_fetched_at_once_and_nothing_else_moves(github: GitHub, gathered: Any) -> None:
    github.repo.git("push", "-q", "hub", "main:refs/heads/release/1", "main:refs/heads/release-2")
    github.repo.git("branch", "release/1")
    heads = [
        github.open(number, {f"f{number}": "1\n"}, base) for number, base in ((1, "main"), (2, "release/1"))
    ]
    github.repo.commit("meanwhile")
    github.repo.git("push", "-q", "hub", "main", "HEAD:refs/tags/v9")
    before = refs(github.clone)

    found = gathered(github.clone, GH)

    new = sorted(set(refs(github.clone)) - set(before))
    assert names(found) == ["1", "2"]
    assert [line for line in new if "refs/lanectl/pr/" in line] == [
        f"refs/lanectl/pr/1 {heads[0]}",
        f"refs/lanectl/pr/2 {heads[1]}",
    ]
    assert len([line for line in new if "refs/lanectl/base/" in line]) == 2
    assert len(new) == 4
    assert not (github.clone / ".git" / "FETCH_HEAD").exists()


def test_pull_request_that_was_pushed_over_is_fetched_again(github: GitHub, gathered: Any) -> None:
    github.open(1, {"b": "1\n"})
    gathered(github.clone, GH)
    github.opened.clear()
    github.repo.git("push", "-q", "hub", ":refs/pull/1/head")
    head = github.open(1, {"c": "1\n"})

    [found] = gathered(github.clone, GH)

    assert (found.fields["head"], found.fields["files"]) == (head, ["c"])


def test_bases_whose_names_exclude_each_other_can_follow(github: GitHub, gathered: Any) -> None:
    github.repo.git("branch", "x")
    github.repo.git("push", "-q", "hub", "x")
    github.open(1, {"b": "1\n"}, "x")
    gathered(github.clone, GH)
    github.opened.clear()
    github.repo.git("branch", "-m", "x", "x/y")
    github.repo.git("push", "-q", "hub", ":x", "x/y")
    github.open(2, {"c": "1\n"}, "x/y")

    assert names(gathered(github.clone, GH)) == ["2"]


def test_drafts_are_named_or_sent_as_the_recipe_says(github: GitHub, gathered: Any) -> None:
    github.open(1, {"b": "1\n"}, isDraft=True)
    github.open(2, {"c": "1\n"})

    assert gathered(github.clone, GH)[0] == Skip("1", "draft", "Title 1")
    assert names(gathered(github.clone, GH)) == ["1: draft", "2"]
    assert names(gathered(github.clone, f"{GH}\nskip_drafts = false")) == ["1", "2"]
    assert names(gathered(github.clone, f"{GH}\nlimit = 1")) == ["1: draft", "2"]


def test_limit_keeps_the_first_listed(github: GitHub, gathered: Any) -> None:
    for number in (3, 2, 1):
        github.open(number, {f"f{number}": "1\n"})

    assert names(gathered(github.clone, f"{GH}\nlimit = 2")) == ["3", "2"]
    assert [line for line in refs(github.clone) if line.startswith("refs/lanectl/pr/1 ")] == []


def test_large_pull_request_is_named_or_split(github: GitHub, gathered: Any) -> None:
    github.open(1, {"b": "b" * 60, "c": "c" * 60})

    assert names(gathered(github.clone, GH, "max_item_bytes = 160")) == ["1: too large"]
    assert names(gathered(github.clone, GH, 'max_item_bytes = 160\ntoo_large = "split"')) == ["1.1", "1.2"]


def test_remote_is_found_by_the_address_of_the_pull_request(
    github: GitHub, gathered: Any, tmp_path: Path
) -> None:
    fork = tmp_path / "hub" / "me" / "app.git"
    github.repo.git("clone", "-q", "--bare", str(github.repo.root), str(fork))
    head = github.open(1, {"b": "1\n"})
    github.repo.git("push", "-q", str(fork), "main:refs/pull/1/head")
    for key, value in {"remote.origin.url": str(fork), "remote.upstream.url": f"{github.bare}/"}.items():
        subprocess.run(["git", "config", key, value], cwd=github.clone, check=True)

    [found] = gathered(github.clone, GH)

    assert found.fields["head"] == head


def test_repository_without_a_fitting_remote_is_fetched_by_its_address(
    github: GitHub, gathered: Any, tmp_path: Path
) -> None:
    head = github.open(1, {"b": "1\n"})
    for key, value in {
        "remote.origin.url": str(tmp_path / "elsewhere.git"),
        f"url.{github.bare}.insteadOf": "https://github.com/Team/App.git",
    }.items():
        subprocess.run(["git", "config", key, value], cwd=github.clone, check=True)

    [found] = gathered(github.clone, GH)

    assert found.fields["head"] == head


def test_hostile_texts_are_data(github: GitHub, gathered: Any) -> None:
    github.open(
        1, {"b": "1\n"}, title="x\x00\ud800", body=None, author=None, labels=None, headRefName="--evil"
    )

    [found] = gathered(github.clone, GH)

    assert (found.fields["title"], found.fields["body"], found.fields["branch"]) == (
        "x\ufffd\ufffd",
        "",
        "--evil",
    )
    assert (found.fields["author"], found.fields["labels"]) == ("Test", [])


UNREADABLE = [
    {"not": "a list"},
    ["text"],
    [{}],
    [{"number": "x", "baseRefName": "main"}],
    [{"number": 1, "baseRefName": "--upload-pack=x"}],
    [{"number": 1, "baseRefName": "main\n+refs/heads/*:refs/heads/*"}],
    [{"number": 1, "baseRefName": "a:refs/heads/main"}],
    [{"number": 1, "baseRefName": "main", "url": "https://github.com/../../x/pull/1"}],
    [{"number": 1, "baseRefName": "main", "url": "ext::sh"}],
]


@pytest.mark.parametrize("listing", UNREADABLE, ids=str)
def test_listing_that_cannot_be_is_one_error(github: GitHub, gathered: Any, listing: object) -> None:
    github.answer(listing)
    before = refs(github.clone)

    with pytest.raises(LanectlError) as caught:
        gathered(github.clone, GH)

    assert caught.value.hint in ("gh pr list --json number", "gh pr list")
    assert refs(github.clone) == before


def test_missing_gh_is_no_access_with_one_hint(
    github: GitHub, gathered: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    only_git = tmp_path / "only-git"
    only_git.mkdir()
    git = (
        subprocess.run(["sh", "-c", "command -v git"], capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    (only_git / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(only_git))

    with pytest.raises(NoAccess, match="gh is not installed") as caught:
        gathered(github.clone, GH)

    assert caught.value.hint in ("sudo apt install gh", "brew install gh")


def test_gh_without_a_login_is_no_access_with_one_hint(github: GitHub, gathered: Any) -> None:
    github.gh.write_text("#!/bin/sh\necho 'To get started, please run:  gh auth login' >&2\nexit 4\n")

    with pytest.raises(NoAccess, match="gh is not logged in") as caught:
        gathered(github.clone, GH)

    assert caught.value.hint == "gh auth login"


def test_github_out_of_reach_is_for_later(github: GitHub, gathered: Any) -> None:
    github.gh.write_text("#!/bin/sh\necho 'error connecting to api.github.com' >&2\nexit 1\n")

    with pytest.raises(TryLater):
        gathered(github.clone, GH)
