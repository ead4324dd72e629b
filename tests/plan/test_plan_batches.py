"""Batches: every job once, in order, no body over a limit, and the prefix the same bytes in each request."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.plan import batches
from lanectl.plan.batches import Sized, split
from lanectl.plan.prefix import dumps

SHARED = dumps(
    {"model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "Du bist höflich.\u2028"}]}
)
texts = st.lists(st.text(max_size=40), max_size=12)


def own(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def sized(prompts: list[str]) -> list[Sized]:
    return [Sized(n, len(dumps(own(text)))) for n, text in enumerate(prompts)]


def custom_id(n: int) -> str:
    return f"job-{n}".ljust(batches.LONGEST_ID, "x")


def body(prompts: list[str], numbers: Sequence[int]) -> bytes:
    return b"".join(batches.body(batches.entry(custom_id(n), SHARED, own(prompts[n])) for n in numbers))


@settings(max_examples=50)
@given(texts, st.integers(1, 7), st.integers(400, 2000))
def test_split_loses_and_doubles_nothing_and_keeps_the_limits(
    prompts: list[str], most_requests: int, most_bytes: int
) -> None:
    most_bytes = max([most_bytes, *(len(body(prompts, [n])) + 2 for n in range(len(prompts)))])
    made = list(
        split(sized(prompts), shared_bytes=len(SHARED), most_requests=most_requests, most_bytes=most_bytes)
    )
    assert [n for numbers in made for n in numbers] == list(range(len(prompts)))
    for numbers in made:
        assert 1 <= len(numbers) <= most_requests
        assert len(body(prompts, numbers)) <= most_bytes


@settings(max_examples=50)
@given(texts.filter(bool), st.integers(400, 1500))
def test_no_batch_is_parted_that_had_room(prompts: list[str], room: int) -> None:
    most_bytes = max([room, *(len(body(prompts, [n])) + 2 for n in range(len(prompts)))])
    made = list(split(sized(prompts), shared_bytes=len(SHARED), most_bytes=most_bytes))
    for before, after in pairwise(made):
        assert len(body(prompts, [*before, after[0]])) + 2 > most_bytes


@settings(max_examples=50)
@given(texts)
def test_body_is_what_the_api_reads_and_every_prefix_the_same_bytes(prompts: list[str]) -> None:
    numbers = list(range(len(prompts)))
    made = body(prompts, numbers)
    shared = json.loads(SHARED)
    assert json.loads(made) == {
        "requests": [{"custom_id": custom_id(n), "params": {**shared, **own(prompts[n])}} for n in numbers]
    }
    assert made.count(SHARED[:-1]) == len(prompts)
    lines = made.split(b"\n")
    assert lines[0] == b'{"requests":['
    assert lines[-1] == b"]}"
    assert len(lines) == max(len(prompts), 1) + 2


@given(st.text(max_size=200))
def test_size_of_a_request_is_what_it_takes_up(text: str) -> None:
    one = batches.entry(custom_id(0), SHARED, own(text))
    assert batches.request_bytes(len(SHARED), len(dumps(own(text)))) == len(one) + len(batches.BETWEEN)


def test_job_that_fits_in_no_batch_is_named() -> None:
    with pytest.raises(ValueError, match="job 1 alone has 1"):
        list(split([Sized(0, 10), Sized(1, 1000)], shared_bytes=10, most_bytes=500))


def test_limits_are_the_documented_ones_with_a_margin() -> None:
    assert batches.MOST_REQUESTS == 100_000
    assert 250_000_000 < batches.MOST_BYTES < 256_000_000


def test_full_batch_by_count_begins_another() -> None:
    many = (Sized(n, 1) for n in range(100_001))
    assert [len(numbers) for numbers in split(many, shared_bytes=1)] == [100_000, 1]


def test_full_batch_by_bytes_begins_another() -> None:
    made = [len(numbers) for numbers in split((Sized(n, 100_000) for n in range(700)), shared_bytes=300_000)]
    assert made == [637, 63]


def test_no_jobs_are_no_batches() -> None:
    assert list(split([], shared_bytes=10)) == []
