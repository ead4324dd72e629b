"""Bodies are read one request at a time, wherever the pieces are cut."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.sandbox import bodies, draws

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet='a"\\{}[]é\n,: '),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='a"\\}]', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class Drip:
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = io.BytesIO(data)
        self._size = size

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, self._size))


@settings(deadline=None)
@given(
    requests=st.lists(JSON, max_size=4),
    other=JSON,
    indent=st.sampled_from([None, 1]),
    escaped=st.booleans(),
    piece=st.integers(1, 9),
)
def test_each_request_is_found_where_it_stands(
    requests: list[Any], other: Any, indent: int | None, escaped: bool, piece: int
) -> None:
    text = json.dumps({"x": other, "requests": requests, "y": other}, indent=indent, ensure_ascii=escaped)
    data = text.encode()
    others: dict[str, Any] = {}
    found = list(bodies.requests(Drip(data, piece).read, others))
    assert [json.loads(raw) for _, raw in found] == requests
    assert all(data[at : at + len(raw)] == raw for at, raw in found)
    assert others == {"x": other, "y": other}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "'{' expected at byte 0"),
        (b'{"requests": [1 2]}', "',]' expected at byte 16"),
        (b'{"requests": [1]', "',' expected at byte 16"),
        (b'{"requests": ["a', "a string does not end at byte 14"),
        (b'{"requests": [{"a": [1}', "a value does not end at byte 14"),
        (b'{"requests": []} x', "more than one value at byte 17"),
        (b"{7: []}", "a key expected at byte 1"),
        (b'{"other": 1}', "requests: Field required, a list"),
        (b'{"requests": [], "requests": [1], "other": Infinity}', "Infinity is not JSON"),
        (b'{"requests": [], "x": "\xed\xa0\x80"}', "'utf-8' codec can't decode byte 0xed in position 1"),
    ],
)
def test_body_that_is_broken_says_where(data: bytes, told: str) -> None:
    with pytest.raises(bodies.NotJsonError) as caught:
        list(bodies.requests(io.BytesIO(data).read, {}))
    assert str(caught.value).startswith(told)


@settings(deadline=None)
@given(count=st.integers(0, 500), seed=st.integers(0, 50))
def test_shuffled_numbers_are_all_there(count: int, seed: int) -> None:
    numbers = list(draws.shuffled(count, seed))
    assert sorted(numbers) == list(range(count))
    assert count < 4 or numbers != list(range(count))


def test_draws_are_fixed_by_their_words() -> None:
    one, same, other = draws.Draw("a", 1), draws.Draw("a", 1), draws.Draw("a", 2)
    assert [one.below(1_000, str(n)) for n in range(5)] == [same.below(1_000, str(n)) for n in range(5)]
    assert [one.below(1_000, str(n)) for n in range(5)] != [other.below(1_000, str(n)) for n in range(5)]
    assert one.below(0) == one.below(1) == 0
    assert 0.45 < sum(one.share(str(n)) for n in range(2_000)) / 2_000 < 0.55
