"""Where everything of the user's lies: by flag, by environment, or where the platform keeps such things."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lanectl.errors import ConfigError

APP = "lanectl"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_HINT = "env LANECTL_HOME=/var/lib/lanectl lanectl doctor"


@dataclass(frozen=True, slots=True)
class Paths:
    """The places, all absolute; `origins` says by name who decided."""

    state_dir: Path
    state_path: Path
    spool_dir: Path
    log_dir: Path
    data_dir: Path
    recipes_dir: Path
    config_path: Path
    sandbox: bool
    config_named: bool
    origins: Mapping[str, str]


def locate(
    environ: Mapping[str, str],
    *,
    state: Path | None = None,
    config: Path | None = None,
    sandbox: bool = False,
) -> Paths:
    """The places of one command, whose flags are `state`, `config` and `sandbox`; nothing is read or made.

    A sandbox has a folder `sandbox` of its own below each place that is written to; the flag `--state` alone
    names a file as it is. Raises ConfigError when the home folder is missing or cannot be written.
    """
    sandbox, sandbox_by = (True, "flag --sandbox") if sandbox else _sandbox(environ)
    home, home_by = _named(environ, "LANECTL_HOME")
    roots = _below(home) if home is not None else _platform(environ)
    inner = "sandbox" if sandbox else ""
    state, state_by = _state(environ, state, roots["state"], home_by, inner)
    config_by = "flag --config"
    if config is None:
        config, config_by = _named(environ, "LANECTL_CONFIG")
    for folder in (state.parent, roots["data"]):
        _must_be_writable(folder)
    return Paths(
        state_dir=state.parent,
        state_path=state,
        spool_dir=state.parent / "spool",
        log_dir=roots["log"] / inner,
        data_dir=roots["data"] / inner,
        recipes_dir=roots["config"] / "recipes",
        config_path=_absolute(config, environ) if config is not None else roots["config"] / "config.toml",
        sandbox=sandbox,
        config_named=config is not None,
        origins={
            "state_path": state_by,
            "config_path": config_by if config is not None else home_by,
            "recipes_dir": home_by,
            "data_dir": home_by,
            "log_dir": home_by,
            "sandbox": sandbox_by,
        },
    )


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """`text` with a leading `~/` replaced by the home folder."""
    return (
        f"{environ['HOME'].rstrip('/')}/{text[2:]}" if text.startswith("~/") and environ.get("HOME") else text
    )


def _state(
    environ: Mapping[str, str], flag: Path | None, root: Path, root_by: str, inner: str
) -> tuple[Path, str]:
    if flag is not None:
        return _state_file(_absolute(flag, environ)), "flag --state"
    named, named_by = _named(environ, "LANECTL_STATE")
    file = _state_file(named) if named is not None else root / "state.db"
    # A variable is set once for every command: a sandbox must not take it for its own.
    return file.parent / inner / file.name, named_by if named is not None else root_by


def _sandbox(environ: Mapping[str, str]) -> tuple[bool, str]:
    word = environ.get("LANECTL_SANDBOX")
    if word is None:
        return False, "default"
    if word.lower() not in _TRUE | _FALSE:
        raise ConfigError(
            f"must be 1 or 0, not {word}", where="LANECTL_SANDBOX", hint="lanectl --sandbox status"
        )
    return word.lower() in _TRUE, "environment LANECTL_SANDBOX"


def _named(environ: Mapping[str, str], name: str) -> tuple[Path | None, str]:
    # An empty variable is what shells leave where a user meant to unset it.
    text = environ.get(name)
    return (_absolute(Path(text), environ), f"environment {name}") if text else (None, "default")


def _absolute(path: Path, environ: Mapping[str, str]) -> Path:
    return Path(expanded(str(path), environ)).absolute()


def _state_file(path: Path) -> Path:
    return path / "state.db" if path.is_dir() else path


def _below(home: Path) -> dict[str, Path]:
    return {"state": home, "log": home / "logs", "data": home / "data", "config": home}


def _platform(environ: Mapping[str, str]) -> dict[str, Path]:
    home = environ.get("HOME", "")
    if not home or not Path(home).is_absolute():
        raise ConfigError("there is no home folder", where="HOME", hint=_HINT)
    if not Path(home).is_dir():
        raise ConfigError(f"the home folder {home} is not there", where="HOME", hint=_HINT)
    import platformdirs

    folders = platformdirs.PlatformDirs(APP, appauthor=False)
    return {
        "state": folders.user_state_path,
        "log": folders.user_log_path,
        "data": folders.user_data_path,
        "config": folders.user_config_path,
    }


def _must_be_writable(folder: Path) -> None:
    there = next(up for up in (folder, *folder.parents) if up.exists())
    if not there.is_dir():
        raise ConfigError(f"{there} is not a folder", where=str(folder), hint=_HINT)
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{there} cannot be written to", where=str(folder), hint=f"ls -ld {shlex.quote(str(there))}"
        )
