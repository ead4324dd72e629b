"""The numbered diff: every line of the new side by its number, every file by what became of it."""

from pathlib import Path
from typing import Any

import pytest

from lanectl.sources.diff import FileDiff, numbered

LIMIT = 100_000


def diff(repo: Any, limit_bytes: int = LIMIT) -> list[FileDiff]:
    """From the last commit but one to the last."""
    return list(numbered(repo.root, "HEAD^", "HEAD", limit_bytes=limit_bytes))


def text(repo: Any) -> str:
    return "\n".join(file.text for file in diff(repo))


def test_changed_file_shows_new_numbers_old_lines_without_and_its_hunks(repo: Any) -> None:
    lines = [f"line {number}" for number in range(1, 31)]
    repo.commit("first", {"a.py": "def f():\n" + "\n".join(f"    {line}" for line in lines) + "\n"})
    lines[9:10] = ["new", "newer"]
    del lines[25]
    repo.commit("second", {"a.py": "def f():\n" + "\n".join(f"    {line}" for line in lines) + "\n"})

    [file] = diff(repo)

    assert file.text == "\n".join(
        [
            "## a.py (modified)",
            "@@ new lines 8-15 @@ def f():",
            "     8      line 7",
            "     9      line 8",
            "    10      line 9",
            "       -    line 10",
            "    11 +    new",
            "    12 +    newer",
            "    13      line 11",
            "    14      line 12",
            "    15      line 13",
            "@@ new lines 24-29 @@ def f():",
            "    24      line 22",
            "    25      line 23",
            "    26      line 24",
            "       -    line 25",
            "    27      line 26",
            "    28      line 27",
            "    29      line 28",
        ]
    )
    assert (file.path, file.hunks, file.size) == ("a.py", [[8, 15], [24, 29]], len(file.text))


def test_numbers_are_those_of_the_new_file(repo: Any) -> None:
    before = [f"{number}\n" for number in range(300)]
    after = [line for number, line in enumerate(before) if number % 7] + ["end\n"]
    after[100:100] = ["x\n"] * 5
    repo.commit("first", {"a": "".join(before)})
    repo.commit("second", {"a": "".join(after)})

    [file] = diff(repo)

    shown = [line for line in file.text.split("\n") if line[:6].strip().isdigit()]
    assert len(shown) > 200
    assert [line for line in shown if after[int(line[:6]) - 1] != line[8:] + "\n"] == []
    covered = [number for first, last in file.hunks for number in range(first, last + 1)]
    assert covered == [int(line[:6]) for line in shown]


def test_added_deleted_and_renamed_files_say_so(repo: Any) -> None:
    body = "".join(f"{number}\n" for number in range(20))
    repo.commit("first", {"gone.py": "a\nb\n", "old.py": body, "moved.py": body + "more\n"})
    repo.git("mv", "old.py", "new.py")
    repo.git("mv", "moved.py", "dir.py")
    (repo.root / "gone.py").unlink()
    repo.commit("second", {"fresh.py": "x\n", "dir.py": "first\n" + body + "more\n"})

    assert [(file.text, file.hunks) for file in diff(repo)] == [
        (
            "## dir.py (renamed from moved.py)\n@@ new lines 1-4 @@\n"
            "     1 +first\n     2  0\n     3  1\n     4  2",
            [[1, 4]],
        ),
        ("## fresh.py (added)\n@@ new lines 1-1 @@\n     1 +x", [[1, 1]]),
        ("## gone.py (deleted)\n@@ new lines 0-0 @@\n       -a\n       -b", []),
        ("## new.py (renamed from old.py)", []),
    ]


def test_missing_final_newline_is_shown_on_its_side(repo: Any) -> None:
    repo.commit("first", {"a": "x\ny"})
    repo.commit("second", {"a": "x\ny\n"})

    assert text(repo) == "\n".join(
        [
            "## a (modified)",
            "@@ new lines 1-2 @@",
            "     1  x",
            "       -y",
            r"       \ No newline at end of file",
            "     2 +y",
        ]
    )


def test_lines_that_look_like_headers_are_lines(repo: Any) -> None:
    repo.commit("first", {"a": "--- a/x\n-- x\n"})
    repo.commit("second", {"a": "diff --git a/x b/x\n+++ b/x\n@@ -1 +1 @@\n", "b": "\\ No newline\n"})

    assert text(repo) == "\n".join(
        [
            "## a (modified)",
            "@@ new lines 1-3 @@",
            "       ---- a/x",
            "       --- x",
            "     1 +diff --git a/x b/x",
            "     2 ++++ b/x",
            "     3 +@@ -1 +1 @@",
            "## b (added)",
            "@@ new lines 1-1 @@",
            "     1 +\\ No newline",
        ]
    )


def test_blank_lines_and_carriage_returns_are_kept(repo: Any) -> None:
    repo.git("config", "diff.suppressBlankEmpty", "true")
    repo.commit("first", {"a": "x\r\n\n\ny\n"})
    repo.commit("second", {"a": "x\r\n\n\nz\n"})

    assert text(repo) == (
        "## a (modified)\n@@ new lines 1-4 @@\n     1  x\r\n     2  \n     3  \n       -y\n     4 +z"
    )


