"""Nothing gets into a mail beside its header, nor into a notification beside its text."""

import unicodedata
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.clean import visible
from lanectl.text.desktop import pango
from lanectl.text.mail import header
from lanectl.text.terminal import cells

ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))
PIECES = [
    "\r\nBcc: x@e.test",
    "\n",
    "\r",
    "=?utf-8?q?=0D=0ABcc:_x?=",
    "=?utf-8?b?",
    "?=",
    "=",
    "?",
    "\x00",
    "\u202e",
    "ü",
    " ",
]
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3 findings in app.py", "3 findings in app.py"),
        ("grün 😀", "grün 😀"),
        ("job\r\nBcc: everyone@e.test", "job Bcc: everyone@e.test"),
        ("job\rBcc: x", "job␍Bcc: x"),
        ("job\n\n<html>body", "job <html>body"),
        ("nul \x00 lone \ud800 bidi \u202e", "nul ␀ lone \ufffd bidi <U+202E>"),
        ("=?utf-8?q?=0D=0ABcc:_x?=", "= ?utf-8?q?=0D=0ABcc:_x?="),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_a_header_is_one_line_that_says_what_it_said(text: str, value: str) -> None:
    assert header(text) == value


@given(HOSTILE)
def test_a_header_never_brings_another_and_never_raises(text: str) -> None:
    message = EmailMessage()
    message["Subject"] = header(text)
    message.set_content("body")
    received = message_from_bytes(message.as_bytes(), policy=default)
    assert set(received.keys()) == {"Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert cells(header(text)) <= 200
    assert not {unicodedata.category(c) for c in header(text)} & {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("3 < 4 & 5 > 4", "3 &lt; 4 &amp; 5 &gt; 4"),
        ("<b>bold</b> <a href='https://e.test'>x</a>", "&lt;b&gt;bold&lt;/b&gt; &lt;a href=&#x27;https://e.test&#x27;&gt;x&lt;/a&gt;"),
        ("two\nlines", "two\nlines"),
        ("\x1b]8;;\x07\u202e\x00\ud800", "␛]8;;␇&lt;U+202E&gt;␀\ufffd"),
    ],
)  # fmt: skip
def test_a_notification_shows_markup_as_text(text: str, body: str) -> None:
    assert pango(text) == body


@given(HOSTILE)
def test_a_notification_is_text_without_a_tag(text: str) -> None:
    root = ET.fromstring(f"<markup>{pango(text)}</markup>")
    assert list(root) == []
    assert unescape(pango(text)) == visible(text)
