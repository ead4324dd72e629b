"""The digest on a terminal: all of it is there, in 80 columns where it is a table, and nothing acts."""

from lanectl.digest import html, markdown
from lanectl.models import JobError, Outcome, Severity, Skip
from lanectl.render.digest import draw_digest
from tests.nights import Night, a_finding, a_job, a_run, link
from tests.render.render_world import Desk


def drawn(night: Night) -> str:
    """The digest of a night as a pipe gets it."""
    desk = Desk()
    draw_digest(desk.screen, night.digest())
    return desk.out.text


def test_findings_stand_by_severity_with_place_and_suggestion() -> None:
    worst = a_finding("The key is logged", severity=Severity.CRITICAL, path="src/log.py", line=3)
    text = drawn(
        Night().add(
            a_run(findings={"critical": 1, "high": 1}),
            [a_job("pr-42")],
            {"pr-42": [a_finding(), worst]},
        )
    )
    assert text.index("Critical: 1 finding") < text.index("High: 1 finding")
    assert "- src/log.py:3  The key is logged\n" in text
    assert "- src/cart.py:12  The total ignores the discount\n" in text
    assert "    suggestion: Apply it first.\n" in text
    assert "- 1 review with findings: pr-42\n" in text


def test_what_was_not_done_is_named_with_its_reason() -> None:
    text = drawn(
        Night().add(
            a_run(jobs=2, outcomes={"succeeded": 1, "errored": 1}, skipped={"secret": 1}),
            [a_job("pr-1"), a_job("pr-2", Outcome.ERRORED)],
            skips=[Skip("pr-3", "secret", "github token in diff line 4")],
        )
    )
    assert "Not done\n" in text
    assert "pr-2" in text
    assert "- 1 secret (not sent): github token in diff line 4\n" in text
    assert "    pr-3\n" in text


def test_reasons_that_differ_are_each_told_with_its_job() -> None:
    text = drawn(
        Night().add(
            a_run(jobs=2, outcomes={"errored": 2}, skipped={"secret": 2}),
            [
                a_job("7", Outcome.ERRORED, error=JobError("api_error", "boom")),
                a_job("8", Outcome.ERRORED, error=JobError("overloaded_error", "later")),
            ],
            skips=[Skip("9", "secret", "github token, line 4"), Skip("10", "secret", "aws key, line 1")],
        )
    )
    told = text[text.index("Not done\n") : text.index("\nRuns and money")]
    assert told.splitlines() == [
        "Not done",
        "- 2 errored (the provider could not process them; not billed)",
        "    7: api_error: boom",
        "    8: overloaded_error: later",
        "- 2 secret (not sent)",
        "    9: github token, line 4",
        "    10: aws key, line 1",
    ]


def test_reason_that_most_have_is_told_with_how_many() -> None:
    error = JobError("api_error", "boom")
    jobs = [a_job(key, Outcome.ERRORED, error=error) for key in ("7", "8")]
    other = a_job("9", Outcome.ERRORED, error=JobError("overloaded_error", "later"))
    text = drawn(Night().add(a_run(jobs=3, outcomes={"errored": 3}), [*jobs, other]))
    assert "not billed): most often (2 of 3): api_error: boom\n    7, 8, 9\n" in text


def test_title_as_long_as_a_page_is_cut_on_the_terminal() -> None:
    known, new = a_finding("Known " + "k" * 5000), a_finding("New " + "n" * 5000)
    text = drawn(Night().add(a_run(), [a_job("7")], {"7": [known, new]}).reported(known))
    assert f"  New {'n' * 295}…\n" in text
    assert f"  Known {'k' * 293}… (since " in text


def test_reason_that_its_meaning_says_is_not_said_again() -> None:
    error = JobError("expired", "not processed within 24 hours; not billed")
    night = Night().add(
        a_run(jobs=2, outcomes={"expired": 2}),
        [a_job(key, Outcome.EXPIRED, error=error) for key in ("7", "8")],
    )
    assert "- 2 expired (not processed within 24 hours; not billed)\n    7, 8\n" in drawn(night)
    for form in (markdown, html):
        assert form.render(night.digest(), link=link).count("within 24 hours") == 1


def test_night_that_was_not_billed_compares_nothing() -> None:
    run = a_run(
        outcomes={"errored": 1}, cost_usd=0.0, list_usd=0.0, cache_read_tokens=0, cache_written_tokens=0
    )
    text = drawn(Night().add(run, [a_job("7", Outcome.ERRORED)]))
    assert text.startswith("None of 1 job done, $0.00 paid; needs you: 1 job without success.\n")
    assert "\nPaid $0.00. Estimated before: $3.50.\n" in text


def test_unknown_money_is_unknown_and_never_zero() -> None:
    text = drawn(Night().add(a_run(cost_usd=None, list_usd=None), [a_job("pr-1")]))
    assert "unknown" in text
    assert "$0.00" not in text


def test_hostile_words_of_a_model_act_on_nothing() -> None:
    evil = "x\x1b[2J\x1b]8;;http://evil\x07link\u202e\r\n[red]no markup[/red]"
    text = drawn(
        Night().add(
            a_run(output_kind="markdown"),
            [a_job(evil, headline=evil, artifact="a.md")],
            {evil: [a_finding(evil, path=evil, suggestion=evil, category=evil)]},
            [Skip(evil, "binary", evil)],
        )
    )
    assert not set(text) & {chr(code) for code in (*range(10), *range(11, 32), 0x7F, 0x202E)}
    assert "[red]no markup[/red]" in text


def test_table_of_runs_fits_80_columns() -> None:
    night = Night()
    for number in range(3):
        night.add(
            a_run(
                f"abcdefghi{number}",
                recipe="a-recipe-with-a-very-long-name" * 2,
                cost_usd=1234567.89,
                jobs=99999,
            )
        )
    text = drawn(night)
    table = text[text.index("Runs and money") :].splitlines()[1:5]
    assert max(map(len, table)) <= 80
    assert all("$1,234,567.89" in line for line in table[1:])