def test_binary_file_is_named_and_not_shown(repo: Any) -> None:
    repo.commit("first")
    repo.put("logo.png", b"\x89PNG\0\0")
    repo.commit("second")

    assert text(repo) == "## logo.png (added)\nbinary, not shown"


def test_text_that_is_not_utf8_is_shown_with_replacements(repo: Any) -> None:
    repo.commit("first")
    repo.put("a", b"caf\xe9\n")
    repo.commit("second")

    assert text(repo) == "## a (added)\n@@ new lines 1-1 @@\n     1 +caf\ufffd"


def test_credential_file_is_named_and_not_shown_under_any_name(repo: Any) -> None:
    secret = "".join(f"KEY{number}=secret\n" for number in range(20))
    repo.commit("first", {".env": secret, "b.env": secret + "x\n"})
    repo.git("mv", ".env", "env.txt")
    repo.git("mv", "b.env", ".env.b")
    repo.commit("second", {"env.txt": secret + "MORE=1\n", "id_rsa": "key\n"})

    files = diff(repo)

    assert [(file.text, file.hunks) for file in files] == [
        ("## .env.b (renamed from b.env)\ncredential file, not shown", []),
        ("## env.txt (renamed from .env)\ncredential file, not shown", []),
        ("## id_rsa (added)\ncredential file, not shown", []),
    ]


def test_modes_that_matter_are_told(repo: Any) -> None:
    repo.commit("first", {"run.sh": "x\n", "plain": "x\n"})
    (repo.root / "run.sh").chmod(0o755)
    repo.put("new.sh").chmod(0o755)
    (repo.root / "plain").unlink()
    (repo.root / "plain").symlink_to("/etc/passwd")
    repo.commit("second")

    assert text(repo) == "\n".join(
        [
            "## new.sh (added)",
            "mode 100755",
            "@@ new lines 1-1 @@",
            "     1 +text",
            "## plain (deleted)",
            "@@ new lines 0-0 @@",
            "       -x",
            "## plain (added)",
            "mode 120000",
            "@@ new lines 1-1 @@",
            "     1 +/etc/passwd",
            r"       \ No newline at end of file",
            "## run.sh (modified)",
            "mode 100644 -> 100755",
        ]
    )


PATHS = [
    "sp ace",
    'quo"te',
    "tab\there",
    "new\nline",
    "back\\slash",
    "é",
    "a b/a b/c",
    "\x1b[31m",
    "x\n## y (added)",
]


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_any_path_is_told_exactly_and_its_header_is_one_line(repo: Any, path: str) -> None:
    repo.commit("first")
    repo.commit("second", {path: "x\n"})

    [file] = diff(repo)

    assert file.path == path
    assert file.text.split("\n")[1:] == ["@@ new lines 1-1 @@", "     1 +x"]
    assert file.text.split("\n")[0].isprintable()


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_any_path_can_be_renamed(repo: Any, path: str) -> None:
    repo.commit("first", {path: "x\n" * 10})
    repo.git("mv", path, "to " + path.replace("/", "_"))
    repo.commit("second")

    [file] = diff(repo)

    assert file.path == "to " + path.replace("/", "_")
    assert file.text.startswith("## to ")
    assert "(renamed from " in file.text
    assert "\n" not in file.text


def test_file_over_the_limit_keeps_its_size_and_not_its_text(repo: Any) -> None:
    repo.commit("first")
    repo.commit("second", {"big": "x" * 99 + "\n" + "y\n" * 500, "line": "z" * 5000 + "\n", "small": "x\n"})

    big, line, small = diff(repo, 1000)

    assert (big.text, big.size) == ("", len("## big (added)\n@@ new lines 1-501 @@\n") + 107 + 500 * 10)
    assert (line.text, line.size > 1000) == ("", True)
    assert small.text == "## small (added)\n@@ new lines 1-1 @@\n     1 +x"


def test_size_is_that_of_the_text_in_bytes(repo: Any) -> None:
    repo.commit("first")
    repo.commit("second", {"é": "é\n" * 10, "b": "x"})

    assert [file.size for file in diff(repo)] == [len(file.text.encode()) for file in diff(repo)]


def test_equal_commits_have_no_diff(repo: Any) -> None:
    repo.commit("first")
    repo.commit("second")

    assert diff(repo) == []


def test_submodule_is_shown_by_its_commits(repo: Any) -> None:
    sha = repo.commit("first", {"a": "x\n"})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},sub")
    repo.git("commit", "-qm", "second")

    assert text(repo) == "\n".join(
        ["## sub (added)", "mode 160000", "@@ new lines 1-1 @@", f"     1 +Subproject commit {sha}"]
    )


def test_configuration_does_not_change_the_form(repo: Any) -> None:
    repo.commit("first", {"a": "".join(f"{number}\n" for number in range(20))})
    repo.commit("second", {"a": "".join(f"{number}\n" for number in range(20) if number != 10)})
    before = text(repo)
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.context": "0",
        "diff.algorithm": "patience",
        "diff.interHunkContext": "9",
        "diff.wordRegex": ".",
        "diff.submodule": "log",
        "color.diff": "always",
        "color.ui": "always",
        "core.quotePath": "true",
        "diff.orderFile": str(Path("/nowhere")),
    }.items():
        repo.git("config", key, value)

    assert text(repo) == before
