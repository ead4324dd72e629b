"""What templates may speak of is what the sources give."""

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from lanectl.models import Item
from lanectl.recipe.fields import ELEMENT_FIELDS, ITEM_FIELDS
from lanectl.recipe.tables import Recipe
from lanectl.sources.gather import gather
from lanectl.sources.place import place

Make = Callable[..., Recipe]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a file, a tag and a merged branch."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*args: str) -> None:
        subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)

    def commit(name: str) -> None:
        (folder / name).write_text("x = 1\n", encoding="utf-8")
        git("add", name)
        git("commit", "-m", f"Add {name}")

    git("init", "-b", "main")
    commit("a.py")
    git("checkout", "-b", "topic")
    commit("b.py")
    git("checkout", "main")
    git("merge", "--no-ff", "-m", "Merge pull request #1 from me/topic", "topic")
    git("tag", "-a", "v1", "-m", "v1")
    return folder


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("files", "include = ['*.py']"),
        ("commits", "by = 'tag'"),
        ("pull-requests", "from = 'merges'"),
        ("text", "lines = true"),
    ],
)
def test_sources_give_the_fields_that_templates_are_checked_against(
    recipe: Make, repository: Path, kind: str, keys: str
) -> None:
    asked = recipe(source=f"[source]\nkind = '{kind}'\n{keys}")
    found = gather(asked, place(repository), stdin=["a line\n"], today=date(2026, 11, 24))
    items = [each for each in found if isinstance(each, Item)]
    assert items
    for item in items:
        assert set(item.fields) == set(ITEM_FIELDS[kind])
        for (owner, field), fields in ELEMENT_FIELDS.items():
            elements = item.fields[field] if owner == kind else []
            assert isinstance(elements, list)
            assert all(isinstance(each, dict) and set(each) == set(fields) for each in elements)
