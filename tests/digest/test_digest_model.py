"""The Digest: every job and finding accounted for, duplicates merged without loss, an honest first line."""

from itertools import permutations
from typing import Any

import pytest

from lanectl.digest.account import dollars
from lanectl.digest.merge import natural
from lanectl.digest.model import Digest
from lanectl.models import Finding, JobError, Outcome, Severity, Skip
from tests.nights import Night, a_finding, a_job, a_run


def one_run(*findings: Finding, **changed: Any) -> Digest:
    return Night().add(a_run(**changed), [a_job("pr-1")], {"pr-1": findings}).digest()


def titles(digest: Digest) -> list[tuple[str, str, int]]:
    return [
        (str(group.severity), one.finding.title, one.times)
        for group in digest.severities
        for one in group.findings
    ]


@pytest.mark.parametrize(
    ("night", "headline"),
    [
        (Night(), "Nothing new."),
        (
            Night().add(
                a_run(jobs=0, outcomes={}, skipped={"unchanged": 47, "in flight in R0": 2}, cost_usd=0.0)
            ),
            "Nothing new: 47 unchanged, 2 in flight in R0.",
        ),
        (
            Night().add(a_run(jobs=0, outcomes={}, skipped={"too large": 3, "unchanged": 1})),
            "Nothing was sent: 3 too large, 1 unchanged.",
        ),
        (Night().add(a_run(), [a_job("pr-1")]), "1 job done, no findings, $3.21 paid; nothing needs you."),
        (
            Night().add(a_run(jobs=1_204, outcomes={"errored": 1_204}, cost_usd=0.0)),
            "None of 1,204 jobs done, $0.00 paid; needs you: 1,204 jobs without success.",
        ),
        (
            Night().add(
                a_run(jobs=5, out=2, outcomes={"succeeded": 3}, skipped={"credential file": 1}),
                [a_job("pr-1")],
                {"pr-1": [a_finding(), a_finding("Other", severity=Severity.LOW)]},
            ),
            "3 of 5 jobs done, 2 findings (1 high, 1 low), $3.21 paid; "
            "needs you: 1 critical or high finding, 2 jobs still out, 1 item not sent.",
        ),
        (
            Night().add(
                a_run(output_kind="edits", cost_usd=None), [a_job("a.py"), a_job("b.py", artifact=None)]
            ),
            "1 job done, 1 patch, an unknown amount paid; needs you: 1 patch to apply.",
        ),
        (
            Night().add(a_run()).add(a_run("R2", cost_usd=None)),
            "2 jobs done, no findings, $3.21 and an unknown amount paid; nothing needs you.",
        ),
        (
            Night().add(a_run(sandbox=True)),
            "Sandbox, no model was called: 1 job done, no findings, would have cost $3.21; "
            "nothing needs you.",
        ),
    ],
)  # fmt: skip -- a table
def test_first_line_says_counts_cost_and_what_needs_a_person(night: Night, headline: str) -> None:
    assert night.digest().headline == headline


def test_needs_name_one_command_each() -> None:
    night = Night()
    night.add(
        a_run(jobs=9, out=1, outcomes={"succeeded": 4, "errored": 3, "truncated": 1}, skipped={"secret": 2}),
        [a_job("pr-1")],
        {"pr-1": [a_finding(severity=Severity.CRITICAL), a_finding("Other")]},
    )
    night.add(a_run("R2", recipe="mods", output_kind="edits", outcomes={"succeeded": 1}), [a_job("a.py")])
    night.add(a_run("R3", recipe="notes", output_kind="text", jobs=1, outcomes={"refused": 1}))
    assert night.digest().needs == (
        "2 findings to look at first: 1 critical, 1 high.",
        "4 jobs of pr-review without success (3 errored, 1 truncated): lanectl retry R1",
        "1 job of pr-review still out: lanectl pull R1",
        "1 job of notes without success (1 refused): lanectl show R3",
        "2 items not sent: secret 2.",
        "1 patch to apply: lanectl apply R2",
    )


