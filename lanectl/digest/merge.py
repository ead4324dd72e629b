"""Merges what several jobs found into findings that stand once, and caps what is shown of each kind."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lanectl.digest.limits import WHOLE, Least, Limits
from lanectl.models import Finding, FoundLine, RunAccount, Severity

# What is shown of one category at one severity before "plus N more": a night of 334 findings was cut from
# the bottom where nobody had capped each kind.
SHOWN = 5
# Two reviewers point at the same thing a line or two apart.
NEAR = 3
# Kinds of finding beyond those that are counted apart.
OTHERS = "others"

_DIGITS = re.compile(r"(\d+)")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Before:
    """A settled run from before: whatever it reported of the same repository is no news.

    `at` is when it was made, UTC ISO text.
    """

    run: str
    recipe: str
    repo: str
    at: str


@dataclass(frozen=True, slots=True)
class Source:
    """One report of a finding: by which job of which run, in its own words."""

    run: str
    recipe: str
    key: str
    artifact: str | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Reported:
    """One finding: `lead` is its worst report, `others` further ones as they were, worst first.

    `identity` is the same while path, title and repository are, whatever its line. `times` counts every
    report, those too that are not among `others`. `shown` says whether it is told at length, and
    `first_reported` when an earlier run of one of its recipes was made that reported it (None: it is new).
    """

    identity: str
    lead: Source
    others: tuple[Source, ...]
    times: int
    shown: bool
    first_reported: str | None

    @property
    def finding(self) -> Finding:
        """The finding in the words of its worst report."""
        return self.lead.finding

    @property
    def new(self) -> bool:
        """Whether no earlier run reported it."""
        return self.first_reported is None


@dataclass(frozen=True, slots=True)
class More:
    """What the cap hides of one category: how many, and the reports (run, key, artifact) that hold them."""

    category: str
    count: int
    where: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True, slots=True)
class SeverityGroup:
    """All findings of one severity: new ones by run and key, then those that were reported before.

    `count` and `new` are of all of them. `more` tells what of the new ones is not shown. What was left out
    of `findings` altogether is counted by category in `cut`, the most frequent first.
    """

    severity: Severity
    findings: tuple[Reported, ...]
    more: tuple[More, ...]
    count: int
    new: int
    cut: tuple[tuple[str, int], ...]

    @property
    def still_there(self) -> tuple[Reported, ...]:
        """Those that were reported before."""
        return tuple(one for one in self.findings if not one.new)


def grouped(
    runs: Sequence[RunAccount],
    found: Iterable[tuple[str, FoundLine]],
    *,
    before: Sequence[Before] = (),
    limits: Limits = WHOLE,
) -> tuple[SeverityGroup, ...]:
    """The findings of the runs by severity, worst first, severities without any left out.

    `found` is read once: run ids with what was found, of `runs` and of `before`, ascending by `place`; of
    the same place those of `before` come first, then by line.
    """
    order = {run.run: number for number, run in enumerate(runs)}
    kept = Least[Reported](limits.findings, lambda one: _rank(one, order))
    sums = {severity: _Sum(limits.categories) for severity in Severity}
    for one in _merged(runs, found, before, limits):
        sums[one.finding.severity].add(one)
        kept.add(one)
    every = kept.kept()
    groups = (
        _group(severity, [one for one in every if one.finding.severity is severity], sums[severity])
        for severity in Severity
    )
    return tuple(group for group in groups if group.count)


def place(repo: str, line: FoundLine) -> tuple[str, str, str, str]:
    """What reports of the same finding have in common, but for their lines: also the order of a stream."""
    # Without a place, the same words about two items are two findings.
    finding = line.finding
    return (repo, finding.path, "" if finding.path else line.key, folded(finding.title))


def folded(title: str) -> str:
    """A title without what differs between two who say the same: case, marks, signs."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", title).casefold()).strip() or title


