"""A commit's heading, number and title as its message and its files tell them."""

import pytest

from lanectl.sources.groups import group_of, is_breaking, number_of, title_of

GROUPS = [
    ("feat: dark mode", "Added"),
    ("feat(ui)!: dark mode", "Added"),
    ("Fix: the parser", "Fixed"),
    ("perf: faster", "Changed"),
    ("docs(readme): typo", "Documentation"),
    ("chore: release", "Internal"),
    ("security: escape", "Security"),
    ("deprecate: x", "Deprecated"),
    ("remove: x", "Removed"),
    ("testing/CliRunner: Fix regression", "Changed"),
    ("Add a flag", "Added"),
    ("Added a flag (#12)", "Added"),
    ("Add tests for the flag", "Internal"),
    ("Fix a typo", "Documentation"),
    ("Fixes the parser", "Fixed"),
    ("Drop Python 3.8", "Removed"),
    ("Deprecate `x`", "Deprecated"),
    ("Deduplicate deprecated label translation", "Changed"),
    ("Deprecated `x`", "Deprecated"),
    ("Bump actions/checkout from 4 to 6", "Internal"),
    ("[pre-commit.ci] pre-commit autoupdate", "Internal"),
    ("Address CVE-2026-1234 in the parser", "Security"),
    ("Fix a vulnerability", "Security"),
    ("Merge branch 'stable'", "Internal"),
    ("Make it faster", "Changed"),
    ("#12", "Changed"),
    ("", "Changed"),
]


@pytest.mark.parametrize(("subject", "group"), GROUPS)
def test_subject_is_sorted_under_its_heading(subject: str, group: str) -> None:
    assert group_of(subject, "", ["src/a.py"]) == group


@pytest.mark.parametrize(
    ("subject", "paths", "group"),
    [
        ("Fix the flaky case", ["tests/a.py", "src/x/tests/b.py", "test_c.py"], "Internal"),
        ("Add a job", [".github/workflows/ci.yml", ".pre-commit-config.yaml"], "Internal"),
        ("Add entry", ["CHANGELOG.md"], "Internal"),
        ("Add a page", ["docs/a.rst", "README.md"], "Documentation"),
        ("Add a page", ["docs/a.rst", "src/a.py"], "Added"),
        ("feat: docs", ["docs/a.rst"], "Added"),
    ],
)
def test_files_say_more_than_words_and_less_than_a_convention(
    subject: str, paths: list[str], group: str
) -> None:
    assert group_of(subject, "", paths) == group


def test_merge_of_a_pull_request_is_sorted_by_its_title() -> None:
    assert group_of("Merge pull request #7 from team/docs", "Add a flag\n\nmore", []) == "Added"


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request #123 from team/branch", 123),
        ("Add a flag (#12)", 12),
        ("Revert Add a flag (#12) (#34)", 34),
        ("Fix #12", None),
        ("Merge branch 'x'", None),
        ("", None),
    ],
)
def test_number_is_the_one_github_wrote(subject: str, number: int | None) -> None:
    assert number_of(subject) == number


@pytest.mark.parametrize(
    ("subject", "body", "title"),
    [
        ("Merge pull request #1 from team/x", "\nThe title\n\nThe body", "The title"),
        ("Merge pull request #1 from team/x", "", "Merge pull request #1 from team/x"),
        ("Add a flag (#12)", "body", "Add a flag"),
        ("(#12)", "", "(#12)"),
    ],
)
def test_title_is_the_pull_requests(subject: str, body: str, title: str) -> None:
    assert title_of(subject, body) == title


def test_breaking_is_said_by_mark_or_footer() -> None:
    assert is_breaking("feat!: x", "")
    assert is_breaking("feat: x", "a\n\nBREAKING CHANGE: y")
    assert not is_breaking("Wow! x", "breaking change: y")
