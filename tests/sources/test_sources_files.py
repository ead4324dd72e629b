"""The files of a place: what is chosen, what is sent, and what is named instead."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lanectl.errors import ConfigError
from lanectl.models import Item, Skip
from lanectl.recipe.tables import Recipe
from lanectl.sources.files import chosen, listed
from lanectl.sources.gather import gather
from lanectl.sources.place import place
from lanectl.sources.reading import read_bytes

ALL = 'kind = "files"'
PYTHON = 'kind = "files"\ninclude = ["**/*.py"]'


def test_file_becomes_an_item_with_its_fields_and_what_edits_are_checked_against(
    repo: Any, gathered: Any
) -> None:
    repo.commit("first", {"src/app/main.py": "import os\n\nprint('é')"})

    assert gathered(repo.root, PYTHON) == [
        Item(
            name="src/app/main.py",
            fields={
                "path": "src/app/main.py",
                "name": "main.py",
                "text": "import os\n\nprint('é')",
                "bytes": 22,
                "lines": 3,
                "language": "Python",
            },
            material={"path": "src/app/main.py", "text": "import os\n\nprint('é')"},
        )
    ]


def test_tracked_and_new_files_come_sorted_and_ignored_ones_do_not(repo: Any) -> None:
    repo.commit("first", {"b.py": "x\n", "a/z.py": "x\n", ".gitignore": "*.log\nbuild/\n", "gone.py": "x\n"})
    repo.put("new.py")
    repo.put("x.log")
    repo.put("build/y.py")
    (repo.root / "gone.py").unlink()

    assert list(listed(place(repo.root))) == [".gitignore", "a/z.py", "b.py", "gone.py", "new.py"]


def test_tracked_file_that_is_gone_is_no_item(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"gone.py": "x\n"})
    (repo.root / "gone.py").unlink()

    assert gathered(repo.root, ALL) == []


def test_conflicted_file_comes_once(repo: Any) -> None:
    repo.commit("first", {"a.py": "1\n"})
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", {"a.py": "2\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"a.py": "3\n"})
    with pytest.raises(subprocess.CalledProcessError):
        repo.git("merge", "side")

    assert list(listed(place(repo.root))) == ["a.py"]


def test_artifacts_of_ours_do_not_come(repo: Any, tmp_path: Path) -> None:
    repo.put(".lanectl/t/run/a.md")
    repo.put("a.md")
    plain = tmp_path / "plain"
    (plain / ".lanectl").mkdir(parents=True)
    (plain / ".lanectl" / "x.md").write_text("x")

    assert list(listed(place(repo.root))) == ["a.md"]
    assert list(listed(place(plain))) == []


def test_folder_without_git_is_walked_without_what_tools_make(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    for path in (
        "b.py",
        "a/x.py",
        "node_modules/m.js",
        "a/__pycache__/x.pyc",
        ".venv/y.py",
        "x.egg-info/z",
        ".hid",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x\n")
    (folder / "elsewhere").symlink_to("/")

    assert list(listed(place(folder))) == [".hid", "a/x.py", "b.py", "elsewhere"]


def test_include_and_exclude_choose(repo: Any) -> None:
    repo.commit("first", {"a.py": "x\n", "tests/b.py": "x\n", "c.md": "x\n", "src/tests/d.py": "x\n"})

    assert list(chosen(place(repo.root), ["**/*.py"], ["tests", "**/d.py"], where="x")) == ["a.py"]


def test_glob_that_leads_out_is_refused_with_file_table_and_key(repo: Any, recipe: Any) -> None:
    repo.commit("first", {"a.py": "x\n"})
    made: Recipe = recipe('kind = "files"\nexclude = ["../*"]')

    with pytest.raises(ConfigError) as caught:
        list(gather(made, place(repo.root), stdin=None, today=None))  # type: ignore[arg-type]  # not looked at

    assert caught.value.where == f"{made.path} [source] exclude"


def test_limit_counts_items_and_not_skips(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"a.py": "", "b.py": "x\n", "c.py": "", "d.py": "x\n", "e.py": "x\n"})

    names = [
        each.name if isinstance(each, Item) else each.key for each in gathered(repo.root, f"{ALL}\nlimit = 2")
    ]

    assert names == ["a.py", "b.py", "c.py", "d.py"]


CONTENTS = [
    (b"", Skip("f", "empty")),
    (b" \n\t\n", Skip("f", "empty")),
    (b"\xef\xbb\xbf", Skip("f", "empty")),
    (b"a\0b", Skip("f", "binary")),
    (b"\x89PNG\r\n\x1a\n\0", Skip("f", "binary")),
    (b"caf\xe9\n", Skip("f", "not utf-8")),
    (b"\xff\xfea\0b\0", Skip("f", "not utf-8", "UTF-16")),
    (b"x" * 101, Skip("f", "too large", "101 bytes, limit 100")),
    (b"x" * 100, "x" * 100),
    (b"\xef\xbb\xbfa\r\n", "a\r\n"),
]


@pytest.mark.parametrize(("data", "expected"), CONTENTS, ids=lambda value: repr(value)[:30])
def test_content_is_sent_or_named(repo: Any, gathered: Any, data: bytes, expected: Skip | str) -> None:
    repo.put("f", data)

    [found] = gathered(repo.root, ALL, "max_item_bytes = 100")

    assert (found.fields["text"] if isinstance(found, Item) else found) == expected


@pytest.mark.parametrize(
    ("text", "lines"), [("a", 1), ("a\n", 1), ("a\nb", 2), ("a\r\nb\r\n", 2), ("\n\na", 3)]
)
def test_lines_are_counted_as_an_editor_does(repo: Any, gathered: Any, text: str, lines: int) -> None:
    repo.put("f", text)

    assert gathered(repo.root, ALL)[0].fields["lines"] == lines


CREDENTIALS = [
    *(
        ".env",
        ".env.local",
        ".ENV",
        "a/.envrc",
        ".env.d/prod",
        "id_rsa",
        "a/id_ed25519.pub",
        "x.pem",
        "X.P12",
    ),
    *(
        "a.key",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "credentials.json",
        "credentials",
        ".aws/credentials",
        ".aws/config",
    ),
    *("home/.ssh/config", ".docker/config.json", "infra/x.tfstate", "x.tfstate.backup", ".git-credentials"),
]


@pytest.mark.parametrize("path", CREDENTIALS)
def test_credential_file_is_named_and_not_read(repo: Any, gathered: Any, path: str) -> None:
    repo.put(path, b"\0")

    assert gathered(repo.root, ALL) == [Skip(path, "credential file")]


def test_credential_file_that_is_not_included_is_not_mentioned(repo: Any, gathered: Any) -> None:
    repo.put(".env", "x")
    repo.put("a.py", "x")

    assert [each.name for each in gathered(repo.root, PYTHON)] == ["a.py"]


@pytest.mark.parametrize(
    "path", ["environment.py", "credentials/store.py", "keys.py", "docker/config.json", "a.keys"]
)
def test_file_that_only_sounds_like_one_is_sent(repo: Any, gathered: Any, path: str) -> None:
    repo.put(path)

    assert [each.name for each in gathered(repo.root, ALL)] == [path]


def test_links_are_not_followed_wherever_they_lead(repo: Any, gathered: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret\n")
    (tmp_path / "outside").mkdir()
    repo.commit("first", {"docs/a.md": "x\n", ".env": "SECRET=1\n"})
    for name, target in {
        "absolute": tmp_path / "secret.txt",
        "relative": "../secret.txt",
        "folder": "../outside",
        "inside": "docs/a.md",
        "to-env": ".env",
        "broken": "nowhere",
        "loop": "loop",
    }.items():
        (repo.root / name).symlink_to(target)

    assert gathered(repo.root, 'kind = "files"\nexclude = ["docs", ".env"]') == [
        Skip("absolute", "outside the repository", "a link"),
        Skip("broken", "not a regular file", "a link to nowhere"),
        Skip("folder", "outside the repository", "a link"),
        Skip("inside", "not a regular file", "a link to docs/a.md"),
        Skip("loop", "not a regular file", "a link to loop"),
        Skip("relative", "outside the repository", "a link"),
        Skip("to-env", "not a regular file", "a link to .env"),
    ]


def test_folder_swapped_for_a_link_is_not_entered(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.py").write_text("secret\n")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "src").symlink_to(tmp_path / "out")

    found = read_bytes(tmp_path / "root", "src/a.py", limit_bytes=100)

    assert found == Skip("src/a.py", "outside the repository", "a link")


def test_special_files_and_nested_repositories_are_named_and_not_opened(repo: Any, gathered: Any) -> None:
    repo.commit("first", {"a.py": "x\n", "fifo": "x\n", "socket": "x\n", "folder": "x\n"})
    for name in ("fifo", "socket", "folder"):
        (repo.root / name).unlink()
    os.mkfifo(repo.root / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(repo.root)
        listening.bind("socket")
        os.chdir(here)
    (repo.root / "folder").mkdir()
    (repo.root / "nested").mkdir()
    repo.git("init", "-q", "nested")
    repo.put("nested/inner.py")

    assert gathered(repo.root, 'kind = "files"\nexclude = ["a.py"]') == [
        Skip("fifo", "not a regular file", "a FIFO"),
        Skip("folder", "not a regular file", "a folder"),
        Skip("nested", "not a regular file", "a folder"),
        Skip("socket", "not a regular file", "a socket"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_named_with_the_reason(repo: Any, gathered: Any) -> None:
    repo.put("a.py").chmod(0)

    assert gathered(repo.root, ALL) == [Skip("a.py", "not readable", "Permission denied")]


def test_name_that_is_not_utf8_is_named_as_far_as_it_goes(repo: Any, gathered: Any) -> None:
    Path(os.fsdecode(bytes(repo.root) + b"/caf\xe9.py")).write_text("x\n")

    assert gathered(repo.root, ALL) == [Skip("caf\ufffd.py", "not utf-8", "its name")]


def test_names_with_newlines_and_quotes_are_files_like_others(repo: Any, gathered: Any) -> None:
    names = ['"q".py', "-rf", "a\nb.py", "sp ace.py", "é.py"]
    for name in names:
        repo.put(name)

    assert [each.name for each in gathered(repo.root, ALL)] == names


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "Python"),
        ("A.TSX", "TypeScript"),
        ("x/Dockerfile", "Dockerfile"),
        (".py", ""),
        ("a.xyz", ""),
        ("a", ""),
    ],
)
def test_language_is_told_by_the_name(repo: Any, gathered: Any, path: str, language: str) -> None:
    repo.put(path)

    assert gathered(repo.root, ALL)[0].fields["language"] == language


def test_files_are_read_only_when_asked_for(repo: Any, recipe: Any) -> None:
    repo.commit("first", {"a.py": "x\n", "b.py": "x\n"})
    found = gather(recipe(ALL), place(repo.root), stdin=None, today=None)  # type: ignore[arg-type]  # not looked at

    first = next(found)
    repo.put("b.py", "changed\n")

    assert isinstance(first, Item)
    assert [each.fields["text"] for each in found if isinstance(each, Item)] == ["changed\n"]