def label(key: str) -> str:
    """A job's key as readers say it: a bare number, as pull requests have, with its `#`."""
    return f"#{key}" if key.isascii() and key.isdigit() else key


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key under which `pr-9` stands before `pr-10`."""
    parts = _DIGITS.split(text.casefold())
    # Digits beyond what Python converts are compared as text.
    return tuple(
        (0, int(part), "") if number % 2 and len(part) < 40 else (1, 0, part)
        for number, part in enumerate(parts)
    )


class _Cluster:
    """The reports whose lines lie within `NEAR` of the first of them."""

    def __init__(self, line: int, order: Mapping[str, int], limits: Limits) -> None:
        self.line = line
        self.recipes: set[str] = set()
        self._times = 0
        most = None if limits.reports is None else 1 + limits.reports
        self._reports = Least[Source](most, lambda source: _worse(source, order))

    def add(self, source: Source) -> None:
        """One more report."""
        self._times += 1
        self.recipes.add(source.recipe)
        self._reports.add(source)

    def reported(self, identity: str, first_reported: str | None) -> Reported:
        """The finding that they are."""
        lead, *others = self._reports.kept()
        return Reported(identity, lead, tuple(others), self._times, True, first_reported)


class _Past:
    """What earlier runs had at one place: how many findings by the same rule, for each run."""

    def __init__(self, before: Mapping[str, Before]) -> None:
        self._before = before
        self._seen: dict[str, tuple[int, int]] = {}

    def add(self, run: str, line: int) -> None:
        """One more report of an earlier run, from the top of the file down."""
        first, count = self._seen.get(run, (line, 0))
        if not count or line - first > NEAR:
            self._seen[run] = (line, count + 1)

    def first(self, number: int, recipes: set[str]) -> str | None:
        """When one of the recipes first had as many findings here that this one was among them."""
        nights = (self._before[run] for run, (_, count) in self._seen.items() if count > number)
        return min((night.at for night in nights if night.recipe in recipes), default=None)


class _Sum:
    """Counts the findings of one severity, by category as far as these are told apart."""

    def __init__(self, categories: int | None) -> None:
        self.count = 0
        self.new = 0
        self._most = categories
        self._by: Counter[str] = Counter()

    def add(self, one: Reported) -> None:
        """One more finding."""
        self.count += 1
        self.new += one.new
        self._by[self._named(one)] += 1

    def without(self, kept: Iterable[Reported]) -> tuple[tuple[str, int], ...]:
        """How many of each category there are besides these, the most frequent first, `OTHERS` last."""
        rest = self._by - Counter(map(self._named, kept))
        return tuple(sorted(rest.items(), key=lambda pair: (pair[0] == OTHERS, -pair[1], pair[0])))

    def _named(self, one: Reported) -> str:
        category = one.finding.category
        known = self._most is None or category in self._by or len(self._by) < self._most
        return category if known else OTHERS


def _merged(
    runs: Sequence[RunAccount],
    found: Iterable[tuple[str, FoundLine]],
    before: Sequence[Before],
    limits: Limits,
) -> Iterator[Reported]:
    """The findings of the runs, place after place."""
    order = {run.run: number for number, run in enumerate(runs)}
    recipes = {run.run: run.recipe for run in runs}
    repos = {one.run: one.repo for one in before} | {run.run: run.repo for run in runs}
    earlier = {one.run: one for one in before if one.run not in order}
    for spot, told in groupby(found, key=lambda pair: place(repos[pair[0]], pair[1])):
        past, cluster, number = _Past(earlier), None, 0
        for run, line in told:
            if run in earlier:
                past.add(run, line.finding.line)
                continue
            if cluster is not None and line.finding.line - cluster.line > NEAR:
                yield cluster.reported(_identity(spot, number), past.first(number, cluster.recipes))
                cluster, number = None, number + 1
            if cluster is None:
                cluster = _Cluster(line.finding.line, order, limits)
            cluster.add(Source(run, recipes[run], line.key, line.artifact, line.finding))
        if cluster is not None:
            yield cluster.reported(_identity(spot, number), past.first(number, cluster.recipes))


def _identity(spot: tuple[str, str, str, str], number: int) -> str:
    repo, path, key, title = spot
    told = "\0".join((repo, path or f"\0{key}", title, str(number)))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _group(severity: Severity, kept: Sequence[Reported], total: _Sum) -> SeverityGroup:
    seen: Counter[str] = Counter()
    findings: list[Reported] = []
    hidden: dict[str, list[Source]] = {}
    for found in kept:
        category = found.finding.category
        seen[category] += found.new
        if found.new and seen[category] > SHOWN:
            hidden.setdefault(category, []).append(found.lead)
        at_length = found.new and seen[category] <= SHOWN
        findings.append(found if at_length else replace(found, shown=False))
    more = tuple(
        More(
            category, len(leads), tuple(dict.fromkeys((lead.run, lead.key, lead.artifact) for lead in leads))
        )
        for category, leads in sorted(hidden.items())
    )
    return SeverityGroup(severity, tuple(findings), more, total.count, total.new, total.without(kept))


def _rank(one: Reported, order: Mapping[str, int]) -> tuple[object, ...]:
    """The worst first, the new before the known, then by run and key, from the top of a file down."""
    finding = one.finding
    job = _by_job(one.lead, order)
    return (finding.severity.rank, not one.new, *job, finding.path, finding.line, one.identity)


def _worse(source: Source, order: Mapping[str, int]) -> tuple[object, ...]:
    finding = source.finding
    job = _by_job(source, order)
    return (finding.severity.rank, *job, finding.line, finding.title, finding.detail)


def _by_job(source: Source, order: Mapping[str, int]) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    return (order[source.run], natural(source.key))
