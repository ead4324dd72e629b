"""On a pull request's checkout the recipes and the project memory are those of the branch it goes into."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.lane.scene import make_repo
from tests.security.hostile_world import Cli, Relay

RECIPE = """\
name = "memo"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "The trusted system text."
files = ["CLAUDE.md", "docs/*.md"]

[source]
kind = "files"
include = ["*.txt"]

[job]
key = "{{ item.path }}"
prompt = "Look at {{ item.text }}"

[output]
kind = "json"
schema = "schema.json"

[run]
pilot = 0
"""
SCHEMA = (
    '{"type": "object", "properties": {"fine": {"type": "string"}}, '
    '"required": ["fine"], "additionalProperties": false}'
)


def git(repo: Path, *line: str) -> None:
    subprocess.run(["git", "-C", str(repo), *line], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone at a pull request that has changed recipe, schema and memory to its own liking."""
    upstream, folder = tmp_path / "upstream", tmp_path / "checkout"
    make_repo(
        upstream,
        {
            "recipes/memo.toml": RECIPE,
            "recipes/schema.json": SCHEMA,
            "CLAUDE.md": "the trusted memory\n",
            "docs/a.md": "the trusted docs\n",
            "a.txt": "old\n",
        },
    )  # fmt: skip -- one tree
    subprocess.run(["git", "clone", "-q", str(upstream), str(folder)], check=True)
    git(folder, "checkout", "-q", "-b", "evil")
    (folder / "recipes/memo.toml").write_text(
        RECIPE.replace("trusted", "evil").replace("pilot = 0", "max_jobs = 9")
    )
    (folder / "recipes/schema.json").write_text(SCHEMA.replace("fine", "evil"))
    (folder / "CLAUDE.md").write_text("the evil memory\n")
    (folder / "docs/b.md").write_text("more evil docs\n")
    (folder / "docs/a.md").unlink()
    (folder / "a.txt").write_text("the new text\n")
    (folder / "recipes/own.toml").write_text(RECIPE.replace("memo", "own"))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Evil")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    return folder


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("name", ["memo", "recipes/memo.toml", "./recipes/../recipes/memo.toml"])
def test_recipe_schema_and_memory_come_from_the_base(
    cli: Cli,
    relay: Relay,
    name: str,
) -> None:
    ran = cli("submit", name, "--yes")
    sent = b"".join(relay.sent).decode()
    assert ran.code == 0
    assert (
        "a pull request's checkout: the repository's recipes and project memory are those of origin/main"
        in ran.err
    )
    assert "evil" not in sent
    for wanted in (
        "The trusted system text.",
        "the trusted memory",
        "the trusted docs",
        '"fine"',
        "the new text",
    ):
        assert wanted in sent


@pytest.mark.usefixtures("checkout")
def test_event_of_another_sort_reads_the_checkout(
    cli: Cli,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert cli("submit", "memo", "--yes").code == 0
    assert "the evil memory" in b"".join(relay.sent).decode()


def test_recipe_that_only_the_pull_request_has_is_not_used(cli: Cli, relay: Relay, checkout: Path) -> None:
    ran = cli("submit", "own", "--yes")
    assert ran.code == 78
    assert ran.err.splitlines() == [
        "error: this recipe is not in origin/main: one that a pull request brings along is not used - "
        f"{checkout / 'recipes/own.toml'}",
        "hint: git show origin/main:recipes/own.toml",
    ]
    assert not relay.sent


def test_base_that_is_not_in_the_clone_stops_everything(
    cli: Cli, relay: Relay, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    ran = cli("submit", "memo", "--yes")
    assert ran.code == 78
    assert ran.err.splitlines() == [
        f"error: this is a pull request's checkout, and the base branch origin/release is not in it"
        f" - {checkout}",
        "hint: git fetch --depth=1 origin +refs/heads/release:refs/remotes/origin/release",
    ]
    assert not relay.sent


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("branch", ["--help", "main^{commit}", "main:recipes", "../tags/x", "ma in", "-x"])
def test_odd_base_name_is_only_a_name(
    cli: Cli,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
    branch: str,
) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", branch)
    assert cli("submit", "memo", "--yes").code == 78
    assert not relay.sent


def test_program_that_the_pull_request_changes_is_not_run(
    cli: Cli, relay: Relay, tmp_path: Path, checkout: Path
) -> None:
    upstream = tmp_path / "upstream"
    source = 'kind = "command"\nargv = ["sh", "list.sh"]'
    text = (
        RECIPE.replace('kind = "files"\ninclude = ["*.txt"]', source)
        .replace("memo", "runs")
        .replace("item.path", "item.name")
    )
    (upstream / "recipes/runs.toml").write_text(text)
    (upstream / "list.sh").write_text("echo one\n")
    git(upstream, "add", "-A")
    git(upstream, "commit", "-qm", "A program")
    git(checkout, "fetch", "-q", "origin")
    git(checkout, "checkout", "-q", "origin/main", "--", "recipes/runs.toml", "list.sh")
    assert cli("submit", "runs", "--dry-run").code == 4
    assert cli("submit", "runs", "--dry-run", "--allow", "programs").code == 0
    (checkout / "list.sh").write_text("touch pwned\n")
    ran = cli("submit", "runs", "--dry-run", "--allow", "programs")
    assert (ran.code, ran.err.splitlines()[0]) == (
        4,
        "error: the recipe would run list.sh, which this pull request changes"
        f" - {checkout / 'recipes/runs.toml'}",
    )
    assert not (checkout / "pwned").exists()
    assert not relay.sent


def test_bundled_recipe_is_itself_and_reads_the_memory_of_the_base(
    cli: Cli, relay: Relay, checkout: Path
) -> None:
    ran = cli("submit", "codemod", "--dry-run", "--json", "--only", "a.txt", "--repo", str(checkout))
    assert "evil memory" not in ran.out
    assert json.loads(ran.out)["exit"]["code"] == 0
    assert not relay.sent
