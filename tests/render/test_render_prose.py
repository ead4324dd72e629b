"""Sentences on a terminal: lines end between words, and a command stays in one piece."""

import pytest

from lanectl.render.screen import folded
from lanectl.text.terminal import cells

CASES = {
    "short": ("a line that fits", 40, "a line that fits"),
    "between words": ("cost: expected $0.29, high $0.67", 20, "cost: expected\n$0.29, high $0.67"),
    "item set in": ("- one two three four", 11, "- one two\n  three\n  four"),
    "below an item": ("    one two three", 12, "    one two\n    three"),
    "blanks kept": ("a.py:1  it breaks here", 18, "a.py:1  it breaks\nhere"),
    "command whole": ("- 3 jobs failed: lanectl retry abc", 24, "- 3 jobs failed:\n  lanectl retry abc"),
    "long word": ("see /a/very/long/path/of/mine now", 12, "see\n/a/very/long/path/of/mine\nnow"),
    "wide": ("漢字 漢字 漢字", 9, "漢字 漢字\n漢字"),
    "lines": ("one two\n\nthree four", 6, "one\ntwo\n\nthree\nfour"),
}


@pytest.mark.parametrize("name", CASES)
def test_text_is_folded_between_words(name: str) -> None:
    text, width, wanted = CASES[name]

    assert folded(text, width) == wanted


def test_no_word_is_lost_or_parted() -> None:
    text = "- 3 jobs of pr-review without success (1 errored, 2 expired): lanectl retry st5zf76ol6"

    for width in range(1, 100):
        made = folded(text, width)
        assert made.split() == text.split()
        assert "lanectl retry st5zf76ol6" in made
        assert all(
            cells(one) <= width or " " not in one.strip() or "lanectl" in one for one in made.split("\n")
        )
