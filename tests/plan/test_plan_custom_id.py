"""Custom ids: within the provider's rule, readable back, and telling when they were damaged."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.plan.custom_id import BASE32, MOST_ATTEMPTS, MOST_JOBS, Parts, custom_id, parse

# The API's rule (Message Batches, custom_id).
ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
letters = st.text(BASE32, min_size=6, max_size=6)
runs = st.text(BASE32, min_size=10, max_size=10)
attempts = st.integers(0, MOST_ATTEMPTS - 1)
jobs = st.integers(0, MOST_JOBS - 1)


def test_id_is_spelled_as_documented() -> None:
    made = custom_id("abcdef", "ghijklmnop", 33, 32**3 + 5, "src/app/main.py")
    assert made == "L1_abcdef_ghijklmnopbb_baaf_src-app-main-py_r3mt"
    assert parse(made) == Parts("abcdef", "ghijklmnop", 33, 32**3 + 5, "src-app-main-py")


def test_longest_id_has_the_64_characters_that_are_allowed() -> None:
    made = custom_id("777777", "7" * 10, MOST_ATTEMPTS - 1, MOST_JOBS - 1, "x" * 500)
    assert len(made) == 64
    assert ALLOWED.fullmatch(made)


@given(letters, runs, attempts, jobs, st.text())
def test_any_key_makes_an_allowed_id_that_reads_back(
    install: str, run: str, attempt: int, job: int, key: str
) -> None:
    made = custom_id(install, run, attempt, job, key)
    found = parse(made)
    assert ALLOWED.fullmatch(made)
    assert found is not None
    assert (found.install, found.run, found.attempt, found.job) == (install, run, attempt, job)
    assert "@" not in made


@given(runs, st.sets(st.tuples(attempts, jobs), min_size=2, max_size=20))
def test_ids_of_one_run_are_all_different(run: str, places: set[tuple[int, int]]) -> None:
    made = {custom_id("abcdef", run, attempt, job, "same key") for attempt, job in places}
    assert len(made) == len(places)


# The check has 20 bits: of a million damaged ids one would pass, so the examples are always the same.
@settings(derandomize=True)
@given(runs, attempts, jobs, st.text(max_size=20), st.data())
def test_one_damaged_character_is_noticed(
    run: str, attempt: int, job: int, key: str, data: st.DataObject
) -> None:
    made = custom_id("abcdef", run, attempt, job, key)
    place = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.sampled_from("abz27AZ-_").filter(lambda letter: letter != made[place]))
    assert parse(made[:place] + other + made[place + 1 :]) is None


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda made: made + "a", lambda made: made[:-1]])
def test_changed_whole_is_noticed(change: object) -> None:
    made = custom_id("abcdef", "ghijklmnop", 1, 2, "Readme")
    assert callable(change)
    assert parse(change(made)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "job-17",
        "L1_",
        "L2_abcdef_ghijklmnopaa_aaaa_x_aaaa",
        "L1_abcdef_ghijklmnopaa_aaaa__aaaa",
        "\n",
    ],
)
def test_what_is_none_of_ours_says_nothing(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert parse(text) is None


def test_line_end_behind_an_id_is_damage() -> None:
    assert parse(custom_id("abcdef", "ghijklmnop", 1, 2, "x") + "\n") is None


@pytest.mark.parametrize(("attempt", "job"), [(MOST_ATTEMPTS, 0), (0, MOST_JOBS), (-1, 0), (0, -1)])
def test_number_that_does_not_fit_is_refused(attempt: int, job: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        custom_id("abcdef", "ghijklmnop", attempt, job, "x")


def test_key_without_a_letter_is_called_a_job() -> None:
    found = parse(custom_id("abcdef", "ghijklmnop", 0, 0, "me@example.org"))
    assert found is not None
    assert found.slug == "job"
