"""The digest's forms say the same, whole, and carry nothing that a reader's program would obey."""

import base64
import csv
import hashlib
import html as html_standard
import io
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lanectl.digest import csvform, html, jsonform, markdown, sarif
from lanectl.models import Finding, JobError, Outcome, Severity, Skip
from tests.nights import Night, a_finding, a_job, a_run, link

FORMS = {form.__name__.rpartition(".")[2]: form for form in (markdown, html, jsonform, sarif, csvform)}

HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><b>&amp; [x](javascript:alert(3)) "
    "![p](https://evil.example/p.png) @octocat closes #12 \x1b]52;c;eA==\x07 \u202egnp.exe\u2066 "
    "`code` ``` |cell|\n"
    "=cmd()|'/C calc'!A0\r\n</style></script><!-- "
)


def a_night(*, sandbox: bool = False) -> Night:
    """Two runs with a bit of everything."""
    night = Night()
    night.add(
        a_run(
            jobs=5, out=1, outcomes={"succeeded": 2, "errored": 2}, skipped={"too large": 1}, sandbox=sandbox
        ),
        [
            a_job("1"),
            a_job("2"),
            a_job("3", Outcome.ERRORED, error=JobError("overloaded_error", "Overloaded")),
            a_job("4", Outcome.ERRORED, error=JobError("overloaded_error", "Overloaded")),
        ],
        {
            "1": [
                a_finding(),
                a_finding(
                    "A list is built twice",
                    severity=Severity.LOW,
                    path="",
                    line=0,
                    suggestion="",
                    in_diff=False,
                ),
            ],
            "2": [
                a_finding(
                    line=13, severity=Severity.MEDIUM, suggestion="a = 1\nb = 2", detail="Seen from *here*."
                )
            ],
        },
        [Skip("9", "too large", "500,000 bytes")],
    )
    night.add(
        a_run("R2", recipe="mods", output_kind="edits", jobs=2, outcomes={"succeeded": 2}, sandbox=sandbox),
        [
            a_job("src/a b.py", artifact="patches/src/a b.py.patch", headline="Renamed (+1 -1)"),
            a_job("b.py", artifact=None, headline="no change"),
        ],
    )  # fmt: skip -- two jobs
    return night


def hostile_night() -> Night:
    """Every word that can come from outside is hostile."""
    finding = a_finding(
        HOSTILE,
        path=HOSTILE,
        detail=HOSTILE,
        suggestion=HOSTILE,
        category=HOSTILE,
        severity=Severity.CRITICAL,
    )
    other = a_finding(
        HOSTILE, path="=1+1.py", line=1, detail=f"```\n{HOSTILE}", suggestion=f"{HOSTILE}\n{HOSTILE}"
    )
    night = Night().add(
        a_run(
            description=HOSTILE,
            repo=HOSTILE,
            jobs=3,
            outcomes={"succeeded": 2, "errored": 1},
            skipped={HOSTILE: 1},
        ),
        [
            a_job(HOSTILE, headline=HOSTILE),
            a_job("=2+2", headline=HOSTILE),
            a_job(f"{HOSTILE}2", Outcome.ERRORED, error=JobError(HOSTILE, HOSTILE)),
        ],
        {HOSTILE: [finding], "=2+2": [other]},
        [Skip(HOSTILE, HOSTILE, HOSTILE)],
    )
    # The place of an artifact is ours and safe already; its key is not.
    night.jobs["R1"] = [
        a_job(job.key, job.outcome, headline=job.headline, error=job.error, artifact="a.md")
        for job in night.jobs["R1"]
    ]
    return night


MARKDOWN = """\
# 4 of 7 jobs done, 2 findings (1 high, 1 low), 1 patch, $6.42 paid; needs you: 1 critical or high finding, \
2 jobs without success, 1 job still out, 1 item not sent, 1 patch to apply.

## Needs you

- 1 finding to look at first: 1 high.
- 2 jobs of pr-review without success (2 errored): `lanectl retry R1`
- 1 job of pr-review still out: `lanectl pull R1`
- 1 item not sent: too large 1.
- 1 patch to apply: `lanectl apply R2`

## Findings

### High (1)

- `src/cart.py:12` **The total ignores the discount** (correctness; reported 2×, also in [`#2`](<R1/2.md>); \
[`#1`](<R1/1.md>))
  Suggestion: Apply it first.

### Low (1)

- **A list is built twice** (correctness; outside the diff; [`#1`](<R1/1.md>))

## Written

- [src/a b.py](<R2/patches/src/a%20b.py.patch>): Renamed (+1 -1)
- 2 reviews with findings: [`#1`](<R1/1.md>), [`#2`](<R1/2.md>)
- 1 file without a change: b.py

## Not done

- **2 errored** (the provider could not process them; not billed): overloaded_error: Overloaded
  `#3`, `#4`
- **1 still out** (without an outcome yet)
  in R1
- **1 too large** (not sent): 500,000 bytes
  `#9`

## Runs and money

| run | recipe | jobs | done | paid | other lane | saved | cache hits |
|---|---|---:|---:|---:|---:|---:|---:|
| R1 | pr-review | 5 | 2 | $3.21 | $6.42 | $3.21 | 90% |
| R2 | mods | 2 | 2 | $3.21 | $6.42 | $3.21 | 90% |

Paid $6.42. On the other lane the same work lists at $12.84: $6.42 saved. Estimated before: $7.00. \
Cache: 90% of the shared tokens read from it (1,800 read, 200 written).

Findings, headlines and suggestions are model output, untrusted: check before you act.
"""


