"""A night in cron, systemd, launchd and GitHub Actions: what is written, checked and taken back."""

import json
import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lanectl.config import Flags, Settings, load
from lanectl.errors import LanectlError, UsageError
from lanectl.schedule import Plan, cron, github, launchd, plan, problems, systemd, time_of
from lanectl.schedule import install as installing
from lanectl.schedule.shell import line

PYTHON = sys.executable


@pytest.fixture
def settings(home: Path) -> Settings:
    return load(environ={"HOME": str(home), "LANECTL_HOME": str(home / "lane 50%")}, flags=Flags())


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a $HOME repo"
    (folder / ".git").mkdir(parents=True)
    return folder


@pytest.fixture
def night(settings: Settings, repo: Path, home: Path) -> Plan:
    environ = {
        "PATH": "bin:/usr/bin",
        "LANECTL_HOME": str(home / "lane 50%"),
        "ANTHROPIC_API_KEY": "sk-ant-1",
    }
    return plan(settings, environ, ["pr-review"], repo, at="02:00", pull_at="7:05")


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file behind a crontab program that does what the real one does."""
    kept = tmp_path / "crontab.kept"
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"if [ \"$1\" = -l ]; then [ -f '{kept}' ] && exec cat '{kept}'\n"
        "echo 'no crontab for me' >&2; exit 1; fi\n"
        f"[ \"$1\" = - ] && exec cat > '{kept}'\nexit 2\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return kept


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_line_runs_the_command_under_a_bare_environment(night: Plan, tmp_path: Path) -> None:
    key_file = tmp_path / "the env"
    key_file.write_text("ANTHROPIC_API_KEY='sk x'\n")
    show = "import os, sys, json; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    command = replace(night.commands[0], argv=(PYTHON, "-c", show, *night.commands[0].argv[4:]))

    done = subprocess.run(
        ["/bin/sh", "-c", line(replace(night, key_file=key_file), command)],
        env={"HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )

    argv, environ = json.loads(done.stdout)
    assert argv == ["submit", "pr-review", "--repo", str(night.repo), "--yes", "--quiet"]
    assert environ["ANTHROPIC_API_KEY"] == "sk x"
    assert environ["LANECTL_HOME"] == night.environ["LANECTL_HOME"]
    assert set(environ["PATH"].split(":")) >= {"/usr/local/bin", "/usr/bin", "/bin"}


def test_key_of_the_shell_is_in_nothing_that_is_written(night: Plan, home: Path) -> None:
    for system in ("cron", "systemd", "launchd", "github"):
        assert "sk-ant-1" not in installing.shown(night, system, home)


def test_crontab_block_has_three_lines_with_percent_escaped(night: Plan) -> None:
    first, *lines, last = cron.block(night).splitlines()
    assert first.startswith(f"# >>> lanectl {night.name} ")
    assert last == f"# <<< lanectl {night.name}"
    assert [each.split(" ", 5)[:5] for each in lines] == [
        ["0", "2", "*", "*", "*"],
        ["*/15", "*", "*", "*", "*"],
        ["5", "7", "*", "*", "*"],
    ]
    assert all("50\\%" in each for each in lines)
    assert f"{shlex.quote(PYTHON)} -P -m lanectl tick" in lines[1].replace("\\%", "%")
    words = shlex.split(lines[0].split(" ", 5)[5].replace("\\%", "%"))
    assert words[words.index("--repo") + 1] == str(night.repo)


@pytest.mark.parametrize("before", ["", "MAILTO=me\n5 4 * * * true\n", "5 4 * * * no newline at the end"])
def test_install_twice_and_remove_leave_the_crontab_as_it_was(
    night: Plan, home: Path, crontab: Path, before: str
) -> None:
    if before:
        crontab.write_text(before)
    installing.install(night, "cron", home)
    once = crontab.read_text()
    installing.install(night, "cron", home)
    assert crontab.read_text() == once
    assert once.count(">>> lanectl") == 1

    installing.remove(night, "cron", home)

    assert crontab.read_text() == (before if before.endswith("\n") or not before else f"{before}\n")


def test_lines_that_were_edited_are_not_taken(night: Plan, home: Path, crontab: Path) -> None:
    installing.install(night, "cron", home)
    edited = crontab.read_text().replace("*/15 ", "*/5 ")
    crontab.write_text(edited)
    for verb in (installing.remove, installing.install):
        with pytest.raises(LanectlError, match="were edited") as caught:
            verb(night, "cron", home)
        assert caught.value.hint == "crontab -e"
    assert crontab.read_text() == edited


def test_block_without_its_end_is_not_guessed_at(night: Plan, home: Path, crontab: Path) -> None:
    installing.install(night, "cron", home)
    crontab.write_text(crontab.read_text().replace("# <<<", "#"))
    with pytest.raises(LanectlError, match="a mark is missing"):
        installing.remove(night, "cron", home)


def test_remove_of_what_is_not_there_says_so(night: Plan, home: Path, crontab: Path) -> None:
    crontab.write_text("5 4 * * * true\n")
    with pytest.raises(LanectlError, match="no such lines"):
        installing.remove(night, "cron", home)
    assert crontab.read_text() == "5 4 * * * true\n"


def test_nights_of_two_repositories_do_not_touch_each_other(
    settings: Settings, night: Plan, tmp_path: Path, home: Path, crontab: Path
) -> None:
    other = plan(settings, {"PATH": "/usr/bin"}, ["pr-review"], tmp_path, at="03:00", pull_at="07:00")
    installing.install(night, "cron", home)
    installing.install(other, "cron", home)
    installing.remove(night, "cron", home)
    assert crontab.read_text() == cron.block(other)


def test_units_are_hardened_persistent_and_escaped(night: Plan, home: Path) -> None:
    found = {one.path.name: one.text for one in systemd.pieces(night, home)}
    assert sorted(name.removeprefix(f"lanectl-{night.name}-") for name in found) == [
        "pull.service",
        "pull.timer",
        "submit.service",
        "submit.timer",
        "tick.service",
        "tick.timer",
    ]
    service, timer = (found[f"lanectl-{night.name}-submit.{kind}"] for kind in ("service", "timer"))
    for wanted in ("ProtectSystem=strict", "UMask=0077", "NoNewPrivileges=yes", "Type=oneshot"):
        assert f"\n{wanted}\n" in service
    python = f'"{PYTHON}"' if " " in PYTHON else PYTHON
    assert f"ExecStart={python} -P -m lanectl submit pr-review --repo " in service
    assert "it's a $$HOME repo" in service
    assert "lane 50%%" in service
    assert "\nOnCalendar=*-*-* 02:00:00\nPersistent=true\nRandomizedDelaySec=5m\n" in timer


def test_folder_that_was_cleaned_away_keeps_no_unit_from_starting(night: Plan, home: Path) -> None:
    services = [one.text for one in systemd.pieces(night, home) if one.path.suffix == ".service"]
    for service in services:
        (line,) = [line for line in service.splitlines() if line.startswith("ReadWritePaths=")]
        # systemd takes the quotes off before it looks for the sign.
        places = shlex.split(line.removeprefix("ReadWritePaths="))
        assert [place[0] for place in places] == ["-"] * len(night.writable)


def said_by_systemd(names: list[str], folder: Path) -> list[str]:
    """What it complains of in these units, and not in the machine around them."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *names],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)},
    )
    return [said for said in done.stderr.splitlines() if "lanectl-" in said]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(night: Plan, home: Path, tmp_path: Path) -> None:
    key_file = tmp_path / "env"
    key_file.write_text("ANTHROPIC_API_KEY=x\n")
    names = []
    for piece in systemd.pieces(replace(night, key_file=key_file), home):
        (tmp_path / piece.path.name).write_text(piece.text)
        names.append(str(tmp_path / piece.path.name))
    assert said_by_systemd(names, tmp_path) == []
    broken = tmp_path / f"lanectl-{night.name}-broken.service"
    broken.write_text("[Service]\nType=oneshot\nExecStart=/nonexistent\nProtectSystem=maybe\n")
    assert len(said_by_systemd([str(broken)], tmp_path)) >= 2


