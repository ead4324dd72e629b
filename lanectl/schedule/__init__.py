"""Schedule: a night's three commands, as whatever wakes them will run them: submit, tick in between, pull."""

import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lanectl.config import Settings
from lanectl.errors import LanectlError, UsageError
from lanectl.programs.start import run
from lanectl.text.names import slug

System = Literal["cron", "systemd", "launchd", "github"]
TICK_EVERY_MIN = 15
USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
# These move the state, and with it everything that a night finds; the key is in none of them.
CARRIED = ("LANECTL_HOME", "LANECTL_STATE", "LANECTL_CONFIG")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_KEY = re.compile(rb"^\s*(?:export\s+)?ANTHROPIC_(?:API_KEY|AUTH_TOKEN)=.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a night: its name, its whole argument list, and when; None is every quarter hour."""

    verb: str
    argv: tuple[str, ...]
    at: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A night as a scheduler will run it; `key_file` holds the key as `NAME=VALUE`, None for no file."""

    name: str
    recipes: tuple[str, ...]
    repo: Path
    commands: tuple[Command, ...]
    environ: Mapping[str, str]
    key_file: Path | None
    writable: tuple[Path, ...]
    log_dir: Path


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be: where it lies, and its text."""

    path: Path
    text: str


def plan(
    settings: Settings,
    environ: Mapping[str, str],
    recipes: Sequence[str],
    repo: Path,
    *,
    at: str,
    pull_at: str,
) -> Plan:
    """The night of these recipes on a repository; times are `HH:MM`. Raises `UsageError`.

    The interpreter and every path are absolute; `-P` keeps a folder that one stands in from being imported.
    """
    start = (sys.executable, "-P", "-m", "lanectl")
    # What a path of the command line means, it means from here.
    named = tuple(str(Path(one).absolute()) if one.endswith(".toml") else one for one in recipes)
    submit = (*start, "submit", *named, "--repo", str(repo), "--yes", "--quiet")
    name = "-".join(slug(Path(one).stem) for one in recipes)[:40].strip("-")
    mark = hashlib.sha256("\0".join((str(repo), *named)).encode()).hexdigest()[:6]
    key_file = settings.config_path.with_name("env")
    out = Path(settings.out.dir) if settings.out.dir else repo / ".lanectl"
    places = (settings.state_dir, settings.data_dir, settings.log_dir, out, repo / ".git")
    return Plan(
        name=f"{name}-{mark}",
        recipes=named,
        repo=repo,
        commands=(
            Command("submit", submit, time_of(at)),
            Command("tick", (*start, "tick"), None),
            Command("pull", (*start, "pull", "--quiet"), time_of(pull_at)),
        ),
        environ={
            "PATH": os.pathsep.join(_folders(environ)),
            **{key: environ[key] for key in CARRIED if environ.get(key)},
        },
        key_file=key_file if key_file.is_file() else None,
        writable=tuple(dict.fromkeys(place for place in places if place.name != ".git" or place.is_dir())),
        log_dir=settings.log_dir,
    )


def time_of(text: str) -> tuple[int, int]:
    """Hour and minute of `HH:MM`; raises `UsageError`."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise UsageError(f"a time is HH:MM, not {text}", hint="lanectl schedule --help")
    return int(found[1]), int(found[2])


def problems(planned: Plan, *, home: Path, wanted: Path) -> list[str]:
    """What would go wrong at night, seen from the bare environment that a scheduler gives.

    `wanted` is where a file with the key would be found.
    """
    environ = {**planned.environ, "HOME": str(home)}
    found = [
        f"{name} is not on the PATH it will have ({environ['PATH']})"
        for name in ("git",)
        if shutil.which(name, path=environ["PATH"]) is None
    ]
    if not home.is_dir() or not os.access(home, os.W_OK):
        found.append(f"the home folder {home} cannot be written")
    try:
        done = run([*planned.commands[1].argv[:-1], "--version"], cwd=Path("/"), env=environ, timeout_s=60)
        if done.code:
            found.append(f"{sys.executable} does not find lanectl there: install it with that interpreter")
    except LanectlError as error:
        found.append(str(error))
    return [*found, *_key_problems(planned.key_file, home, wanted)]


def _key_problems(key_file: Path | None, home: Path, wanted: Path) -> list[str]:
    if key_file is None:
        # A login of the SDK's own lies in the home folder, where a scheduler finds it too.
        if (home / ".config" / "anthropic").is_dir():
            return []
        return [f"it will see no key: write ANTHROPIC_API_KEY=... into {wanted}, and chmod 600 it"]
    found = []
    state = key_file.stat()
    if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o077:
        found.append(f"others may read the key: chmod 600 {key_file}")
    if not _KEY.search(key_file.read_bytes()[:100_000]):
        found.append(f"there is no ANTHROPIC_API_KEY=... in {key_file}")
    return found


def _folders(environ: Mapping[str, str]) -> list[str]:
    """The usual folders, and those in which git and gh are found now."""
    now = os.pathsep.join(part for part in environ.get("PATH", "").split(os.pathsep) if part.startswith("/"))
    places = (shutil.which(name, path=now) for name in ("git", "gh"))
    found = [str(Path(place).parent) for place in places if place]
    return list(dict.fromkeys([*found, *USUAL_PATH]))
