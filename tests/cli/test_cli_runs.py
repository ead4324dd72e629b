"""One run at the prompt: show, retry, release in its ways, cancel."""

from datetime import timedelta
from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, ItemFault, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli, Clock


@pytest.fixture
def held(cli: Cli, provider: Sandbox, repo: Path) -> str:
    """The id of a run that the provider refused, held until a person looks."""
    assert repo.is_dir()
    provider.set_faults(Faults(wire=(WireFault("create", status=400),)))
    ran = cli("submit", "notes", "--json")
    assert ran.code == 4
    run = ran.data["runs"][0]["run"]
    assert isinstance(run, str)
    return run


@pytest.fixture
def lost(cli: Cli, provider: Sandbox, repo: Path) -> str:
    """The id of a run whose answer was lost on the way."""
    assert repo.is_dir()
    provider.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    ran = cli("submit", "notes", "--pilot-wait", "0", "--json")
    assert ran.code == 75
    run = ran.data["runs"][0]["run"]
    assert isinstance(run, str)
    return run


def test_show_tells_a_run_with_its_jobs_and_history(cli: Cli, pulled: str) -> None:
    ran = cli("show", pulled)
    assert ran.code == 0
    assert ran.out.startswith(f"notes, run {pulled}: pulled\n")
    for words in ("Batches\n", "Jobs\n", "History\n", "alpha.txt", "succeeded"):
        assert words in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80 or "artifacts: " in ran.out


def test_show_tells_a_job_with_its_request_and_artifact(cli: Cli, pulled: str, repo: Path) -> None:
    ran = cli("show", f"{pulled}/alpha.txt")
    assert ran.code == 0
    assert ran.out.startswith(f"notes {pulled}/alpha.txt: succeeded\n")
    assert "Write a note on <data-" in ran.out
    assert "the text of alpha" in ran.out
    assert f"artifact: {repo}/.lanectl/notes/{pulled}/note-alpha.txt.md" in ran.out


def test_show_job_in_json_has_request_answers_and_artifacts(cli: Cli, pulled: str) -> None:
    data = cli("show", f"{pulled}/alpha.txt", "--json").data
    assert (data["run"], data["key"], data["outcome"]) == (pulled, "alpha.txt", "succeeded")
    (answer,) = data["answers"]
    assert answer["usage"]["output_tokens"] > 0
    assert answer["cost_usd"] > 0
    assert data["artifacts"][0]["path"].endswith("/note-alpha.txt.md")
    assert "the text of alpha" in data["prompt"]


def test_show_of_an_unknown_job_is_a_usage_error(cli: Cli, pulled: str) -> None:
    ran = cli("show", f"{pulled}/nothere")
    assert (ran.code, ran.told[1]) == (2, f"hint: lanectl show {pulled}")


def test_show_of_an_item_that_was_not_sent_says_why(cli: Cli, provider: Sandbox, repo: Path) -> None:
    (repo / "empty.txt").touch()
    run = cli("submit", "notes", "--json").data["runs"][0]["run"]
    assert len(provider.ledger()) == 1
    ran = cli("show", f"{run}/empty.txt")
    assert (ran.code, ran.told) == (
        2,
        [f"error: run {run} has no job empty.txt: it was not sent, empty", f"hint: lanectl show {run}"],
    )


@pytest.mark.usefixtures("repo")
def test_retry_sends_only_what_did_not_succeed(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(items=(ItemFault("errored", contains="beta", batches=(1,)),)))
    assert cli("submit", "notes", "--wait").code == 3
    ran = cli("retry", "latest", "--only", "errored", "--json")
    assert ran.code == 0
    assert [(batch["role"], batch["jobs"]) for batch in ran.data["runs"][0]["batches"]] == [
        ("main", 3),
        ("retry", 1),
    ]
    assert cli("pull", "--wait", "--json").data["runs"][0]["outcomes"] == {"succeeded": 3}