def test_units_are_started_and_taken_back(
    night: Plan, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    program(tmp_path / "bin", "systemctl", f"echo \"$@\" >> '{log}'")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    installing.install(night, "systemd", home)
    folder = home / ".config" / "systemd" / "user"
    assert len(list(folder.iterdir())) == 6
    assert (night.repo / ".lanectl" / ".gitignore").read_text() == "*\n"

    installing.remove(night, "systemd", home)

    assert list(folder.iterdir()) == []
    timers = " ".join(systemd.timers(night))
    assert log.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable --now {timers}",
        f"--user disable --now {timers}",
        "--user daemon-reload",
    ]


def test_units_that_cannot_be_started_are_taken_back(
    night: Plan, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    with pytest.raises(LanectlError, match="systemctl failed: Failed to connect to bus"):
        installing.install(night, "systemd", home)
    assert list((home / ".config" / "systemd" / "user").iterdir()) == []


def test_agents_are_read_by_a_plist_reader(night: Plan, home: Path) -> None:
    submit, tick, _ = (plistlib.loads(one.text.encode()) for one in launchd.pieces(night, home))
    assert submit["StartCalendarInterval"] == {"Hour": 2, "Minute": 0}
    assert submit["ProgramArguments"] == ["/bin/sh", "-c", line(night, night.commands[0])]
    assert (tick["StartInterval"], tick["Umask"]) == (900, 0o077)


def test_workflow_carries_state_and_never_runs_for_a_pull_requests_code(night: Plan) -> None:
    (piece,) = github.pieces(night)
    assert piece.path == night.repo / ".github" / "workflows" / f"lanectl-{night.name}.yml"
    text = piece.text
    assert 'cron: "0 2 * * *"' in text
    assert "pull_request" not in text
    assert "cancel-in-progress: false" in text
    assert (
        text.index("actions/cache/restore") < text.index("lanectl submit") < text.index("actions/cache/save")
    )
    assert text.count("secrets.ANTHROPIC_API_KEY") == 2
    assert 'run: "lanectl submit pr-review --yes"' in text


def test_workflow_is_written_and_removed_and_an_edited_one_is_kept(night: Plan, home: Path) -> None:
    (piece,) = github.pieces(night)
    installing.install(night, "github", home)
    piece.path.write_text(piece.text + "# mine\n")
    with pytest.raises(LanectlError, match="it was edited"):
        installing.remove(night, "github", home)
    piece.path.write_text(piece.text)
    installing.remove(night, "github", home)
    assert list(piece.path.parent.iterdir()) == []


def test_file_of_somebody_else_is_not_written_over(night: Plan, home: Path) -> None:
    (piece,) = github.pieces(night)
    piece.path.parent.mkdir(parents=True)
    piece.path.write_text("on: push\n")
    with pytest.raises(LanectlError, match="another file"):
        installing.install(night, "github", home)
    assert piece.path.read_text() == "on: push\n"


@pytest.mark.parametrize("text", ["24:00", "2", "02:60", "2am", ""])
def test_time_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="a time is HH:MM"):
        time_of(text)


