"""Codemods: blocks stand exactly once, git takes the patch, and nothing else is changed."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanectl.models import Material, Outcome, Result
from lanectl.outputs.patch import counts, patch
from lanectl.outputs.syntax import broken
from tests.outputs.answers import read, said

FILE = "import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 1\n"


def edit(text: str, *blocks: tuple[str, str], whole: str | None = None, path: str = "src/a.py") -> Result:
    answer = {
        "summary": "Renamed one. And more.",
        "whole": whole,
        "edits": [{"search": search, "replace": replace} for search, replace in blocks],
    }
    return read("edits", answer, material=Material(path=path, text=text), key=path)


def git(folder: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(folder), *args], capture_output=True, check=False)


def applied(folder: Path, path: str, old: bytes, diff: bytes) -> bytes:
    """What `git apply` makes of `old`; fails the test when git refuses."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(old)
    (folder / "the.patch").write_bytes(diff)
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    for args in (["apply", "--check", "the.patch"], ["apply", "the.patch"]):
        done = git(folder, *args)
        assert done.returncode == 0, done.stderr.decode() + diff.decode()
    return file.read_bytes()


def test_block_that_stands_once_becomes_a_patch() -> None:
    result = edit(FILE, ("def one():\n    return 1\n", "def uno():\n    return 1\n"))
    [file] = result.files
    assert file.path == "patches/src/a.py.patch"
    assert file.data.decode().split("\n", 2)[2] == (
        "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,7 +1,7 @@\n import os\n \n \n-def one():\n+def uno():\n"
        "     return 1\n \n \n"
    )
    assert file.data.startswith(b"diff --git a/src/a.py b/src/a.py\nindex ")
    assert result.headline == "Renamed one. (+1 -1)"


def test_ids_of_the_patch_are_those_of_git(tmp_path: Path) -> None:
    new = FILE.replace("one", "uno")
    diff = edit(FILE, whole=new).files[0].data
    git(tmp_path, "init", "-q")
    (tmp_path / "old").write_text(FILE)
    (tmp_path / "new").write_text(new)
    ids = git(tmp_path, "hash-object", "old", "new").stdout.decode().split()
    assert diff.split(b"\n")[1].decode() == f"index {ids[0]}..{ids[1]}"


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([("def three", "x")], "block 1 is not in the file: 'def three'"),
        (
            [("import os", "import io"), ("return 1", "return 2")],
            "block 2 is in the file more than once: 'return 1'",
        ),
        ([("\n\n", "\n")], "block 1 is in the file more than once: '\\n\\n'"),
        ([("", "x")], "block 1 searches for nothing"),
        ([("def one():\n    return", "a"), ("return 1\n\n\ndef two", "b")], "blocks 1 and 2 overlap"),
        ([("return 1\n\n\ndef two", "b"), ("def one():\n    return", "a")], "blocks 2 and 1 overlap"),
        ([("import os", "a"), ("import os", "b")], "blocks 1 and 2 overlap"),
    ],
)
def test_block_that_does_not_fit_is_invalid_and_named(blocks: list[tuple[str, str]], message: str) -> None:
    assert said(edit(FILE, *blocks)) == ("invalid", message)


def test_search_that_overlaps_itself_counts_as_twice() -> None:
    assert said(edit("aaa", ("aa", "b"))) == ("invalid", "block 1 is in the file more than once: 'aa'")


def test_blocks_refer_to_the_file_as_it_was() -> None:
    result = edit("a\nb\n", ("a\n", "b\n"), ("b\n", "c\n"), path="x.txt")
    assert b"-a\n-b\n+b\n+c\n" in result.files[0].data or b"-a\n b\n+c\n" in result.files[0].data


def test_neighbouring_blocks_do_not_overlap() -> None:
    assert edit("ab\n", ("a", "x"), ("b", "y"), path="x.txt").files[0].data.endswith(b"-ab\n+xy\n")


@pytest.mark.parametrize(
    ("whole", "blocks"),
    [
        (None, ()),
        ("", ()),
        (FILE, ()),
        (FILE.rstrip("\n"), ()),
        (FILE.replace("\n", "\r\n"), ()),
        (f"```python\n{FILE}```", ()),
        (None, (("import os", "import os"),)),
    ],
)
def test_nothing_to_change_is_a_success_without_a_patch(
    whole: str | None, blocks: tuple[tuple[str, str], ...]
) -> None:
    result = edit(FILE, *blocks, whole=whole)
    assert (result.outcome, result.headline, result.files) == (Outcome.SUCCEEDED, "no change", ())


def test_whole_and_edits_together_are_one_too_many() -> None:
    message = "the answer gives the whole file and edits of it: one too many"
    assert said(edit(FILE, ("import os", "x"), whole="y")) == ("invalid", message)


