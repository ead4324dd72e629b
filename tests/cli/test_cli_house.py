"""The house at the prompt: config, doctor, trust, clean, recover, alive, tick, the sandbox as a server."""

from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli, Clock
from tests.ports import deaf_port, port_of


def test_config_show_says_who_set_each_value(cli: Cli, home: Path) -> None:
    assert cli("config", "set", "budget.run_usd", "10").code == 0
    settings = {one["key"]: one for one in cli("config", "show", "--json").data["settings"]}
    path = str(home / "lanectl" / "config.toml")
    assert settings["budget.run_usd"] == {"key": "budget.run_usd", "value": 10, "origin": path}
    assert settings["budget.day_usd"]["origin"] == "default"
    assert settings["state_path"]["origin"] == "environment LANECTL_HOME"


def test_config_set_then_unset_leaves_the_default(cli: Cli, home: Path) -> None:
    path = home / "lanectl" / "config.toml"
    ran = cli("config", "set", "budget.run_usd", "10")
    assert (ran.code, ran.out) == (0, f"budget.run_usd is set in {path}\n")
    assert path.read_text() == "[budget]\nrun_usd = 10\n"
    assert cli("config", "unset", "budget.run_usd").code == 0
    settings = {one["key"]: one for one in cli("config", "show", "--json").data["settings"]}
    assert (settings["budget.run_usd"]["value"], settings["budget.run_usd"]["origin"]) == (25.0, "default")


def test_config_set_leaves_a_file_with_comments_alone(cli: Cli, home: Path) -> None:
    path = home / "lanectl" / "config.toml"
    path.parent.mkdir()
    path.write_text("# mine\n")
    ran = cli("config", "set", "budget.run_usd", "10")
    assert (ran.code, ran.out) == (78, "[budget]\nrun_usd = 10\n")
    assert path.read_text() == "# mine\n"


def test_config_path_works_with_a_broken_file(cli: Cli, home: Path) -> None:
    (home / "lanectl").mkdir()
    (home / "lanectl" / "config.toml").write_text("[budget\n")
    assert cli("status").code == 78
    assert cli("config", "path").code == 0


def test_unknown_key_of_the_configuration_names_the_nearest(cli: Cli, home: Path) -> None:
    (home / "lanectl").mkdir()
    (home / "lanectl" / "config.toml").write_text("[budget]\nrun_us = 10\n")
    ran = cli("status")
    assert (ran.code, ran.out, len(ran.told)) == (78, "", 2)
    assert "run_usd" in ran.told[0]


@pytest.mark.usefixtures("provider")
def test_doctor_looks_at_everything_and_finds_it_well(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    assert ran.code == 0
    assert ran.data["checks"][0]["name"] == "state file"
    assert {one["state"] for one in ran.data["checks"]} <= {"ok", "warn", "skip"}


def test_doctor_without_a_key_fails_and_still_checks_the_rest(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 1
    assert ran.out.splitlines()[1].startswith("ok    state file")
    assert any(line.startswith("bad   ") for line in ran.out.splitlines())
    assert ran.told[0].startswith("error: ")


@pytest.mark.usefixtures("repo")
def test_trust_is_given_listed_and_taken_back(cli: Cli, repo: Path) -> None:
    path = repo / "recipes" / "notes.toml"
    assert [one["path"] for one in cli("trust", str(path), "--json").data["trusted"]] == [str(path)]
    assert str(path) in cli("trust", "--list").out
    assert cli("trust", str(path), "--remove", "--json").data["trusted"] == []
    assert cli("trust").code == 2


@pytest.mark.usefixtures("pulled")
def test_clean_dry_run_takes_nothing(cli: Cli, clock: Clock, home: Path) -> None:
    clock.sleep(60 * 86_400)
    spool = home / "lanectl" / "spool"
    before = sorted(spool.rglob("*"))
    ran = cli("clean", "--dry-run")
    assert "would be removed" in ran.out
    assert sorted(spool.rglob("*")) == before
    assert "removed, " in cli("clean").out
    assert sorted(spool.rglob("*")) != before
    assert cli("clean").out == "nothing to tidy\n"


def test_lost_state_file_is_rebuilt_and_pulled(cli: Cli, provider: Sandbox, sent: str, home: Path) -> None:
    (home / "lanectl" / "state.db").unlink()
    provider.befall(provider.ledger()[0].id, "ended")
    ran = cli("recover", "--json")
    assert (ran.code, ran.data["runs"], ran.data["outcomes"]) == (0, [sent], 3)
    assert cli("pull", sent, "--json").data["runs"][0]["outcomes"] == {"succeeded": 3}


@pytest.mark.usefixtures("provider", "sent")
def test_damaged_state_file_is_kept_aside_by_recover(cli: Cli, home: Path) -> None:
    path = home / "lanectl" / "state.db"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)
    damaged = cli("status")
    assert (damaged.code, damaged.told[-1]) == (1, "hint: lanectl recover")
    ran = cli("recover")
    assert ran.code == 0
    (aside,) = path.parent.glob("state.db.broken-*")
    assert f"warning: the damaged state file is kept as {aside}" in ran.told


def test_alive_is_silent_and_0_when_all_is_well(cli: Cli) -> None:
    ran = cli("alive")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.usefixtures("sent")
def test_alive_fails_when_a_batch_has_gone_quiet(cli: Cli, clock: Clock) -> None:
    clock.sleep(26 * 3600)
    ran = cli("alive", "--json")
    assert ran.code == 1
    assert "has not ended" in ran.data["problems"][0] or "past its expiry" in ran.data["problems"][0]


@pytest.mark.usefixtures("provider")
def test_tick_with_nothing_to_say_prints_nothing(cli: Cli) -> None:
    ran = cli("tick")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_tick_says_what_it_brought_in(cli: Cli, sent: str, clock: Clock) -> None:
    clock.sleep(600)
    ran = cli("tick")
    assert (ran.code, ran.out, ran.err) == (0, f"notes {sent}: 3 succeeded\n", "")
    again = cli("tick")
    assert (again.code, again.out, again.err) == (0, "", "")


@pytest.mark.usefixtures("repo")
def test_tick_is_silent_while_an_answer_is_lost(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", do="drop"),), list_lag_s=3600.0))
    assert cli("submit", "notes", "--pilot-wait", "0").code == 75
    ran = cli("tick")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.usefixtures("sent")
def test_tick_without_network_is_told_to_cron(cli: Cli, provider: Sandbox) -> None:
    provider.stop()
    with deaf_port(port_of(provider.url)):
        ran = cli("tick")
    assert (ran.code, ran.out, len(ran.told)) == (75, "", 2)


def test_sandbox_with_bad_faults_is_a_usage_error(cli: Cli) -> None:
    ran = cli("sandbox", "--faults", '{"bogus": 1}')
    assert (ran.code, ran.out, len(ran.told)) == (2, "", 2)


def test_sandbox_on_a_taken_port_says_so(cli: Cli, provider: Sandbox) -> None:
    port = provider.url.rsplit(":", 1)[1]
    ran = cli("sandbox", "--port", port)
    assert ran.code == 1
    assert ran.told[0].startswith(f"error: port {port} cannot be used: ")
