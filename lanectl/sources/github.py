"""The open pull requests of a GitHub repository: listed by gh, fetched all at once by git."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lanectl.errors import LanectlError
from lanectl.models import Skip
from lanectl.programs.gh import gh
from lanectl.programs.git import git
from lanectl.recipe.tables import PullRequestsSource
from lanectl.sources.candidate import Candidate
from lanectl.sources.place import Place
from lanectl.text.clean import clean

FIELDS = "number,title,body,author,labels,isDraft,baseRefName,headRefName,url"
OURS = "refs/lanectl"
FETCH = (
    *("fetch", "--quiet", "--force", "--no-tags", "--no-prune", "--no-write-fetch-head"),
    # Without this the user's own remote-tracking branches would move as well.
    "--refmap=",
    "--stdin",
)

_URL = re.compile(r"https://([A-Za-z0-9.:-]+)/([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+)/pull/\d+")
_BRANCH = re.compile(r"(?!-)(?!.*\.\.)[^\x00-\x20\x7f~^:?*\[\\]+")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A pull request as gh lists it."""

    number: int
    title: str
    body: str
    author: str
    base: str
    branch: str
    url: str
    labels: tuple[str, ...]
    draft: bool


def open_ones(place: Place, source: PullRequestsSource, most: int) -> Iterator[Candidate | Skip]:
    """The open pull requests, newest first, with drafts as skips where the source says so.

    `labels` are gh's: a pull request bears all of them. At most `most` are asked for. Raises what `programs`
    raises where gh or git fail.
    """
    wanted: list[_Listed] = []
    for each in _listed(place, source, most):
        if each.draft and source.skip_drafts:
            yield Skip(str(each.number), "draft", each.title)
        elif source.limit is None or len(wanted) < source.limit:
            wanted.append(each)
    if not wanted:
        return
    heads = _fetched(place, wanted)
    for each in wanted:
        yield Candidate(
            name=str(each.number),
            number=each.number,
            title=each.title,
            body=each.body,
            author=each.author,
            base=each.base,
            target=heads[_base_ref(each.base)],
            head=heads[_head_ref(each.number)],
            branch=each.branch,
            url=each.url,
            labels=each.labels,
        )


def _listed(place: Place, source: PullRequestsSource, most: int) -> list[_Listed]:
    args = ["pr", "list", "--state=open", f"--limit={most}", f"--json={FIELDS}"]
    args += [f"--base={source.base}"] if source.base else []
    args += [f"--label={label}" for label in source.labels]
    try:
        return [_read(each) for each in json.loads(gh(place.root, *args))]
    except (ValueError, TypeError, KeyError) as error:
        raise LanectlError(
            f"what gh lists cannot be read: {error}", where="gh pr list", hint="gh pr list --json number"
        ) from None


def _read(found: object) -> _Listed:
    if not isinstance(found, dict):
        raise TypeError("not a list of objects")
    author, labels = found.get("author"), found.get("labels")
    base = str(found["baseRefName"])
    if not _BRANCH.fullmatch(base):
        raise ValueError("a branch name that git would not take")
    return _Listed(
        number=int(str(found["number"])),
        title=clean(str(found.get("title") or "")),
        body=clean(str(found.get("body") or "")),
        author=clean(str(author.get("login") or "")) if isinstance(author, dict) else "",
        base=base,
        branch=clean(str(found.get("headRefName") or "")),
        url=str(found.get("url") or ""),
        labels=tuple(clean(str(label["name"])) for label in labels) if isinstance(labels, list) else (),
        draft=bool(found.get("isDraft")),
    )


def _fetched(place: Place, wanted: Sequence[_Listed]) -> dict[str, str]:
    """Fetches all heads and bases at once; the id of each by its ref here."""
    specs = {f"+refs/pull/{each.number}/head:{_head_ref(each.number)}" for each in wanted}
    specs |= {f"+refs/heads/{each.base}:{_base_ref(each.base)}" for each in wanted}
    lines = "".join(f"{spec}\n" for spec in sorted(specs))
    git(place.root, *FETCH, _remote(place, wanted[0].url), stdin=lines.encode(), timeout_s=600)
    refs = git(place.root, "for-each-ref", "--format=%(refname) %(objectname)", OURS).decode()
    return dict(line.split(" ") for line in refs.splitlines())


def _remote(place: Place, url: str) -> str:
    """The remote that is the repository of the pull request at `url`; its address where no remote is."""
    match = _URL.fullmatch(url)
    if not match:
        raise LanectlError(f"gh lists a pull request at no known address: {clean(url)}", hint="gh pr list")
    host, owner, name = match.groups()
    # Compared without the host: an SSH alias may stand for it.
    tail = f"{owner}/{name}".lower()
    settings = git(place.root, "config", "-z", "--get-regexp", r"^remote\..*\.url$", codes=(0, 1)).decode(
        errors="surrogateescape"
    )
    for setting in settings.split("\0"):
        key, _, address = setting.partition("\n")
        if re.split(r"[/:]", address.lower().rstrip("/").removesuffix(".git"))[-2:] == tail.split("/"):
            return key.removeprefix("remote.").removesuffix(".url")
    return f"https://{host}/{owner}/{name}.git"


def _head_ref(number: int) -> str:
    return f"{OURS}/pr/{number}"


def _base_ref(branch: str) -> str:
    # By a digest: `a` and `a/b` cannot both be refs, and either may have been fetched some other day.
    return f"{OURS}/base/{hashlib.sha256(branch.encode()).hexdigest()[:16]}"
