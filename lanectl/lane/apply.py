"""Apply: a codemod's patches as one file, a branch, or edits of the working tree; files that moved are
refused."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lanectl.errors import HeldError, LanectlError, UsageError
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.models import Outcome
from lanectl.programs.git import git
from lanectl.state import answers
from lanectl.state.runs import Job, Run, list_jobs

COMBINED = "run.patch"
HEADER = re.compile(rb"^(---|\+\+\+) (?:[ab]/)?(.+?)\t?\r?$")
EXTENDED = (b"rename ", b"copy ", b"old mode ", b"new mode ", b"new file ", b"deleted file ", b"GIT binary ")
# What runs by itself once it is merged or checked out; touching it is a decision of its own.
SENSITIVE = (".github/workflows/", ".gitlab-ci", ".circleci/", ".husky/", ".githooks/", ".git/")
SENSITIVE_NAMES = frozenset(
    {".gitattributes", ".gitmodules", ".pre-commit-config.yaml", "lefthook.yml", "jenkinsfile", "makefile"}
)
ALLOW = "sensitive"


@dataclass(frozen=True, slots=True)
class Change:
    """One job's patch: `state` is `ready`, `applied`, `moved`, `missing`, `refused`, `declined` or
    `written`."""

    key: str
    path: str
    state: str
    detail: str
    patch: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a run's patches; `combined` is the one patch file, `branch` the branch that was made."""

    run: str
    changes: tuple[Change, ...]
    combined: Path | None = None
    branch: str | None = None

    def count(self, state: str) -> int:
        """How many changes are in a state."""
        return sum(change.state == state for change in self.changes)


def look(lane: Lane, run: Run, *, allow: frozenset[str] = frozenset()) -> Applied:
    """What of a run's patches would apply now, with nothing changed.

    Raises `UsageError` for a run that is no codemod's, `LanectlError` when its repository is gone.
    """
    if run.output["table"]["kind"] != "edits":
        raise UsageError(
            f"{run.recipe} writes {run.output['table']['kind']}, not edits",
            where=run.id,
            hint=f"lanectl show {run.id}",
        )
    if not Path(run.repo).is_dir():
        raise LanectlError("the repository is not there", where=run.repo, hint=f"lanectl show {run.id}")
    return Applied(run.id, tuple(_changes(lane, run, allow)))


def combine(run: Run, applied: Applied) -> Applied:
    """Put everything that is ready into one patch file beside the artifacts."""
    ready = b"".join(change.patch for change in applied.changes if change.state == "ready")
    with Folder.open(Path(run.artifacts)) as folder:
        folder.write(COMBINED, ready)
    return replace(applied, combined=Path(run.artifacts) / COMBINED)


def write(run: Run, applied: Applied, *, choose: Callable[[Change], bool]) -> Applied:
    """Edit the working tree with every ready change that `choose` takes."""
    done: list[Change] = []
    for change in applied.changes:
        if change.state != "ready":
            done.append(change)
        elif not choose(change):
            done.append(replace(change, state="declined"))
        else:
            git(Path(run.repo), "apply", "--whitespace=nowarn", "-", stdin=change.patch)
            done.append(replace(change, state="written"))
    return replace(applied, changes=tuple(done))


def branch(run: Run, applied: Applied, name: str) -> Applied:
    """Commit every ready change on a new branch and stay on it; the working tree must be clean.

    Where git refuses the commit, tree and branch are as before. Raises `HeldError` for a tree with changes
    of its own, `UsageError` for a name that is taken or no branch's.
    """
    repo = Path(run.repo)
    if name.startswith("-") or git(repo, "check-ref-format", "--branch", name, codes=(0, 1, 128)) == b"":
        raise UsageError(f"not a branch name: {name}", hint=f"lanectl apply {run.id} --branch codemod")
    if git(repo, "status", "--porcelain", "--untracked-files=no").strip():
        raise HeldError("the working tree has changes of its own", where=str(repo), hint="git stash")
    if git(repo, "branch", "--list", name).strip():
        raise UsageError(f"the branch {name} exists", where=str(repo), hint=f"git branch -D {name}")
    ready = [change for change in applied.changes if change.state == "ready"]
    if not ready:
        return applied
    at = _place(repo)
    git(repo, "switch", "--quiet", "--create", name)
    try:
        _commit(repo, ready, f"{run.recipe}: {len(ready)} files\n\nlanectl run {run.id}")
    except LanectlError:
        # The tree was clean: what is discarded was put there just now.
        git(repo, "switch", "--quiet", "--discard-changes", *at)
        git(repo, "branch", "--quiet", "-D", name)
        raise
    done = [replace(one, state="written") if one.state == "ready" else one for one in applied.changes]
    return replace(applied, changes=tuple(done), branch=name)


