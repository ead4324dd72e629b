"""Status in its ways: offline, watched, for scripts, for one run, with a provider that cannot be asked."""

import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from lanectl.cli import main
from lanectl.sandbox.faults import Faults, ItemFault, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli, Clock, Ran

ROOT = Path(__file__).parents[2]
HEAVY = ("anthropic", "httpx2", "jinja2", "genai_prices")


@pytest.mark.usefixtures("sent")
def test_exit_status_is_pending_while_something_is_out(cli: Cli) -> None:
    assert cli("status", "--exit-status").code == 8
    assert cli("status").code == 0


@pytest.mark.usefixtures("pulled")
def test_exit_status_is_ok_once_all_is_settled(cli: Cli) -> None:
    assert cli("status", "--exit-status").code == 0


@pytest.mark.usefixtures("repo")
def test_exit_status_is_partial_for_a_run_that_settled_short(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(items=(ItemFault("errored", contains="beta"),)))
    assert cli("submit", "notes", "--wait").code == 3
    assert cli("status", "--exit-status").code == 3


@pytest.mark.usefixtures("repo")
def test_exit_status_is_held_before_anything_else(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", status=400),)))
    assert cli("submit", "notes").code == 4
    ran = cli("status", "--exit-status", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (4, "held")
    assert ran.data["runs"][0]["held"]["hint"].startswith("lanectl release ")


@pytest.mark.usefixtures("repo")
def test_what_needs_a_person_stands_first(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", status=400),)))
    assert cli("submit", "notes").code == 4
    lines = cli("status").out.splitlines()
    assert lines[0] == "Needs you"
    assert lines[1].startswith("notes ")
    assert "held: the provider refused the batch" in lines[1]
    assert lines[3] == "Runs"


def test_unreachable_provider_does_not_hide_what_is_known(cli: Cli, provider: Sandbox, sent: str) -> None:
    provider.set_faults(Faults(wire=(WireFault("retrieve", status=503, times=-1),)))
    ran = cli("status", "--refresh", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (75, "try-later")
    assert [run["run"] for run in ran.data["runs"]] == [sent]


def test_provider_is_asked_at_most_once_a_minute(
    cli: Cli, provider: Sandbox, sent: str, clock: Clock
) -> None:
    before = len(provider.seen)
    assert cli("status", sent).code == 0
    assert len(provider.seen) == before
    clock.sleep(61)
    assert cli("status", sent).code == 0
    assert len(provider.seen) > before


def test_offline_reads_the_state_file_only(cli: Cli, provider: Sandbox, sent: str, clock: Clock) -> None:
    clock.sleep(3600)
    before = len(provider.seen)
    ran = cli("status", "--offline", "--json")
    assert (ran.code, [run["run"] for run in ran.data["runs"]]) == (0, [sent])
    assert len(provider.seen) == before


def test_offline_imports_nothing_that_speaks_or_renders(sent: str) -> None:
    script = (
        "import sys\n"
        "from lanectl.cli import main\n"
        "code = main(['status', '--offline', '--all'])\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert sent in done.stdout


def test_newer_state_file_is_refused_but_read_offline(cli: Cli, sent: str, home: Path) -> None:
    with sqlite3.connect(home / "lanectl" / "state.db") as newer:
        newer.execute("ALTER TABLE runs ADD COLUMN mood TEXT")
        newer.execute("ALTER TABLE attempts ADD COLUMN mood TEXT")
        newer.execute("PRAGMA user_version = 9000")
    newer.close()
    refused = cli("status")
    assert (refused.code, refused.out) == (78, "")
    assert refused.told[-1] == "hint: lanectl status --offline"
    ran = cli("status", "--offline", "--json")
    assert (ran.code, [run["run"] for run in ran.data["runs"]]) == (0, [sent])


def test_one_run_shows_its_batches_and_their_expiry(cli: Cli, sent: str) -> None:
    out = cli("status", sent[:5]).out
    assert out.startswith(f"notes, run {sent}: in_progress\n")
    assert "jobs: 3: 3 out\n" in out
    assert "Batches\n" in out
    assert "in 24 h  in 29 d" in out


def test_unknown_run_is_one_line_and_one_hint(cli: Cli) -> None:
    assert cli("status", "nothere") == Ran(
        2, "", "error: no run or recipe nothere\nhint: lanectl status --all\n"
    )
    assert cli("status", "nothere", "--offline").code == 2


def test_watch_looks_again_every_minute_until_it_is_stopped(
    capsys: pytest.CaptureFixture[str], sent: str, clock: Clock
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        clock.moment += timedelta(seconds=seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    capsys.readouterr()
    assert main(["status", "--watch"], clock=clock, sleep=nap) == 130
    out = capsys.readouterr().out
    assert naps == [60.0, 60.0, 60.0]
    assert out.count("Runs\n") == 3
    assert f"notes {sent}: batch 0 has ended: lanectl pull {sent}" in out


def test_watch_and_json_exclude_one_another(cli: Cli) -> None:
    assert cli("status", "--watch", "--json").code == 2


@pytest.mark.usefixtures("pulled")
def test_settled_runs_leave_the_list_after_a_day_but_not_all(cli: Cli, clock: Clock) -> None:
    clock.sleep(2 * 86_400)
    assert cli("status", "--json").data["runs"] == []
    assert len(cli("status", "--all", "--json").data["runs"]) == 1


def test_lock_of_another_process_is_told_and_not_waited_for(cli: Cli, sent: str, home: Path) -> None:
    from lanectl.state.lock import lock

    path = home / "lanectl" / "state.db.lock"
    with lock(path, wait_s=0, command="lanectl tick", now="2026-11-24T22:00:00+00:00"):
        ran = cli("status", "--refresh")
    assert ran.code == 0
    assert sent in ran.out
    assert ran.told[0].startswith("lanectl tick (pid ")
