"""Answers fit what was asked: schemas, diffs, commits, edits, files; each marked where a person sees it."""

import ast
import json
from collections.abc import Mapping
from typing import Any

import pytest

from lanectl.sandbox import answers, edits, material
from lanectl.sandbox.draws import Draw

TOKEN = "0123456789abcdef"
DIFF = """\
## src/app.py (modified)
@@ new lines 10-14 @@ def main():
    10  def main():
    11 +    first()
       -    gone()
    12 +    second()
    13      return 0

## docs/old name.md (renamed from docs/x.md)
@@ new lines 1-1 @@
     1 +# Title
## gone.py (deleted)
@@ new lines 0-0 @@
       -x = 1
"""
ADDED = {"src/app.py": {11, 12}, "docs/old name.md": {1}}
MODULE = "".join(
    f'''\
def function_{number}(value):
    """Says {number}."""
    if value:
        return value * {number}
    return None


'''
    for number in range(40)
)
STRINGS: dict[str, Any] = {"type": "string"}
FINDINGS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": STRINGS,
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "severity": {"type": "string", "enum": ["critical", "high", "medium", "low"]},
                    "path": STRINGS,
                    "line": {"type": "integer"},
                    "end_line": {"type": "integer"},
                    "title": STRINGS,
                    "detail": STRINGS,
                },
                "required": ["severity", "path", "line", "end_line", "title", "detail"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "findings"],
    "additionalProperties": False,
}
EDITS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": STRINGS,
        "whole": {"anyOf": [STRINGS, {"type": "null"}]},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"search": STRINGS, "replace": STRINGS},
                "required": ["search", "replace"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "whole", "edits"],
    "additionalProperties": False,
}


def fenced(text: str) -> str:
    return (
        f"<data-{TOKEN}>\n{text}\n</data-{TOKEN}>" if "\n" in text else f"<data-{TOKEN}>{text}</data-{TOKEN}>"
    )


