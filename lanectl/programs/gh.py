"""gh, with the user's own login and without its prompts."""

import re
import shutil
from pathlib import Path

from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.programs import environment
from lanectl.programs.git import SETTINGS, reason, variables
from lanectl.programs.start import LIMIT_BYTES, installing, run

QUIET = {
    "CLICOLOR": "0",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "GH_PAGER": "cat",
    "GH_PROMPT_DISABLED": "1",
    "GH_SPINNER_DISABLED": "1",
    "NO_COLOR": "1",
}
# gh's exit code when it is not logged in (`gh help exit-codes`).
NOT_LOGGED_IN = 4

_LOGIN = re.compile(r"gh auth login|GH_TOKEN|HTTP 40[13]|Bad credentials", re.IGNORECASE)
_OFFLINE = re.compile(
    r"error connecting to|HTTP 5\d\d|HTTP 429|timeout|rate limit|no such host", re.IGNORECASE
)
_NO_HOST = re.compile(r"git remotes|not a git repository|set-default", re.IGNORECASE)


def gh(
    repo: Path,
    *args: str,
    stdin: bytes | None = None,
    timeout_s: float = 120,
    limit_bytes: int = LIMIT_BYTES,
) -> bytes:
    """What `gh args...` writes in the folder `repo`, with GitHub's tokens and the network within its reach.

    Raises `NoAccess` when gh is missing or not logged in, `ConfigError` when it knows no GitHub repository
    here, `TryLater` when GitHub is out of reach, `LanectlError` for anything else.
    """
    if shutil.which("gh", path=environment.search_path()) is None:
        raise NoAccess("gh is not installed", hint=installing("gh"))
    settings = {"GIT_CONFIG_COUNT": str(len(SETTINGS))}
    for number, (key, value) in enumerate(SETTINGS.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    env = {**variables(network=True), **settings, **QUIET}
    done = run(["gh", *args], cwd=repo, stdin=stdin, timeout_s=timeout_s, limit_bytes=limit_bytes, env=env)
    if done.code == 0:
        return done.out
    complaint = done.err.decode(errors="replace")
    message = f"gh {' '.join(args[:2])} failed: {reason(complaint) or f'exit code {done.code}'}"
    if done.code == NOT_LOGGED_IN or _LOGIN.search(complaint):
        raise NoAccess(f"gh is not logged in: {reason(complaint)}", hint="gh auth login")
    if _NO_HOST.search(complaint):
        raise ConfigError(message, where=str(repo), hint="gh repo set-default")
    if _OFFLINE.search(complaint):
        raise TryLater(message, hint="gh auth status")
    raise LanectlError(message, where=str(repo), hint="gh auth status")
