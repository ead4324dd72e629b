"""What a repository's own git configuration would run, as the `-c` arguments that override it."""

from collections.abc import Iterator

from lanectl.errors import ConfigError

# Whoever made the repository wrote these two; the other scopes (system, global, command) are the user's.
NOT_THE_USERS = frozenset({"local", "worktree"})

# (section, last word) of a key -> what stands there instead when the user has no value of their own. From
# git-config(1) as of 2.52. A word that is no program makes git fail or pass on, and runs nothing.
RUNS = {
    ("core", "alternaterefscommand"): "true",
    ("core", "sshcommand"): "ssh",
    ("diff", "command"): "",
    ("diff", "textconv"): "",
    ("gc", "recentobjectshook"): "",
    ("gpg", "defaultkeycommand"): "",
    ("gpg", "program"): "false",
    ("hook", "command"): "",
    ("interactive", "difffilter"): "",
    ("merge", "driver"): "",
    ("remote", "vcs"): "",
    ("submodule", "update"): "none",
    ("tar", "command"): "",
    ("trailer", "cmd"): "",
    ("trailer", "command"): "",
}
# Filters are off whoever configured them: a hostile `.gitattributes` can name the user's own.
FILTERS = {"clean": "", "smudge": "", "process": "", "required": "false"}


def overrides(listing: bytes) -> list[str]:
    """The arguments that make git deaf to the programs named in `listing`.

    `listing` is what `git config --list --show-scope -z` writes. A key that the user has set too keeps the
    user's value. Raises `ConfigError` for a key that `-c` cannot spell.
    """
    settings = list(_settings(listing))
    users = {key: value for scope, key, value in settings if scope not in NOT_THE_USERS}
    wanted: dict[str, str] = {}
    for scope, key, _ in settings:
        section, name, word = _parts(key)
        if section == "filter" and word in FILTERS:
            wanted |= {f"filter.{name}.{word}": value for word, value in FILTERS.items()}
        elif scope in NOT_THE_USERS and (section, word) in RUNS:
            wanted[key] = users.get(key, RUNS[section, word])
    arguments = [argument for key, value in wanted.items() for argument in _argument(key, value)]
    return arguments + _credential_helpers(settings)


def _credential_helpers(settings: list[tuple[str, str, str]]) -> list[str]:
    helpers = [
        (scope, key, value)
        for scope, key, value in settings
        if _parts(key)[0] == "credential" and _parts(key)[2] == "helper"
    ]
    if all(scope not in NOT_THE_USERS for scope, _, _ in helpers):
        return []
    # Helpers add up, and an empty one forgets all before it: so forget, then the user's own in their order.
    arguments = ["-c", "credential.helper="]
    for scope, key, value in helpers:
        if scope not in NOT_THE_USERS:
            arguments += _argument(key, value)
    return arguments


def _settings(listing: bytes) -> Iterator[tuple[str, str, str]]:
    words = listing.decode(errors="surrogateescape").split("\0")
    for scope, setting in zip(words[::2], words[1::2], strict=False):
        key, _, value = setting.partition("\n")
        yield scope, key, value


def _parts(key: str) -> tuple[str, str, str]:
    section, _, rest = key.partition(".")
    name, _, word = rest.rpartition(".")
    return section, name, word


def _argument(key: str, value: str) -> list[str]:
    if "=" in key:
        # `git -c` ends a key at its first `=`, so this one would stay in force.
        raise ConfigError(
            "the repository's own git configuration names a program",
            where=key,
            hint="git config --local --list --show-origin",
        )
    return ["-c", f"{key}={value}"]
