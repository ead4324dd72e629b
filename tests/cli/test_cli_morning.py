"""The morning at the prompt: who is told, what a schedule writes, what is posted, and the JUnit form."""

import plistlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.cli_world import RECIPE, Cli
from tests.ports import deaf_port


def configured(cli: Cli, text: str) -> None:
    """Write the configuration file."""
    path = Path(cli("config", "path", "--json").data["config_path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address on this machine at which nobody listens."""
    with deaf_port() as number:
        yield f"http://127.0.0.1:{number}/hook/a-secret"


@pytest.mark.usefixtures("provider")
def test_target_that_is_down_warns_once_and_changes_no_code(cli: Cli, repo: Path, deaf: str) -> None:
    (repo / "recipes" / "notes.toml").write_text(RECIPE.replace("[run]", '[run]\nnotify = ["team"]'))
    configured(cli, f'[notify.team]\nurl = "{deaf}"\nallow_private = true\n')
    assert cli("submit", "notes").code == 0
    ran = cli("pull", "--wait", "--json")
    assert (ran.code, ran.whole["exit"]["name"]) == (0, "ok")
    (warning,) = ran.whole["warnings"]
    assert warning.startswith("team could not be told, and will be again: no connection")
    assert "a-secret" not in ran.out + ran.err
    again = cli("tick")
    assert (again.code, again.out, again.err) == (0, "", "")


@pytest.mark.usefixtures("pulled")
def test_post_of_a_run_without_reviews_is_a_usage_error(cli: Cli) -> None:
    ran = cli("post", "latest")
    assert ran.code == 2
    assert "left no reviews of pull requests" in ran.err


@pytest.mark.usefixtures("pulled")
def test_junit_form_is_a_case_a_job(cli: Cli) -> None:
    (suite,) = ET.fromstring(cli("digest", "latest", "--format", "junit").out)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "0", "0")
    assert [case.get("name") for case in suite] == ["alpha.txt", "beta.txt", "gamma.txt"]


def test_schedule_shows_and_writes_nothing(cli: Cli, repo: Path, home: Path) -> None:
    before = sorted(home.rglob("*"))
    ran = cli("schedule", "notes", "--at", "02:30", "--system", "cron")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("# >>> lanectl notes-")
    assert lines[1].startswith("30 2 * * * ")
    assert f"submit notes --repo {repo}" in lines[1]
    assert "it will see no key" in ran.err
    assert [path for path in sorted(home.rglob("*")) if path not in before and path.suffix == ".plist"] == []


@pytest.mark.usefixtures("repo")
def test_schedule_says_what_a_runner_will_not_have(cli: Cli) -> None:
    own = cli("recipes", "new", "mine", "--from", "pr-review", "--json").data["path"]
    shared = cli("schedule", "notes", "pr-review", "--system", "github")
    assert (shared.code, shared.err) == (0, "")
    alone = cli("schedule", "notes", "mine", "--system", "github")
    assert alone.code == 0
    assert f"GitHub will not find {own}: copy it into " in alone.err
    assert cli("schedule", "mine", "--system", "github", "--install").code == 78


def test_schedule_that_would_fail_at_night_is_not_installed(cli: Cli, repo: Path) -> None:
    assert repo.is_dir()
    ran = cli("schedule", "notes", "--system", "systemd", "--install", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (78, "config")
    assert ran.whole["error"]["message"].startswith("nothing was installed: ")


def test_schedule_in_json_has_the_text_and_what_is_wrong(cli: Cli, repo: Path) -> None:
    data = cli("schedule", "notes", "--system", "launchd", "--repo", str(repo), "--json").data
    assert (data["system"], data["done"]) == ("launchd", None)
    assert data["problems"]
    first = data["text"].split("\n", 1)[1].partition("</plist>")[0] + "</plist>"
    assert plistlib.loads(first.encode())["StartCalendarInterval"] == {"Hour": 2, "Minute": 0}


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("notes", "--at", "25:00"), 2),
        (("notes", "--install", "--remove"), 2),
        (("nothere",), 78),
        ((), 2),
    ],
)
def test_schedule_that_cannot_be_is_refused(cli: Cli, repo: Path, argv: tuple[str, ...], code: int) -> None:
    assert repo.is_dir()
    assert cli("schedule", *argv).code == code