def _place(repo: Path) -> tuple[str, ...]:
    """Where the tree stands, as `git switch` takes it: a branch, or a commit without one."""
    on = git(repo, "symbolic-ref", "--quiet", "--short", "HEAD", codes=(0, 1)).decode().strip()
    return (on,) if on else ("--detach", git(repo, "rev-parse", "HEAD").decode().strip())


def _commit(repo: Path, ready: Sequence[Change], message: str) -> None:
    patch = b"".join(change.patch for change in ready)
    git(repo, "apply", "--index", "--whitespace=nowarn", "-", stdin=patch)
    git(repo, "commit", "--quiet", "--no-verify", "-m", message)


def _changes(lane: Lane, run: Run, allow: frozenset[str]) -> Iterator[Change]:
    spooled = lane.spool.run(run.id)
    with Folder.open(Path(run.repo)) as repo, Folder.open(Path(run.artifacts)) as artifacts:
        for job in list_jobs(lane.db, run.id):
            if job.outcome != Outcome.SUCCEEDED:
                continue
            patch = _patch(lane, run, job, artifacts)
            if patch is None:
                continue
            material = spooled.job(job.offset, job.bytes).material
            path = material.get("path", job.key)
            state, detail = _state(repo, path, material.get("text", ""), patch, allow)
            yield Change(job.key, path, state, detail, patch)


def _patch(lane: Lane, run: Run, job: Job, artifacts: Folder) -> bytes | None:
    """A job's patch as it lies on disk, with what the user made of it; None for a file without changes."""
    files = [
        file.path for file in answers.list_artifacts(lane.db, run.id, job.n) if file.path.endswith(".patch")
    ]
    if not files:
        return None
    try:
        with artifacts.read(files[0]) as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _state(repo: Folder, path: str, before: str, patch: bytes, allow: frozenset[str]) -> tuple[str, str]:
    if not patch:
        return "missing", "the patch is not on disk: lanectl pull brings it back"
    reason = _refusal(path, patch, allow)
    if reason:
        return "refused", reason
    try:
        with repo.read(path) as file:
            now = file.read()
    except FileNotFoundError:
        return "moved", "the file is gone"
    if now == before.encode():
        return "ready", ""
    if _applies_reversed(repo.path, patch):
        return "applied", "it is in the file already"
    return "moved", "the file has changed since it was sent"


def _refusal(path: str, patch: bytes, allow: frozenset[str]) -> str:
    """Why a patch may not be applied: it touches another file, a mode or a name, or what runs by itself."""
    named = [found[2] for line in patch.split(b"\n") if (found := HEADER.match(line))]
    if any(line.startswith(EXTENDED) for line in _heads(patch)):
        return "it changes a mode, a name or the existence of a file"
    if len(named) < 2 or {_unquoted(name) for name in named[:2]} != {path} or _files(patch) != 1:
        return "it touches another file than it was asked about"
    pure = PurePosixPath(path)
    sensitive = path.lower().startswith(SENSITIVE) or pure.name.lower() in SENSITIVE_NAMES
    if sensitive and ALLOW not in allow:
        return f"the file runs by itself in CI or in git: --allow {ALLOW} lets it through"
    return ""


def _heads(patch: bytes) -> Iterator[bytes]:
    """The lines of a patch that stand outside its hunks."""
    inside = False
    for line in patch.split(b"\n"):
        if line.startswith(b"@@ "):
            inside = True
        elif line.startswith(b"diff --git "):
            inside = False
        if not inside:
            yield line


def _files(patch: bytes) -> int:
    return sum(line.startswith(b"--- ") for line in _heads(patch))


def _unquoted(name: bytes) -> str:
    """A path of a patch header without the quotes and escapes that git gives odd ones."""
    if not (name.startswith(b'"') and name.endswith(b'"')):
        return name.decode("utf-8", "replace")
    inner = name[1:-1].decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")
    return inner.removeprefix("a/").removeprefix("b/")


def _applies_reversed(repo: Path, patch: bytes) -> bool:
    try:
        git(repo, "apply", "--check", "--reverse", "-", stdin=patch)
    except LanectlError:
        return False
    return True