@pytest.mark.usefixtures("repo")
def test_retry_says_how_many_of_the_jobs_go_again(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(items=(ItemFault("errored", contains="beta", batches=(1,)),)))
    cli("submit", "notes", "--wait")
    assert "of these jobs again: 1\n" in cli("retry", "latest").out


def test_retry_of_an_unknown_outcome_is_a_usage_error(cli: Cli, pulled: str) -> None:
    ran = cli("retry", pulled, "--only", "bogus")
    assert (ran.code, len(ran.told)) == (2, 2)


def test_release_without_a_person_and_without_yes_sends_nothing(
    cli: Cli, provider: Sandbox, held: str
) -> None:
    ran = cli("release", held)
    assert ran.code == 4
    assert "3 jobs wait, high $0.0" in ran.told[0]
    assert ran.told[-1] == f"hint: lanectl release {held} --yes"
    assert provider.ledger() == []


def test_release_says_what_held_it_and_sends(cli: Cli, provider: Sandbox, held: str) -> None:
    ran = cli("release", held, "--yes")
    assert ran.code == 0
    assert ran.told[0].startswith("notes: held: the provider refused the batch")
    assert ran.out.startswith(f"notes, run {held}: in_progress\n")
    assert len(provider.ledger()) == 1


def test_release_of_what_is_not_held_does_nothing(cli: Cli, provider: Sandbox, sent: str) -> None:
    ran = cli("release", sent)
    assert (ran.code, ran.out) == (0, f"run {sent}: nothing is held back\n")
    assert len(provider.ledger()) == 1


def test_drop_gives_the_rest_up(cli: Cli, provider: Sandbox, held: str) -> None:
    ran = cli("release", held, "--drop")
    assert (ran.code, ran.out) == (
        0,
        f"run {held}: 3 jobs given up, nothing is held or reserved for them\n",
    )
    assert cli("status", held, "--json").data["runs"][0]["held"] is None
    assert provider.ledger() == []


def test_lost_answer_is_settled_by_hand_as_a_batch(cli: Cli, provider: Sandbox, lost: str) -> None:
    batch = provider.ledger()[0].id
    ran = cli("release", lost, "--is", batch, "--json")
    assert (ran.code, ran.data["id"], ran.data["state"]) == (0, batch, "accepted")
    assert cli("pull", "--wait", "--json").data["runs"][0]["outcomes"] == {"succeeded": 3}


def test_lost_answer_is_never_settled_as_a_stranger_of_another_size(
    cli: Cli, provider: Sandbox, lost: str
) -> None:
    (stranger,) = provider.foreign(requests=7)
    assert cli("release", lost, "--is", stranger).code == 4


def test_ways_of_release_exclude_one_another(cli: Cli, held: str) -> None:
    assert cli("release", held, "--drop", "--not-sent").code == 2


def test_cancel_asks_the_provider_and_says_what_follows(
    cli: Cli, provider: Sandbox, sent: str, clock: Clock
) -> None:
    ran = cli("cancel", sent)
    assert (ran.code, ran.out) == (0, f"run {sent}: the provider was asked to cancel 1 batch\n")
    assert any(one.path.endswith("/cancel") for one in provider.seen)
    assert cli("status", sent, "--json").data["runs"][0]["canceled"] is True
    clock.moment += timedelta(seconds=120)
    outcomes = cli("pull", sent, "--json").data["runs"][0]["outcomes"]
    assert sum(outcomes.values()) == 3
    assert outcomes.get("canceled", 0) > 0


def test_cancel_of_a_settled_run_changes_nothing(cli: Cli, provider: Sandbox, pulled: str) -> None:
    before = cli("spend", "--json").data
    ran = cli("cancel", pulled)
    assert (ran.code, ran.out, ran.err) == (0, f"run {pulled}: nothing of it is at the provider\n", "")
    assert not any(one.path.endswith("/cancel") for one in provider.seen)
    assert cli("status", pulled, "--json").data["runs"][0]["canceled"] is False
    assert cli("spend", "--json").data == before
