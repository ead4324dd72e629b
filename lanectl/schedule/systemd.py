"""A night as timers of the user's systemd: made up for when the machine slept, and shut in while they run."""

from pathlib import Path

from lanectl.schedule import TICK_EVERY_MIN, Command, Piece, Plan

# A pilot may be waited for, a lost answer settled: the rest is minutes.
LONGEST = "3h"


def pieces(plan: Plan, home: Path) -> list[Piece]:
    """A service and a timer for each command, in the folder of the user's own units."""
    folder = home / ".config" / "systemd" / "user"
    found = []
    for one in plan.commands:
        name = unit(plan, one)
        found.append(Piece(folder / f"{name}.service", _service(plan, one)))
        found.append(Piece(folder / f"{name}.timer", _timer(plan, one)))
    return found


def unit(plan: Plan, command: Command) -> str:
    """The name of a command's units, without their ending."""
    return f"lanectl-{plan.name}-{command.verb}"


def timers(plan: Plan) -> list[str]:
    """The timers, as systemctl wants them named."""
    return [f"{unit(plan, one)}.timer" for one in plan.commands]


def _service(plan: Plan, command: Command) -> str:
    lines = [
        "[Unit]",
        f"Description=lanectl {command.verb} ({plan.name})",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={' '.join(_word(word) for word in command.argv)}",
        f"WorkingDirectory={_plain(str(plan.repo))}",
        *(f"Environment={_word(f'{name}={value}')}" for name, value in plan.environ.items()),
        *([] if plan.key_file is None else [f"EnvironmentFile={_plain(str(plan.key_file))}"]),
        f"TimeoutStartSec={LONGEST}",
        # All settled but not all well, and a provider that is busy: neither is a broken unit.
        "SuccessExitStatus=3 75",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        # With -: where `git clean -x` has taken .lanectl away, systemd would start nothing that could say so.
        f"ReadWritePaths={' '.join(_word(f'-{place}') for place in plan.writable)}",
        "PrivateTmp=yes",
        "ProtectKernelTunables=yes",
        "ProtectControlGroups=yes",
        "RestrictSUIDSGID=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    ]
    return "\n".join(lines) + "\n"


def _timer(plan: Plan, command: Command) -> str:
    when = (
        f"*:0/{TICK_EVERY_MIN}" if command.at is None else f"*-*-* {command.at[0]:02}:{command.at[1]:02}:00"
    )
    # Installations everywhere would ask at the same second; a reader at eight does not wait for its page.
    delay = "5m" if command.verb == "submit" else "1m"
    return (
        f"[Unit]\nDescription=lanectl {command.verb} ({plan.name})\n\n"
        f"[Timer]\nOnCalendar={when}\nPersistent=true\nRandomizedDelaySec={delay}\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """One word of a unit file (systemd.syntax, systemd.service "Command lines")."""
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(letter in " \t'\";\\" for letter in text) else escaped