@pytest.mark.parametrize("material", [Material(), Material(path="a.py"), Material(text="x")])
def test_job_about_no_file_is_invalid(material: Material) -> None:
    answer = {"summary": "", "whole": "x", "edits": []}
    message = "the job is about no file: edits need a source of kind files"
    assert said(read("edits", answer, material=material)) == ("invalid", message)


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("a.py", "x = 1\n", "x = (\n", "line 1: '(' was never closed"),
        ("a.pyi", "x: int\n", "x: int)\n", "line 1: unmatched ')'"),
        ("a.JSON", '{"a": 1}\n', '{"a": 1,}\n', None),
        ("a.toml", "a = 1\n", "a = \n", "Invalid value (at line 1, column 5)"),
        ("a.py", "x = 1\n", "(" * 5000 + "\n", None),
        ("a.json", "[]", "[" * 100_000, None),
    ],
)
def test_text_that_no_longer_parses_is_invalid(path: str, old: str, new: str, message: str | None) -> None:
    outcome, told = said(edit(old, whole=new, path=path))
    assert outcome == "invalid"
    assert told.startswith(f"{path} parsed before the edits and does not after: {message or ''}")


@pytest.mark.parametrize(
    ("path", "old"),
    [("a.py", "print 'two'\n"), ("a.js", "x = 1\n"), ("py", "x\n"), ("a.py/b", "x\n"), ("a.json", "{,}\n")],
)
def test_text_that_never_parsed_is_not_held_to_it(path: str, old: str) -> None:
    assert edit(old, whole="x = (\n", path=path).outcome is Outcome.SUCCEEDED


def test_invalid_escape_of_the_users_code_is_no_error() -> None:
    assert broken("a.py", 'x = "\\d"\n') is None


def test_nul_in_the_new_text_is_invalid() -> None:
    # NUL in an answer becomes U+FFFD with the rest of its text, so that none reaches a file.
    result = edit("a\n", whole="a\x00b\n", path="x.txt")
    assert b"\x00" not in b"".join(file.data for file in result.files)


