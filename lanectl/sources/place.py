"""Finds the repository, or the plain folder, that a recipe is used on."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from lanectl.errors import ConfigError, UsageError
from lanectl.programs.git import git

_ADDRESS = re.compile(r"(?!file:)[a-z+]+://|[^/]+:(?!/)", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where items come from: `root` is git's top level, or the folder itself where there is no git.

    `name` is the repository's, the same in every clone that has a remote. `commit` is None before the first
    commit, `branch` too when HEAD is detached.
    """

    root: Path
    git: bool
    name: str
    commit: str | None
    branch: str | None


def place(folder: Path) -> Place:
    """The place that `folder` lies in.

    Raises `UsageError` for no folder, `ConfigError` for a repository that git refuses or that claims another
    folder for its own.
    """
    if not folder.is_dir():
        raise UsageError("no such folder", where=str(folder), hint="lanectl submit RECIPE --repo DIR")
    folder = folder.resolve()
    holder = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), None)
    if holder is None:
        return Place(root=folder, git=False, name=_plain(folder.name), commit=None, branch=None)
    root = Path(_line(git(folder, "rev-parse", "--show-toplevel"))).resolve()
    if root != holder:
        # `core.worktree` can claim any folder, and its files would be read as the repository's.
        raise ConfigError(
            f"this repository takes {root} for its own folder",
            where=str(holder),
            hint=f"git -C {shlex.quote(str(holder))} config --show-origin core.worktree",
        )
    return Place(
        root=root,
        git=True,
        name=_remote_name(root) or _plain(root.name),
        commit=_line(git(root, "rev-parse", "--verify", "--quiet", "HEAD", codes=(0, 1))) or None,
        branch=_line(git(root, "symbolic-ref", "--short", "--quiet", "HEAD", codes=(0, 1))) or None,
    )


def with_history(place: Place, kind: str) -> Place:
    """The same place with its whole history; raises `ConfigError` for a plain folder or a shallow clone."""
    if not place.git:
        raise ConfigError(
            f'the source "{kind}" needs a git repository',
            where=str(place.root),
            hint="lanectl submit RECIPE --repo DIR",
        )
    if _line(git(place.root, "rev-parse", "--is-shallow-repository")) == "true":
        raise ConfigError(
            f'the source "{kind}" needs the whole history, and this clone is shallow',
            where=str(place.root),
            hint="git fetch --unshallow",
        )
    return place


def _remote_name(root: Path) -> str:
    """What the remote calls the repository; "" for none, and for a folder of this machine."""
    url = _line(git(root, "config", "--get", "remote.origin.url", codes=(0, 1))).rstrip("/")
    if not _ADDRESS.match(url):
        return ""
    return _plain(re.split(r"[/:]", url)[-1].removesuffix(".git"))


def _line(output: bytes) -> str:
    return output.decode(errors="surrogateescape").removesuffix("\n")


def _plain(name: str) -> str:
    return _NOT_PLAIN.sub("-", name).strip("-.")
