"""Merges what several jobs found into findings that stand once, losing no word, and caps what is shown."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanectl.models import Finding, FoundLine, RunAccount, Severity

# What is shown of one category at one severity before "plus N more": a night of 334 findings was cut from
# the bottom where nobody had capped each kind.
SHOWN = 5
# Two reviewers point at the same thing a line or two apart.
NEAR = 3

_DIGITS = re.compile(r"(\d+)")
_NO_WORD = re.compile(r"[\W_]+")


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
    """One finding: `lead` is its worst report, `others` every further one, as it was.

    `identity` is the same while path, title and repository are, whatever its line. `shown` is False beyond
    the cap.
    """

    identity: str
    lead: Source
    others: tuple[Source, ...]
    shown: bool

    @property
    def finding(self) -> Finding:
        """The finding in the words of its worst report."""
        return self.lead.finding

    @property
    def times(self) -> int:
        """How often it was reported."""
        return 1 + len(self.others)


@dataclass(frozen=True, slots=True)
class More:
    """What the cap hides of one category: how many, and the reports (run, key, artifact) that hold them."""

    category: str
    count: int
    where: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True, slots=True)
class SeverityGroup:
    """All findings of one severity, by run and key, and what of them is not shown."""

    severity: Severity
    findings: tuple[Reported, ...]
    more: tuple[More, ...]


def grouped(
    runs: Sequence[RunAccount], found: Mapping[str, Sequence[FoundLine]]
) -> tuple[SeverityGroup, ...]:
    """The findings of the runs by severity, worst first, severities without any left out."""
    order = {run.run: number for number, run in enumerate(runs)}
    clusters: dict[tuple[str, str, str], list[Source]] = {}
    for run in runs:
        for line in found.get(run.run, ()):
            source = Source(run.run, run.recipe, line.key, line.artifact, line.finding)
            clusters.setdefault(_identity(run, line), []).append(source)
    merged = [
        _reported(identity, number, sources, order)
        for identity, sources in clusters.items()
        for number, sources in enumerate(_near(sources, order))
    ]
    groups = (_group(severity, merged, order) for severity in Severity)
    return tuple(group for group in groups if group.findings)


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


def _identity(run: RunAccount, line: FoundLine) -> tuple[str, str, str]:
    finding = line.finding
    title = (
        _NO_WORD.sub(" ", unicodedata.normalize("NFKC", finding.title).casefold()).strip() or finding.title
    )
    # Without a place, the same words about two items are two findings.
    return (run.repo, finding.path or f"\0{line.key}", title)


def _near(sources: Sequence[Source], order: Mapping[str, int]) -> Iterator[list[Source]]:
    """The reports whose lines lie within `NEAR` of the first of them, from the top of the file down."""
    cluster: list[Source] = []
    for source in sorted(sources, key=lambda source: (source.finding.line, *_by_job(source, order))):
        if cluster and source.finding.line - cluster[0].finding.line > NEAR:
            yield cluster
            cluster = []
        cluster.append(source)
    if cluster:
        yield cluster


def _reported(
    identity: tuple[str, str, str], number: int, sources: Sequence[Source], order: Mapping[str, int]
) -> Reported:
    ranked = sorted(sources, key=lambda source: (source.finding.severity.rank, *_by_job(source, order)))
    digest = hashlib.sha256("\0".join((*identity, str(number))).encode("utf-8", "replace"))
    return Reported(digest.hexdigest()[:32], ranked[0], tuple(ranked[1:]), shown=True)


def _group(severity: Severity, merged: Sequence[Reported], order: Mapping[str, int]) -> SeverityGroup:
    mine = sorted(
        (found for found in merged if found.finding.severity is severity),
        key=lambda found: (
            *_by_job(found.lead, order),
            found.finding.path,
            found.finding.line,
            found.identity,
        ),
    )
    seen: dict[str, int] = {}
    kept: list[Reported] = []
    hidden: dict[str, list[Source]] = {}
    for found in mine:
        category = found.finding.category
        seen[category] = seen.get(category, 0) + 1
        if seen[category] > SHOWN:
            hidden.setdefault(category, []).append(found.lead)
            found = Reported(found.identity, found.lead, found.others, shown=False)
        kept.append(found)
    more = tuple(
        More(
            category, len(leads), tuple(dict.fromkeys((lead.run, lead.key, lead.artifact) for lead in leads))
        )
        for category, leads in sorted(hidden.items())
    )
    return SeverityGroup(severity, tuple(kept), more)


def _by_job(source: Source, order: Mapping[str, int]) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    return (order[source.run], natural(source.key))
