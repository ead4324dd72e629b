"""Reviews: findings worst first, placed where the diff has them, to read and to post."""

import json
import re
from typing import Any

import pytest

from lanectl.models import Finding, Material, Outcome, Result, Severity
from tests.outputs.answers import read, said

HEAD = "c0ffee" * 6 + "abcd"
MATERIAL = Material(head=HEAD, hunks={"src/a.py": [[10, 20], [40, 44]], "b.md": [[1, 3]]})


def raw(**changed: Any) -> dict[str, Any]:
    finding = {
        "severity": "high",
        "category": "correctness",
        "path": "src/a.py",
        "line": 12,
        "end_line": 14,
        "title": "The last row is lost",
        "detail": "The loop ends one short.",
        "suggestion": "Use `<=`.",
    }
    return finding | changed


def review(
    *findings: dict[str, Any], summary: str = "Mostly sound.", material: Material = MATERIAL
) -> Result:
    return read(
        "findings", {"summary": summary, "findings": list(findings)}, material=material, path="pr-7.md"
    )


def form(result: Result) -> dict[str, Any]:
    [posted] = [file for file in result.files if file.path.endswith(".review.json")]
    value: dict[str, Any] = json.loads(posted.data)
    return value


def test_findings_come_worst_first_with_every_field() -> None:
    result = review(raw(severity="low", title="  Two\nlines "), raw(category=" Lost  Data "))
    assert result.findings == (
        Finding(
            Severity.HIGH,
            "src/a.py",
            12,
            14,
            "The last row is lost",
            "The loop ends one short.",
            "Use `<=`.",
            "lost data",
        ),
        Finding(
            Severity.LOW,
            "src/a.py",
            12,
            14,
            "Two lines",
            "The loop ends one short.",
            "Use `<=`.",
            "correctness",
        ),
    )
    assert result.headline == "2 findings (1 high, 1 low): Mostly sound."
    assert isinstance(result.value, dict)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"path": "src/a.py", "line": 10, "end_line": 10}, ("src/a.py", 10, 10, True)),
        ({"path": "src/a.py", "line": 44, "end_line": 99}, ("src/a.py", 44, 99, True)),
        ({"path": "src/a.py", "line": 21, "end_line": 21}, ("src/a.py", 21, 21, False)),
        ({"path": "src/c.py", "line": 12, "end_line": 12}, ("src/c.py", 12, 12, False)),
        ({"path": "b/src/a.py", "line": 12, "end_line": 12}, ("src/a.py", 12, 12, True)),
        ({"path": "./b.md", "line": 1, "end_line": 1}, ("b.md", 1, 1, True)),
        ({"path": "src/a.py", "line": 14, "end_line": 12}, ("src/a.py", 14, 14, True)),
        ({"path": "src/a.py", "line": -4, "end_line": 9}, ("src/a.py", 0, 0, False)),
        ({"path": "src/a.py", "line": 10**12, "end_line": 10**12}, ("src/a.py", 0, 0, False)),
        ({"path": "", "line": 9, "end_line": 9}, ("", 0, 0, False)),
    ],
)
def test_place_of_a_finding_is_held_against_the_hunks(
    place: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    [finding] = review(raw(**place)).findings
    assert (finding.path, finding.line, finding.end_line, finding.in_diff) == expected


def test_without_a_diff_nothing_is_outside_it_and_nothing_can_be_posted() -> None:
    result = review(raw(path="x.py", line=3), material=Material(path="x.py", text="a\n"))
    assert [finding.in_diff for finding in result.findings] == [True]
    assert [file.path for file in result.files] == ["pr-7.md"]


PAGE = f"""\
# pr-7

> Model output (claude-opus-5-5), untrusted: check it before you act on it.

Reviewed at commit `{HEAD}`.

Mostly sound.

## 1. critical: Names run away

`src/a.py:12` to line 14 · security

It runs `x`.

**Suggestion**

```
a = 1
b = 2
```

## 2. medium: Too wide

`src/c.py:5` · tests · outside the diff

**Suggestion**

````
x = "```"
y
````

## 3. low: No test

No one place · tests

**Suggestion**

Add one.
"""


def test_review_is_a_page_in_order() -> None:
    result = review(
        raw(severity="low", path="", title="No test", detail="", suggestion="Add one.", category="tests"),
        raw(
            severity="medium",
            path="src/c.py",
            line=5,
            end_line=5,
            title="Too wide",
            detail="",
            category="tests",
            suggestion='````\nx = "```"\ny\n````',
        ),
        raw(
            severity="critical",
            category="security",
            title="Names run away",
            detail="It runs `x`.",
            suggestion="a = 1\nb = 2",
        ),
    )  # fmt: skip -- three findings
    assert result.files[0].data.decode() == PAGE


def test_fence_left_open_by_a_finding_does_not_swallow_the_next() -> None:
    result = review(
        raw(detail="See:\n```python\nx = 1", suggestion=""), raw(title="Second", suggestion="a\nb")
    )
    page = result.files[0].data.decode()
    lines = page.split("\n")
    assert sum(line.startswith("```") for line in lines) % 2 == 0
    assert lines.index("## 2. high: Second") > lines.index("```", lines.index("```python") + 1)


def test_review_without_findings_says_so() -> None:
    result = review(summary="")
    assert result.files[0].data.decode().endswith("Nothing found.\n")
    assert (result.headline, form(result)["comments"]) == ("No findings", [])
    assert form(result)["body"].startswith("Nothing to add")


def test_form_to_post_holds_only_comments_inside_the_diff() -> None:
    inside = raw(line=18, end_line=30)
    single = raw(line=42, end_line=42, title="Single", suggestion="")
    outside = raw(line=30, end_line=31, title="Elsewhere")
    nowhere = raw(path="", title="Nowhere")
    posted = form(review(inside, single, outside, nowhere))
    body = posted.pop("body")
    comments = posted.pop("comments")
    assert posted == {"commit_id": HEAD, "event": "COMMENT"}
    assert [{key: value for key, value in comment.items() if key != "body"} for comment in comments] == [
        {"path": "src/a.py", "line": 20, "side": "RIGHT", "start_line": 18, "start_side": "RIGHT"},
        {"path": "src/a.py", "line": 42, "side": "RIGHT"},
    ]
    assert comments[1]["body"] == "**high** · correctness · Single\n\nThe loop ends one short."
    assert body.startswith("Mostly sound.\n\n**Not on a line of this diff, or too many for it (2)**\n")
    assert "Elsewhere" in body
    assert "Nowhere" in body
    assert "untrusted" in body


def test_start_line_is_always_below_the_line() -> None:
    posted = form(
        review(*[raw(line=line, end_line=line + extra) for line in range(8, 46) for extra in range(4)])
    )
    assert len(posted["comments"]) == 50
    for comment in posted["comments"]:
        assert comment.get("start_line", 0) < comment["line"]
        hunk = next(hunk for hunk in MATERIAL["hunks"]["src/a.py"] if hunk[0] <= comment["line"] <= hunk[1])
        assert comment.get("start_line", hunk[0]) >= hunk[0]


def test_hostile_words_neither_ping_nor_close_nor_load() -> None:
    hostile = "@octocat closes #12 <img src=x onerror=y> ![p](https://evil.example/x.png) \x1b[2J"
    result = review(raw(title=hostile, detail=hostile, suggestion=hostile, category=hostile), summary=hostile)
    shown = [result.files[0].data.decode(), form(result)["body"], form(result)["comments"][0]["body"]]
    for shown_text in shown:
        # What stands in a code span is shown, and does nothing.
        text = re.sub(r"`[^`]*`", "", shown_text)
        assert "\x1b" not in text
        assert "<img" not in text
        assert "](https://evil" not in text
        assert " @octocat" not in text
        assert " #12" not in text


def test_body_that_github_would_refuse_is_cut() -> None:
    posted = form(review(raw(path="", detail="word " * 20_000)))
    assert len(posted["body"]) < 65_536
    assert posted["body"].endswith("(cut: the whole review is in the artifact)")


@pytest.mark.parametrize("path", ["pr.7.md", "pr-7.txt", "reviews/pr-7.md"])
def test_form_stands_beside_the_page(path: str) -> None:
    result = read("findings", {"summary": "", "findings": []}, material=MATERIAL, path=path)
    assert [file.path for file in result.files] == [path, path.removesuffix(".md") + ".review.json"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("[]", "the answer is array, not object"),
        ({"findings": []}, "the answer lacks 'summary'"),
        (
            {"summary": "", "findings": [raw(severity="awful")]},
            "the answer.findings[0].severity is 'awful', which is none of critical, high, medium, low",
        ),
        ({"summary": "", "findings": [raw(line="12")]}, "the answer.findings[0].line is string, not integer"),
        ({"summary": "", "findings": [raw(), {"title": 1}]}, "the answer.findings[1] lacks 'severity'"),
        (
            {"summary": "", "findings": [raw(path="../x", evil=1)]},
            "the answer.findings[0] has 'evil', which the schema does not know",
        ),
    ],
)  # fmt: skip -- a table
def test_answer_of_another_shape_is_invalid(answer: object, message: str) -> None:
    assert said(read("findings", answer)) == ("invalid", message)


def test_line_given_as_a_whole_float_is_a_line() -> None:
    [finding] = review(raw(line=12.0, end_line=12.0)).findings
    assert (finding.line, type(finding.line)) == (12, int)


def test_untitled_finding_still_stands() -> None:
    result = review(raw(title=" \n"))
    assert (result.outcome, result.findings[0].title) == (Outcome.SUCCEEDED, "(no title)")
