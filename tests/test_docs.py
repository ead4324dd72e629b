"""The README tells the truth: its help, exit codes, promises, commands and set-up lines are held against
the code."""

import io
import re
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from lanectl.cli import main
from lanectl.errors import Exit, LanectlError

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_help_equals_what_the_program_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main(["--help"])
    said = re.search(r"<!-- commands -->\n```text\n(.*?)```\n<!-- /commands -->", README, re.DOTALL)
    assert code == 0
    assert said is not None, "README: the block between <!-- commands --> is gone"
    assert said[1].strip() == out.getvalue().strip()


def test_readme_exit_codes_are_those_of_the_classes() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| ([a-z-]+) \|", README, re.MULTILINE)
    told = {int(code): name for codes, name in rows for code in codes.split(", ")}
    assert told == {code.value: code.word for code in Exit}


def test_every_error_class_has_a_code_of_the_table() -> None:
    classes = [LanectlError]
    for known in classes:
        classes.extend(known.__subclasses__())
    assert all(isinstance(known.exit, Exit) for known in classes)


def test_readme_gives_two_set_up_commands_that_name_what_exists() -> None:
    blocks = dict(re.findall(r"<!-- (demo|test) command -->\n```sh\n(.*?)\n```", README, re.DOTALL))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(blocks) == {"demo", "test"}
    assert all("\n" not in command for command in blocks.values())
    assert blocks["demo"].endswith("lanectl demo")
    assert "'.[test]'" in blocks["test"]
    assert "test" in extras


def test_readme_never_installs_the_strangers_package() -> None:
    assert not re.search(r"pip install (-q )?lanectl(\s|`|$)", README)


def test_readme_names_every_environment_variable_that_the_code_reads() -> None:
    read = {
        name
        for path in (ROOT / "lanectl").rglob("*.py")
        for name in re.findall(r'"(LANECTL_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert {name for name in read if name not in README} == set()


def test_nothing_in_the_repository_names_a_place_of_one_machine() -> None:
    bad = re.compile(r"/(?:work|root)/[a-z]")
    found = [
        str(path.relative_to(ROOT))
        for folder in ("lanectl", "recipes", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".toml", ".md", ".json") and bad.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_changelog_has_an_unreleased_section_on_top() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections[0] == "Unreleased"