def test_problems_are_those_of_the_bare_environment(
    night: Plan, home: Path, settings: Settings, tmp_path: Path
) -> None:
    wanted = settings.config_path.with_name("env")
    empty = replace(night, environ={**night.environ, "PATH": str(tmp_path / "none")})
    found = problems(empty, home=home, wanted=wanted)
    assert found[0].startswith("git is not on the PATH it will have")
    assert found[-1] == f"it will see no key: write ANTHROPIC_API_KEY=... into {wanted}, and chmod 600 it"

    gone = problems(night, home=tmp_path / "nonexistent", wanted=wanted)
    assert f"the home folder {tmp_path / 'nonexistent'} cannot be written" in gone


def test_key_file_is_looked_at_for_its_rights_and_its_key(
    night: Plan, home: Path, settings: Settings, tmp_path: Path
) -> None:
    wanted = tmp_path / "env"
    with_file = replace(night, key_file=wanted)
    wanted.write_text("OTHER=1\n")
    wanted.chmod(0o644)
    assert problems(with_file, home=home, wanted=wanted)[-2:] == [
        f"others may read the key: chmod 600 {wanted}",
        f"there is no ANTHROPIC_API_KEY=... in {wanted}",
    ]
    wanted.write_text("export ANTHROPIC_API_KEY=sk-ant-x\n")
    wanted.chmod(0o600)
    assert not [one for one in problems(with_file, home=home, wanted=wanted) if "key" in one.lower()]
    assert os.environ.get("ANTHROPIC_API_KEY") is None
    assert settings.config_path.name == "config.toml"
