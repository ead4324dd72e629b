"""What an earlier night reported already is folded, never hidden; what is stale says so to programs too."""

import csv
import html as html_standard
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from lanectl.digest import csvform, html, jsonform, markdown, sarif
from lanectl.digest.merge import Before
from lanectl.digest.model import Moved
from lanectl.models import Severity
from lanectl.render.digest import draw_digest
from tests.nights import Night, a_finding, a_job, a_run, link
from tests.render.render_world import Desk

LEAK = a_finding("The key is logged", severity=Severity.CRITICAL, path="src/log.py", suggestion="Drop it.")
FRESH = a_finding("Offset is dropped", path="src/time.py", suggestion="Keep it.")


def a_night() -> Night:
    """Two findings that are known since the 20th, one of them critical, and a new one."""
    night = Night().add(a_run(), [a_job("7")], {"7": [a_finding(line=40), LEAK, FRESH]})
    return night.reported(a_finding(), LEAK)


def first_reported(night: Night) -> dict[str, str | None]:
    return {
        one.finding.title: one.first_reported for group in night.digest().severities for one in group.findings
    }


def test_finding_of_an_earlier_run_is_known_since_then() -> None:
    then = "2026-11-20T02:00:00Z"
    assert first_reported(a_night()) == {
        "The key is logged": then,
        "Offset is dropped": None,
        "The total ignores the discount": then,
    }


def test_first_of_several_earlier_runs_counts() -> None:
    night = a_night()
    for run, at in (("R00", "2026-11-19T02:00:00Z"), ("R01", "2026-11-21T02:00:00Z")):
        night.reported(LEAK, run=run, at=at)
    assert first_reported(night)["The key is logged"] == "2026-11-19T02:00:00Z"


def test_new_ones_come_before_known_ones_of_their_severity() -> None:
    high = a_night().digest().severities[1]
    assert [(one.finding.title, one.shown) for one in high.findings] == [
        ("Offset is dropped", True),
        ("The total ignores the discount", False),
    ]
    assert (high.count, high.new, high.more) == (2, 1, ())


@pytest.mark.parametrize("changed", [{"recipe": "other-recipe"}, {"repo": "acme/other"}], ids=str)
def test_other_recipes_and_repositories_make_nothing_known(changed: dict[str, str]) -> None:
    night = Night().add(a_run(), [a_job("7")], {"7": [LEAK]}).reported(LEAK)
    night.before[:] = [replace(night.before[0], **changed)]
    assert first_reported(night) == {"The key is logged": None}


def test_second_place_of_the_same_words_is_new() -> None:
    night = Night().add(a_run(), [a_job("7")], {"7": [a_finding(line=3), a_finding(line=200)]})
    night.reported(a_finding(line=5), a_finding(line=7))
    assert [(one.finding.line, one.new) for group in night.digest().severities for one in group.findings] == [
        (200, True),
        (3, False),
    ]


def test_finding_without_a_place_is_known_by_its_job() -> None:
    bare = a_finding(path="", line=0)
    night = Night().add(a_run(), [a_job("then"), a_job("8")], {"then": [bare], "8": [bare]}).reported(bare)
    assert [(one.lead.key, one.new) for group in night.digest().severities for one in group.findings] == [
        ("8", True),
        ("then", False),
    ]


def test_first_line_and_needs_count_all_and_say_how_many_are_new() -> None:
    digest = a_night().digest()
    assert digest.headline == (
        "1 job done, 3 findings, 1 new (1 critical, 2 high), $3.21 paid; "
        "needs you: 3 critical or high findings (1 new)."
    )
    assert digest.needs == ("3 findings to look at first, 1 new: 1 critical, 2 high.",)
    night = Night().add(a_run(), [a_job("7")], {"7": [LEAK]}).reported(LEAK)
    assert night.digest().needs == ("1 finding to look at first, none new: 1 critical.",)


MARKDOWN = """\
### Critical (1)

Still there, reported before:

- `src/log.py:12` The key is logged (since 2026-11-20; [`#7`](<R1/7.md>))

### High (2)

- `src/time.py:12` **Offset is dropped** (correctness; [`#7`](<R1/7.md>))
  Suggestion: Keep it.

Still there, reported before:

- `src/cart.py:40` The total ignores the discount (since 2026-11-20; [`#7`](<R1/7.md>))

"""


def test_markdown_lists_what_is_still_there_in_a_line_each() -> None:
    assert MARKDOWN in markdown.render(a_night().digest(), link=link)


def test_terminal_lists_what_is_still_there_in_a_line_each() -> None:
    desk = Desk()
    draw_digest(desk.screen, a_night().digest())
    assert (
        "Critical: 1 finding\n"
        "  still there, reported before:\n"
        "  - src/log.py:12  The key is logged (since 2026-11-20; 7)\n"
    ) in desk.out.text
    assert "  - src/cart.py:40  The total ignores the discount (since 2026-11-20; 7)\n" in desk.out.text
    assert "Drop it." not in desk.out.text


