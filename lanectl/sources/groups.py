"""Sorts a commit under a heading of Keep a Changelog: by convention where there is one, else by words."""

import re
from collections.abc import Sequence

# Keep a Changelog 1.1.0, and two for what its readers skip.
GROUPS = (
    *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"),
    *("Documentation", "Internal"),
)


def _by_word(**words: str) -> dict[str, str]:
    return {word: group for group, listed in words.items() for word in listed.split()}


# Types of https://www.conventionalcommits.org/en/v1.0.0/ and of those who follow it loosely.
_TYPES = _by_word(
    Added="feat feature add",
    Changed="perf change revert improve",
    Deprecated="deprecate deprecated",
    Removed="remove removed",
    Fixed="fix bugfix hotfix",
    Security="security sec",
    Documentation="docs doc",
    Internal="build chore ci deps refactor release style test tests",
)
_CONVENTION = re.compile(r"(?P<type>[a-z]+)(\([^)]*\))?(?P<breaking>!)?:\s+\S", re.IGNORECASE)

# What a commit touches says more than its words, where it touches nothing else.
_PLACES = (
    ("Internal", r"(^|/)((tests?|\.github|\.circleci)/|test_[^/]*$|\.[^/]*\.ya?ml$)|\.lock$"),
    ("Internal", r"(^|/)(change ?log|changes|history|news)(\.(md|rst|txt|adoc))?$"),
    ("Documentation", r"^docs?/|\.(md|rst)$"),
)
# Then what it is about, which weighs more than its verb ("Add tests", "Fix a typo"), then the verb.
_ABOUT = _by_word(
    Security="security vulnerability vulnerabilities",
    Deprecated="deprecate deprecates",
    Internal="test tests pytest mypy pyright ruff flake8 eslint prettier linter linters linting codespell"
    " pre-commit precommit dependabot workflow workflows ci coverage changelog lockfile",
    Documentation="doc docs documentation document documents readme docstring docstrings typo typos tutorial"
    " faq",
)
_VERBS = _by_word(
    Added="add adds added adding introduce introduces introduced implement implements implemented support"
    " supports supported allow allows allowed new expose exposes exposed enable enables enabled provide"
    " create",
    Deprecated="deprecated deprecating",
    Removed="remove removes removed removing drop drops dropped delete deletes deleted",
    Fixed="fix fixes fixed fixing bugfix hotfix resolve resolves resolved correct corrects corrected prevent"
    " prevents prevented handle handles handled avoid avoids avoided don't restore restores ensure ensures"
    " repair",
    Internal="merge bump bumps bumped release releasing version prepare pin unpin refactor refactored cleanup"
    " tidy lint",
)
_ADVISORY = re.compile(r"\b(CVE-\d|GHSA-)")
_WORD = re.compile(r"[a-z][a-z0-9'-]*")
_NUMBER = re.compile(r"^Merge pull request #(\d+)\b|\(#(\d+)\)")
_GITHUB_MERGE = re.compile(r"^Merge pull request #\d+ from ")


def group_of(subject: str, body: str, paths: Sequence[str]) -> str:
    """The heading a commit that changed `paths` belongs under; "Changed" where nothing says otherwise."""
    title = title_of(subject, body)
    convention = _CONVENTION.match(title)
    if convention and convention["type"].lower() in _TYPES:
        return _TYPES[convention["type"].lower()]
    for group, place in _PLACES:
        if paths and all(re.search(place, path, re.IGNORECASE) for path in paths):
            return group
    words = _WORD.findall(title.lower())
    about = {_ABOUT[word] for word in words if word in _ABOUT}
    if _ADVISORY.search(title):
        return "Security"
    first = next(
        (group for group in ("Security", "Deprecated", "Internal", "Documentation") if group in about), None
    )
    return first or _VERBS.get(words[0] if words else "", "Changed")


def is_breaking(subject: str, body: str) -> bool:
    """Whether a commit says in the conventional way that it breaks what was."""
    convention = _CONVENTION.match(subject)
    return bool(convention and convention["breaking"]) or "BREAKING CHANGE:" in body


def number_of(subject: str) -> int | None:
    """The pull request that a commit's subject names the way GitHub writes it."""
    found = [next(filter(None, groups)) for groups in _NUMBER.findall(subject)]
    return int(found[-1]) if found else None


def title_of(subject: str, body: str) -> str:
    """What a commit is called: for GitHub's merges the pull request's title, and never its number."""
    if _GITHUB_MERGE.match(subject) and body.strip():
        subject = body.strip().split("\n", 1)[0]
    return re.sub(r"\s*\(#\d+\)\s*$", "", subject) or subject
