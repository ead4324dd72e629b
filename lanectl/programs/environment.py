"""The environment other programs get: built from a list of names, never inherited."""

import os
from collections.abc import Mapping

ALWAYS = ("HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME")
# The user's own choice of git configuration and identity. GIT_DIR and its kin, which git sets for its hooks,
# are left out: they would move every command into another repository.
GIT = (
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
    *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
)
# What reaching a server may take: the agent, a keyring behind the session bus, a proxy and its certificates.
NETWORK = (
    *("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND"),
)
GITHUB = ("GITHUB_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
# The first prints tokens, the others wait for a person.
NOT_FOR_GH = frozenset({"GH_DEBUG", "GH_PAGER", "GH_FORCE_TTY", "GH_EDITOR", "GH_BROWSER"})
WITHHELD = "ANTHROPIC_"


def built(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A bare environment and `extra`; nothing whose name begins with `ANTHROPIC_`, wherever it came from."""
    environment = {
        **passed(ALWAYS),
        "PATH": search_path(),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        **(extra or {}),
    }
    return {name: value for name, value in environment.items() if not name.startswith(WITHHELD)}


def passed(names: tuple[str, ...]) -> dict[str, str]:
    """Those of `names` that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def github() -> dict[str, str]:
    """What gh reads: its own variables, and the token that continuous integration hands out."""
    own = tuple(name for name in os.environ if name.startswith("GH_") and name not in NOT_FOR_GH)
    return passed((*own, *GITHUB))


def search_path() -> str:
    """PATH without its empty and relative entries: they would find programs in the repository we stand in."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry.startswith("/"))
