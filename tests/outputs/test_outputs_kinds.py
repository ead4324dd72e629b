"""Text, file, JSON and Markdown: what each kind keeps of a good answer and refuses of a bad one."""

import hashlib
import json
import time
from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import Material, Outcome, Result
from lanectl.outputs.kinds import format_of
from lanectl.outputs.read import Expected, Reader
from lanectl.recipe.tables import OutputTable
from tests.outputs.answers import a_success, read, said


def files(result: Result) -> list[tuple[str, str]]:
    return [(file.path, file.data.decode()) for file in result.files]


def test_text_is_kept_as_it_is() -> None:
    result = read("text", "First line. Second.\n\n<b>third</b>", path="notes/a.txt")
    assert files(result) == [("notes/a.txt", "First line. Second.\n\n<b>third</b>\n")]
    assert (result.headline, result.value) == ("First line.", None)


def test_text_loses_what_a_terminal_would_obey() -> None:
    assert files(read("text", "a\x1b]0;owned\x07b")) == [("pr-7.txt", "a␛]0;owned␇b\n")]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", ".git/config", "C:\\x", ""])
@pytest.mark.parametrize("kind", ["text", "file", "markdown"])
def test_path_that_leads_elsewhere_becomes_a_name_made_of_the_key(kind: str, path: str) -> None:
    [(found, _)] = files(read(kind, "x", path=path, key="docs/a b"))
    assert found == {"text": "docs-a-b.txt", "file": "docs-a-b", "markdown": "docs-a-b.md"}[kind]


@pytest.mark.parametrize(
    ("kind", "key", "path", "expected"),
    [
        ("markdown", "12", "12", "12.md"),
        ("markdown", "src/a.py", "src/a.py", "src/a.py.md"),
        ("markdown", "docs/a.md", "docs/a.md", "docs/a.md"),
        ("text", "v1.2", "", "v1.2.txt"),
        ("json", "12", "12", "12.json"),
        ("file", "src/a.py", "src/a.py", "src/a.py"),
    ],
)
def test_artifact_without_a_path_in_the_recipe_is_named_after_the_job(
    kind: str, key: str, path: str, expected: str
) -> None:
    [(found, _)] = files(read(kind, "1", key=key, path=path, output_path=None))
    assert found == expected


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        ("def f():\n    pass\n", "def f():\n    pass\n"),
        ("def f():\n    pass", "def f():\n    pass\n"),
        ("```python\ndef f():\n    pass\n```", "def f():\n    pass\n"),
        ("\n~~~~\na\n~~~\nb\n~~~~\n", "a\n~~~\nb\n"),
        ("```markdown\n# T\n```sh\nls\n```\nend\n```", "# T\n```sh\nls\n```\nend\n"),
        ("```js\na\n```\nand\n```js\nb\n```", "```js\na\n```\nand\n```js\nb\n```\n"),
        ("Here it is:\n```\na\n```", "Here it is:\n```\na\n```\n"),
        ("```\na", "```\na\n"),
        ("# Title\n\n```sh\nls\n```\n", "# Title\n\n```sh\nls\n```\n"),
        ("  indented\r\n\ttabs\r\n", "  indented\r\n\ttabs\r\n"),
    ],
)
def test_file_is_the_answer_without_the_fence_around_the_whole(answer: str, written: str) -> None:
    assert files(read("file", answer, path="src/a.py")) == [("src/a.py", written)]


def test_file_says_how_long_it_is() -> None:
    assert read("file", "a\nb\n", path="src/a.py").headline == "2 lines written to src/a.py"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("```\n\n```", "the answer is a code fence with nothing in it"),
        ("```python\n```", "the answer is a code fence with nothing in it"),
    ],
)
def test_empty_file_is_invalid(answer: str, message: str) -> None:
    assert said(read("file", answer)) == ("invalid", message)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "n": {"type": "integer", "minimum": 1}},
    "required": ["title", "n"],
}


@pytest.mark.parametrize(
    "answer", ['{"title": "Ünder", "n": 1}', '```json\n{"title": "Ünder", "n": 1}\n```\n']
)
def test_json_is_kept_as_value_and_written_indented(answer: str) -> None:
    result = read("json", answer, schema=SCHEMA)
    assert (result.value, result.text, result.headline) == ({"title": "Ünder", "n": 1}, None, "Ünder")
    assert files(result) == [("pr-7.json", '{\n  "title": "\\u00dcnder",\n  "n": 1\n}\n')]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": 2}\n'),
        ("a.ndjson", '{"a": 1}\n{"a": 2}\n'),
        ("a.md", '```json\n[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n  }\n]\n```\n'),
        ("a.yaml", '[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n  }\n]\n'),
    ],
)
def test_json_is_written_as_the_ending_asks(path: str, written: str) -> None:
    result = read("json", [{"a": 1}, {"a": 2}], path=path)
    assert (files(result), result.headline) == ([(path, written)], "2 items")


@pytest.mark.parametrize(
    ("value", "headline"),
    [
        ({"verdict": "Keep it. All of it."}, "Keep it."),
        ({"x": 1, "y": 2}, "2 fields"),
        (4, "4"),
        ([], "0 items"),
    ],
)
def test_json_is_told_in_one_sentence(value: object, headline: str) -> None:
    assert read("json", value).headline == headline


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Sure! {}", "the answer is not JSON: Expecting value at character 0"),
        ('{"a": 1', "the answer is not JSON: Expecting ',' delimiter at character 7"),
        ('{"a": 1, "a": 2}', "the answer is not JSON: the key 'a' stands twice"),
        ('{"a": NaN}', "the answer is not JSON: NaN is not JSON"),
        ("9" * 5000, "the answer is not JSON: an integer with too many digits"),
        ("[" * 100_000, "the answer is not JSON: nested too deeply"),
        ('{"title": "a"}', "the answer lacks 'n'"),
        ('{"title": "a", "n": 0}', "the answer.n is below 1"),
    ],
)
@pytest.mark.parametrize("kind", ["json"])
def test_json_that_fails_is_invalid_and_kept_as_text(kind: str, answer: str, message: str) -> None:
    result = read(kind, answer, schema=SCHEMA)
    assert said(result) == ("invalid", message)
    assert (result.text, result.value, result.files) == (answer, None, ())