@pytest.mark.parametrize(("severity", "left_away"), [(Severity.CRITICAL, 0), (Severity.LOW, 18)])
def test_of_known_critical_ones_none_is_left_away(severity: Severity, left_away: int) -> None:
    known = [a_finding(f"Thing {n}", severity=severity) for n in range(30)]
    night = Night().add(a_run(), [a_job("7")], {"7": known}).reported(*known)
    desk = Desk()
    draw_digest(desk.screen, night.digest())
    assert desk.out.text.count("(since 2026-11-20; 7)") == 30 - left_away
    more = f"  - and {left_away} more: lanectl digest R1 --format csv\n"
    assert (more in desk.out.text) == bool(left_away)
    text = markdown.render(night.digest(), link=link)
    assert text.count("(since 2026-11-20;") == (30 if severity is Severity.CRITICAL else 20)


def test_page_folds_what_is_known_and_leaves_the_critical_in_the_open() -> None:
    page = html.render(a_night().digest(), link=link)
    assert "Critical<small>1, none new</small>" in page
    critical, _, high = page.partition('<section class="high"')
    _, _, critical = critical.partition('<section class="critical"')
    assert '<p class="rest">Still there: 1 reported before, since 2026-11-20</p>' in critical
    assert "<details class=" not in critical
    # Even there its words are behind a click.
    before_the_fold = critical.partition("<details>")[0]
    assert "The key is logged" in before_the_fold
    assert "Drop it." not in before_the_fold
    _, _, folded = high.partition(
        '<details class="more"><summary>Still there: 1 reported before, since 2026-11-20</summary>'
    )
    assert "The total ignores the discount" in folded.partition("</section>")[0]
    text = " ".join(html_standard.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert "High 2, 1 new" in text


def test_cap_of_a_kind_counts_new_ones_only() -> None:
    known = [a_finding(f"Known {n}") for n in range(9)]
    fresh = [a_finding(f"Fresh {n}") for n in range(5)]
    night = Night().add(a_run(), [a_job("7")], {"7": [*known, *fresh]}).reported(*known)
    (group,) = night.digest().severities
    assert (group.more, sum(one.shown for one in group.findings), len(group.still_there)) == ((), 5, 9)


def moved_night() -> Night:
    night = a_night()
    night.add(a_run("R2"), [a_job("8")], {"8": [a_finding("Sound", path="b.py")]})
    night.moved.append(Moved("R1", "pr-review", "7", "7.md", "a" * 40, "b" * 40))
    return night


def results(night: Night) -> dict[str, dict[str, Any]]:
    log = json.loads(sarif.render(night.digest(), link=link))
    return {one["message"]["text"].partition("\n")[0]: one for run in log["runs"] for one in run["results"]}


def test_sarif_tells_new_from_unchanged_and_stale_from_sound() -> None:
    told = results(moved_night())
    assert {name: one["baselineState"] for name, one in told.items()} == {
        "The key is logged": "unchanged",
        "Offset is dropped": "new",
        "The total ignores the discount": "unchanged",
        "Sound": "new",
    }
    assert told["The key is logged"]["provenance"] == {"firstDetectionTimeUtc": "2026-11-20T02:00:00Z"}
    assert "provenance" not in told["Offset is dropped"]
    where = {"stale": True, "was": "a" * 40, "now": "b" * 40}
    assert where.items() <= told["Offset is dropped"]["properties"].items()
    assert not {"stale", "was", "now"} & set(told["Sound"]["properties"])
    (run,) = json.loads(sarif.render(moved_night().digest(), link=link))["runs"]
    assert run["properties"] == {"stale": [{"job": "R1/7", "was": "a" * 40, "now": "b" * 40}]}


def test_sarif_spells_utc_as_its_standard_does() -> None:
    night = a_night()
    night.before[:] = [Before("R0", "pr-review", "acme/shop", "2026-11-20T02:00:00+00:00")]
    provenance = results(night)["The key is logged"]["provenance"]
    assert provenance == {"firstDetectionTimeUtc": "2026-11-20T02:00:00Z"}


def test_csv_tells_both_in_columns_behind_all_others() -> None:
    assert csvform.COLUMNS[-5:] == ("note", "first_reported", "stale", "was", "now")
    text = csvform.render(moved_night().digest(), link=link)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    told = {
        row["title"]: (row["first_reported"], row["stale"], row["was"][:2], row["now"][:2])
        for row in rows
        if row["what"] in ("finding", "job")
    }
    assert told == {
        "The key is logged": ("2026-11-20T02:00:00Z", "yes", "aa", "bb"),
        "Offset is dropped": ("", "yes", "aa", "bb"),
        "The total ignores the discount": ("2026-11-20T02:00:00Z", "yes", "aa", "bb"),
        "Sound": ("", "", "", ""),
        "Looked at 7.": ("", "yes", "aa", "bb"),
        "Looked at 8.": ("", "", "", ""),
    }


def test_json_tells_since_when() -> None:
    found = json.loads(jsonform.render(a_night().digest(), link=link))["findings"]
    assert [(one["title"], one["first_reported"], one["shown"]) for one in found] == [
        ("The key is logged", "2026-11-20T02:00:00Z", False),
        ("Offset is dropped", None, True),
        ("The total ignores the discount", "2026-11-20T02:00:00Z", False),
    ]
