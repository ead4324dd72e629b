"""Commits, days and tags of a range: what is in each, and what is no range."""

from datetime import date
from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import Item, Skip
from lanectl.sources.history import Change, diffstat, log
from lanectl.sources.place import place
from lanectl.sources.revisions import since_day

COMMITS = 'kind = "commits"'
TAGS = 'kind = "commits"\nby = "tag"'
DAYS = 'kind = "commits"\nby = "day"'


def names(found: list[Item | Skip]) -> list[str]:
    return [each.name if isinstance(each, Item) else f"{each.key}: {each.reason}" for each in found]


def subjects(found: Any) -> list[list[str]]:
    return [[each["subject"] for each in item.fields["commits"]] for item in found]


def test_commit_becomes_an_item_with_its_fields(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"old.py": "x\n" * 9, "gone.py": "x\n"})
    repo.git("tag", "v1")
    repo.git("mv", "old.py", "new.py")
    (repo.root / "gone.py").unlink()
    repo.put("logo.png", b"\0")
    sha = repo.commit(
        "fix(cli)!: the flag (#12)\n\nIt was wrong.\n\nCloses #9", {"new.py": "x\n" * 9 + "y\n"}
    )
    commit = {
        "sha": sha,
        "subject": "fix(cli)!: the flag (#12)",
        "body": "It was wrong.\n\nCloses #9",
        "author": "Test",
        "date": "2026-01-01T07:00:00Z",
        "files": ["gone.py", "logo.png", "new.py"],
        "more_files": 0,
        "group": "Fixed",
        "pr": 12,
        "merge": False,
        "breaking": True,
        "entry": None,
    }

    assert gathered(repo.root, COMMITS) == [
        Item(
            name=sha[:12],
            fields={
                "name": sha[:12],
                "date": "2026-01-01",
                "first": sha,
                "last": sha,
                "previous": None,
                "commits": [commit],
                "groups": [{"name": "Fixed", "commits": [commit]}],
                "diffstat": "gone.py | +0 -1\nlogo.png | binary\nnew.py | +1 -0\n3 files changed, +1 -1",
            },
            material={
                "commits": [
                    {"sha": sha, "subject": "fix(cli)!: the flag (#12)", "group": "Fixed", "pr": "12"}
                ]
            },
        )
    ]


@pytest.fixture
def released(repo: Any) -> Any:
    """a - v1 - b - v2 (annotated) - c, d."""
    repo.commit("Add a", {"a": "1\n"})
    repo.git("tag", "v1")
    repo.commit("Add b", {"b": "1\n"})
    repo.git("tag", "-a", "-m", "two", "v2")
    repo.commit("Fix c", {"a": "2\n"})
    repo.commit("Fix d", {"d": "1\n"})
    return repo


RANGES = [
    ("", ["Fix d", "Fix c"]),
    ('range = "v1..v2"', ["Add b"]),
    ('range = "v1.."', ["Fix d", "Fix c", "Add b"]),
    ('range = "v2"', ["Add b"]),
    ('range = "v1"', ["Add a"]),
    ('range = "main"', ["Fix d", "Fix c"]),
    ('range = "HEAD~1"', ["Fix c"]),
    ('range = "HEAD..HEAD"', []),
    ('since = "2026-01-01"', ["Fix d", "Fix c", "Add b", "Add a"]),
    ('since = "2026-01-02"', []),
    ('range = "v1"\nsince = "2026-01-02"', []),
    ("limit = 1", ["Fix d"]),
]


@pytest.mark.parametrize(("keys", "expected"), RANGES, ids=[keys for keys, _ in RANGES])
def test_range_holds_these_commits_newest_first(
    released: Any, gathered: Any, keys: str, expected: list[str]
) -> None:
    found = gathered(released.root, f"{COMMITS}\n{keys}")

    assert [subject for [subject] in subjects(found)] == expected


def test_without_a_tag_all_of_the_history_is_new(repo: Any, gathered: Any) -> None:
    repo.commit("a")
    repo.commit("b")

    assert subjects(gathered(repo.root, COMMITS)) == [["b"], ["a"]]


