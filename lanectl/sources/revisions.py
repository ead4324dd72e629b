"""What a recipe's `range` and `since` mean: commits by their full ids, tags with the one before."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from lanectl.errors import ConfigError
from lanectl.programs.git import git, git_lines
from lanectl.sources.history import LAST_SECOND, day_of
from lanectl.sources.place import Place

# No option, nothing that git would take for more than one revision, nothing unseen.
_REVISION = re.compile(r"(?![-^])(?!.*\.\.)[^\x00-\x20\x7f*?\[]+")
_AGO = re.compile(r"(\d{1,5}) ?(day|week|month|year)s?( ago)?")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag on a commit: `day` is when it was made."""

    name: str
    sha: str
    day: str


@dataclass(frozen=True, slots=True)
class Span:
    """The commits that `end` reaches and `start` does not; `start` None: all of them."""

    start: str | None
    end: str

    @property
    def args(self) -> tuple[str, ...]:
        """As `git log` takes it."""
        return (self.end,) if self.start is None else (f"^{self.start}", self.end)


def span(place: Place, text: str | None, *, where: str) -> Span | None:
    """The span that `text` names, None where there is no commit at all.

    `A..B` and `A..` as git reads them; one revision: from the last tag before it; None: from the last tag
    that HEAD reaches to HEAD, or all of it where none does. Raises `ConfigError` for an unknown revision.
    """
    if text is None:
        if place.commit is None:
            return None
        tag = tag_before(place, place.commit, itself=True)
        return Span(tag.sha if tag else None, place.commit)
    start, dots, end = text.partition("..")
    if dots:
        if not start or end.startswith("."):
            raise _refused(text, where)
        return Span(resolve(place, start, where=where), resolve(place, end or "HEAD", where=where))
    sha = resolve(place, text, where=where)
    tag = tag_before(place, sha)
    return Span(tag.sha if tag else None, sha)


def resolve(place: Place, name: str, *, where: str) -> str:
    """The full id of the commit that `name` names; raises `ConfigError` with `where` for none."""
    if not _REVISION.fullmatch(name):
        raise _refused(name, where)
    wanted = f"{name}^{{commit}}"
    found = git(place.root, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted, codes=(0, 1, 128))
    if not found:
        raise ConfigError(f'no revision "{name}"', where=where, hint="git tag --list")
    return found.decode().strip()


def tag_before(place: Place, sha: str, *, itself: bool = False) -> Tag | None:
    """The nearest tag that the commit's first parent (or the commit `itself`) reaches."""
    wanted = sha if itself else f"{sha}^"
    # 128: no parent, or no tag; anything else that can be wrong has been met before.
    name = git(place.root, "describe", "--tags", "--abbrev=0", wanted, codes=(0, 128))
    if not name:
        return None
    ref = f"refs/tags/{name.decode(errors='surrogateescape').rstrip()}"
    return next(iter(_tags(place, ref)), None)


def tags(place: Place, text: str | None, *, where: str) -> list[Tag]:
    """The tags on commits, newest first: all of them, those in `A..B`, or the one that `text` names."""
    if text is None:
        return list(_tags(place, "refs/tags"))
    if ".." in text:
        found = span(place, text, where=where)
        if found is None or found.start is None:
            return []
        return list(_tags(place, f"--merged={found.end}", f"--no-merged={found.start}", "refs/tags"))
    resolve(place, text, where=where)
    one = [tag for tag in _tags(place, f"refs/tags/{text}") if tag.name == text]
    if not one:
        raise ConfigError(f'no tag "{text}"', where=where, hint="git tag --list")
    return one


def since_day(text: str | None, today: date, *, where: str) -> date | None:
    """The first day that `text` lets in: a date, or so many days, weeks, months or years before today."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text.strip()):
        try:
            return today - timedelta(days=int(ago[1]) * _DAYS[ago[2]])
        except OverflowError:
            return date.min
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        # git takes any word for a time, and one that it does not know for now.
        message = f'"{text}" is neither a date like 2026-01-31 nor a time like "7 days"'
        raise ConfigError(message, where=where, hint="date +%F") from None


def _tags(place: Place, *args: str) -> Iterator[Tag]:
    fields = ("refname:strip=2", "objecttype", "*objecttype", "objectname", "*objectname", "creatordate:unix")
    form = "--format=" + "%00".join(f"%({field})" for field in fields)
    order = ("--sort=-version:refname", "--sort=-creatordate")
    for raw in git_lines(place.root, "for-each-ref", form, *order, *args):
        name, kind, peeled_kind, sha, peeled, at = raw.decode(errors="surrogateescape").split("\0")
        if "commit" in (kind, peeled_kind):
            yield Tag(name, peeled or sha, day_of(min(max(int(at or 0), 0), LAST_SECOND)))


def _refused(text: str, where: str) -> ConfigError:
    return ConfigError(f'"{text}" is no revision or range A..B', where=where, hint="git tag --list")
