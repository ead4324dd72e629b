"""Help that teaches: every command has its sentence and its example, and fits a terminal."""

from typing import Any

import pytest

from lanectl import __version__
from lanectl.cli.app import command
from tests.cli.cli_world import Cli

# The contract's own table; a command that is not there yet is not offered.
GROUPS = {
    "Every day": ["demo", "submit", "status", "pull", "show", "retry", "release", "cancel"],
    "Look first": ["estimate", "try", "route", "recipes"],
    "Afterwards": ["digest", "apply", "post", "spend"],
    "Unattended": ["tick", "schedule", "alive", "ask", "queue"],
    "Proof": ["audit", "compare"],
    "House": ["doctor", "config", "trust", "recover", "clean", "sandbox"],
}
COMMON = ["--json", "-q, --quiet", "-v, --verbose", "--state", "--config", "--sandbox", "--no-color"]


def every(within: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all commands, groups included."""
    inner = getattr(within, "commands", {})
    return [path, *(found for name, one in inner.items() for found in every(one, (*path, name)))]


PATHS = every(command())
LEAVES = [path for path in PATHS if not any(other[:-1] == path for other in PATHS if other)]


def test_lanectl_alone_prints_the_help_and_exits_0(cli: Cli) -> None:
    assert cli() == cli("--help")
    assert cli().code == 0


def test_commands_are_grouped_in_the_order_of_the_contract(cli: Cli) -> None:
    found: dict[str, list[str]] = {}
    for line in cli("--help").out.splitlines():
        if line and not line.startswith(" ") and line.endswith(":") and line[:-1] in GROUPS:
            found[line[:-1]] = []
        elif found and line.startswith("  ") and not line.startswith("  -"):
            found[list(found)[-1]].append(line.split()[0])
        elif line.startswith("Options"):
            break
    there = command().commands
    offered = {group: [name for name in names if name in there] for group, names in GROUPS.items()}
    assert found == {group: names for group, names in offered.items() if names}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_page_fits_80_columns_and_says_what_it_does(cli: Cli, path: tuple[str, ...]) -> None:
    ran = cli(*path, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines())) <= 80
    assert all(any(line.strip().startswith(flag) for line in ran.out.splitlines()) for flag in COMMON)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_a_short_sentence_and_one_example(cli: Cli, path: tuple[str, ...]) -> None:
    out = cli(*path, "--help").out
    sentence = out.split("\n\n")[1].strip()
    assert sentence.endswith(".")
    assert out.rstrip().splitlines()[-1].startswith("  Example: ")
    assert out.count("Example: ") == 1


def test_no_line_of_the_overview_is_cut(cli: Cli) -> None:
    assert "..." not in cli("--help").out.replace("[ARGS]...", "")


def test_version_is_one_line(cli: Cli) -> None:
    assert cli("--version").out == f"lanectl {__version__}\n"


def test_mistyped_command_names_the_nearest(cli: Cli) -> None:
    assert cli("sumbit").told == [
        "error: no such command 'sumbit'. Did you mean 'submit'? - lanectl",
        "hint: lanectl --help",
    ]


def test_flags_before_and_after_the_name_are_the_same(cli: Cli) -> None:
    before, after = cli("--sandbox", "config", "--json", "path"), cli("config", "path", "--json", "--sandbox")
    assert before.data == after.data
    assert before.data["state_path"].endswith("sandbox/state.db")
