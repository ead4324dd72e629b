"""Nothing that a terminal obeys gets through."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.terminal import cells, line, safe

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
PIECES = [
    "\x1b]8;;https://evil.test\x1b\\", "\x1b]52;c;aGk=\x07", "\x1b[2J", "\x1b", "\x9b31m", "\x90", "\r",
    "\r\n", "\n", "\t", "\x00", "\x7f", "\x85", "\u202e", "\u2066", "\u2028", "\ud800", "\udc00", "\u200b",
    "\u200d", "e\u0301", "漢", "😀", "❤\ufe0f", "[bold]", "[/bold]", "word", " ",
]  # fmt: skip
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]8;;https://evil.test\x1b\\click\x1b]8;;\x1b\\", "␛]8;;https://evil.test␛\\click␛]8;;␛\\"),
        ("\x1b]52;c;cm0gLXJmIH4=\x07", "␛]52;c;cm0gLXJmIH4=␇"),
        ("\x1b[2J\x1b[1;1HAll good", "␛[2J␛[1;1HAll good"),
        ("FAILED\rOK", "FAILED␍OK"),
        ("[/bold] [link=https://evil.test]x[/link]", "[/bold] [link=https://evil.test]x[/link]"),
        ("nul \x00, lone \ud83d", "nul ␀, lone \ufffd"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
    ],
)
def test_hostile_text_is_printed_as_what_it_is(text: str, printed: str) -> None:
    assert safe(text) == printed


@given(HOSTILE)
def test_no_control_but_newline_and_tab_and_no_bidi_is_ever_printed(text: str) -> None:
    printed = safe(text)
    assert {c for c in printed if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert not BIDI & set(printed)
    printed.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("  folded \n\n\t to   one ", None, "folded to one"),
        ("exactly ten", 11, "exactly ten"),
        ("one too many", 11, "one too ma…"),
        ("ends in a blank", 5, "ends…"),
        ("漢字漢字", 8, "漢字漢字"),
        ("漢字漢字", 7, "漢字漢…"),
        ("漢字漢字", 6, "漢字…"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301…"),
        ("wide 😀", 6, "wide…"),
        ("FAILED\rOK", None, "FAILED␍OK"),
        ("a\u2028b", None, "a<U+2028>b"),
        ("a\xa0b", None, "a b"),
        ("anything", 1, "…"),
        ("anything", 0, ""),
        ("anything", -1, ""),
        ("", 0, ""),
        ("", None, ""),
    ],
)
def test_a_line_is_folded_and_cut_to_its_cells(text: str, width: int | None, cut: str) -> None:
    assert line(text, width) == cut


@given(HOSTILE, st.integers(min_value=-2, max_value=60))
def test_a_line_is_one_line_and_never_wider_than_asked(text: str, width: int) -> None:
    cut = line(text, width)
    assert len(cut.splitlines()) <= 1
    assert cells(cut) <= max(width, 0)
    assert {unicodedata.category(c) for c in cut} & {"Cc", "Zl", "Zp", "Cs"} == set()
    assert not BIDI & set(cut)


@given(HOSTILE)
def test_a_line_without_a_width_is_cut_nowhere(text: str) -> None:
    whole = line(text)
    assert line(text, max(cells(whole), 1)) == whole


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("ascii", 5),
        ("ü", 1),
        ("漢", 2),
        ("😀", 2),
        ("e\u0301", 1),
        ("❤\ufe0f", 2),
        ("ｱ", 1),
        ("Ａ", 2),
    ],
)
def test_cells_are_counted_as_terminals_draw_them(text: str, count: int) -> None:
    assert cells(text) == count