def said(prompt: str, schema: Mapping[str, Any] | None = None, *, system: str = "", seed: int = 0) -> str:
    params: dict[str, Any] = {"messages": [{"role": "user", "content": prompt}], "system": system}
    if schema is not None:
        params["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return answers.answer(params, seed)


def test_findings_name_added_lines_of_the_diff_and_are_mild_and_marked() -> None:
    counts, grades = [], []
    for number in range(60):
        value = json.loads(said(f"Review #{number}:\n{fenced(DIFF)}", FINDINGS))
        assert list(value) == ["summary", "findings"]
        counts.append(len(value["findings"]))
        for found in value["findings"]:
            assert found["line"] in ADDED[found["path"]]
            assert found["end_line"] == found["line"]
            assert "[sandbox]" in found["title"]
            assert "[sandbox]" in found["detail"]
            grades.append(found["severity"])
        assert "[sandbox]" in value["summary"]
    assert set(counts) == {0, 1, 2, 3}
    assert sum(grade in ("medium", "low") for grade in grades) > len(grades) / 2
    assert set(grades) == {"critical", "high", "medium", "low"}


def test_diff_without_an_added_line_has_no_findings() -> None:
    gone = "## gone.py (deleted)\n@@ new lines 0-0 @@\n       -x = 1\n"
    for number in range(10):
        assert json.loads(said(f"Review {number}\n{fenced(gone)}", FINDINGS))["findings"] == []


def test_findings_about_a_file_name_it_and_a_line_it_has() -> None:
    lines = MODULE.count("\n")
    for number in range(10):
        for found in json.loads(said(f"Review pkg/mod.py, {number}.\n{fenced(MODULE)}", FINDINGS))[
            "findings"
        ]:
            assert found["path"] == "pkg/mod.py"
            assert 1 <= found["line"] <= lines


def applied(value: Any, text: str) -> str:
    """What the edits make of a text; each search must stand in it exactly once."""
    if value["whole"] is not None:
        assert value["edits"] == []
        return str(value["whole"])
    assert value["edits"]
    for edit in value["edits"]:
        assert text.count(edit["search"]) == 1
        assert edit["search"].count("\n") == 2
        text = text.replace(edit["search"], edit["replace"])
    return text


TEXTS = {
    "pkg/mod.py": MODULE,
    "pkg/long.py": MODULE * 1 + "".join(f"x_{number} = {number}\n" for number in range(900)),
    "data.json": json.dumps({f"k{number}": [number, "two"] for number in range(60)}, indent=2),
    "crlf.py": MODULE.replace("\n", "\r\n"),
    "joined.py": "".join(f"a{number} = 1 + \\\n  {number}\n" for number in range(30)),
    "no_end.py": "x = 1\ny = 2\nz = 3\nw = 4",
}


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize("seed", range(6))
def test_edits_change_the_file_and_leave_it_valid(path: str, seed: int) -> None:
    text = TEXTS[path]
    value = json.loads(said(f"Modernise {path}:\n{fenced(text)}", EDITS, seed=seed))
    assert list(value) == ["summary", "whole", "edits"]
    changed = applied(value, text)
    assert changed != text
    if path.endswith(".json"):
        assert json.loads(changed) == json.loads(text)
    else:
        assert "# sandbox: no model was called" in changed
        assert ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
    assert changed.count("\r") == (changed.count("\n") if path == "crlf.py" else 0)


def test_both_ways_of_editing_are_shown_and_long_files_are_not_repeated() -> None:
    short = [json.loads(said(f"Do {n}: a.py\n{fenced(MODULE)}", EDITS))["whole"] for n in range(20)]
    assert any(short)
    assert None in short
    long = TEXTS["pkg/long.py"]
    assert all(json.loads(said(f"Do {n}: a.py\n{fenced(long)}", EDITS))["whole"] is None for n in range(20))


def test_text_in_which_nothing_is_unique_gets_no_edits() -> None:
    assert edits.edits("a.py", "pass\n" * 500, 2, Draw(1)) == []


@pytest.mark.parametrize(
    ("path", "text", "note"),
    [
        ("a/b.ts", "x", "// sandbox: no model was called"),
        ("style.css", "x", "/* sandbox: no model was called */"),
        ("README.md", "x", "<!-- sandbox: no model was called -->"),
        ("q.sql", "x", "-- sandbox: no model was called"),
        ("Makefile", "x", "# sandbox: no model was called"),
        (".gitignore", "x", "# sandbox: no model was called"),
        ("notes.txt", "x", "[sandbox] sandbox: no model was called"),
        ("guide.rst", "x", ".. sandbox: no model was called"),
        ("page.php", "<?php ?>", "<!-- sandbox: no model was called -->"),
        ("page.php", "<?php", "// sandbox: no model was called"),
        ("package.json", "{}", ""),
        ("", "{}", ""),
        ("", "<html>", "<!-- sandbox: no model was called -->"),
        ("", "const a = 1;", "// sandbox: no model was called"),
        ("", "def a(): pass", "# sandbox: no model was called"),
    ],
)
def test_comment_is_of_the_files_own_language(path: str, text: str, note: str) -> None:
    assert edits.comment(path, text) == note


COMMITS = f"""\
Release notes for v1.2:
- 0123456789abcdef0123456789abcdef01234567 {fenced("Add the thing (#12)")}
- fedcba9876543210fedcba9876543210fedcba98 Fix `it`
  body text that mentions deadbeef and 20261124
"""


def test_each_commit_has_a_bullet_with_its_id_and_subject() -> None:
    text = said(f"Write notes.\n{fenced(COMMITS)}")
    assert text.startswith("# [sandbox] Changes\n")
    assert [line for line in text.split("\n") if line.startswith("- ")] == [
        "- Add the thing (#12) (0123456789abcdef0123456789abcdef01234567)",
        "- Fix `it` (fedcba9876543210fedcba9876543210fedcba98)",
    ]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("commit a1b2c3d\nAuthor: X", ["a1b2c3d"]),
        (
            "a1b2c3d one\n1234567 two\n20261124 three\nfacade0 four\nacceded five",
            ["a1b2c3d", "1234567", "facade0", "acceded"],
        ),
        ("- `a1b2c3d4` one\n  c1b2c3d4 quoted\n- `b1b2c3d4` two", ["a1b2c3d4", "b1b2c3d4"]),
        ("1234567 apples\ndefaced walls", []),
        ("The commits: first (a1b2c3d), then\nsecond (b1b2c3d)", ["a1b2c3d", "b1b2c3d"]),
        ("uses: actions/checkout@a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4", []),
        ("a1b2c3d one\na1b2c3d again", ["a1b2c3d"]),
    ],
)
def test_commit_ids_are_told_from_words_and_dates(text: str, ids: list[str]) -> None:
    assert [sha for sha, _ in material.read(text).commits] == ids