def test_markdown_tells_the_whole_night() -> None:
    assert markdown.render(a_night().digest(), link=link) == MARKDOWN


def test_markdown_keeps_code_of_a_suggestion_as_code() -> None:
    night = Night().add(
        a_run(), [], {"1": [a_finding(suggestion="if x:\n    y()\n"), a_finding("Next", suggestion="")]}
    )
    text = markdown.render(night.digest(), link=link)
    assert "  Suggestion:\n\n  ```\n  if x:\n      y()\n  ```\n\n- `src/cart.py:12` **Next**" in text


def test_markdown_closes_a_fence_that_a_suggestion_leaves_open() -> None:
    night = Night().add(
        a_run(), [], {"1": [a_finding(suggestion="See\n```py\nx"), a_finding("Next", suggestion="")]}
    )
    lines = markdown.render(night.digest(), link=link).split("\n")
    before = [
        line
        for line in lines[: next(n for n, line in enumerate(lines) if "**Next**" in line)]
        if "```" in line
    ]
    assert len(before) == 2


def test_markdown_names_what_the_cap_hides() -> None:
    night = Night().add(a_run(), [], {f"pr-{n}": [a_finding(f"Thing {n}")] for n in range(7)})
    text = markdown.render(night.digest(), link=link)
    assert "- plus 2 more of correctness, in [pr-5](<R1/pr-5.md>), [pr-6](<R1/pr-6.md>)\n" in text


def test_findings_without_a_category_are_counted_as_such() -> None:
    night = Night().add(a_run(), [], {f"pr-{n}": [a_finding(f"Thing {n}", category="")] for n in range(7)})
    assert "- plus 2 more without a category, in [pr-5]" in markdown.render(night.digest(), link=link)
    page = html.render(night.digest(), link=link)
    assert "<summary>plus 2 more without a category in 2 jobs</summary>" in page


def test_long_lists_of_names_are_cut_and_counted() -> None:
    jobs = [a_job(f"pr-{n}", Outcome.EXPIRED, error=JobError("expired", "late")) for n in range(30)]
    text = markdown.render(Night().add(a_run(jobs=30, outcomes={"expired": 30}), jobs).digest(), link=link)
    assert "pr-19 and 10 more\n" in text


@pytest.mark.parametrize("form", [markdown, html])
def test_nothing_new_is_one_line(form: Any) -> None:
    page = form.render(Night().digest(), link=link)
    assert page.count("Nothing new.") == (1 if form is markdown else 2)
    assert page == "# Nothing new.\n" or "<h1>Nothing new.</h1>" in page


def test_sandbox_stands_in_every_title_and_table() -> None:
    digest = a_night(sandbox=True).digest()
    lines = markdown.render(digest, link=link).split("\n")
    assert all("no model was called" in line for line in lines if line.startswith(("# ", "## ")))
    assert all("no model was called" in line for line in lines if line.startswith(("| R1", "| R2")))
    page = html.render(digest, link=link)
    titles = re.findall(r"<(?:title|h1|h2|caption)\b.*?</(?:title|h1|h2|caption)>", page, re.DOTALL)
    assert len(titles) >= 7
    assert all("no model was called" in title for title in titles)
    assert json.loads(jsonform.render(digest, link=link))["sandbox"] is True
    assert all(
        row["note"] == "sandbox: no model was called" for row in rows(csvform.render(digest, link=link))
    )
    log = json.loads(sarif.render(digest, link=link))
    assert {run["tool"]["driver"]["name"] for run in log["runs"]} == {
        "lanectl (sandbox: no model was called)"
    }


def test_commands_of_a_sandbox_are_those_that_find_its_runs() -> None:
    digest = a_night(sandbox=True).digest()
    made = [markdown.render(digest, link=link), html.render(digest, link=link), *digest.needs]
    commands = re.findall(r"lanectl (--sandbox )?(?:apply|digest|retry|show)\b", "\n".join(made))
    assert len(commands) >= 3
    assert set(commands) == {"--sandbox "}