@pytest.mark.parametrize("source", [COMMITS, TAGS, DAYS])
def test_repository_without_a_commit_has_no_items(repo: Any, gathered: Any, source: str) -> None:
    assert gathered(repo.root, source) == []


def test_clone_without_a_tag_is_refused_with_what_brings_them(
    repo: Any, gathered: Any, tmp_path: Any
) -> None:
    repo.commit("a")

    with pytest.raises(ConfigError, match="this clone has no tag") as caught:
        gathered(repo.root, TAGS)

    assert caught.value.where == f"{tmp_path / 'recipes' / 't.toml'} [source] by"
    assert caught.value.hint == "git fetch --tags"


def test_tag_becomes_an_item_with_what_came_since_the_one_before(released: Any, gathered: Any) -> None:
    second, first = gathered(released.root, TAGS)

    assert (second.name, second.fields["previous"], second.fields["date"]) == ("v2", "v1", "2026-01-01")
    assert second.fields["diffstat"] == "b | +1 -0\n1 file changed, +1 -0"
    assert (first.name, first.fields["previous"]) == ("v1", None)
    assert first.fields["diffstat"] == "a | +1 -0\n1 file changed, +1 -0"
    assert subjects([second, first]) == [["Add b"], ["Add a"]]
    assert second.fields["first"] == second.fields["last"] == released.git("rev-parse", "v2^{commit}")


TAG_RANGES = [
    ("limit = 1", ["v2"]),
    ('range = "v1..v2"', ["v2"]),
    ('range = "v1.."', ["v2"]),
    ('range = "v1"', ["v1"]),
    ('since = "2026-01-02"', []),
    ('since = "2026-01-01"', ["v2", "v1"]),
]


@pytest.mark.parametrize(("keys", "expected"), TAG_RANGES, ids=[keys for keys, _ in TAG_RANGES])
def test_range_holds_these_tags(released: Any, gathered: Any, keys: str, expected: list[str]) -> None:
    assert names(gathered(released.root, f"{TAGS}\n{keys}")) == expected


def test_tag_of_a_maintenance_branch_follows_its_own_line(released: Any, gathered: Any) -> None:
    released.git("checkout", "-q", "-b", "stable", "v1")
    released.commit("Fix e", {"e": "1\n"})
    released.git("tag", "v1.1")

    [found] = gathered(released.root, f'{TAGS}\nrange = "v1.1"')

    assert (found.fields["previous"], subjects([found])) == ("v1", [["Fix e"]])


def test_groups_hold_the_commits_under_their_headings_in_order(repo: Any, gathered: Any) -> None:
    for message in ("Bump x", "Fix a", "Add b", "Fix c"):
        repo.commit(message)

    [found] = gathered(repo.root, f'{DAYS}\nrange = "HEAD"')

    assert [
        (group["name"], [each["subject"] for each in group["commits"]]) for group in found.fields["groups"]
    ] == [
        ("Added", ["Add b"]),
        ("Fixed", ["Fix c", "Fix a"]),
        ("Internal", ["Bump x"]),
    ]


def test_merge_is_kept_and_flagged(repo: Any, gathered: Any) -> None:
    repo.commit("a")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("b", {"b": "1\n"})
    repo.git("checkout", "-q", "main")
    repo.merge("side", "Merge pull request #7 from team/side\n\nAdd b")

    commits = [item.fields["commits"][0] for item in gathered(repo.root, f"{COMMITS}\nlimit = 2")]

    assert [
        (each["subject"], each["merge"], each["pr"], each["group"], each["files"]) for each in commits
    ] == [
        ("Merge pull request #7 from team/side", True, 7, "Added", []),
        ("b", False, None, "Changed", ["b"]),
    ]


