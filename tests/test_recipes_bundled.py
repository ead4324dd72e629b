"""The recipes that come with lanectl are sound, and write the prompts they were written for."""

import re
from pathlib import Path
from typing import Any

import pytest

from lanectl.models import Item, JsonValue
from lanectl.recipe.check import Checked, check
from lanectl.recipe.lookup import bundled_folder, find
from lanectl.recipe.tables import Recipe
from lanectl.recipe.templates import Templates

NAMES = ["codemod", "pr-review", "release-notes"]
KEY = b"key"

DIFF = (
    "## a.py (modified)\n@@ new lines 1-2 @@ f\n     1  def f():\n     2 +    return 1\n       -    return 2"
)
ITEMS: dict[str, dict[str, JsonValue]] = {
    "pr-review": {
        "number": "12",
        "title": "Return one",
        "body": "It was two.\nCloses #3",
        "author": "me",
        "base": "main",
        "head": "0" * 40,
        "diff": DIFF,
        "files": ["a.py"],
        "commits": [{"subject": "Return one"}, {"subject": "Test it"}],
        "pr": 12,
        "part": 1,
        "parts": 1,
        "labels": [],
        "url": "",
        "branch": "topic",
    },
    "codemod": {
        "path": "src/a.py",
        "name": "a.py",
        "text": "def f(x):\n    return x\n",
        "bytes": 24,
        "lines": 2,
        "language": "python",
    },
    "release-notes": {
        "name": "v1.2.0",
        "date": "2026-11-20",
        "first": "b" * 40,
        "last": "a" * 40,
        "previous": "v1.1.0",
        "diffstat": "",
        "groups": [],
        "commits": [
            {
                "sha": "a" * 40,
                "subject": "Fix it",
                "body": "Because.\nYes.",
                "group": "Fixed",
                "pr": 7,
                "breaking": True,
                "entry": None,
            },
            {
                "sha": "b" * 40,
                "subject": "Add it",
                "body": "",
                "group": "Added",
                "pr": None,
                "breaking": False,
                "entry": None,
            },
        ],
    },
}


@pytest.fixture
def bundled(tmp_path: Path) -> Any:
    return lambda name: find(name, user_dir=tmp_path, repo=None)


def prompt(recipe: Recipe, **fields: JsonValue) -> str:
    item = Item(recipe.name, {**ITEMS[recipe.name], **fields})
    return Templates(recipe, fence_key=KEY).prompt(
        item, vars=recipe.vars, repo={"name": "demo", "commit": "c", "branch": "main"}, today="2026-11-24"
    )


def unfenced(text: str) -> str:
    """The prompt with each marker as `<data>`, so that whole prompts can be compared."""
    return re.sub(r"<(/?)data-[0-9a-f]{16}>", r"<\1data>", text)


