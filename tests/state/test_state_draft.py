"""A draft: the jobs and skips of a run in the making, on disk and nobody else's."""

import resource
import sys
from pathlib import Path

import pytest

from lanectl.errors import LanectlError
from lanectl.models import Skip
from lanectl.state import database
from lanectl.state.draft import PAGE, Draft
from lanectl.state.runs import PlannedJob


def planned(n: int, *, own_bytes: int = 60) -> PlannedJob:
    return PlannedJob(n, f"key {n}", f"digest {n}", n * 100, 100, own_bytes)


def fill(draft: Draft, *, jobs: int) -> None:
    for n in range(jobs):
        draft.add(planned(n))


@pytest.fixture
def draft() -> Draft:
    return Draft("abcdefghij")


def test_empty_draft_has_nothing(draft: Draft) -> None:
    assert (len(draft), list(draft), draft.first, draft.own_bytes) == (0, [], None, 0)
    assert (len(draft.skips), list(draft.skips), draft.skips.counts()) == (0, [], {})
    with pytest.raises(IndexError):
        draft.by_size(0)


def test_jobs_come_back_in_their_order_over_several_pages(draft: Draft) -> None:
    jobs = [planned(n) for n in range(2 * PAGE + 1)]

    for job in jobs:
        draft.add(job)

    assert list(draft) == jobs
    assert (len(draft), draft.first, draft.own_bytes) == (len(jobs), jobs[0], 60 * len(jobs))
    assert jobs[3] in draft
    assert planned(9999) not in draft


def test_job_left_out_while_all_are_read_is_a_skip_at_the_end(draft: Draft) -> None:
    draft.skip(Skip("b.bin", "binary"))
    for n in range(PAGE + 2):
        draft.add(planned(n))

    for job in draft:
        if job.n % 2 == 0:
            draft.skip(Skip(job.key, "unchanged", "of yesterday"), instead_of=job)

    assert [job.n for job in draft] == list(range(1, PAGE + 2, 2))
    assert next(iter(draft.skips)) == Skip("b.bin", "binary")
    assert draft.skips.counts() == {"binary": 1, "unchanged": PAGE // 2 + 1}
    assert Skip("key 2", "unchanged", "of yesterday") in draft.skips


def test_key_is_claimed_once_and_the_first_item_is_named(draft: Draft) -> None:
    assert draft.claim("k", "first.py") is None
    assert draft.claim("other", "second.py") is None
    assert draft.claim("k", "third.py") == "first.py"
    assert draft.claim("k", "fourth.py") == "first.py"


def test_jobs_by_size_are_the_sorted_ones(draft: Draft) -> None:
    sizes = [5, 90, 5, 1, 40]
    for n, size in enumerate(sizes):
        draft.add(planned(n, own_bytes=size))

    assert [draft.by_size(rank).n for rank in range(5)] == [3, 0, 2, 4, 1]


def test_lone_surrogate_in_a_skip_stops_nothing(draft: Draft) -> None:
    draft.skip(Skip("a\ud800", "secret", "line 3"))

    assert list(draft.skips) == [Skip("a\ufffd", "secret", "line 3")]


@pytest.mark.skipif(sys.platform != "linux", reason="a file size limit is set as Linux does")
def test_full_temporary_folder_is_one_line_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    draft = Draft("abcdefghij")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(LanectlError) as caught:
            fill(draft, jobs=60_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "the plan does not fit into a temporary file" in caught.value.message
    assert (caught.value.where, caught.value.hint) == (str(tmp_path), f"df -h {tmp_path}")


def test_two_drafts_know_nothing_of_each_other() -> None:
    first, second = Draft("abcdefghij"), Draft("abcdefghij")

    first.add(planned(0))

    assert len(second) == 0


def test_closed_draft_is_gone(draft: Draft) -> None:
    draft.add(planned(0))

    draft.close()

    with pytest.raises(LanectlError):
        len(draft)
    assert database.open_temporary(()).value("SELECT count(*) FROM sqlite_schema") == 0