def test_prose_is_marked_and_refers_to_the_material() -> None:
    text = said(f"Describe src/io.py\n{fenced('import os  # the first words')}")
    assert text.startswith("# [sandbox] `src/io.py`\n")
    assert "No model was called." in text
    plain = said(
        f"Describe src/io.py\n{fenced('one two' + chr(10) + 'three')}", system="Answer in plain text."
    )
    assert plain.startswith("[sandbox] No model was called. A text about src/io.py would stand here; ")
    assert plain.endswith("it began with: one two three.\n")


FILE = "Answer with the complete text of the file and nothing else."


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Port src/a.py", MODULE + "# sandbox: no model was called\n"),
        ("Write tests/a.test.ts for src/a.py", "// sandbox: no model was called\n"),
        ("Write a TypeScript client", "// sandbox: no model was called\n"),
        ("Write conf.json for src/a.py", '{"sandbox": "no model was called"}\n'),
    ],
)
def test_file_is_answered_as_a_file(prompt: str, expected: str) -> None:
    assert said(f"{prompt}\n{fenced(MODULE)}", system=FILE) == expected


def test_file_of_prose_is_prose() -> None:
    assert said(f"Write docs/a.md for src/a.py\n{fenced(MODULE)}", system=FILE).startswith(
        "# [sandbox] `src/a.py`"
    )


def test_answer_does_not_hang_on_the_fences_token() -> None:
    prompt = f"Review:\n{fenced(DIFF)}"
    other = prompt.replace(TOKEN, "fedcba9876543210")
    assert said(prompt, FINDINGS) == said(other, FINDINGS)
    assert said(prompt, FINDINGS) != said(prompt, FINDINGS, seed=1)


@pytest.mark.parametrize(
    ("prompt", "main"),
    [
        (f"a {fenced('one' + chr(10) + 'two')} b", "one\ntwo"),
        (f"a {fenced('one' + chr(10))} b", "one\n"),
        (f"a <data-{TOKEN}>\nnever closed", "a \nnever closed"),
        (f"<data-{TOKEN}>\nx <data-fedcba9876543210> y\n</data-{TOKEN}>", "x <data-fedcba9876543210> y"),
        ("no fence", "no fence"),
        (f"{fenced('a title')} a.json {fenced('{} x')}", "a title"),
        (f"{fenced('a long title')} {fenced('a' + chr(10))}", "a\n"),
        (f"{fenced('a' * 2_000 + chr(10))} {fenced(DIFF)}", DIFF),
    ],
)
def test_fence_gives_back_exactly_what_it_holds(prompt: str, main: str) -> None:
    assert material.read(prompt).main == main


def test_paths_are_told_from_speech() -> None:
    found = material.read("See src/a_b.py and/or https://x.invalid/y.html, e.g. setup.cfg. Not v1.2.")
    assert found.mentioned == ("src/a_b.py", "setup.cfg")
