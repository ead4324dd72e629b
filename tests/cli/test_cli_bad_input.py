"""Bad input of every kind: one line, one hint, the right code, and nothing half-written."""

import os
from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import RECIPE, Cli
from tests.ports import deaf_port, port_of


def one_line_one_hint(told: list[str]) -> bool:
    """Whether stderr is an error of one line and a hint that names one command."""
    return len(told) == 2 and told[0].startswith("error: ") and told[1].startswith("hint: ")


def written(folder: Path) -> list[str]:
    """Everything below a folder that is not git's."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if ".git/" not in f"{path}/" or path == folder
    )


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param(("name = ", "name "), 78, "not valid TOML", id="bad TOML"),
        pytest.param(("max_tokens", "max_token"), 78, "max_tokens", id="unknown key"),
        pytest.param(("{{ item.text }}", "{{ item.txet }}"), 78, "item.txet", id="undefined name"),
        pytest.param(("{{ item.text }}", "{{ item.text"), 78, "[job] prompt", id="broken template"),
        pytest.param(
            ('"{{ item.path }}"', "\"{{ 'same' }}{{ item.path | length }}\""), 78, "two items", id="one key"
        ),
        pytest.param(('kind = "files"', 'kind = "flies"'), 78, "files", id="unknown source"),
        pytest.param(('kind = "markdown"', 'kind = "markdwon"'), 78, "markdown", id="unknown output"),
        pytest.param(("claude-sonnet-5-5", ""), 78, "[lane] model", id="empty model"),
        pytest.param(("max_tokens = 2000", 'effort = "highest"'), 78, "[lane] effort", id="unknown effort"),
        pytest.param(("[lane]", "[lane]\nmax_tokens = 0\n[lane2]"), 78, "lane2", id="unknown table"),
    ],
)
def test_recipe_that_cannot_be_used_is_told_in_one_line(
    cli: Cli, provider: Sandbox, repo: Path, change: tuple[str, str], code: int, words: str
) -> None:
    text = RECIPE.replace(*change)
    assert text != RECIPE
    (repo / "recipes" / "notes.toml").write_text(text)
    before = written(repo)
    ran = cli("submit", "recipes/notes.toml")
    assert (ran.code, ran.out) == (code, "")
    assert one_line_one_hint(ran.told), ran.err
    assert words in ran.told[0]
    assert provider.ledger() == []
    assert written(repo) == before


@pytest.mark.usefixtures("repo", "provider")
def test_unknown_recipe_names_the_nearest(cli: Cli) -> None:
    ran = cli("submit", "nots")
    assert (ran.code, ran.out) == (78, "")
    assert one_line_one_hint(ran.told)
    assert "notes" in ran.told[0]
    assert ran.told[1] == "hint: lanectl recipes list"


def test_binary_and_non_utf8_files_are_skipped_by_name(cli: Cli, provider: Sandbox, repo: Path) -> None:
    (repo / "delta.txt").write_bytes(b"\x00\x01\x02")
    (repo / "epsilon.txt").write_bytes(b"caf\xe9")
    (repo / "zeta.txt").write_bytes(b"")
    ran = cli("submit", "notes", "--json")
    assert ran.code == 0
    assert [(one["key"], one["reason"]) for one in ran.data["runs"][0]["skipped"]] == [
        ("delta.txt", "binary"),
        ("epsilon.txt", "not utf-8"),
        ("zeta.txt", "empty"),
    ]
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("repo")
def test_no_key_is_no_access_and_nothing_is_recorded(cli: Cli) -> None:
    ran = cli("submit", "notes")
    assert (ran.code, ran.out) == (77, "")
    assert one_line_one_hint(ran.told)
    assert cli("status", "--all", "--json").data["runs"] == []


@pytest.mark.usefixtures("repo")
def test_refused_key_is_no_access_and_nothing_is_recorded(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("list", status=401, times=-1),)))
    ran = cli("submit", "notes")
    assert (ran.code, ran.out) == (77, "")
    assert one_line_one_hint(ran.told)
    assert ran.told[1] == "hint: lanectl doctor"
    assert cli("status", "--all", "--json").data["runs"] == []


@pytest.mark.usefixtures("repo")
def test_no_network_is_try_later_and_nothing_is_recorded(cli: Cli, provider: Sandbox) -> None:
    provider.stop()
    with deaf_port(port_of(provider.url)):
        ran = cli("submit", "notes")
    assert (ran.code, ran.out) == (75, "")
    assert one_line_one_hint(ran.told)
    assert cli("status", "--all", "--json").data["runs"] == []


@pytest.mark.usefixtures("provider")
def test_history_of_what_is_no_repository_is_a_config_error(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    ran = cli("submit", "release-notes")
    assert (ran.code, ran.out) == (78, "")
    assert one_line_one_hint(ran.told)
    assert "needs a git repository" in ran.told[0]


@pytest.mark.usefixtures("repo", "provider")
def test_folder_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    ran = cli("submit", "notes", "--repo", "nowhere")
    assert (ran.code, ran.out) == (2, "")
    assert one_line_one_hint(ran.told)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("repo", "provider")
def test_output_folder_that_cannot_be_written_is_told_at_pull(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert cli("submit", "notes", "--out", str(tmp_path / "locked")).code == 0
    ran = cli("pull", "--wait")
    assert ran.code == 1
    assert one_line_one_hint(ran.told)


@pytest.mark.usefixtures("repo", "provider")
def test_file_where_the_output_folder_must_be_is_told_and_nothing_is_half_written(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine\n")
    cli("submit", "notes", "--out", str(tmp_path / "out"))
    ran = cli("pull", "--wait")
    assert ran.code == 1
    assert one_line_one_hint(ran.told)
    assert (tmp_path / "out").read_text() == "mine\n"


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["--set", "reader"], id="set without value"),
        pytest.param(["--pilot", "some"], id="pilot that is no number"),
        pytest.param(["--limit", "0"], id="limit of nothing"),
        pytest.param(["--max-cost", "-1"], id="cap below nothing"),
        pytest.param(["--cache", "2h"], id="unknown cache"),
        pytest.param(["--allow", "secrets:0123456789abcdef"], id="allow of an unknown kind"),
    ],
)
@pytest.mark.usefixtures("repo", "provider")
def test_flag_that_cannot_be_is_a_usage_error(cli: Cli, argv: list[str]) -> None:
    ran = cli("submit", "notes", *argv)
    assert (ran.code, ran.out) == (2, "")
    assert one_line_one_hint(ran.told)


@pytest.mark.usefixtures("repo")
def test_value_that_is_no_choice_is_told_with_the_choices_alone(cli: Cli) -> None:
    assert cli("spend", "--by", "hour").told[0] == (
        "error: invalid value for '--by': 'hour' is not one of 'day', 'recipe', 'model', 'run'"
        " - lanectl spend"
    )


@pytest.mark.usefixtures("repo", "provider")
def test_unknown_variable_names_those_of_the_recipe(cli: Cli) -> None:
    ran = cli("submit", "notes", "--set", "raeder=x")
    assert ran.code == 2
    assert one_line_one_hint(ran.told)
    assert "reader" in ran.told[0]


def test_hostile_names_reach_no_terminal(cli: Cli, provider: Sandbox, repo: Path) -> None:
    (repo / "\x1b[2Jevil.txt").write_text("x")
    (repo / "\x1b[2Jbad.txt").write_bytes(b"\x00")
    ran = cli("submit", "notes", "-v")
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert "\x1b" not in cli("pull", "--wait", "-v").out
    assert "\x1b" not in cli("show", "latest").out
    assert len(provider.ledger()) == 1
