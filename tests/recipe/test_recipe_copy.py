"""A new recipe is the old one under another name, comments and all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lanectl.errors import ConfigError
from lanectl.recipe.copy import new
from lanectl.recipe.load import load, parse
from lanectl.recipe.lookup import find

Write = Callable[..., Path]


def test_copy_changes_the_name_and_nothing_else(tmp_path: Path) -> None:
    original = find("pr-review", user_dir=tmp_path, repo=None)
    assert original.path is not None
    files = new("my-review", original)
    text = original.path.read_text(encoding="utf-8")
    assert files == {"my-review.toml": text.replace('name = "pr-review"', 'name = "my-review"', 1).encode()}


def test_copy_brings_schema_and_tools_under_names_of_their_own(write: Write, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    (tmp_path / "t.json").write_text('[{"name": "a", "input_schema": {}}]', encoding="utf-8")
    path = write(
        output="[output]\nkind = \"json\"\nschema = 's.json' # the shape",
        prefix='[prefix]\ntools = "t.json"',
    )
    files = new("mine", load(path))
    assert list(files) == ["mine.toml", "mine.schema.json", "mine.tools.json"]
    assert files["mine.schema.json"] == b'{"type": "object"}'
    assert b'schema = "mine.schema.json" # the shape' in files["mine.toml"]
    folder = tmp_path / "new"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    copied = load(folder / "mine.toml")
    assert (copied.name, copied.schema_value) == ("mine", {"type": "object"})
    assert copied.tools_value == [{"name": "a", "input_schema": {}}]


def test_name_inside_a_longer_text_is_left_alone(write: Write) -> None:
    path = write(name="description = '''\nname = \"sample\"\n'''\nname = 'sample'")
    made = new("mine", load(path))["mine.toml"]
    assert made.startswith(b"description = '''\nname = \"sample\"\n'''\nname = \"mine\"\n")


def test_unusual_spelling_of_a_key_is_written_anew(write: Write) -> None:
    path = write(name='"name" = "sample"')
    made = parse(new("mine", load(path))["mine.toml"], path, origin="path")
    assert made == load(path).model_copy(update={"name": "mine", "sha256": made.sha256})


@pytest.mark.parametrize("name", ["", "a b", "../x", "latest", "NUL", "x\n", "-x", "a" * 65])
def test_name_that_no_recipe_can_have_is_refused(write: Write, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a recipe"):
        new(name, load(write()))
