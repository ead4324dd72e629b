"""Branches that are not merged yet, as the pull requests they would make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lanectl.errors import ConfigError
from lanectl.programs.git import git, git_lines
from lanectl.sources.candidate import Candidate, merge_base
from lanectl.sources.history import log
from lanectl.sources.place import Place
from lanectl.sources.revisions import resolve
from lanectl.text.clean import clean

_USUAL = ("main", "master", "trunk", "develop")


def branches(place: Place, base: str | None, *, where: str) -> Iterator[Candidate]:
    """The local and remote branches that `base` (the default branch where None) does not reach, newest first.

    Of a local and a remote branch of one name only the one that holds all of the other is yielded. Raises
    `ConfigError` where the base is not there.
    """
    if place.commit is None:
        return
    refs = _refs(place)
    name = base or _default(place, refs, where)
    target = _newest(place, name, refs, where)
    unmerged = [ref for ref in _refs(place, f"--no-merged={target}") if ref.branch != name]
    seen: set[str] = set()
    for ref in unmerged:
        held = any(_holds(place, other, ref) for other in unmerged if other.branch == ref.branch)
        if ref.sha not in seen and not held:
            seen.add(ref.sha)
            yield _candidate(place, ref, name, target)


@dataclass(frozen=True, slots=True)
class _Ref:
    """A branch: `name` as git shortens it, `branch` without the remote."""

    name: str
    branch: str
    sha: str


def _refs(place: Place, *args: str) -> list[_Ref]:
    found = []
    form = "--format=%(refname)%00%(objectname)%00%(symref)"
    for raw in git_lines(
        place.root, "for-each-ref", form, "--sort=-committerdate", *args, "refs/heads", "refs/remotes"
    ):
        ref, sha, symbolic = raw.decode(errors="surrogateescape").split("\0")
        name = ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        branch = name if ref.startswith("refs/heads/") else name.partition("/")[2]
        if not symbolic:
            found.append(_Ref(name, branch, sha))
    return found


def _default(place: Place, refs: Sequence[_Ref], where: str) -> str:
    head = (
        git(place.root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD", codes=(0, 1)).decode().strip()
    )
    if head:
        return head.removeprefix("refs/remotes/origin/")
    known = {ref.branch for ref in refs}
    name = next((usual for usual in _USUAL if usual in known), place.branch)
    if name is None:
        raise ConfigError(
            "there is no telling which branch is the default",
            where=where,
            hint="git remote set-head origin --auto",
        )
    return name


def _newest(place: Place, name: str, refs: Sequence[_Ref], where: str) -> str:
    """Where the base stands: of the branches of that name the one that has come further."""
    found = sorted((ref for ref in refs if ref.branch == name), key=lambda ref: ref.name != name)
    if not found:
        return resolve(place, name, where=where)
    newest = found[0]
    for other in found[1:]:
        if _holds(place, other, newest):
            newest = other
    return newest.sha


def _holds(place: Place, one: _Ref, other: _Ref) -> bool:
    """Whether `one` has all of `other` and more."""
    return one.sha != other.sha and merge_base(place, one.sha, other.sha) == other.sha


def _candidate(place: Place, ref: _Ref, base: str, target: str) -> Candidate:
    commits = list(log(place.root, "-n", "2", ref.sha, f"^{target}", changes=False))
    alone = commits[0] if len(commits) == 1 else None
    name = clean(ref.name)
    return Candidate(
        name=name,
        number=None,
        title=alone.subject if alone else name,
        body=alone.body if alone else "",
        author=commits[0].author if commits else "",
        base=clean(base),
        target=target,
        head=ref.sha,
        branch=name,
    )
