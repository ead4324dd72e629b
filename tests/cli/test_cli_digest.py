"""The digest at the prompt: which runs, in which form."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from lanectl.cli import digesting
from lanectl.digest.limits import Limits
from tests.cli.cli_world import Cli, Clock


@pytest.mark.usefixtures("pulled")
def test_terminal_form_begins_with_the_headline(cli: Cli) -> None:
    ran = cli("digest", "latest")
    assert ran.code == 0
    assert ran.out.startswith("3 jobs done, $0.")
    assert "Runs and money\n" in ran.out


@pytest.mark.usefixtures("pulled")
def test_forms_for_programs_can_be_read_by_them(cli: Cli) -> None:
    assert json.loads(cli("digest", "latest", "--format", "json").out)["runs"]
    assert json.loads(cli("digest", "latest", "--format", "sarif").out)["version"] == "2.1.0"
    assert list(csv.reader(io.StringIO(cli("digest", "latest", "--format", "csv").out)))
    assert cli("digest", "latest", "--format", "markdown").out.startswith("# 3 jobs done")
    assert cli("digest", "latest", "--format", "html").out.startswith("<!doctype html>")


@pytest.mark.usefixtures("pulled")
def test_forms_for_people_are_bounded_and_those_for_programs_whole(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digesting, "PAGE", Limits(done=1))
    for form in ("terminal", "markdown", "html"):
        assert "and 2 more, named in manifest.json" in cli("digest", "latest", "--format", form).out
    assert len(json.loads(cli("digest", "latest", "--format", "json").out)["done"]) == 3
    assert cli("digest", "latest", "--format", "csv").out.count('"job"') == 3
    assert cli("digest", "latest", "--format", "junit").out.count("<testcase ") == 3
    # Whoever asks for data is a program, whatever the form.
    assert len(cli("digest", "latest", "--json").data["done"]) == 3


def test_since_chooses_runs_by_span_and_by_date(cli: Cli, pulled: str, clock: Clock) -> None:
    clock.moment += timedelta(hours=30)
    for since, found in (("36h", 1), ("2d", 1), ("1h", 0), ("2026-11-24", 1), ("2026-11-26", 0)):
        data = cli("digest", "--since", since, "--json").data
        assert len(data["runs"]) == found, since
    assert cli("digest", "--json").data["runs"][0]["run"] == pulled


def test_since_that_is_no_time_is_a_usage_error(cli: Cli) -> None:
    ran = cli("digest", "--since", "yesterday-ish")
    assert (ran.code, len(ran.told)) == (2, 2)


def test_open_without_a_run_is_a_usage_error(cli: Cli) -> None:
    assert cli("digest", "--open").code == 2


def test_unknown_form_is_a_usage_error(cli: Cli, repo: Path) -> None:
    assert repo.is_dir()
    assert cli("digest", "--format", "pdf").code == 2
