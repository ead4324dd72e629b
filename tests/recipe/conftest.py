"""A recipe made of the few lines that a test is about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lanectl.recipe.load import load
from lanectl.recipe.tables import Recipe

PARTS = {
    "name": 'name = "{stem}"',
    "lane": "",
    "prefix": "",
    "source": '[source]\nkind = "files"\ninclude = ["**/*.py"]',
    "job": '[job]\nkey = "{{ item.path }}"\nprompt = "{{ item.text }}"',
    "output": '[output]\nkind = "text"',
    "run": "",
    "vars": "",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a sound recipe file with some of its parts replaced; `more` goes to the top."""

    def written(stem: str = "sample", *, folder: Path = tmp_path, more: str = "", **parts: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{stem}.toml"
        texts = {**PARTS, "name": PARTS["name"].replace("{stem}", stem), **parts}
        path.write_text("\n".join([texts.pop("name"), more, *texts.values()]), encoding="utf-8")
        return path

    return written


@pytest.fixture
def recipe(write: Callable[..., Path]) -> Callable[..., Recipe]:
    """Writes and loads a recipe."""
    return lambda *args, **parts: load(write(*args, **parts))