def test_these_recipes_are_bundled() -> None:
    assert sorted(path.name for path in bundled_folder().iterdir()) == [f"{name}.toml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_bundled_recipe_has_neither_problem_nor_warning(bundled: Any, name: str) -> None:
    recipe = bundled(name)
    assert check(recipe) == Checked((), ())
    assert (recipe.name, recipe.origin) == (name, "bundled")
    assert recipe.description


@pytest.mark.parametrize(
    ("name", "model", "effort", "kind", "output"),
    [
        ("pr-review", "claude-opus-5-5", "max", "pull-requests", "findings"),
        ("codemod", "claude-sonnet-5-5", "high", "files", "edits"),
        ("release-notes", "claude-sonnet-5-5", "medium", "commits", "markdown"),
    ],
)
def test_bundled_recipe_asks_for_what_its_work_needs(
    bundled: Any, name: str, model: str, effort: str, kind: str, output: str
) -> None:
    recipe = bundled(name)
    assert (recipe.lane.model, recipe.lane.effort) == (model, effort)
    assert (recipe.source.kind, recipe.output.kind) == (kind, output)


@pytest.mark.parametrize("name", NAMES)
def test_system_text_names_the_project_and_leaves_the_format_to_others(bundled: Any, name: str) -> None:
    recipe = bundled(name)
    system = Templates(recipe, fence_key=KEY).prefix_system(recipe.vars, "demo")
    assert "the project demo" in system
    assert "JSON" not in system
    # Below 512 tokens the provider caches nothing; English has about four characters a token.
    assert len(system) > 2100
    assert max(len(line) for line in system.splitlines()) <= 118


def test_review_prompt_shows_intent_then_diff(bundled: Any) -> None:
    assert unfenced(prompt(bundled("pr-review"))) == (
        "\nReview pull request #12 into main.\n\nTitle: <data>Return one</data>\n\n"
        "Description:\n\n<data>\nIt was two.\nCloses #3\n</data>\n\n"
        "Its commits:\n\n<data>\n- Return one\n- Test it\n</data>\n\n"
        f"Diff:\n\n<data>\n{DIFF}\n</data>\n"
    ).lstrip("\n")


def test_review_prompt_of_a_bare_part_says_so(bundled: Any) -> None:
    assert unfenced(prompt(bundled("pr-review"), number="12.2", body="", commits=[], part=2, parts=3)) == (
        "Review pull request #12.2 into main.\n\nTitle: <data>Return one</data>\n\nIt has no description.\n\n"
        "Part 2 of 3: the other files of this change are reviewed on their own.\n\n"
        f"Diff:\n\n<data>\n{DIFF}\n</data>\n"
    )


def test_codemod_prompt_holds_the_file_as_it_is(bundled: Any) -> None:
    assert unfenced(prompt(bundled("codemod"))) == (
        "Apply the instruction to this file of 2 lines: src/a.py\n\n"
        "<data>\ndef f(x):\n    return x\n\n</data>\n"
    )


def test_codemod_instruction_is_the_users_and_stands_unfenced_in_the_prefix(bundled: Any) -> None:
    recipe = bundled("codemod")
    assert list(recipe.vars) == ["instruction"]
    system = Templates(recipe, fence_key=KEY).prefix_system(
        {"instruction": "Replace os.path by pathlib."}, "demo"
    )
    assert "# The instruction\n\nReplace os.path by pathlib.\n\n# What you are given" in system


def test_release_notes_prompt_has_every_commit_with_id_and_section(bundled: Any) -> None:
    assert unfenced(prompt(bundled("release-notes"))) == (
        "Heading: ## [v1.2.0] - 2026-11-20\n\nThe release before it: v1.1.0\n\nIts commits (2):\n\n<data>\n"
        "- `aaaaaaaaaa` [Fixed] BREAKING Fix it (#7)\n    Because.\n    Yes.\n"
        "- `bbbbbbbbbb` [Added] Add it\n</data>\n"
    )


def test_release_notes_prompt_tells_what_the_change_log_tells(bundled: Any) -> None:
    commits: Any = ITEMS["release-notes"]["commits"]
    told = [{**commits[0], "subject": "Fix it (#9)", "entry": "- Fixed, {issue}`3`.\n  Really."}, commits[1]]
    assert unfenced(prompt(bundled("release-notes"), commits=told)).partition("<data>\n")[2] == (
        "- `aaaaaaaaaa` [Fixed] BREAKING Fix it (#9)\n    Because.\n    Yes.\n"
        "    Change log:\n      - Fixed, {issue}`3`.\n        Really.\n"
        "- `bbbbbbbbbb` [Added] Add it\n</data>\n"
    )


def test_release_notes_prompt_of_the_first_release_names_none_before(bundled: Any) -> None:
    text = prompt(bundled("release-notes"), previous=None)
    assert "before" not in text


@pytest.mark.parametrize(
    ("name", "key", "path"),
    [("pr-review", "12", "pr-12.md"), ("codemod", "src/a.py", ""), ("release-notes", "v1.2.0", "v1.2.0.md")],
)
def test_bundled_recipe_names_jobs_and_artifacts(bundled: Any, name: str, key: str, path: str) -> None:
    templates = Templates(bundled(name), fence_key=KEY)
    about: dict[str, Any] = {"vars": {}, "repo": {"name": "demo"}, "today": "2026-11-24"}
    item = Item(name, ITEMS[name])
    assert (templates.key(item, **about), templates.path(item, **about)) == (key, path)
