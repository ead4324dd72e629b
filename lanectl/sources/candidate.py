"""What the three ways to find pull requests have in common: two commits, and what is said of them."""

from dataclasses import dataclass

from lanectl.programs.git import git
from lanectl.sources.place import Place


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pull request, or what would make one: what `head` has and `target` has not, since they parted.

    `name` is unique in its source: the number, the branch, or the beginning of the merge's id. `base` is what
    a person calls the target. `head` and `target` are full ids.
    """

    name: str
    number: int | None
    title: str
    body: str
    author: str
    base: str
    target: str
    head: str
    branch: str = ""
    url: str = ""
    labels: tuple[str, ...] = ()


def merge_base(place: Place, one: str, other: str) -> str | None:
    """The commit at which two histories parted, None where they have nothing in common."""
    return git(place.root, "merge-base", one, other, codes=(0, 1)).decode().strip() or None
