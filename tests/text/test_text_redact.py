"""What is logged and shown tells no secret, in whatever form it was written."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.formats import FORMATS
from lanectl.text.secrets import redact

Samples = Mapping[str, tuple[str, ...]]
ANYTHING = st.text(alphabet=st.characters(exclude_categories=[]))


@pytest.mark.parametrize("kind", [form.kind for form in FORMATS])
def test_every_known_format_is_taken_out(kind: str, samples: Samples) -> None:
    for secret in samples[kind]:
        told = redact(f"before '{secret}' after\nnext")
        assert told.startswith("before '")
        assert told.endswith("' after\nnext")
        assert not any(secret[at : at + 20] in told for at in range(40, len(secret) - 20))
        assert secret not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: [redacted]"),
        ("authorization: Basic dXNlcjpwYXNz\nHost: a.test", "authorization: [redacted]\nHost: a.test"),
        (
            'Proxy-Authorization: Digest username="u", response="6629"\r\nX: y',
            "Proxy-Authorization: [redacted]\r\nX: y",
        ),
        ("x-api-key: short", "x-api-key: [redacted]"),
        (
            "{'Authorization': 'Bearer abc', 'Accept': '*/*'}",
            "{'Authorization': '[redacted]', 'Accept': '*/*'}",
        ),
        ('{"authorization": "abc def", "n": 1}', '{"authorization": "[redacted]", "n": 1}'),
        ('"{\\"x-api-key\\": \\"abc\\", \\"n\\": 1}"', '"{\\"x-api-key\\": \\"[redacted]\\", \\"n\\": 1}"'),
        (
            "[(b'authorization', b'Bearer abc'), (b'host', b'a')]",
            "[(b'authorization', b'[redacted]'), (b'host', b'a')]",
        ),
        ("Headers({'x-api-key': ['abc']})", "Headers({'x-api-key': ['[redacted]']})"),
        (
            "curl -H 'Authorization: Bearer abc' https://a.test",
            "curl -H 'Authorization: [redacted]' https://a.test",
        ),
        ("Set-Cookie: sid=abc; Path=/\nCookie: sid=abc", "Set-Cookie: [redacted]\nCookie: [redacted]"),
        ("sent bearer AbCdEfGh12 to it", "sent bearer [redacted] to it"),
        ("?a=Bearer%20abc123", "?a=Bearer%20[redacted]"),
        ("Invalid bearer token", "Invalid bearer token"),
        (
            "Bearer authentication is off, bearer tokens are not",
            "Bearer authentication is off, bearer tokens are not",
        ),
        ("authorization is needed", "authorization is needed"),
    ],
)
def test_the_values_of_authorization_headers_are_taken_out(text: str, told: str) -> None:
    assert redact(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("GET https://a.test/x?token=abc&b=c HTTP/1.1", "GET https://a.test/x?[redacted] HTTP/1.1"),
        ("https://user:pass@a.test:8080/x", "https://[redacted]@a.test:8080/x"),
        ("https://token@github.com/o/r.git", "https://[redacted]@github.com/o/r.git"),
        ("postgres://u:p@ss@db.test/x", "postgres://[redacted]@db.test/x"),
        ("postgres://u:p/s?s#@db.test/x", "postgres://[redacted]@db.test/x"),
        ("smtp://u:p@mail.test?to=a@b.test", "smtp://[redacted]@mail.test?[redacted]"),
        ("https://a.test/#access_token=abc", "https://a.test/#[redacted]"),
        ("https://a.test/page#part", "https://a.test/page#part"),
        ("https://a.test:8443/@user/x", "https://a.test:8443/@user/x"),
        (
            '{"url": "https:\\/\\/u:p@a.test\\/x?k=v\\u0026l=w", "n": 1}',
            '{"url": "https:\\/\\/[redacted]@a.test\\/x?[redacted]", "n": 1}',
        ),
        ("'https://a.test/?q=it's'", "'https://a.test/?[redacted]"),
        ("plain https://a.test/x. Next?", "plain https://a.test/x. Next?"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
    ],
)  # fmt: skip
def test_user_query_and_token_of_an_address_are_taken_out(text: str, told: str) -> None:
    assert redact(text) == told


def test_a_key_of_ours_is_taken_out_even_when_it_is_cut_short() -> None:
    assert redact("invalid key sk-ant-api03-abc, see") == "invalid key [redacted], see"
    assert redact("it begins with sk-ant-") == "it begins with sk-ant-"


VALUE = 'p@ss w"örd/\\😀+'
FORMS = {
    "raw": VALUE,
    "percent": quote(VALUE, safe=""),
    "percent, lower": quote(VALUE, safe="").lower(),
    "percent, some": quote(VALUE, safe="@/+"),
    "form": quote_plus(VALUE),
    "json": json.dumps(VALUE)[1:-1],
    "json, not ascii": json.dumps(VALUE, ensure_ascii=False)[1:-1],
    "json, slashes": json.dumps(VALUE)[1:-1].replace("/", "\\/"),
    "json, all": "".join(f"\\u{ord(c):04X}" for c in VALUE if c != "😀").replace(
        "\\u002B", "\\uD83D\\uDE00\\u002B"
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_given_value_is_taken_out_in_every_form(form: str) -> None:
    assert redact(f"<{form}>", VALUE) == "<[redacted]>"


def test_given_values_are_taken_out_longest_first_and_blank_ones_ignored() -> None:
    assert redact("abcdef abc  x", "abc", "abcdef", "", "  ") == "[redacted] [redacted]  x"
    assert redact("key=abc", "abc\n") == "key=[redacted]"
    assert redact("plain", "") == "plain"


def test_a_value_in_a_header_of_its_own_is_taken_out_encoded_too() -> None:
    basic = base64.b64encode(b"user:hunter2").decode()
    assert redact(f"Authorization: Basic {basic}", "hunter2") == "Authorization: [redacted]"


def test_text_without_a_secret_is_left_as_it_is() -> None:
    text = "run k3f9: 12 jobs\n\ttook 3 s, see https://docs.test/a/b#part (100% of 4 MB) a@b.test\r\n\ud800"
    assert redact(text, "hunter2") == text


PIECES = [
    "Authorization: ", "Bearer ", "abc123", "https://", "u:p@", "a.test", "/x", "?k=v", "#t=1", '"', "'",
    "\\", "\n", " ", "sk-ant-api03-", "x-api-key", ": ", "=", ",", "[redacted]", "cookie", "%20", "\\u0026",
]  # fmt: skip
HOSTILE = ANYTHING | st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@pytest.mark.parametrize(
    "piece", ["://x#", "://a:b#", "://a:b?", "authorization:'\"", "bearer ", "sk-ant", "x-api-key:["]
)
def test_a_text_made_to_take_for_ever_does_not(piece: str) -> None:
    assert redact(piece * 10_000 + "hunter2", "hunter2").endswith("[redacted]")


@given(HOSTILE)
def test_redacted_text_is_redacted_already(text: str) -> None:
    once = redact(text, "hunter2")
    assert redact(once, "hunter2") == once


@given(HOSTILE, HOSTILE)
def test_a_given_value_never_gets_through(before: str, after: str) -> None:
    assert "hunter2" not in redact(f"{before}hunter2{after}", "hunter2")