def test_findings_come_by_severity_then_run_then_key() -> None:
    night = Night()
    night.add(
        a_run("R2"),
        [],
        {"pr-10": [a_finding("c")], "pr-9": [a_finding("b"), a_finding("a", severity=Severity.LOW)]},
    )
    night.add(a_run("R1"), [], {"pr-1": [a_finding("d"), a_finding("e", severity=Severity.CRITICAL)]})
    assert titles(night.digest()) == [
        ("critical", "e", 1),
        ("high", "b", 1),
        ("high", "c", 1),
        ("high", "d", 1),
        ("low", "a", 1),
    ]


def test_same_finding_of_several_jobs_stands_once_with_its_worst_severity_and_all_words() -> None:
    low = a_finding("The TOTAL ignores the discount!", severity=Severity.LOW, line=10, detail="seen low")
    high = a_finding("The total ignores the `discount`", line=12, detail="seen high")
    digest = Night().add(a_run(), [], {"pr-1": [low], "pr-2": [high]}).digest()
    [group] = digest.severities
    [one] = group.findings
    assert (one.finding, one.times, one.lead.key) == (high, 2, "pr-2")
    assert [(other.key, other.finding) for other in one.others] == [("pr-1", low)]


@pytest.mark.parametrize(
    ("other", "count"),
    [
        ({"line": 15}, 1),
        ({"line": 16}, 2),
        ({"line": 9}, 1),
        ({"line": 8}, 2),
        ({"path": "src/b.py"}, 2),
        ({"title": "Another thing"}, 2),
        ({"category": "tests"}, 1),
    ],
)
def test_what_counts_as_the_same_finding(other: dict[str, Any], count: int) -> None:
    assert one_run(a_finding(), a_finding(**({"title": a_finding().title} | other))).findings == count


def test_same_words_about_two_repositories_are_two_findings() -> None:
    night = (
        Night()
        .add(a_run(), [], {"a": [a_finding()]})
        .add(a_run("R2", repo="other"), [], {"a": [a_finding()]})
    )
    assert night.digest().findings == 2


def test_same_words_without_a_place_are_one_finding_for_each_job() -> None:
    bare = a_finding(path="", line=0)
    assert Night().add(a_run(), [], {"a": [bare, bare], "b": [bare]}).digest().findings == 2


def test_titles_without_letters_are_not_all_the_same() -> None:
    assert one_run(a_finding("???"), a_finding("!!!")).findings == 2


def test_merge_is_the_same_in_whatever_order_the_reports_come() -> None:
    reports = [a_finding(line=line, detail=str(line)) for line in (10, 12, 13, 14, 17)]
    told = {
        tuple(
            (one.identity, one.finding.line, tuple(other.finding.line for other in one.others))
            for group in one_run(*order).severities
            for one in group.findings
        )
        for order in permutations(reports)
    }
    [lines] = told
    assert [(line, others) for _, line, others in lines] == [(10, (12, 13)), (14, (17,))]


def test_identity_survives_a_moved_line_and_a_changed_severity() -> None:
    [before] = one_run(a_finding()).severities[0].findings
    [after] = one_run(a_finding(line=300, severity=Severity.LOW)).severities[0].findings
    [other] = one_run(a_finding(path="src/b.py")).severities[0].findings
    assert before.identity == after.identity != other.identity


def test_more_than_five_of_a_kind_are_counted_and_placed() -> None:
    found = {
        f"pr-{number}": [a_finding(f"Thing {number}"), a_finding(f"Test {number}", category="tests")]
        for number in range(1, 9)
    }
    [group] = Night().add(a_run(), [], found).digest().severities
    assert [one.shown for one in group.findings].count(True) == 10
    assert [(more.category, more.count, [key for _, key, _ in more.where]) for more in group.more] == [
        ("correctness", 3, ["pr-6", "pr-7", "pr-8"]),
        ("tests", 3, ["pr-6", "pr-7", "pr-8"]),
    ]
    assert len(group.findings) == 16


