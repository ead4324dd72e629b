"""A night of any size is told within limits: counts are whole, names bounded, memory does not grow."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import permutations

import pytest

from lanectl.digest import csvform, html, jsonform, junit, markdown, sarif
from lanectl.digest.limits import PAGE, WHOLE, Frequent, Least, Limits
from lanectl.digest.merge import place
from lanectl.digest.model import Digest, Moved, build
from lanectl.models import FoundLine, JobError, JobLine, Outcome, Severity, Skip
from lanectl.render.digest import draw_digest
from tests.nights import Night, a_finding, a_job, a_run, link
from tests.render.render_world import Desk

# A tenth of what a page holds, so that a night of a thousand jobs is a great one.
SMALL = Limits(findings=200, reports=5, done=50, lines=20, moved=20, texts=100, categories=50)
TIGHT = Limits(findings=4, reports=2, done=3, lines=2, moved=1, texts=2, categories=2)


def terminal(digest: Digest) -> str:
    desk = Desk()
    draw_digest(desk.screen, digest)
    return desk.out.text


def large() -> Night:
    """More of everything than `TIGHT` holds."""
    kinds = ("logic", "tests", "style", "names")
    found = {
        f"pr-{n}": [
            a_finding(f"Thing {n}", severity=Severity.HIGH if n == 6 else Severity.LOW, category=kinds[n % 4])
        ]
        for n in range(3, 9)
    }
    found["pr-9"] = [a_finding("Shared", severity=Severity.CRITICAL, detail=str(n)) for n in range(5)]
    jobs = [a_job(f"pr-{n}") for n in range(10)]
    jobs += [a_job(f"pr-{n}", Outcome.ERRORED, error=JobError("api_error", "boom")) for n in range(10, 15)]
    night = Night().add(
        a_run(jobs=15, outcomes={"succeeded": 10, "errored": 5}, skipped={"too large": 4}),
        jobs,
        found,
        [Skip(f"pr-{n}", "too large", "9 MB") for n in range(20, 24)],
    )
    edits = [a_job(f"{n}.py", artifact=f"{n}.patch" if n < 5 else None) for n in range(9)]
    night.add(a_run("R2", recipe="mods", output_kind="edits", jobs=9, outcomes={"succeeded": 9}), edits)
    night.moved += [Moved("R1", "pr-review", f"pr-{n}", f"pr-{n}.md", "a" * 40, "b" * 40) for n in range(3)]
    return night


def test_counts_are_whole_where_names_are_bounded() -> None:
    whole, tight = large().digest(), large().digest(limits=TIGHT)
    assert (tight.headline, tight.needs, tight.successes) == (whole.headline, whole.needs, whole.successes)
    assert [(group.severity, group.count) for group in tight.severities] == [
        ("critical", 1),
        ("high", 1),
        ("low", 5),
    ]
    assert [one.finding.title for group in tight.severities for one in group.findings] == [
        "Shared",
        "Thing 6",
        "Thing 3",
        "Thing 4",
    ]
    (shared,) = tight.severities[0].findings
    assert (shared.times, [other.finding.detail for other in shared.others]) == (5, ["1", "2"])
    assert [(group.reason, group.count, len(group.lines)) for group in tight.undone] == [
        ("errored", 5, 2),
        ("too large", 4, 2),
    ]
    assert [(group.common, group.common_count) for group in tight.undone] == [
        ("api_error: boom", 5),
        ("9 MB", 4),
    ]
    assert (len(tight.moved), tight.stale) == (1, 3)


def test_rows_that_are_kept_are_those_with_the_worst_findings() -> None:
    assert [one.key for one in large().digest(limits=TIGHT).done] == ["pr-3", "pr-6", "pr-9"]


def test_what_is_left_out_is_counted_by_severity_and_category() -> None:
    low = large().digest(limits=TIGHT).severities[-1]
    # Two categories are counted apart: "logic" and "names" came first, by the order of the titles.
    assert (low.count, low.cut) == (5, (("logic", 1), ("names", 1), ("others", 1)))
    assert large().digest().severities[-1].cut == ()


def test_forms_for_people_say_how_much_more_there_is_and_where() -> None:
    digest = large().digest(limits=TIGHT)
    for text in (markdown.render(digest, link=link), terminal(digest)):
        told = text.replace("\\", "")
        assert "and 3 more (1 logic, 1 names, 1 others): " in told
        assert "lanectl digest R1 R2 --format csv" in told
        assert "- all 5 named in manifest.json\n" in told
        assert "- 3 reviews without findings: all 3 named in manifest.json\n" in told
        assert "- 4 files without a change: all 4 named in manifest.json\n" in told
        assert "pr-10, pr-11 and 3 more, named in manifest.json\n" in told
        assert "- and 2 more: " in told
        assert "lanectl digest R1 R2 --format json" in told
    page = html.render(digest, link=link)
    for told in (
        '<p class="rest">and 3 more (1 logic, 1 names, 1 others): '
        "<code>lanectl digest R1 R2 --format csv</code></p>",
        '<li class="row rest">and 12 more, named in manifest.json</li>',
        '<span>4 files</span><span class="say">all 4 named in manifest.json</span>',
        "<li>and 3 more, named in manifest.json</li>",
        "and 2 more: <code>lanectl digest R1 R2 --format json</code>",
        '<p class="other">and 2 further reports</p>',
        "<summary>Why, and 4 further reports</summary>",
        "<h2>Done <small>19</small></h2>",
    ):
        assert told in page, told


def test_forms_for_programs_are_whole() -> None:
    digest = large().digest()
    value = json.loads(jsonform.render(digest, link=link))
    assert (len(value["findings"]), len(value["done"]), len(value["moved"])) == (7, 19, 3)
    assert [len(group["items"]) for group in value["undone"]] == [5, 4]
    assert "more" not in csvform.render(digest, link=link)
    assert junit.render(digest, link=link).count("<testcase ") == 19 + 9
    assert sum(len(run["results"]) for run in json.loads(sarif.render(digest, link=link))["runs"]) == 7


@pytest.mark.parametrize("most", [0, 1, 3, 40])
def test_least_of_a_stream_is_the_beginning_of_the_sorted_one(most: int) -> None:
    numbers = [(n * 37) % 101 for n in range(300)]
    least = Least[tuple[int, int]](most, lambda pair: pair[0])
    pairs = [(number, at) for at, number in enumerate(numbers)]
    for pair in pairs:
        least.add(pair)
    assert least.kept() == sorted(pairs, key=lambda pair: pair[0])[:most]


def test_least_holds_little_more_than_it_keeps() -> None:
    least = Least[int](100, lambda number: -number)
    held = 0
    for number in range(10_000):
        least.add(number)
        held = max(held, len(least._held))
    assert held <= 126


def test_frequent_text_is_found_among_a_thousand_others() -> None:
    counted = Frequent[str](10)
    for number in range(1_000):
        counted.add(f"only once {number}")
        if number % 4 == 0:
            counted.add("boom")
    counts = counted.counts()
    assert len(counts) <= 10
    assert max(counts, key=lambda text: counts[text]) == "boom"
    assert 1 < counts["boom"] <= 250


def test_few_texts_are_counted_exactly() -> None:
    for most in (3, None):
        counted = Frequent[str](most)
        for text in "abcabcaba":
            counted.add(text)
        assert counted.counts() == {"a": 4, "b": 3, "c": 2}


def test_a_stream_is_merged_the_same_in_whatever_order_its_equals_come() -> None:
    reports = [("R1", FoundLine(key, f"{key}.md", a_finding(detail=key))) for key in ("a", "b", "c")]
    told = {
        tuple(other.key for other in (one.lead, *one.others))
        for order in permutations(reports)
        for group in build([a_run()], {}, iter(order), {}, limits=PAGE).severities
        for one in group.findings
    }
    assert told == {("a", "b", "c")}


class _Nothing:
    """Takes what is written and keeps none of it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, piece: str) -> None:
        self.bytes += len(piece)