CASES: dict[str, tuple[str, str]] = {
    "middle": (FILE, FILE.replace("one", "uno")),
    "first line": ("a\nb\nc\n", "x\nb\nc\n"),
    "last line": ("a\nb\nc\n", "a\nb\nx\n"),
    "far apart": (
        "".join(f"{n}\n" for n in range(60)),
        "".join(f"{n if n % 20 else -n - 1}\n" for n in range(60)),
    ),
    "close together": (
        "".join(f"{n}\n" for n in range(20)),
        "".join(f"{n if n % 7 else 'x'}\n" for n in range(20)),
    ),
    "insert only": ("a\nb\n", "a\nnew\nb\n"),
    "insert at the top": ("a\n", "new\na\n"),
    "insert at the end": ("a\n", "a\nnew\n"),
    "delete only": ("a\nb\nc\n", "a\nc\n"),
    "empty to text": ("", "a\nb\n"),
    "empty to unended": ("", "a"),
    "text to empty": ("a\nb\n", ""),
    "unended stays unended": ("a\nb", "x\nb"),
    "unended changed": ("a\nb", "a\nx"),
    "unended gets its end": ("a\nb", "a\nb\n"),
    "unended grows": ("a\nb", "a\nb\nc\n"),
    "loses its end": ("a\nb\n", "a\nb"),
    "crlf": ("a\r\nb\r\nc\r\n", "a\nx\nc\n"),
    "crlf unended": ("a\r\nb", "x\nb"),
    "crlf new lines": ("a\r\nb\r\n", "a\nnew\nb\n"),
    "mixed ends": ("a\r\nb\nc\r\nd\r\n", "a\nb\nc\nx\n"),
    "lone cr": ("a\rb\nc\n", "a\rb\nx\n"),
    "form feed and separators": ("a\x0cb\u2028c\x85d\n\x1ce\n", "a\x0cb\u2028c\x85d\n\x1cx\n"),
    "unicode": ("héllo 🎉\n日本\n", "héllo 🎉\nすし\n"),
    "blank lines": ("\n\n\na\n\n\n", "\n\nb\n\n\n\n"),
    "looks like a diff": ("--- a\n+++ b\n@@ -1 +1 @@\n", "--- a\n+++ c\n@@ -1 +1 @@\n"),
    "backslash": ("\\ No newline at end of file\nx", "\\ No newline at end of file\ny"),
    "blanks at the ends": ("a  \n\t\n", "a  \n\tx\n"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("path", ["a.txt", "with blank/ü 日.txt", 'q"uo\\te.txt', "tab\there.txt"])
def test_git_makes_of_the_patch_what_was_meant(tmp_path: Path, name: str, path: str) -> None:
    old, new = CASES[name]
    diff = patch(path, old, new)
    made = applied(tmp_path, path, old.encode(), diff.encode()).decode()
    assert made.replace("\r\n", "\n") == new.replace("\r\n", "\n")
    if "crlf" in name:
        assert made.count("\r\n") == made.count("\n")


def test_mixed_line_endings_stay_where_they_were(tmp_path: Path) -> None:
    old, new = CASES["mixed ends"]
    assert applied(tmp_path, "a", old.encode(), patch("a", old, new).encode()) == b"a\r\nb\nc\r\nx\r\n"


LINE = st.text(alphabet="ab \t\\+-@\f é", max_size=3)
TEXT = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\n", "\r\n"])), max_size=12).map(
    lambda lines: "".join(line + end for line, end in lines)
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repository")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=TEXT, new=TEXT, end=st.sampled_from(["", "z"]))
def test_git_takes_the_patch_between_any_two_texts(repository: Path, old: str, new: str, end: str) -> None:
    old, new = old + end, new + end[::-1]
    diff = patch("f", old, new)
    if not diff:
        assert old.replace("\r\n", "\n") == new.replace("\r\n", "\n")
        return
    made = applied(repository, "f", old.encode(), diff.encode()).decode()
    assert made.replace("\r\n", "\n") == new.replace("\r\n", "\n")
    added, removed = counts(diff)
    assert added + removed > 0


def test_edits_of_a_crlf_file_are_found_and_keep_its_ends(tmp_path: Path) -> None:
    old = FILE.replace("\n", "\r\n")
    result = edit(old, ("def one():\n    return 1\n", "def uno():\n    # new\n    return 1\n"))
    made = applied(tmp_path, "src/a.py", old.encode(), result.files[0].data)
    assert made == FILE.replace("def one():\n", "def uno():\n    # new\n").replace("\n", "\r\n").encode()


def test_whole_answer_gives_back_the_mark_and_the_end_it_dropped(tmp_path: Path) -> None:
    old = "\ufeffa\nb\n"
    result = edit(old, whole="a\nx", path="x.txt")
    assert applied(tmp_path, "x.txt", old.encode(), result.files[0].data).decode() == "\ufeffa\nx\n"


def test_search_text_with_a_fence_in_a_fenced_file_is_taken_as_it_is() -> None:
    old = "```\na\n```\n"
    assert edit(old, whole="```\nb\n```\n", path="x.md").files[0].data.endswith(b"-a\n+b\n ```\n")


@pytest.mark.parametrize(
    ("output_path", "path", "expected"),
    [
        (None, "", "patches/src/a.py.patch"),
        (None, "src-a.py", "patches/src/a.py.patch"),
        ("mods/{{ item.name }}.diff", "mods/a.diff", "mods/a.diff.patch"),
        ("x", "../../evil", "src-a.py.patch"),
    ],
)
def test_patch_goes_where_the_recipe_says(output_path: str | None, path: str, expected: str) -> None:
    answer = {"summary": "", "whole": "x = 2\n", "edits": []}
    material = Material(path="src/a.py", text="x = 1\n")
    result = read("edits", answer, material=material, key="src/a.py", path=path, output_path=output_path)
    assert ([file.path for file in result.files], result.headline) == ([expected], "src/a.py (+1 -1)")


def test_patch_of_a_file_outside_is_named_after_the_key() -> None:
    answer = {"summary": "", "whole": "b\n", "edits": []}
    result = read("edits", answer, material=Material(path="../../x", text="a\n"), key="k")
    assert [file.path for file in result.files] == ["patches/k.patch"]


@pytest.mark.parametrize(
    "answer", ["nope", {"summary": "", "whole": 3, "edits": []}, {"summary": "", "edits": []}]
)
def test_answer_of_another_shape_is_invalid(answer: Any) -> None:
    assert said(read("edits", answer, material=Material(path="a", text="a")))[0] == "invalid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n" * 200_000, "\n" * 199_999 + "x\n"),
        ("a\n" * 20_000, "a\nb\n" * 10_000),
        ("".join(f"{n % 90}\n" for n in range(9_000)), "".join(f"{n * 7 % 90}\n" for n in range(9_000))),
    ],
    ids=["blank lines", "half of them", "shuffled"],
)
def test_patch_of_texts_that_repeat_themselves_is_made_soon(old: str, new: str) -> None:
    start = time.process_time()
    assert patch("f", old, new)
    assert time.process_time() - start < 20


def test_a_hundred_blocks_of_a_long_file_are_applied(tmp_path: Path) -> None:
    old = "".join(f"def f{n}():\n    return {n}\n\n" for n in range(2_000))
    blocks = [
        (f"def f{n}():\n    return {n}\n", f"def g{n}():\n    return {n}\n") for n in range(0, 2_000, 20)
    ]
    result = edit(old, *reversed(blocks))
    made = applied(tmp_path, "src/a.py", old.encode(), result.files[0].data).decode()
    assert (made.count("def g"), result.headline) == (100, "Renamed one. (+100 -100)")


def test_value_of_the_result_is_the_answer() -> None:
    answer: dict[str, Any] = {"summary": "s", "whole": None, "edits": []}
    assert read("edits", json.dumps(answer), material=Material(path="a", text="a")).value == answer
