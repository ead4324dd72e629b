"""A byte order mark is the file's: the model does not see it, and what answers are held against keeps it."""

from datetime import date
from pathlib import Path

from lanectl.models import Item
from lanectl.recipe.load import parse
from lanectl.sources.gather import gather
from lanectl.sources.place import place

RECIPE = b"""
name = "marks"
[source]
kind = "files"
include = ["*.txt"]
[job]
key = "{{ item.path }}"
prompt = "{{ item.text }}"
[output]
kind = "edits"
"""


def test_a_byte_order_mark_stays_in_the_material_and_out_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbffirst\nsecond\n")
    recipe = parse(RECIPE, tmp_path / "marks.toml", origin="path")
    (item,) = gather(recipe, place(tmp_path), stdin=None, today=date(2026, 11, 24))
    assert isinstance(item, Item)
    assert item.fields["text"] == "first\nsecond\n"
    assert item.material["text"] == "\ufefffirst\nsecond\n"