def jobs_of(count: int) -> Iterator[JobLine]:
    for n in range(count):
        if n % 5 == 0:
            yield a_job(f"pr-{n}", Outcome.ERRORED, error=JobError("api_error", f"request {n} failed"))
        else:
            yield a_job(f"pr-{n}", headline=f"Looked at {n}, and has a word to say about it.", findings=2)


def found_of(count: int) -> Iterator[tuple[str, FoundLine]]:
    """Two findings a job, one of them shared by a hundred jobs, as they stand in the state file's order."""
    spots = sorted(
        (place("acme/shop", line), n) for n in range(count) for line in (_own(n), _shared(n))
    )  # what sorts them is the state file's business: made before the measuring begins
    return (("R1", _own(n) if spot[3].startswith("own") else _shared(n)) for spot, n in spots)


def _own(n: int) -> FoundLine:
    severity = list(Severity)[n % 4]
    return FoundLine(
        f"pr-{n}", f"pr-{n}.md", a_finding(f"own {n}", severity=severity, detail=f"because of {n} " * 40)
    )


def _shared(n: int) -> FoundLine:
    finding = a_finding(f"shared by many {n % (n // 100 + 1)}", detail=f"because of {n} " * 40)
    return FoundLine(f"pr-{n}", f"pr-{n}.md", finding)


def peak_bytes(jobs: int) -> int:
    found = found_of(jobs)
    run = a_run(
        jobs=jobs, outcomes={"succeeded": jobs - jobs // 5, "errored": jobs // 5}, skipped={"unchanged": jobs}
    )
    skips = (Skip(f"pr-{n}", "unchanged", f"/repo/{n}.md of 2026-11-22") for n in range(jobs))
    moved = (Moved("R1", "pr-review", f"pr-{n}", f"pr-{n}.md", "a" * 40, "b" * 40) for n in range(jobs))
    tracemalloc.start()
    try:
        digest = build([run], {"R1": jobs_of(jobs)}, found, {"R1": skips}, moved=moved, limits=SMALL)
        out = _Nothing()
        for piece in html.pieces(digest, link=link):
            out.write(piece)
        out.write(markdown.render(digest, link=link))
        out.write(terminal(digest))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_a_digest_does_not_grow_with_the_night() -> None:
    # Warmed up, so that what is imported and cached is not counted to the smaller one.
    peak_bytes(100)
    small, great = peak_bytes(1_000), peak_bytes(11_000)
    # A job's key alone takes 54 bytes; a table that grows within the interpreter comes to 15 of these.
    assert (great - small) / 10_000 < 40


def test_page_limits_everything_and_the_whole_nothing() -> None:
    assert all(getattr(PAGE, name) for name in Limits.__slots__)
    assert not any(getattr(WHOLE, name) for name in Limits.__slots__)
