"""The demo: the whole loop with no key, on whatever one stands in, and nothing written there."""

import re
from pathlib import Path

import pytest

from tests.cli.cli_world import Cli, git, make_repo

MARK = "(sandbox: no model was called)"


def merged(folder: Path, count: int) -> None:
    """A repository with so many merged pull requests."""
    make_repo(folder, {"README.md": "A shop.\n"})
    for number in range(1, count + 1):
        git(folder, "checkout", "-q", "-b", f"topic-{number}")
        (folder / f"part{number}.py").write_text(f"def part{number}(x):\n    return x + {number}\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"Add part {number}")
        git(folder, "checkout", "-q", "main")
        git(
            folder,
            "merge",
            "-q",
            "--no-ff",
            "-m",
            f"Merge pull request #{number} from a/b",
            f"topic-{number}",
        )


def marked(out: str) -> bool:
    """Whether the first line, the last line, and every title say that no model was called."""
    lines = out.splitlines()
    titles = [
        line for line in lines if line in {"Needs you", "Written", "Not done", "Runs and money", "Next"}
    ]
    return MARK in lines[0] and "sandbox: no model was called" in lines[-1] and not titles


def test_demo_reviews_the_last_merges(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged(tmp_path / "shop", 4)
    monkeypatch.chdir(tmp_path / "shop")
    ran = cli("demo")
    assert ran.code == 0
    assert marked(ran.out), ran.out
    assert "pr-review, run " in ran.out
    assert "4 jobs" in ran.out
    assert git(tmp_path / "shop", "status", "--porcelain", "--ignored") == ""
    typed = re.findall(r"^lanectl .*", ran.out, flags=re.MULTILINE)
    assert [line.split("  ")[0] for line in typed[1:]] == [
        "lanectl recipes list",
        "lanectl estimate pr-review",
        "lanectl submit pr-review --limit 3",
    ]


@pytest.mark.usefixtures("repo")
def test_demo_without_merges_takes_files_or_its_own_notes(cli: Cli) -> None:
    ran = cli("demo", "--json")
    assert ran.code == 0
    assert ran.data["sandbox"] is True
    assert ran.data["runs"][0]["recipe"] == "demo-notes"
    assert ran.data["runs"][0]["jobs"] == 8
    assert sum(ran.data["pulled"]["runs"][0]["outcomes"].values()) == 8


def test_demo_works_where_there_is_no_repository(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    ran = cli("demo")
    assert ran.code == 0
    assert marked(ran.out), ran.out
    assert list((tmp_path / "plain").iterdir()) == []


@pytest.mark.usefixtures("repo")
def test_demo_leaves_the_paid_state_untouched_and_can_be_looked_at(cli: Cli, home: Path) -> None:
    assert cli("demo").code == 0
    assert not (home / "lanectl" / "state.db").exists()
    assert len(cli("--sandbox", "status", "--json").data["runs"]) == 1
    assert cli("status", "--json").data["runs"] == []
    wrong = cli("status", "--state", str(home / "lanectl" / "sandbox" / "state.db"))
    assert (wrong.code, len(wrong.told)) == (78, 2)
