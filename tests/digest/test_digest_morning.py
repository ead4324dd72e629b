"""What a second morning adds: stale reviews, answers that stand from before, the last runs, and JUnit."""

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

from lanectl.digest import html, jsonform, junit, markdown
from lanectl.digest.model import Moved
from lanectl.models import JobError, Outcome, RunAccount, Severity, Skip
from tests.nights import Night, a_finding, a_job, a_run, link

HOSTILE = '"/></testcase><failure/>]]>&lt;\x1b[31m\x00\ud800<b>'


def a_past(*costs: float | None, **changed: Any) -> list[RunAccount]:
    return [
        a_run(f"R{n}", created_at=f"2026-11-{10 + n}T02:00:00Z", cost_usd=cost, **changed)
        for n, cost in enumerate(costs)
    ]


def a_night() -> Night:
    night = Night().add(
        a_run(jobs=2, outcomes={"succeeded": 2}, skipped={"unchanged": 2}),
        [a_job("7"), a_job("8")],
        skips=[
            Skip("5", "unchanged", "/repo/.lanectl/pr-review/R0/pr 5.md of 2026-11-22"),
            Skip("6", "unchanged", "R0 of 2026-11-22"),
        ],
    )
    night.moved.append(Moved("R1", "pr-review", "7", "7.md", "abc123" + "0" * 34, "def456" + "0" * 34))
    return night


def test_stale_review_is_named_with_both_commits_in_every_form() -> None:
    digest = a_night().digest()
    assert (
        "## Stale\n\n- [`#7`](<R1/7.md>): reviewed `abc123000000`, now `def456000000`\n"
        in markdown.render(digest, link=link)
    )
    page = html.render(digest, link=link)
    assert (
        '<span class="say">reviewed <code>abc123000000</code>, now <code>def456000000</code></span>' in page
    )
    (moved,) = json.loads(jsonform.render(digest, link=link))["moved"]
    assert (moved["key"], moved["was"][:6], moved["now"][:6]) == ("7", "abc123", "def456")


def test_nothing_stale_is_not_mentioned() -> None:
    night = a_night()
    night.moved.clear()
    assert "Stale" not in markdown.render(night.digest(), link=link)
    assert "Stale" not in html.render(night.digest(), link=link)


def test_unchanged_items_are_one_line_with_links_to_what_stands() -> None:
    (group,) = a_night().digest().undone
    assert (group.quiet, group.common) == (True, "")
    assert (
        "- **2 unchanged** (since they were last answered; not sent again, not repeated here)\n"
        "  [`#5`](<file:///repo/.lanectl/pr-review/R0/pr%205.md>), `#6`\n"
    ) in markdown.render(a_night().digest(), link=link)
    assert '<a href="file:///repo/.lanectl/pr-review/R0/pr%205.md">#5</a>' in html.render(
        a_night().digest(), link=link
    )


def test_charts_need_two_runs_and_show_twelve() -> None:
    night = a_night()
    for number, shown in ((0, 0), (1, 0), (2, 2), (15, 12)):
        night.past[:] = a_past(*[1.5] * number)
        page = html.render(night.digest(), link=link)
        assert len(re.findall(r'<rect class="paid"', page)) == shown, number
        assert (f"The last {shown} runs" in page) == bool(shown)


def test_charts_tell_costs_that_are_unknown_and_runs_that_fell_short() -> None:
    night = a_night()
    night.past[:] = a_past(None, 2.0, jobs=4, outcomes={"succeeded": 3, "errored": 1}, recipe="<b>")
    page = html.render(night.digest(), link=link)
    assert "&lt;b&gt; R0: unknown, other lane $6.42" in page
    assert page.count('<rect class="bad"') == 2
    assert "3 of 4 jobs done" in page
    assert "<b> R0" not in page


def suites(night: Night) -> list[ET.Element]:
    return list(ET.fromstring(junit.render(night.digest(), link=link).encode()))


def test_junit_fails_what_has_serious_findings_and_counts_the_rest() -> None:
    night = Night().add(
        a_run(jobs=5, out=1, outcomes={"succeeded": 3, "errored": 1}, skipped={"too large": 1}),
        [
            a_job("1"),
            a_job("2"),
            a_job("3"),
            a_job("4", Outcome.ERRORED, error=JobError("overloaded_error", "Overloaded")),
        ],
        {"1": [a_finding()], "2": [a_finding("Slow", severity=Severity.LOW)]},
        [Skip("9", "too large", "500,000 bytes")],
    )
    (suite,) = suites(night)
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "pr-review R1",
        "tests": "6",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
    }
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {
        "1": ["failure", "system-out"],
        "2": ["system-out"],
        "3": ["system-out"],
        "4": ["error"],
        "1 still out": ["skipped"],
        "9": ["skipped"],
    }
    assert suite[0][0].attrib == {
        "type": "high",
        "message": "high: src/cart.py:12 The total ignores the discount",
    }
    assert suite[0][1].text is not None
    assert suite[0][1].text.splitlines()[:2] == ["Looked at 1.", "R1/1.md"]
    assert suite[3][0].get("message") == "errored: overloaded_error: Overloaded"


def test_junit_of_hostile_words_is_xml_with_the_same_cases() -> None:
    night = Night().add(
        a_run(recipe=HOSTILE),
        [a_job(HOSTILE, headline=HOSTILE)],
        {HOSTILE: [a_finding(HOSTILE, path=HOSTILE)]},
    )
    (suite,) = suites(night)
    assert [child.tag for child in suite[0]] == ["failure", "system-out"]
    assert "\x1b" not in (suite[0].get("name") or "")


def test_junit_of_the_sandbox_says_so() -> None:
    night = Night().add(a_run(sandbox=True), [a_job("1")])
    assert '<testsuites name="lanectl (sandbox: no model was called)">' in junit.render(
        night.digest(), link=link
    )