def test_real_night_speaks_of_no_sandbox() -> None:
    digest = a_night().digest()
    for form in FORMS.values():
        assert "no model was called" not in form.render(digest, link=link)


def test_json_holds_everything() -> None:
    value = json.loads(jsonform.render(a_night().digest(), link=link))
    assert list(value) == [
        "schema",
        "headline",
        "sandbox",
        "needs",
        "runs",
        "findings",
        "done",
        "undone",
        "moved",
        "money",
    ]
    first = value["findings"][0]
    assert {
        key: first[key] for key in ("severity", "path", "line", "reported", "shown", "artifact", "key")
    } == {
        "severity": "high",
        "path": "src/cart.py",
        "line": 12,
        "reported": 2,
        "shown": True,
        "artifact": "R1/1.md",
        "key": "1",
    }  # fmt: skip -- one record
    assert [other["detail"] for other in first["others"]] == ["Seen from *here*."]
    assert value["undone"][0]["items"][1] == {
        "run": "R1",
        "recipe": "pr-review",
        "key": "4",
        "told": "overloaded_error: Overloaded",
    }
    assert value["money"]["saved_usd"] == pytest.approx(6.42)


def test_unknown_money_is_null_in_json() -> None:
    value = json.loads(jsonform.render(Night().add(a_run(cost_usd=None)).digest(), link=link))
    assert (value["money"]["paid_usd"], value["money"]["saved_usd"], value["runs"][0]["cost_usd"]) == (
        None,
    ) * 3


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_report_job_and_item() -> None:
    found = rows(csvform.render(a_night().digest(), link=link))
    assert [(row["what"], row["key"], row["outcome"], row["severity"], row["reported"]) for row in found] == [
        ("finding", "1", "succeeded", "high", "2"),
        ("finding", "2", "succeeded", "medium", "2"),
        ("finding", "1", "succeeded", "low", "1"),
        ("job", "1", "succeeded", "", ""),
        ("job", "2", "succeeded", "", ""),
        ("job", "b.py", "succeeded", "", ""),
        ("job", "src/a b.py", "succeeded", "", ""),
        ("job", "3", "errored", "", ""),
        ("job", "4", "errored", "", ""),
        ("out", "", "still out", "", "1"),
        ("skipped", "9", "too large", "", ""),
    ]
    assert found[0]["finding_id"] == found[1]["finding_id"] != found[2]["finding_id"]


def test_csv_cells_are_no_formulas() -> None:
    found = rows(csvform.render(hostile_night().digest(), link=link))
    cells = [cell for row in found for cell in row.values() if cell]
    assert any("cmd()" in cell for cell in cells)
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]


def test_sarif_places_findings_and_notes_the_rest() -> None:
    log = json.loads(sarif.render(a_night().digest(), link=link))
    assert (log["version"], [run["automationDetails"]["id"] for run in log["runs"]]) == (
        "2.1.0",
        ["lanectl/pr-review/", "lanectl/mods/"],
    )
    [result] = log["runs"][0]["results"]
    identity = result["partialFingerprints"]["lanectlFinding/v1"]
    assert re.fullmatch(r"[0-9a-f]{32}", identity)
    assert (result["ruleId"], result["level"], result["properties"]["jobs"]) == (
        "correctness",
        "error",
        ["R1/1", "R1/2"],
    )
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/cart.py", "uriBaseId": "SRCROOT"},
                "region": {"startLine": 12, "endLine": 12},
            }
        }
    ]
    notes = [
        note["message"]["text"] for note in log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    ]
    assert notes == [
        "low: A list is built twice",
        "2 errored: overloaded_error: Overloaded",
        "1 still out",
        "1 too large: 500,000 bytes",
    ]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a\\b", "C:/x", "a\nb", ".git/config"])
def test_sarif_takes_no_path_that_leads_elsewhere(path: str) -> None:
    [run] = json.loads(
        sarif.render(Night().add(a_run(), [], {"1": [a_finding(path=path)]}).digest(), link=link)
    )["runs"]
    assert (run["results"], len(run["invocations"][0]["toolExecutionNotifications"])) == ([], 1)


def test_sarif_encodes_paths() -> None:
    night = Night().add(a_run(), [], {"1": [a_finding(path=".github/ü b#1.yml", line=0)]})
    [run] = json.loads(sarif.render(night.digest(), link=link))["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (
        ".github/%C3%BC%20b%231.yml",
        1,
    )


def test_sarif_stays_within_the_limits_of_code_scanning() -> None:
    findings = [a_finding(f"Thing {n}", severity=Severity.LOW if n else Severity.HIGH) for n in range(25_002)]
    night = Night().add(a_run(), [], {"1": findings})
    for number in range(25):
        night.add(a_run(f"X{number}", recipe=f"other-{number}"))
    log = json.loads(sarif.render(night.digest(), link=link))
    [run] = log["runs"]
    assert (len(run["results"]), run["results"][0]["level"]) == (25_000, "error")
    [note] = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert note == "2 further findings are left out: a file holds 25,000."