def test_every_job_and_item_is_in_the_digest() -> None:
    outcomes = [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED]
    jobs = [a_job(f"pr-{outcome}", outcome) for outcome in outcomes]
    skips = [Skip("big", "too large", "9 MB"), Skip("same", "unchanged"), Skip("key", "credential file")]
    run = a_run(
        jobs=len(jobs) + 3,
        out=2,
        outcomes=dict.fromkeys(map(str, Outcome), 1),
        skipped={"too large": 1, "unchanged": 1, "credential file": 1},
    )
    digest = Night().add(run, [*jobs, a_job("pr-0")], {}, skips).digest()
    assert [(group.kind, group.reason, group.count, group.quiet) for group in digest.undone] == [
        *(("outcome", str(outcome), 1, False) for outcome in outcomes),
        ("out", "still out", 2, False),
        ("skip", "too large", 1, False),
        ("skip", "credential file", 1, False),
        ("skip", "unchanged", 1, True),
    ]
    assert [one.key for one in digest.done] == ["pr-0"]
    assert [line.key for group in digest.undone for line in group.lines if group.kind == "outcome"] == [
        f"pr-{outcome}" for outcome in outcomes
    ]


def test_group_tells_its_most_common_error() -> None:
    errors = [
        JobError("api_error", "boom"),
        JobError("overloaded_error", "Overloaded"),
        JobError("api_error", "boom"),
    ]
    jobs = [a_job(f"pr-{n}", Outcome.ERRORED, error=error) for n, error in enumerate(errors)]
    jobs.append(a_job("pr-9", Outcome.ERRORED, error=None))
    [group] = Night().add(a_run(jobs=4, outcomes={"errored": 4}), jobs).digest().undone
    assert (group.common, group.common_count, group.count) == ("api_error: boom", 2, 4)


def test_counts_of_the_account_hold_where_names_are_missing() -> None:
    digest = Night().add(a_run(jobs=3, outcomes={"errored": 3}, skipped={"binary": 4})).digest()
    assert [(group.reason, group.count, group.lines) for group in digest.undone] == [
        ("errored", 3, ()),
        ("binary", 4, ()),
    ]


def test_done_job_knows_its_findings() -> None:
    jobs = [a_job("pr-10"), a_job("pr-9")]
    found = {"pr-10": [a_finding(severity=Severity.LOW), a_finding("x")]}
    done = Night().add(a_run(jobs=2, outcomes={"succeeded": 2}), jobs, found).digest().done
    assert [(one.key, one.findings, one.worst) for one in done] == [
        ("pr-9", 0, None),
        ("pr-10", 2, Severity.HIGH),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (3.21, 0, 6.42, 3.21, 0.9)),
        ({"cost_usd": None}, (None, 1, 6.42, None, 0.9)),
        ({"list_usd": None}, (3.21, 0, None, None, 0.9)),
        ({"cache_read_tokens": 0, "cache_written_tokens": 0}, (3.21, 0, 6.42, 3.21, None)),
        ({"list_usd": 1.0}, (3.21, 0, 1.0, -2.21, 0.9)),
    ],
)
def test_money_is_added_and_unknown_stays_unknown(changed: dict[str, Any], expected: tuple[Any, ...]) -> None:
    money = Night().add(a_run(**changed)).digest().money
    told = (money.paid_usd, money.unknown_runs, money.list_usd, money.saved_usd, money.hit_rate)
    assert told == pytest.approx(expected)


def test_digest_of_nothing_costs_nothing() -> None:
    money = Night().digest().money
    assert (money.paid_usd, money.unknown_runs, money.hit_rate) == (0, 0, None)


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (None, "unknown"),
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.0042, "$0.0042"),
        (-2.2, "-$2.20"),
        (0.01, "$0.01"),
    ],
)
def test_amounts_are_written_in_dollars(amount: float | None, told: str) -> None:
    assert dollars(amount) == told


def test_keys_are_ordered_as_people_count() -> None:
    keys = ["pr-10", "pr-9", "PR-1", "x", "9" * 5000, "10", "9"]
    assert sorted(keys, key=natural) == ["9", "10", "9" * 5000, "PR-1", "pr-9", "pr-10", "x"]


def test_title_says_sandbox() -> None:
    night = Night().add(a_run(sandbox=True)).add(a_run("R2", recipe="mods"))
    assert night.digest().title == "pr-review, mods (sandbox: no model was called)"