@pytest.fixture
def merged(repo: Any) -> Any:
    """main: a - #7(b, #8(c), main into it) - d - v1, with an own number in b's branch."""
    repo.commit("a", {"a": "1\n"})
    repo.git("checkout", "-q", "-b", "seven")
    repo.commit("b", {"b": "1\n"})
    repo.git("checkout", "-q", "-b", "eight")
    repo.commit("c", {"tests/c": "1\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("d", {"d": "1\n"})
    repo.git("checkout", "-q", "seven")
    repo.merge("eight", "Show c (#8)")
    repo.commit("e (#9)", {"e": "1\n"})
    repo.merge("main", "Merge branch 'main' into seven")
    repo.git("checkout", "-q", "main")
    repo.merge("seven", "Merge pull request #7 from team/seven\n\nAdd b")
    repo.git("tag", "v1")
    return repo


def test_commits_stand_below_the_pull_request_that_brought_them(merged: Any, gathered: Any) -> None:
    [found] = gathered(merged.root, TAGS)

    assert [(each["subject"], each["pr"]) for each in found.fields["commits"]] == [
        ("Merge pull request #7 from team/seven", 7),
        ("Merge branch 'main' into seven", 7),
        ("d", None),
        ("e (#9)", 9),
        ("Show c (#8)", 8),
        ("c", 8),
        ("b", 7),
        ("a", None),
    ]
    assert [each.get("pr") for each in found.material["commits"]] == [
        "7",
        "7",
        None,
        "9",
        "8",
        "8",
        "7",
        None,
    ]


def test_merge_of_several_branches_numbers_them_all(repo: Any, gathered: Any) -> None:
    repo.commit("a")
    for branch in ("x", "y"):
        repo.git("checkout", "-q", "-b", branch, "main")
        repo.commit(branch, {branch: "1\n"})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "x", "y", "-m", "Both (#4)")
    repo.git("tag", "v1")

    [found] = gathered(repo.root, TAGS)

    assert sorted((each["subject"], each["pr"]) for each in found.fields["commits"]) == [
        ("Both (#4)", 4),
        ("a", None),
        ("x", 4),
        ("y", 4),
    ]


def test_branch_of_a_branch_leaves_it_its_number(repo: Any, gathered: Any) -> None:
    repo.commit("a")
    repo.git("checkout", "-q", "-b", "one")
    repo.commit("b", {"b": "1\n"})
    repo.git("checkout", "-q", "-b", "two")
    repo.commit("c", {"c": "1\n"})
    repo.git("checkout", "-q", "main")
    repo.merge("one", "One (#1)")
    repo.merge("two", "Two (#2)")
    repo.git("tag", "v1")

    [found] = gathered(repo.root, TAGS)

    assert {each["subject"]: each["pr"] for each in found.fields["commits"]} == {
        "Two (#2)": 2,
        "c": 2,
        "One (#1)": 1,
        "b": 1,
        "a": None,
    }


def test_plain_merge_within_a_pull_request_keeps_its_number(repo: Any, gathered: Any) -> None:
    repo.commit("a")
    repo.git("checkout", "-q", "-b", "inner")
    repo.commit("b", {"b": "1\n"})
    repo.git("checkout", "-q", "-b", "outer", "main")
    repo.merge("inner", "Merge branch 'inner' into outer")
    repo.git("checkout", "-q", "main")
    repo.merge("outer", "Outer (#5)")
    repo.git("tag", "v1")

    [found] = gathered(repo.root, TAGS)

    assert [each["pr"] for each in found.fields["commits"]] == [5, 5, 5, None]


def test_merge_is_what_its_commits_are(merged: Any, gathered: Any) -> None:
    [found] = gathered(merged.root, TAGS)

    groups = {each["subject"]: each["group"] for each in found.fields["commits"]}
    assert (groups["Show c (#8)"], groups["c"]) == ("Internal", "Internal")
    assert groups["Merge pull request #7 from team/seven"] == "Added"


def test_what_breaks_others_is_not_internal(repo: Any, gathered: Any) -> None:
    repo.commit("chore!: need Python 3.12", {"pyproject.toml": "1\n"})
    repo.commit("ci: faster", {"pyproject.toml": "2\n"})
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("b", {"pyproject.toml": "3\n"})
    repo.git("checkout", "-q", "main")
    repo.merge("side", "Merge pull request #7 from team/side\n\nrefactor!: rename x")

    commits = [item.fields["commits"][0] for item in gathered(repo.root, COMMITS)]

    assert [(each["breaking"], each["group"]) for each in commits] == [
        (True, "Changed"),
        (False, "Changed"),
        (False, "Internal"),
        (True, "Changed"),
    ]


LOG = "# Changes\n\n## 1.0\n\n- Old.\n"
ENTRY = "- New, see {issue}`3`.\n"


def entry_of(gathered: Any, repo: Any) -> Any:
    return gathered(repo.root, f"{COMMITS}\nlimit = 1")[0].fields["commits"][0]["entry"]


WRITES = [
    ({"CHANGES.md": LOG.replace("- Old", f"{ENTRY}- Old")}, "- New, see {issue}`3`."),
    ({"CHANGES.md": LOG.replace("- Old", "- Older")}, "- Older."),
    ({"CHANGES.md": LOG + "  * Below.\r\n\ttoo\n"}, "  * Below.\n\ttoo"),
    ({"CHANGES.md": LOG + "## 1.1\n\nReleased today\n"}, None),
    ({"CHANGES.md": LOG.replace("- Old.\n", "")}, None),
    ({"CHANGES.md": LOG + ENTRY * 81}, None),
    ({"CHANGES.md": LOG + "- " + "x" * 3_000}, "- " + "x" * 1_998 + "…"),
    ({"CHANGES.md": LOG + "++ b/x\n@@ -9 +9 @@\n- c\n"}, "++ b/x\n@@ -9 +9 @@\n- c"),
    ({"newsfragments/3.bugfix.rst": "No longer fails.\n"}, "No longer fails."),
    ({".changeset/cool-cats.md": "---\n'x': patch\n---\n\nFaster\n"}, "---\n'x': patch\n---\n\nFaster"),
    ({"sub/CHANGELOG": "* Also.\n", "CHANGES.md": LOG + "* Both.\n"}, "* Both.\n* Also."),
    ({"newsfragments/README.md": "- How to.\n"}, None),
    ({"src/history.py": "- x\n", "src/changes.md.py": "- x\n"}, None),
]


@pytest.mark.parametrize(("files", "entry"), WRITES, ids=range(len(WRITES)))
def test_entry_is_what_the_commit_told_in_the_change_log(
    repo: Any, gathered: Any, files: dict[str, str], entry: str | None
) -> None:
    repo.commit("a", {"CHANGES.md": LOG})
    repo.commit("b", files)

    assert entry_of(gathered, repo) == entry


def test_entry_of_a_first_commit_and_of_a_renamed_log_are_found(repo: Any, gathered: Any) -> None:
    repo.commit("a", {"CHANGES.rst": LOG})
    first = entry_of(gathered, repo)
    repo.git("mv", "CHANGES.rst", "CHANGES.md")
    repo.commit("b", {"CHANGES.md": LOG + ENTRY})

    assert (first, entry_of(gathered, repo)) == (LOG.strip(), ENTRY.strip())


def test_line_of_a_log_cannot_pass_for_another_commit(repo: Any, gathered: Any) -> None:
    sha = repo.commit("a", {"CHANGES.md": "- One.\n"})
    repo.commit("b", {"CHANGES.md": f"- One.\n{sha}\n- Two.\n"})
    repo.git("tag", "v1")

    [found] = gathered(repo.root, TAGS)

    assert [each["entry"] for each in found.fields["commits"]] == [f"{sha}\n- Two.", "- One."]


HEADINGS = [
    "## 1.0.0 (31st January, 2026)",
    "## [1.0.0] - 2026-01-31",
    "### v1.0.0",
    "# [1.0.0](https://example.invalid/compare) (2026-01-31)",
    "Version 1.0.0\n-------------",
    "app-1.0.0",
    "1.0.0 / 2026-01-31",
    "**1.0.0** 2026-01-31",
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_what_is_added_to_the_log_of_an_earlier_release_is_no_entry(
    repo: Any, gathered: Any, heading: str
) -> None:
    old = f"{heading}\n\n- Old.\n"
    repo.commit("a", {"CHANGES.md": f"# Changes\n\n{old}"})
    repo.git("tag", "v1.0.0")
    repo.commit("Test b", {"tests/b.py": "1\n", "CHANGES.md": f"# Changes\n\n{old}- Forgotten.\n"})
    head = "# Changes\n\n## 1.0.0.1\n\n1.0.0 was slow:\n"
    repo.commit("Test c", {"tests/c.py": "1\n", "CHANGES.md": f"{head}- New.\n\n{old}- Forgotten, too.\n"})
    repo.git("tag", "v1.1.0")

    found = gathered(repo.root, f"{TAGS}\nlimit = 1")[0]

    assert [(each["subject"], each["group"], each["entry"]) for each in found.fields["commits"]] == [
        ("Test c", "Changed", "## 1.0.0.1\n\n1.0.0 was slow:\n- New."),
        ("Test b", "Internal", None),
    ]


def test_rewriting_the_log_of_earlier_releases_tells_nothing(repo: Any, gathered: Any) -> None:
    repo.commit("a", {"CHANGES.md": "## 1.0\n" + "- Old.\n" * 80})
    repo.git("tag", "1.0")
    repo.commit("b", {"CHANGES.md": "## 1.1\n- New.\n## 1.0\n" + "* Old.\n" * 79})
    repo.git("tag", "1.1")
    repo.commit("c", {"CHANGES.md": "## 1.1\n* New.\n## 1.0\n" + "- Old.\n" * 79})
    repo.git("tag", "1.2")

    found = gathered(repo.root, f"{TAGS}\nlimit = 2")

    assert [item.fields["commits"][0]["entry"] for item in found] == [None, None]


TOLD = [
    ("Refactor the pager", ["CHANGES.md", "a.py"], "Changed"),
    ("Refactor the pager", ["a.py"], "Internal"),
    ("Make the tests pass", ["CHANGES.md", "tests/a.py"], "Changed"),
    ("Fix the parser", ["CHANGES.md", "a.py"], "Fixed"),
    ("Update changelog and a test", ["CHANGES.md", "tests/a.py"], "Internal"),
    ("Add what was forgotten", ["CHANGES.md"], "Internal"),
    ("Release 1.1", ["CHANGES.md", "a.py"], "Internal"),
    ("chore: 1.1.0", ["CHANGES.md", "a.py"], "Internal"),
]


@pytest.mark.parametrize(("subject", "paths", "group"), TOLD, ids=[f"{each[0]} {each[1]}" for each in TOLD])
def test_what_the_change_log_tells_is_not_internal(
    repo: Any, gathered: Any, subject: str, paths: list[str], group: str
) -> None:
    repo.commit(subject, dict.fromkeys(paths, ENTRY))

    [found] = gathered(repo.root, COMMITS)

    assert found.fields["commits"][0]["group"] == group
    assert found.material["commits"][0]["group"] == group


@pytest.mark.parametrize(
    ("title", "groups"),
    [
        ("Refactor b (#7)", ["Changed", "Internal", "Internal"]),
        ("Prepare 1.1 (#7)", ["Internal", "Internal", "Internal"]),
    ],
)
def test_merge_of_what_the_change_log_tells_is_not_internal(
    repo: Any, gathered: Any, title: str, groups: list[str]
) -> None:
    repo.commit("a")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("Refactor b", {"b.py": "1\n"})
    repo.commit("Add its entry", {"CHANGES.md": ENTRY})
    repo.git("checkout", "-q", "main")
    repo.merge("side", title)
    repo.git("tag", "v1")

    [found] = gathered(repo.root, TAGS)

    assert [(each["pr"], each["group"]) for each in found.fields["commits"][:3]] == [
        (7, group) for group in groups
    ]


def test_entries_count_towards_the_size_of_an_item(repo: Any, gathered: Any) -> None:
    repo.commit("a", {"CHANGES.md": "- " + "x" * 97})
    repo.git("tag", "v1")

    assert gathered(repo.root, TAGS, "max_item_bytes = 113") == [
        Skip("v1", "too large", "114 bytes, limit 113")
    ]
    assert names(gathered(repo.root, TAGS, "max_item_bytes = 114")) == ["v1"]


LINES = [
    (["v1.0.0", "v1.1.0rc1", "v1.1.0rc2"], "v1.1.0rc1"),
    (["v1.0.0", "v1.1.0rc1", "v1.1.0"], "v1.0.0"),
    (["1.0", "1.1b1", "1.1.dev2", "1.1-SNAPSHOT", "2.0.0-beta.1", "2.0"], "1.0"),
    (["1.0a1", "1.0b1", "1.0"], "1.0b1"),
    (["1.0", "1.0.post1"], "1.0"),
    (["1.0.2k", "1.0.2l"], "1.0.2k"),
    (["1.0", "v1.1"], "1.0"),
    (["release1.2", "release1.3"], "release1.2"),
    (["rel_1_3", "other-9.0", "rel_1_4"], "rel_1_3"),
    (["a@1.0.0", "b@7.0.0", "a@1.1.0"], "a@1.0.0"),
    (["@x/a@1.0.0", "@x/ab@1.0.0", "@x/a@2.0.0-next.1", "@x/a@2.0.0"], "@x/a@1.0.0"),
    (["a/v1.0.0", "v2.0.0", "a/v1.1.0"], "a/v1.0.0"),
    (["2026-01-01", "2026-01-02"], "2026-01-01"),
    (["v1", "nightly", "v2"], "v1"),
    (["v1", "nightly"], "v1"),
    (["nightly", "v1"], "nightly"),
    (["a@1.0.0", "b@1.0.0"], "a@1.0.0"),
    (["1.0"], None),
]


@pytest.mark.parametrize(("made", "previous"), LINES, ids=[" ".join(made) for made, _ in LINES])
def test_release_before_is_of_the_same_thing_and_no_pre_release(
    repo: Any, gathered: Any, made: list[str], previous: str | None
) -> None:
    for name in made:
        repo.commit(f"for {name}")
        repo.git("tag", name)

    [found] = gathered(repo.root, f'{TAGS}\nrange = "{made[-1]}"')

    assert found.fields["previous"] == previous
    since = made.index(previous) + 1 if previous else 0
    assert subjects([found]) == [[f"for {name}" for name in reversed(made[since:])]]


def test_release_that_was_merged_before_the_tag_is_the_one_before(released: Any, gathered: Any) -> None:
    released.git("checkout", "-q", "-b", "stable", "v2")
    released.commit("Fix e", {"e": "1\n"})
    released.git("tag", "v2.1")
    released.git("checkout", "-q", "main")
    released.merge("stable", "Merge branch 'stable'")
    released.git("tag", "v3")
    released.git("tag", "-a", "-m", "once more", "v3-again")

    [found] = gathered(released.root, f'{TAGS}\nrange = "v3"')

    assert (found.fields["previous"], subjects([found])) == (
        "v2.1",
        [["Merge branch 'stable'", "Fix d", "Fix c"]],
    )


def test_days_hold_their_commits_even_when_clocks_disagree(repo: Any, gathered: Any) -> None:
    day = 86_400
    for message, days in (("a", 1), ("b", 3), ("c", 1), ("d", 3)):
        repo.seconds = 1_767_225_600 + days * day
        repo.git("commit", "-q", "--allow-empty", "-m", message)

    found = gathered(repo.root, DAYS)

    assert names(found) == ["2026-01-04", "2026-01-02"]
    assert subjects(found) == [["d", "b"], ["c", "a"]]
    assert [item.fields["date"] for item in found] == ["2026-01-04", "2026-01-02"]


def test_day_sums_the_changes_of_its_commits(repo: Any, gathered: Any) -> None:
    repo.commit("a", {"a": "1\n2\n"})
    repo.commit("b", {"a": "1\n", "b": "1\n"})

    [found] = gathered(repo.root, DAYS)

    assert found.fields["diffstat"] == "a | +2 -1\nb | +1 -0\n2 files changed, +3 -1"


UNKNOWN = [
    ("none", 'no revision "none"'),
    ("v1..none", 'no revision "none"'),
    ("none..v1", 'no revision "none"'),
    ("..v1", '"..v1" is no revision or range A..B'),
    ("v1...v2", '"v1...v2" is no revision or range A..B'),
    ("a b", '"a b" is no revision or range A..B'),
    ("^v1", '"^v1" is no revision or range A..B'),
    ("v1..--output=x", '"--output=x" is no revision or range A..B'),
    ("v1..v2..v3", '"v2..v3" is no revision or range A..B'),
    ("HEAD:a", 'no revision "HEAD:a"'),
]


@pytest.mark.parametrize("source", [COMMITS, TAGS])
@pytest.mark.parametrize(("text", "message"), UNKNOWN, ids=[text for text, _ in UNKNOWN])
def test_unknown_revision_is_refused_with_its_place_and_a_hint(
    released: Any, gathered: Any, tmp_path: Any, source: str, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        gathered(released.root, f'{source}\nrange = "{text}"')

    assert caught.value.message == message
    assert caught.value.where == f"{tmp_path / 'recipes' / 't.toml'} [source] range"
    assert caught.value.hint == "git tag --list"


def test_branch_is_no_tag(released: Any, gathered: Any) -> None:
    with pytest.raises(ConfigError, match='no tag "main"'):
        gathered(released.root, f'{TAGS}\nrange = "main"')


def test_tag_that_is_on_no_commit_is_left_out(released: Any, gathered: Any) -> None:
    released.git("tag", "blob", "HEAD:a")

    assert names(gathered(released.root, TAGS)) == ["v2", "v1"]


def test_tag_without_a_commit_of_its_own_is_a_named_skip(released: Any, gathered: Any) -> None:
    assert gathered(released.root, f'{DAYS}\nrange = "v2"\nsince = "2026-01-02"') == []
    released.git("tag", "again", "v2^{commit}")

    assert names(gathered(released.root, f'{TAGS}\nrange = "again"')) == ["again"]


def test_what_is_larger_than_an_item_may_be_is_a_named_skip(released: Any, gathered: Any) -> None:
    released.commit("Add much\n\n" + "x" * 200, {"x": "1\n"})
    released.git("tag", "v3")

    found = gathered(released.root, f"{TAGS}\nlimit = 1", "max_item_bytes = 100")

    assert found[0] == Skip("v3", "too large", "233 bytes, limit 100")
    assert names(found) == ["v3: too large", "v2"]


def test_long_body_and_long_list_of_files_are_bounded(repo: Any, gathered: Any) -> None:
    repo.commit("a\n\n" + "b" * 10_000, {f"f{number:03}": "x\n" for number in range(250)})

    [commit] = gathered(repo.root, COMMITS)[0].fields["commits"]

    assert (commit["body"], len(commit["files"]), commit["more_files"]) == ("b" * 8_000 + "…", 200, 50)


HOSTILE = "a\n\n\x01\x02 %x00 commit 123\n\nfiles\n1\t2\tx\n"


def test_message_cannot_pass_for_another_commit(repo: Any, gathered: Any) -> None:
    repo.commit(HOSTILE, {"new\nline": "x\n", "\nfirst": "x\n"})
    repo.commit("b")

    found = gathered(repo.root, COMMITS)

    assert subjects(found) == [["b"], ["a"]]
    assert found[1].fields["commits"][0]["body"] == HOSTILE[3:].strip()
    assert found[1].fields["commits"][0]["files"] == ["\nfirst", "new\nline"]


def test_commit_without_message_author_or_sane_time_is_told_as_it_is(repo: Any, gathered: Any) -> None:
    tree = repo.git("write-tree")
    raw = f"tree {tree}\nauthor  <> 99999999999999 +0000\ncommitter  <> 99999999999999 +0000\n\n"
    sha = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw.encode())
    repo.git("update-ref", "HEAD", sha)

    [commit] = gathered(repo.root, COMMITS)[0].fields["commits"]

    assert (commit["subject"], commit["body"], commit["author"]) == ("", "", "")
    assert commit["date"] == "9999-12-31T23:59:59Z"


def test_message_in_another_encoding_is_read(repo: Any, gathered: Any) -> None:
    repo.git("config", "i18n.commitEncoding", "ISO-8859-1")
    repo.git("commit", "-q", "--allow-empty", "-F", "-", stdin=b"caf\xe9")

    assert subjects(gathered(repo.root, COMMITS)) == [["café"]]


def test_notes_mailmap_and_formats_of_the_user_do_not_show(repo: Any, gathered: Any) -> None:
    sha = repo.commit("a", {"a": "1\n", ".mailmap": "Other <test@example.invalid>\n"})
    before = gathered(repo.root, COMMITS)
    repo.git("notes", "add", "-m", "a note", sha)
    for key, value in {
        "log.mailmap": "true",
        "log.diffMerges": "first-parent",
        "log.showRoot": "false",
        "log.decorate": "full",
        "log.follow": "true",
        "diff.renames": "false",
        "diff.noprefix": "true",
        "format.pretty": "oneline",
        "log.date": "relative",
        "core.notesRef": "refs/notes/commits",
    }.items():
        repo.git("config", key, value)

    assert gathered(repo.root, COMMITS) == before


@pytest.mark.parametrize("source", [COMMITS, 'kind = "pull-requests"\nfrom = "merges"'])
def test_folder_without_git_is_refused(gathered: Any, tmp_path: Any, source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gathered(tmp_path, source)

    assert caught.value.message == f'the source "{source.split(chr(34))[1]}" needs a git repository'
    assert caught.value.hint == "lanectl submit RECIPE --repo DIR"


@pytest.mark.parametrize("source", [COMMITS, 'kind = "pull-requests"\nfrom = "branches"'])
def test_shallow_clone_is_refused_with_what_completes_it(
    released: Any, gathered: Any, tmp_path: Any, source: str
) -> None:
    released.git("clone", "-q", "--depth=1", f"file://{released.root}", str(tmp_path / "shallow"))

    with pytest.raises(ConfigError, match="this clone is shallow") as caught:
        gathered(tmp_path / "shallow", source)

    assert caught.value.hint == "git fetch --unshallow"


SINCE = [
    (None, None),
    ("2026-11-01", date(2026, 11, 1)),
    ("1 day", date(2026, 11, 23)),
    ("7 days", date(2026, 11, 17)),
    ("2 weeks ago", date(2026, 11, 10)),
    ("1 month", date(2026, 10, 25)),
    ("1year", date(2025, 11, 24)),
    ("99999 years", date.min),
]


@pytest.mark.parametrize(("text", "day"), SINCE)
def test_since_is_a_date_or_so_long_before_today(text: str | None, day: date | None) -> None:
    assert since_day(text, date(2026, 11, 24), where="x") == day


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "7", "days", "last week", "", "-1 day"])
def test_since_that_git_would_take_for_now_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="neither a date like") as caught:
        since_day(text, date(2026, 11, 24), where="t.toml [source] since")

    assert caught.value.where == "t.toml [source] since"


def test_diffstat_of_many_files_says_how_many_more() -> None:
    stat = diffstat(Change(f"f{number:03}", 1, 0) for number in range(103))

    assert stat.split("\n")[99:] == [
        "f099 | +1 -0",
        "and 3 more files",
        "103 files changed, +103 -0",
    ]


def test_history_is_read_as_it_is_asked_for(released: Any) -> None:
    found = log(place(released.root).root, "HEAD")

    assert next(found).subject == "Fix d"
    found.close()  # type: ignore[attr-defined]  # a generator, which the signature need not promise