class Elements(HTMLParser):
    """What a browser would make of the page: elements, attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_runs_nothing_but_its_own_script_and_loads_nothing() -> None:
    page = html.render(hostile_night().digest(), link=link)
    elements = Elements(page).tags
    names = [tag for tag, _ in elements]
    assert (names.count("script"), names.count("style")) == (1, 1)
    assert not {"img", "iframe", "object", "embed", "link", "form", "base", "video", "svg"} & set(names)
    for _, attributes in elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset")
        ]
        assert (attributes.get("href") or "R1/").startswith(("R1/", "R2/", "https://evil.example/"))


def test_policy_allows_exactly_the_script_and_the_style_of_the_page() -> None:
    page = html.render(a_night().digest(), link=link)
    policy = next(
        attributes["content"]
        for tag, attributes in Elements(page).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    hashes = {
        name: base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        for name in ("script", "style")
        for body in re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("form", sorted(FORMS))
def test_no_unseen_character_reaches_a_reader(form: str) -> None:
    text = FORMS[form].render(hostile_night().digest(), link=link)
    assert not re.search("[\x1b\x07\u202e\u2066]", text)


def test_markdown_holds_no_html_image_mention_or_foreign_link() -> None:
    drawn = MarkdownIt("commonmark").render(markdown.render(hostile_night().digest(), link=link))
    tags = Elements(drawn).tags
    allowed = {"h1", "h2", "h3", "ul", "li", "p", "strong", "code", "a", "pre", "br", "em"}
    assert {tag for tag, _ in tags} <= allowed
    assert all((attributes.get("href") or "R1/").startswith("R1/") for _, attributes in tags)
    # In code nothing is a mention and nothing closes an issue.
    spoken = Elements(re.sub(r"<code>.*?</code>", "", drawn, flags=re.DOTALL)).text
    assert "octocat" in drawn
    assert not re.search(r"octocat|#12\b", spoken)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_can_be_encoded_and_is_the_same_twice(form: str) -> None:
    finding = a_finding("lone \ud800 surrogate", detail="\udfff", path="a\ud800.py", suggestion="\ud800\nb")
    night = Night().add(a_run(), [a_job("\ud800")], {"\ud800": [finding]})
    first = FORMS[form].render(night.digest(), link=link)
    assert first.encode("utf-8") == FORMS[form].render(night.digest(), link=link).encode("utf-8")


def test_page_shows_every_finding_job_and_reason() -> None:
    text = html_standard.unescape(re.sub(r"<[^>]+>", " ", html.render(a_night().digest(), link=link)))
    flat = " ".join(text.split())
    for told in (
        "src/cart.py:12",
        "The total ignores the discount",
        "reported 2×",
        "Seen from here .",
        "a = 1 b = 2",
        "A list is built twice",
        "outside the diff",
        "#2",
        "src/a b.py",
        "Renamed (+1 -1)",
        "1 file",
        "b.py",
        "2 errored",
        "overloaded_error: Overloaded",
        "1 still out",
        "500,000 bytes",
        "$12.84",
        "lanectl retry R1",
    ):  # fmt: skip -- a list
        assert told in flat, told


def test_page_holds_what_the_cap_folds_away() -> None:
    night = Night().add(a_run(), [], {f"pr-{n}": [a_finding(f"Thing {n}")] for n in range(7)})
    page = html.render(night.digest(), link=link)
    folded = page.partition('<details class="more"><summary>plus 2 more of correctness in 2 jobs</summary>')[
        2
    ]
    assert re.findall(r"<h4>(Thing \d)", folded) == ["Thing 5", "Thing 6"]


def test_artifact_with_blanks_in_its_path_is_linked() -> None:
    page = html.render(a_night().digest(), link=link)
    assert 'href="R2/patches/src/a%20b.py.patch"' in page


def test_address_that_is_one_already_is_left_alone() -> None:
    assert markdown.address("file:///home/a%20b/x.md") == "file:///home/a%20b/x.md"
    assert markdown.address("a b/x%.md") == "a%20b/x%25.md"


def many(count: int) -> Night:
    found: dict[str, list[Finding]] = {}
    for number in range(count):
        finding = a_finding(
            f"Thing {number}", severity=list(Severity)[number % 4], path=f"src/{number % 50}.py"
        )
        found.setdefault(f"pr-{number % 400}", []).append(finding)
    return Night().add(a_run(jobs=400, outcomes={"succeeded": 400}), [a_job(key) for key in found], found)


def test_two_thousand_findings_are_told_soon() -> None:
    night = many(2_000)
    start = time.process_time()
    digest = night.digest()
    for form in FORMS.values():
        form.render(digest, link=link)
    assert time.process_time() - start < 20
