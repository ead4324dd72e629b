"""A text or its lines, from standard input or a file beside the recipe or in the repository."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import ConfigError, UsageError
from lanectl.models import Item, Skip
from lanectl.sources.gather import gather
from lanectl.sources.place import place

TEXT = 'kind = "text"'
LINES = 'kind = "text"\nlines = true'


def item(name: str, text: str) -> Item:
    return Item(name=name, fields={"name": name, "text": text})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain folder."""
    made = tmp_path / "notes"
    made.mkdir()
    return made


def test_standard_input_is_one_item(folder: Path, gathered: Any) -> None:
    assert gathered(folder, TEXT, stdin=io.StringIO("a\n\nb\n")) == [item("stdin", "a\n\nb\n")]


def test_lines_of_standard_input_are_items_by_their_number(folder: Path, gathered: Any) -> None:
    found = gathered(folder, LINES, stdin=io.StringIO("a\n\n  \n b \r\nc"))

    assert found == [item("1", "a"), item("4", " b "), item("5", "c")]


def test_limit_counts_lines_that_are_items(folder: Path, gathered: Any) -> None:
    assert gathered(folder, f"{LINES}\nlimit = 1", stdin=["\n", "a\n", "b\n"]) == [item("2", "a")]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_standard_input_without_text_is_empty(folder: Path, gathered: Any, text: str) -> None:
    assert gathered(folder, TEXT, stdin=io.StringIO(text)) == [Skip("stdin", "empty")]
    assert gathered(folder, LINES, stdin=io.StringIO(text)) == []


def test_standard_input_that_is_needed_and_missing_is_a_usage_error(folder: Path, gathered: Any) -> None:
    with pytest.raises(UsageError) as caught:
        gathered(folder, TEXT)

    assert caught.value.hint == "lanectl submit t < FILE"


def test_standard_input_is_read_no_further_than_asked(folder: Path, recipe: Any) -> None:
    def endless() -> Iterator[str]:
        number = 0
        while True:
            yield f"{number}\n"
            number += 1

    found = gather(recipe(LINES), place(folder), stdin=endless(), today=None)  # type: ignore[arg-type]  # not looked at

    assert [next(found), next(found)] == [item("1", "0"), item("2", "1")]


@pytest.mark.parametrize("source", ["stdin", "file"])
def test_line_over_the_limit_is_named_with_its_size_and_the_rest_is_sent(
    folder: Path, gathered: Any, tmp_path: Path, source: str
) -> None:
    text = "a\n" + "x" * 1000 + "\n" + "y" * 10 + "\r\n" + "z" * 11
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "in.txt").write_text(text, newline="")
    keys, stdin = (
        (LINES, io.StringIO(text, newline="")) if source == "stdin" else (f'{LINES}\npath = "in.txt"', None)
    )

    assert gathered(folder, keys, "max_item_bytes = 10", stdin=stdin) == [
        item("1", "a"),
        Skip("2", "too large", "1000 bytes, limit 10"),
        item("3", "y" * 10),
        Skip("4", "too large", "11 bytes, limit 10"),
    ]


def test_text_over_the_limit_is_named_with_its_size(folder: Path, gathered: Any) -> None:
    assert gathered(folder, TEXT, "max_item_bytes = 10", stdin=["12345\n"] * 3) == [
        Skip("stdin", "too large", "18 bytes, limit 10")
    ]


def test_file_beside_the_recipe_is_one_item(folder: Path, gathered: Any, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "in.txt").write_bytes(b"\xef\xbb\xbfa\r\nb")

    assert gathered(folder, f'{TEXT}\npath = "in.txt"') == [item("in.txt", "a\r\nb")]


def test_file_of_the_repository_is_one_item(folder: Path, gathered: Any) -> None:
    (folder / "in.txt").write_text("a\n")

    assert gathered(folder, f'{TEXT}\npath = "{folder}/in.txt"') == [item("in.txt", "a\n")]


def test_lines_that_are_no_text_are_named_one_by_one(folder: Path, gathered: Any) -> None:
    (folder / "in.txt").write_bytes(b"a\ncaf\xe9\nb\0\nc\n")

    assert gathered(folder, f'{LINES}\npath = "{folder}/in.txt"') == [
        item("1", "a"),
        Skip("2", "not utf-8"),
        Skip("3", "binary"),
        item("4", "c"),
    ]


def test_missing_file_is_refused_with_its_place(folder: Path, gathered: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there") as caught:
        gathered(folder, f'{TEXT}\npath = "none.txt"')

    assert caught.value.where == f"{tmp_path / 'recipes' / 't.toml'} [source] path"


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/hostname", "../recipes/../secret.txt", "link/secret.txt"]
)
def test_file_outside_is_refused(folder: Path, gathered: Any, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret\n")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "link").symlink_to(tmp_path)

    with pytest.raises(ConfigError, match="is outside the recipe's folder and the repository") as caught:
        gathered(folder, f'{TEXT}\npath = "{path}"')

    assert caught.value.hint == "lanectl submit t < FILE"


def test_link_and_credential_file_are_named_and_not_read(folder: Path, gathered: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret\n")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / ".env").write_text("SECRET=1\n")

    assert gathered(folder, f'{TEXT}\npath = "{folder}/link.txt"') == [
        Skip("link.txt", "outside the repository", "a link")
    ]
    assert gathered(folder, f'{LINES}\npath = "{folder}/.env"') == [Skip(".env", "credential file")]
