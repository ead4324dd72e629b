"""What no sink can hold is gone, and what no reader could see is seen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.clean import clean, decode, visible

ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
# Arabic and other number signs are format characters that are drawn.
DRAWN_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain\n\ttext\r\n", "plain\n\ttext\r\n"),
        ("nul\x00 here", "nul\ufffd here"),
        ("lone \ud800 and \udfff", "lone \ufffd and \ufffd"),
        ("a pair in halves \ud83d\ude00", "a pair in halves 😀"),
        ("halves the wrong way \ude00\ud83d", "halves the wrong way \ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
        ("\x1b[31m stays, a file may hold it", "\x1b[31m stays, a file may hold it"),
    ],
)
def test_text_that_utf8_cannot_hold_is_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(ANYTHING)
def test_clean_text_always_encodes_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("grün\r\n".encode(), "grün\r\n"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        (b"\xef\xbb\xbf\xef\xbb\xbftwo marks", "\ufefftwo marks"),
        (b"bin\x00ary", None),
        ("latin \xe9".encode("latin-1"), None),
        ("utf-16".encode("utf-16"), None),
        (b"cut \xc3", None),
        (b"surrogate \xed\xa0\x80", None),
        (b"overlong \xc0\xaf", None),
    ],
)
def test_bytes_are_text_only_when_they_are_utf8_without_nul(data: bytes, text: str | None) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("FAILED\rOK", "FAILED␍OK"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("del \x7f nul \x00", "del ␡ nul ␀"),
        ("c1 \x9b31m", "c1 <U+009B>31m"),
        ("if access == 'user\u202e \u2066// admin'", "if access == 'user<U+202E> <U+2066>// admin'"),
        ("zero\u200bwidth\ufeff\u2060", "zero<U+200B>width<U+FEFF><U+2060>"),
        ("soft\xadhyphen", "soft<U+00AD>hyphen"),
        ("line\u2028para\u2029", "line<U+2028>para<U+2029>"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("hidden selector\U000e0101", "hidden selector<U+E0101>"),
        ("filler\u3164", "filler<U+3164>"),
        ("lone \ud800", "lone \ufffd"),
        (
            "🧑\u200d💻 ❤\ufe0f 👩🏽\u200d🚀 🧔\u200d♂\ufe0f",
            "🧑\u200d💻 ❤\ufe0f 👩🏽\u200d🚀 🧔\u200d♂\ufe0f",
        ),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
        ("ad\u200dmin", "ad<U+200D>min"),
        ("Z" + "\u0335" * 40 + "algo", "Z" + "\u0335" * 4 + "algo"),
    ],
)
def test_what_acts_unseen_is_made_visible(text: str, seen: str) -> None:
    assert visible(text) == seen


@pytest.mark.parametrize("category", ["Cc", "Cf", "Zl", "Zp", "Cs"])
def test_no_character_of_an_unseen_category_is_left_over(category: str) -> None:
    every = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == category]
    kept = {character for character in every if visible(f"a{character}b") == f"a{character}b"}
    expected = {"Cc": {"\n", "\t"}, "Cf": {c for c in every if c in DRAWN_FORMATS}}
    assert kept == expected.get(category, set())


@given(ANYTHING)
def test_visible_text_is_visible_already(text: str) -> None:
    assert visible(visible(text)) == visible(text)
