"""The words for times, spans, sizes and counts."""

from datetime import UTC, datetime, timedelta

import pytest

from lanectl.render import words

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (36_060, "10 h"),
        (86_400, "24 h"),
        (172_800, "2 d"),
        (187_200, "2 d 4 h"),
        (864_000, "10 d"),
        (-5, "0 s"),
    ],
)
def test_span_is_told_in_its_largest_unit(seconds: float, told: str) -> None:
    assert words.span(seconds) == told


def test_ago_and_left_are_relative_to_now() -> None:
    earlier, later = ((NOW + timedelta(hours=h)).isoformat() for h in (-3, 21))
    assert (words.ago(earlier, NOW), words.left(later, NOW)) == ("3 h ago", "in 21 h")
    assert (words.ago(later, NOW), words.left(earlier, NOW)) == ("just now", "over")
    assert (words.ago(None, NOW), words.left(None, NOW)) == ("-", "-")


def test_moment_is_utc_in_a_pipe_and_local_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert words.moment(NOW.isoformat(), local=False) == "2026-11-24 12:00 UTC"
        assert words.moment(NOW.isoformat(), local=True) == "Tue 24 Nov 21:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert words.moment(None, local=True) == "-"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1234, "1.2 kB"),
        (123_456, "123 kB"),
        (3_400_000, "3.4 MB"),
        (5e9, "5.0 GB"),
    ],
)
def test_size_has_the_unit_that_fits(count: int, told: str) -> None:
    assert words.size(count) == told


@pytest.mark.parametrize(("count", "told"), [(812, "812"), (12_345, "12.3 k"), (1_200_000, "1.2 M")])
def test_tokens_have_the_unit_that_fits(count: int, told: str) -> None:
    assert words.tokens(count) == told


def test_reasons_are_counted_most_frequent_first() -> None:
    assert words.by_reason(["binary", "unchanged", "unchanged"]) == {"unchanged": 2, "binary": 1}
    assert list(words.by_reason(["binary", "unchanged", "unchanged"])) == ["unchanged", "binary"]


def test_tally_leaves_out_what_is_zero() -> None:
    assert words.tally({"succeeded": 1204, "errored": 0, "out": 2}) == "1,204 succeeded, 2 out"
    assert words.tally({}) == "nothing"
