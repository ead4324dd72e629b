"""A codemod's patches reach only the file they were asked about, and only while it is the file that was
sent."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lanectl.api import connect
from lanectl.config import Flags, load
from lanectl.errors import HeldError, LanectlError, UsageError
from lanectl.lane import apply
from lanectl.lane.context import Lane
from lanectl.lane.prepare import Wishes
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from lanectl.recipe.load import load as load_recipe
from lanectl.sandbox.server import Sandbox
from lanectl.state import runs
from lanectl.state.runs import Run

RECIPE = """
name = "mend"
[lane]
model = "claude-sonnet-5-5"
max_tokens = 4000
[source]
kind = "files"
include = ["**/*.py", ".github/workflows/*.yml"]
[job]
key = "{{ item.path }}"
prompt = "Mend {{ item.path }}:\\n\\n{{ item.text }}"
[output]
kind = "edits"
[run]
pilot = 0
"""
FILES = {
    "one.py": "def one() -> int:\n    return 1\n",
    "src/two.py": "def two() -> int:\n    return 2\n",
    ".github/workflows/ci.yml": "on: push\njobs: {}\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two modules and a workflow, all committed."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "mend.toml").write_text(RECIPE)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


@pytest.fixture
def lane(tmp_path: Path, home: Path) -> Lane:
    """A lane whose codemod has been pulled."""
    settings = load(environ={"LANECTL_HOME": str(home / "lanectl")}, flags=Flags(sandbox=True))
    return Lane(settings, lambda salt: connect(salt=salt, timeout_s=60, base_url=_url(tmp_path), key="k"))


def _url(_: Path) -> str:
    raise AssertionError("applying asks the provider nothing")


@pytest.fixture
def run(lane: Lane, repo: Path, tmp_path: Path) -> Run:
    """The pulled codemod."""
    with (
        Sandbox(tmp_path / "provider", duration_s=0) as box,
        Lane(
            lane.settings, lambda salt: connect(salt=salt, timeout_s=60, base_url=box.url, key="k")
        ) as sending,
    ):
        sent = submit(sending, load_recipe(repo / "mend.toml"), Wishes(repo=repo))
        pull(sending)
        return runs.get_run(sending.db, str(sent.run))


def states(applied: apply.Applied) -> dict[str, str]:
    """What became of each file."""
    return {change.path: change.state for change in applied.changes}


def test_look_changes_nothing_and_refuses_what_runs_in_ci(lane: Lane, run: Run, repo: Path) -> None:
    with lane:
        looked = apply.look(lane, run)
    assert states(looked) == {".github/workflows/ci.yml": "refused", "one.py": "ready", "src/two.py": "ready"}
    assert {name: (repo / name).read_text() for name in FILES} == FILES


def test_allowed_sensitive_file_is_ready(lane: Lane, run: Run) -> None:
    with lane:
        looked = apply.look(lane, run, allow=frozenset({"sensitive"}))
    assert set(states(looked).values()) == {"ready"}


def test_file_that_moved_since_submit_is_refused_and_the_rest_applies(
    lane: Lane, run: Run, repo: Path
) -> None:
    (repo / "one.py").write_text("def one() -> int:\n    return 11\n")
    (repo / "src/two.py").unlink()
    with lane:
        looked = apply.look(lane, run)
    assert states(looked) == {".github/workflows/ci.yml": "refused", "one.py": "moved", "src/two.py": "moved"}


def test_combined_patch_applies_with_git(lane: Lane, run: Run, repo: Path) -> None:
    with lane:
        done = apply.combine(run, apply.look(lane, run))
    assert done.combined is not None
    subprocess.run(["git", "-C", str(repo), "apply", "--check", str(done.combined)], check=True)
    assert (repo / "one.py").read_text() == FILES["one.py"]


def test_written_twice_is_told_as_applied(lane: Lane, run: Run, repo: Path) -> None:
    with lane:
        first = apply.write(run, apply.look(lane, run), choose=lambda change: change.path == "one.py")
        again = apply.look(lane, run)
    assert states(first)["one.py"] == "written"
    assert states(first)["src/two.py"] == "declined"
    assert states(again)["one.py"] == "applied"
    assert (repo / "one.py").read_text() != FILES["one.py"]


def test_branch_holds_one_commit_with_what_applied(lane: Lane, run: Run, repo: Path) -> None:
    with lane:
        done = apply.branch(run, apply.look(lane, run), "codemod")
    told = subprocess.run(
        ["git", "-C", str(repo), "show", "--stat=80", "--format=%s", "codemod"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert done.branch == "codemod"
    assert told.splitlines()[0] == "mend: 2 files"
    assert "src/two.py" in told
    assert "ci.yml" not in told


@pytest.mark.parametrize("detached", [False, True])
def test_branch_that_git_refuses_leaves_everything_as_it_was(
    lane: Lane, run: Run, repo: Path, *, detached: bool
) -> None:
    def ask(*command: str) -> str:
        done = subprocess.run(["git", "-C", str(repo), *command], check=True, capture_output=True, text=True)
        return done.stdout

    if detached:
        ask("switch", "-q", "--detach")
    before = ask("status", "--branch", "--porcelain"), ask("for-each-ref"), ask("rev-parse", "HEAD")
    with lane:
        found = apply.look(lane, run)
        *first, last = found.changes
        patch = b"--- a/one.py\n+++ b/one.py\n@@ -9 +9 @@\n-gone\n+here\n"
        broken = replace(found, changes=(*first, replace(last, state="ready", patch=patch)))
        with pytest.raises(LanectlError, match="git apply failed"):
            apply.branch(run, broken, "codemod")
    assert before == (ask("status", "--branch", "--porcelain"), ask("for-each-ref"), ask("rev-parse", "HEAD"))


def test_commit_by_nobody_leaves_everything_as_it_was(
    lane: Lane, run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    subprocess.run(["git", "-C", str(repo), "config", "user.useConfigOnly", "true"], check=True)
    with lane, pytest.raises(LanectlError, match="git commit failed"):
        apply.branch(run, apply.look(lane, run), "codemod")
    told = subprocess.run(
        ["git", "-C", str(repo), "status", "--branch", "--porcelain", "--untracked-files=no"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "## main\n"


def test_branch_in_a_dirty_tree_is_held(lane: Lane, run: Run, repo: Path) -> None:
    (repo / "one.py").write_text("mine\n")
    with lane, pytest.raises(HeldError, match="changes of its own"):
        apply.branch(run, apply.look(lane, run), "codemod")


@pytest.mark.parametrize("name", ["-rf", "a..b", "main", ""])
def test_bad_branch_name_is_a_usage_error(lane: Lane, run: Run, name: str) -> None:
    with lane, pytest.raises(UsageError):
        apply.branch(run, apply.look(lane, run), name)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"diff --git a/one.py b/one.py\nold mode 100644\nnew mode 100755\n", "a mode"),
        (b"--- a/other.py\n+++ b/other.py\n@@ -1 +1 @@\n-x\n+y\n", "another file"),
        (b"--- a/../one.py\n+++ b/../one.py\n@@ -1 +1 @@\n-x\n+y\n", "another file"),
        (
            b"diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n",
            "a mode",
        ),
        (
            b"--- a/one.py\n+++ b/one.py\n@@ -1 +1 @@\n-x\n+y\n"
            b"diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-x\n+y\n",
            "another file",
        ),
    ],
    ids=["mode", "other-file", "traversal", "symlink", "second-file"],
)
def test_edited_patch_that_reaches_further_is_refused(
    lane: Lane, run: Run, damage: bytes, reason: str
) -> None:
    (Path(run.artifacts) / "patches/one.py.patch").write_bytes(damage)
    with lane:
        (change,) = [one for one in apply.look(lane, run).changes if one.path == "one.py"]
    assert change.state == "refused"
    assert reason in change.detail


def test_run_that_is_no_codemod_is_a_usage_error(lane: Lane, repo: Path, tmp_path: Path) -> None:
    (repo / "mend.toml").write_text(RECIPE.replace('kind = "edits"', 'kind = "text"'))
    with (
        Sandbox(tmp_path / "provider", duration_s=0) as box,
        Lane(lane.settings, lambda salt: connect(salt=salt, timeout_s=60, base_url=box.url, key="k")) as one,
    ):
        sent = submit(one, load_recipe(repo / "mend.toml"), Wishes(repo=repo))
        with pytest.raises(UsageError, match="not edits"):
            apply.look(one, runs.get_run(one.db, str(sent.run)))
