"""Which reviews are stale: the commit of each, held against where its branch is now; no network."""

import re
from collections.abc import Iterator
from pathlib import Path

from lanectl.digest.model import Moved
from lanectl.errors import LanectlError
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.outputs.posting import ENDING, number_of
from lanectl.programs.git import git_lines
from lanectl.state import answers
from lanectl.state.runs import Run

PULL_REQUESTS = "refs/lanectl/pr"
# The commit stands first in a review file.
_HEAD = re.compile(rb'"commit_id": "([0-9a-f]{40,64})"')
_HEAD_BYTES = 400


def moved(lane: Lane, run: Run) -> Iterator[Moved]:
    """The reviews of a run whose branch has moved since, by the last fetch; none where git cannot say.

    Read as they are asked for, so that no large run is held at once.
    """
    if run.output["table"]["kind"] != "findings":
        return
    try:
        refs = _refs(Path(run.repo))
        if refs:
            with Folder.open(Path(run.artifacts)) as folder:
                yield from _moved(lane, run, refs, folder)
    except (LanectlError, OSError):
        # A repository that is gone or refuses: the digest is made all the same.
        return


def _moved(lane: Lane, run: Run, refs: dict[str, str], folder: Folder) -> Iterator[Moved]:
    for row in answers.manifest_rows(lane.db, run.id):
        was = None if row.artifact is None else _head(folder, row.artifact)
        now = _now(refs, row.key)
        if was is not None and now is not None and was != now:
            yield Moved(run.id, run.recipe, row.key, row.artifact, was, now)


def _refs(repo: Path) -> dict[str, str]:
    lines = git_lines(
        repo, "for-each-ref", "--format=%(refname) %(objectname)", PULL_REQUESTS, "refs/heads", "refs/remotes"
    )
    pairs = (line.decode("utf-8", "surrogateescape").rpartition(" ") for line in lines)
    return {name: sha for name, _, sha in pairs}


def _now(refs: dict[str, str], key: str) -> str | None:
    number = number_of(key)
    names = [f"refs/heads/{key}", f"refs/remotes/{key}"]
    names += [] if number is None else [f"{PULL_REQUESTS}/{number}"]
    return next((refs[name] for name in names if name in refs), None)


def _head(folder: Folder, artifact: str) -> str | None:
    try:
        with folder.read(artifact.removesuffix(".md") + ENDING) as file:
            found = _HEAD.search(file.read(_HEAD_BYTES))
    except FileNotFoundError:
        return None
    return None if found is None else found[1].decode()
