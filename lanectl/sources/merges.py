"""Pull requests of the past: each merge commit of a range, from its first parent to its second."""

import re
from collections.abc import Iterator

from lanectl.models import Skip
from lanectl.sources.candidate import Candidate
from lanectl.sources.groups import number_of, title_of
from lanectl.sources.history import Commit, log
from lanectl.sources.place import Place
from lanectl.sources.revisions import span

SHORT = 12
_INTO = re.compile(r"Merge (?:remote-tracking )?branch '(?:[^/']+/)?([^']+)'(?: of \S+)? into ")
_USUAL = ("main", "master")


def merges(place: Place, text: str | None, *, where: str) -> Iterator[Candidate | Skip]:
    """The merges that the range `text` (all of HEAD's history where None) holds, newest first.

    One that only brought a branch up to date with the main one is a skip: what it holds came as others.
    """
    if place.commit is None:
        return
    found = span(place, text, where=where) if text else None
    seen: set[str] = set()
    for commit in log(place.root, "--merges", *(found.args if found else (place.commit,)), changes=False):
        into = _INTO.match(commit.subject)
        if into and into[1] in (*_USUAL, place.branch):
            yield Skip(commit.sha[:SHORT], "not a pull request", commit.subject)
            continue
        candidate = _candidate(commit, seen)
        seen.add(candidate.name)
        yield candidate


def _candidate(commit: Commit, seen: set[str]) -> Candidate:
    number = number_of(commit.subject)
    short = commit.sha[:SHORT]
    name = short if number is None else str(number)
    title = title_of(commit.subject, commit.body)
    return Candidate(
        # A fork counts its own pull requests, and one can be merged twice: the number alone is not unique.
        name=name if name not in seen else f"{name}-{short}",
        number=number,
        title=title,
        body=commit.body.removeprefix(title).strip(),
        # Of the first commit, which is found with the others: the merge is by whoever merged.
        author="",
        base=commit.parents[0][:SHORT],
        target=commit.parents[0],
        # Of a merge of many branches at once, what all of them brought is in the merge itself.
        head=commit.parents[1] if len(commit.parents) == 2 else commit.sha,
    )
