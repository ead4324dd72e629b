"""Puts a night into a scheduler, shows it, or takes it back."""

import os
from collections.abc import Sequence
from pathlib import Path

from lanectl.artifacts import IN_REPOSITORY, ignore_all
from lanectl.errors import LanectlError
from lanectl.programs.start import run
from lanectl.schedule import Piece, Plan, System, cron, github, launchd, systemd
from lanectl.schedule import pieces as files

# The user's own manager is found through these; nothing else of the shell goes along.
_BUS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def shown(plan: Plan, system: System, home: Path) -> str:
    """All that would be written, as text."""
    if system == "cron":
        return cron.block(plan)
    return "\n".join(f"# {one.path}\n{one.text}" for one in _pieces(plan, system, home))


def install(plan: Plan, system: System, home: Path) -> str:
    """Write it and start it; what was written is taken back where it cannot be started."""
    if system == "cron":
        return cron.install(plan)
    pieces = _pieces(plan, system, home)
    if system == "systemd":
        # A folder that is missing cannot be opened for writing within a unit.
        _make_writable(plan)
    files.write(pieces)
    try:
        for argv in _starting(plan, system, pieces):
            _call(argv)
    except LanectlError:
        files.take_back(pieces)
        raise
    return "\n".join(f"wrote {one.path}" for one in pieces)


def remove(plan: Plan, system: System, home: Path) -> str:
    """Stop it and take back exactly what was written; raises `LanectlError` where that was edited."""
    if system == "cron":
        return cron.remove(plan)
    pieces = _pieces(plan, system, home)
    if system == "systemd":
        _call(["systemctl", "--user", "disable", "--now", *systemd.timers(plan)])
    if system == "launchd":
        for one in plan.commands:
            _call(["launchctl", "bootout", f"gui/{os.getuid()}/{launchd.label(plan, one)}"])
    files.take_back(pieces)
    if system == "systemd":
        _call(["systemctl", "--user", "daemon-reload"])
    return "\n".join(f"removed {one.path}" for one in pieces)


def _pieces(plan: Plan, system: System, home: Path) -> list[Piece]:
    if system == "github":
        return github.pieces(plan)
    return systemd.pieces(plan, home) if system == "systemd" else launchd.pieces(plan, home)


def _starting(plan: Plan, system: System, pieces: Sequence[Piece]) -> list[list[str]]:
    if system == "systemd":
        timers = systemd.timers(plan)
        return [["systemctl", "--user", "daemon-reload"], ["systemctl", "--user", "enable", "--now", *timers]]
    if system == "launchd":
        return [["launchctl", "bootstrap", f"gui/{os.getuid()}", str(one.path)] for one in pieces]
    return []


def _make_writable(plan: Plan) -> None:
    for place in plan.writable:
        if place.name == IN_REPOSITORY:
            ignore_all(place)
        else:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)


def _call(argv: Sequence[str]) -> None:
    done = run(argv, timeout_s=60, env={name: os.environ[name] for name in _BUS if name in os.environ})
    if done.code:
        said = done.err.decode("utf-8", "replace").strip().splitlines()
        raise LanectlError(
            f"{argv[0]} failed: {said[0] if said else f'exit code {done.code}'}",
            where=" ".join(argv[1:3]),
            hint="systemctl --user list-timers" if argv[0] == "systemctl" else "launchctl list",
        )