def test_schema_that_cannot_be_checked_is_refused_before_anything_is_sent() -> None:
    output = OutputTable(kind="json")
    with pytest.raises(ConfigError):
        format_of(output, {"not": {}})
    with pytest.raises(ConfigError):
        Reader(output, {"not": {}}, "m")


def test_schema_file_of_another_kind_is_not_looked_at() -> None:
    output = OutputTable(kind="text")
    result = Reader(output, {"not": {}}, "m").read(a_success("x"), Expected("L1_job", "k", ""))
    assert (format_of(output, {"not": {}}), result.outcome) == (None, Outcome.SUCCEEDED)


def test_markdown_becomes_a_page_that_says_it_is_model_output() -> None:
    result = read("markdown", "# Notes\n\nAll is well.", path="a.md")
    mark = "<!-- Model output (claude-opus-5-5), untrusted: check it before you act on it. -->"
    page = f"# Notes\n\nAll is well.\n\n{mark}\n"
    assert files(result) == [("a.md", page)]
    assert (result.headline, result.text) == ("Notes", "# Notes\n\nAll is well.\n")


def test_markdown_loses_html_and_images() -> None:
    text = read("markdown", "# T\n<script>x</script>\n![a](https://evil.example/p.png)\n").text
    assert text is not None
    assert "<script" not in text
    assert "![" not in text.replace("!\\[", "")


COMMITS = [
    {"sha": "1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "subject": "Add a thing (#41)", "group": "Added"},
    {"sha": "2222222bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "subject": "Fix a thing", "group": "Fixed"},
    {"sha": "3333333ccccccccccccccccccccccccccccccccccc"[:40], "subject": "Bump ci", "group": "Internal"},
    {
        "sha": "4444444ddddddddddddddddddddddddddddddddddd"[:40],
        "subject": "Merge pull request #41 from x",
        "group": "",
    },
    {
        "sha": "5555555eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"[:40],
        "subject": "Revert 9999999f, it broke",
        "group": "Fixed",
    },
]


def notes(text: str) -> Result:
    return read("markdown", text, material=Material(commits=COMMITS))


def test_release_notes_that_name_every_commit_are_left_alone() -> None:
    result = notes(
        "# 1.0\n\n- A thing (1111111)\n- Fixed (2222222bbbb)\n- Back (5555555eeee), see 9999999f\n"
    )
    assert result.outcome is Outcome.SUCCEEDED
    assert (result.headline, result.text and "Not covered" in result.text) == ("1.0 (5 commits)", False)


def test_commit_that_release_notes_leave_out_is_added_and_counted() -> None:
    result = notes("# 1.0\n\n- A thing, see #41\n")
    assert result.text is not None
    assert result.text.endswith(
        "\n## Not covered above\n\n"
        "- Fix a thing (`2222222bbbbb`)\n"
        "- Revert 9999999f, it broke (`5555555eeeee`)\n"
    )
    assert result.headline == "1.0 (5 commits, 2 of them only under “Not covered above”)"


def test_commit_is_covered_by_the_number_of_its_pull_request() -> None:
    commits = [{"sha": "a1" * 20, "subject": "One more thing", "group": "Added", "pr": "77"}]
    for text, headline in (("# 1\n\n- It is #77.\n", "1 (1 commit)"), ("# 1\n\n- It is #7.\n", None)):
        told = read("markdown", text, material=Material(commits=commits)).headline
        assert told == (headline or "1 (1 commit, 1 of them only under “Not covered above”)")


def test_release_notes_of_thousands_of_commits_are_checked_soon() -> None:
    commits = [
        {"sha": hashlib.sha1(b"%d" % n, usedforsecurity=False).hexdigest(), "subject": "s", "group": "Added"}
        for n in range(5_000)
    ]
    text = "# 1\n\n" + "".join(f"- s (`{commit['sha'][:10]}`)\n" for commit in commits)
    start = time.process_time()
    assert read("markdown", text, material=Material(commits=commits)).headline == "1 (5,000 commits)"
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "token", ["abcdef1", "1a2b3c4d5e6f", "6666666666666666666666666666666666666666", "1111111b"]
)
def test_commit_that_is_not_in_the_range_makes_release_notes_invalid(token: str) -> None:
    assert said(notes(f"# 1.0\n\n- A thing (`{token}`).\n")) == (
        "invalid",
        f"the answer names commit {token}, which is not in the range",
    )


@pytest.mark.parametrize(
    "text",
    [
        "20261123",
        "defaced",
        "#1a2b3c4",
        "v1a2b3c4",
        "550e8400-e29b-41d4-a716-446655440000",
        "1a2b3c4.py",
        "x@1a2b3c4d",
    ],
)
def test_what_only_looks_like_a_commit_does_no_harm(text: str) -> None:
    assert notes(f"# 1.0\n\nSee {text}.\n").outcome is Outcome.SUCCEEDED


def test_markdown_without_commits_may_name_any() -> None:
    assert read("markdown", "Look at abcdef1.").outcome is Outcome.SUCCEEDED


def test_answer_is_the_same_read_twice() -> None:
    answer = json.dumps({"title": "a", "n": 2})
    assert read("json", answer, schema=SCHEMA) == read("json", answer, schema=SCHEMA)
