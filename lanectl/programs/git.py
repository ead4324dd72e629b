"""git, with every setting off by which a repository could run a program of its own."""

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from lanectl.errors import ConfigError, LanectlError, NoAccess, TryLater
from lanectl.programs import environment
from lanectl.programs.hostile import overrides
from lanectl.programs.start import LIMIT_BYTES, Child, Finished, run

LINE_BYTES = 16 << 20

SETTINGS = {
    "advice.detachedHead": "false",
    "color.ui": "false",
    "commit.gpgSign": "false",
    "core.askPass": "",
    "core.attributesFile": "/dev/null",
    "core.editor": ":",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.quotePath": "false",
    "diff.external": "",
    "diff.suppressBlankEmpty": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "gpg.program": "false",
    "gpg.ssh.program": "false",
    "gpg.x509.program": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "log.showRoot": "true",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    # A folder of the repository that looks like a bare one brings a configuration of its own.
    "safe.bareRepository": "explicit",
    "sequence.editor": ":",
    "submodule.recurse": "false",
    "tag.gpgSign": "false",
}
ENVIRONMENT = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_EDITOR": ":",
    "GIT_LITERAL_PATHSPECS": "1",
    # A partial clone would fetch what is missing, from a remote whose programs the repository names.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    # `core.gitProxy` cannot be overridden by a later value; this comes before all of them.
    "GIT_PROXY_COMMAND": "",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "",
}
NETWORK = frozenset({"fetch", "ls-remote", "push"})
PROTOCOLS = "file:git:http:https:ssh"
# These look at objects and refs alone: no filter, merge driver or transport has a part in them, and so the
# repository's configuration need not be read first. A command that is not here is taken for the other sort.
OBJECTS_ONLY = frozenset(
    {"diff-tree", "for-each-ref", "log", "ls-tree", "merge-base", "rev-list", "rev-parse", "show"}
    | {"config", "show-ref", "symbolic-ref", "update-ref"}
)
# What only an option turns off: of `remote.NAME.uploadpack` and its sister git believes the first it reads.
OPTIONS = {
    **dict.fromkeys(
        ("diff", "diff-files", "diff-index", "diff-tree", "format-patch", "log", "show"),
        ("--no-ext-diff", "--no-textconv"),
    ),
    **dict.fromkeys(("annotate", "blame"), ("--no-textconv",)),
    "fetch": ("--upload-pack=git-upload-pack", "--no-recurse-submodules"),
    "ls-remote": ("--upload-pack=git-upload-pack",),
    "push": ("--receive-pack=git-receive-pack", "--recurse-submodules=no"),
}

_OFFLINE = re.compile(
    r"Could not resolve host|unable to access|Connection (refused|reset|timed out)|early EOF"
)
_REFUSED = re.compile(r"Authentication failed|Permission denied|could not read (Username|Password)|not found")
# The second is how git before 2.38 put it.
_DUBIOUS = re.compile(r"(?:dubious ownership in repository at |unsafe repository \()'(.*?)'")


def git(
    repo: Path,
    *args: str,
    stdin: bytes | None = None,
    timeout_s: float = 120,
    limit_bytes: int = LIMIT_BYTES,
    codes: Collection[int] = (0,),
) -> bytes:
    """What `git args...` writes in the folder `repo`.

    Only `fetch`, `ls-remote` and `push` may reach a network, an SSH agent or a credential helper. Path
    arguments are literal. Raises `LanectlError` for an exit code not in `codes`, and of its children
    `ConfigError` where git refuses the folder, `TryLater` and `NoAccess` where a remote is not to be had.
    """
    argv = [*command(repo, *args)]
    done = run(argv, cwd=repo, stdin=stdin, timeout_s=timeout_s, limit_bytes=limit_bytes, env=_extra(args[0]))
    if done.code not in codes:
        raise _failed(repo, args, done)
    return done.out


def git_lines(
    repo: Path,
    *args: str,
    separator: bytes = b"\n",
    stdin: bytes | None = None,
    timeout_s: float = 120,
    line_bytes: int = LINE_BYTES,
) -> Iterator[bytes]:
    """What `git args...` writes, line by line and without the separator, in memory bounded by one line.

    `timeout_s` is for each wait on git, not for the whole. A line longer than `line_bytes` comes cut to one
    byte more than that. git is stopped when the iterator is closed. Raises like `git`, after the last line.
    """
    argv = command(repo, *args)
    with Child(argv, cwd=repo, stdin=stdin, env=environment.built(_extra(args[0]))) as child:
        yield from _lines(child.chunks(timeout_s, idle=True), separator, line_bytes + 1)
        done = Finished(child.wait(timeout_s), b"", bytes(child.err))
    if done.code:
        raise _failed(repo, args, done)


def command(repo: Path, *args: str) -> list[str]:
    """The argument list for `git args...` in `repo`, with the repository's own programs overridden."""
    fixed = [argument for key, value in SETTINGS.items() for argument in ("-c", f"{key}={value}")]
    start = ["git", "--no-pager", "--no-optional-locks", *fixed]
    if args[0] not in OBJECTS_ONLY:
        listing = run([*start, "config", "--list", "--show-scope", "-z"], cwd=repo, env=_extra("config"))
        if listing.code:
            raise _failed(repo, ("config",), listing)
        start += overrides(listing.out)
    return [*start, args[0], *OPTIONS.get(args[0], ()), *args[1:]]


def _extra(verb: str) -> dict[str, str]:
    return variables(network=verb in NETWORK)


def variables(*, network: bool) -> dict[str, str]:
    """What git gets beside the bare environment, and what gh hands on to the git it starts."""
    reach = environment.passed(environment.NETWORK) | environment.github() if network else {}
    return {
        **environment.passed(environment.GIT),
        **reach,
        **ENVIRONMENT,
        "GIT_ALLOW_PROTOCOL": PROTOCOLS if network else "",
    }


def _lines(chunks: Iterator[bytes], separator: bytes, most: int) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        *whole, last = chunk.split(separator)
        for line in whole:
            rest += line
            yield bytes(rest[:most])
            rest.clear()
        if len(rest) < most:
            rest += last
    if rest:
        yield bytes(rest[:most])


def _failed(repo: Path, args: Sequence[str], done: Finished) -> LanectlError:
    complaint = done.err.decode(errors="replace")
    if dubious := _DUBIOUS.search(complaint):
        return ConfigError(
            "git does not trust this folder: it belongs to somebody else",
            where=dubious[1],
            hint=f"git config --global --add safe.directory {shlex.quote(dubious[1])}",
        )
    if "promisor remote" in complaint or "lazy fetching disabled" in complaint:
        return ConfigError(
            "this clone is partial, and what it lacks is not fetched behind your back",
            where=str(repo),
            hint="git fetch --refetch --no-filter",
        )
    message = f"git {args[0]} failed: {reason(complaint) or f'exit code {done.code}'}"
    if args[0] in NETWORK and _OFFLINE.search(complaint):
        return TryLater(message, where=str(repo), hint=f"git {args[0]}")
    if args[0] in NETWORK and _REFUSED.search(complaint):
        return NoAccess(message, where=str(repo), hint="gh auth setup-git")
    return LanectlError(message, where=str(repo), hint=f"git -C {shlex.quote(str(repo))} status")


def reason(complaint: str) -> str:
    """The line of a program's complaints that says why it gave up, without tokens and passwords."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    # Imported here: its table of formats takes longer to load than most commands of git take to run.
    from lanectl.text.secrets import redact

    for prefix in ("fatal: ", "error: "):
        lines = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)] or lines
    return redact(lines[0]) if lines else ""
