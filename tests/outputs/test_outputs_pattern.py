"""Patterns mean what `re` means by them, and no pattern takes its time from the text's author."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.outputs.pattern import Pattern, PatternError


@pytest.mark.parametrize(
    "source",
    [
        "",
        "a",
        "^a$",
        "a|b|",
        "^(ab|a)(c|bcd)$",
        "a{2,3}b?",
        "[a-c]+x*",
        "[^ab]",
        "^.$",
        "(?:ab)+$",
        "^a*?b+?$",
        "^(a|)*$",
        r"\d+-\d+",
        r"^\w+\s\W$",
        "^$",
        "a^b",
        "(a+)+$",
        r"[\d_]+",
        "x{0}a",
        "(?P<n>a)b",
    ],
)  # fmt: skip -- one table
@given(text=st.text(alphabet="abcdx-_ 19\n", max_size=12))
def test_pattern_finds_what_re_finds(source: str, text: str) -> None:
    # Python's `$` also matches before a last newline; JSON Schema's does not.
    expected = re.compile(source.replace("$", r"\Z"), re.ASCII).search(text)
    assert Pattern(source).search(text) is (expected is not None)


@pytest.mark.parametrize("source", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "a*a*a*a*a*$"])
def test_pattern_made_to_explode_is_linear(source: str) -> None:
    start = time.process_time()
    assert not Pattern(source + "!").search("a" * 20_000 + "b")
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("(", "the pattern '(' is no regular expression: missing ), unterminated subpattern at position 0"),
        (r"(a)\1", r"the pattern '(a)\\1' uses groupref, which is not supported"),
        ("(?!a)", "the pattern '(?!a)' uses assert_not, which is not supported"),
        (r"\bx", r"the pattern '\\bx' uses at, which is not supported"),
        ("(?i)a", "the pattern '(?i)a' uses flags, which is not supported"),
        ("(?i:a)", "the pattern '(?i:a)' uses flags, which is not supported"),
        ("a{5000}", "the pattern 'a{5000}' is too large to check"),
        ("((a{100}){100}){100}", "the pattern '((a{100}){100}){100}' is too large to check"),
        ("((){4000}){4000}", "the pattern '((){4000}){4000}' is too large to check"),
    ],
)
def test_pattern_beyond_the_subset_is_refused(source: str, complaint: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern(source)
    assert str(caught.value) == complaint


def test_warning_of_the_parser_is_no_error() -> None:
    assert Pattern("[[a]").search("[")
