"""Submit, status, pull: the loop of every day, as a person and as a script see it."""

import json
import re
from pathlib import Path

import pytest

from lanectl.cli import main
from lanectl.sandbox.faults import Faults, ItemFault, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli, Clock, make_repo


def unvarying(text: str, run: str, root: Path) -> str:
    """The text with what differs from one test run to the next replaced."""
    text = text.replace(run, "RUN").replace(str(root), "ROOT")
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    return re.sub(r"\d+\.\d+ kB|about \d+", "N", re.sub(r"\$\d+\.\d+", "$N", text))


def test_submit_prints_run_cost_and_when_to_come_back(cli: Cli, provider: Sandbox, repo: Path) -> None:
    ran = cli("submit", "notes")
    run = re.search(r"run (\w{10}):", ran.out)
    assert run is not None
    assert unvarying(ran.out, run[1], repo) == (
        "notes, run RUN: in_progress\n"
        "3 jobs in 1 batch, N, to HOST\n"
        "cost: expected $N, high $N, at most $N; on the interactive lane $N expected\n"
        "cache: off, the prefix has N tokens; this model caches from 512\n"
        "artifacts: ROOT/.lanectl/notes/RUN\n"
    )
    assert unvarying(ran.err, run[1], repo) == (
        "the provider keeps requests and results for 29 days, then deletes them\n"
        "most batches end within an hour, all within a day; you can close the laptop now: lanectl pull RUN\n"
    )
    assert ran.code == 0
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("provider")
def test_when_to_come_back_is_told_once_for_several_recipes(cli: Cli, repo: Path) -> None:
    recipes = repo / "recipes"
    text = (recipes / "notes.toml").read_text()
    (recipes / "others.toml").write_text(text.replace('name = "notes"', 'name = "others"'))
    ran = cli("submit", "notes", "others")
    assert ran.err == (
        "the provider keeps requests and results for 29 days, then deletes them\n"
        "most batches end within an hour, all within a day; you can close the laptop now: lanectl pull\n"
    )


def test_second_submit_finds_all_in_flight_and_sends_nothing(cli: Cli, provider: Sandbox, sent: str) -> None:
    ran = cli("submit", "notes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"notes: nothing new to send\nskipped 3, in flight in {sent}: alpha.txt, beta.txt, gamma.txt\n"
    )
    assert len(provider.ledger()) == 1


def test_status_shows_what_is_out_without_sending(cli: Cli, provider: Sandbox, sent: str) -> None:
    ran = cli("status")
    told = re.sub(" +", " ", unvarying(ran.out, sent, Path("/nowhere")))
    assert (ran.code, told) == (
        0,
        "Runs\nrun recipe sent state jobs ends cost\nRUN notes just now in_progress 3 of 3 out in 24 h ~$N\n",
    )
    assert not [one for one in provider.seen if one.method == "POST" and "cancel" in one.path]
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("sent")
def test_pull_before_the_end_says_what_is_not_ready(cli: Cli) -> None:
    ran = cli("pull")
    assert (ran.code, ran.out, ran.err) == (0, "nothing new to pull; 1 run not ready\n", "")


@pytest.mark.usefixtures("sent")
def test_pull_wait_timeout_exits_pending(cli: Cli) -> None:
    ran = cli("pull", "--wait", "--timeout", "5", "--json")
    assert (ran.code, ran.whole["exit"], ran.whole["error"]) == (8, {"code": 8, "name": "pending"}, None)


def test_pull_ends_with_the_digest_and_the_page(cli: Cli, sent: str, repo: Path, home: Path) -> None:
    ran = cli("pull", "--wait")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert re.fullmatch(r"3 jobs done, \$0\.\d+ paid; nothing needs you\.", lines[0])
    assert lines[-1] == f"page: {home}/lanectl/data/morning.html"
    assert f"in {repo}/.lanectl/notes/{sent}" in lines
    folder = repo / ".lanectl" / "notes" / sent
    assert sorted(path.name for path in folder.iterdir()) == [
        *("digest.html", "digest.md", "manifest.json"),
        *("note-alpha.txt.md", "note-beta.txt.md", "note-gamma.txt.md", "results.jsonl"),
    ]
    assert ran.told == [f"notes {sent}: pulled, 3 succeeded; 3 files written"]


def test_repeated_pull_of_a_settled_run_exits_0_and_writes_nothing(cli: Cli, pulled: str) -> None:
    ran = cli("pull", pulled, "--json")
    assert ran.code == 0
    told = ran.data["runs"][0]
    assert {name: told[name] for name in ("run", "state", "written", "outcomes", "out")} == {
        "run": pulled,
        "state": "pulled",
        "written": 0,
        "outcomes": {"succeeded": 3},
        "out": 0,
    }


@pytest.mark.usefixtures("repo")
def test_pull_that_settles_a_run_short_exits_partial_once(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(items=(ItemFault("errored", contains="beta"),)))
    assert cli("submit", "notes").code == 0
    first = cli("pull", "--wait")
    assert first.code == 3
    assert "2 of 3 jobs done" in first.out.splitlines()[0]
    assert cli("pull", "latest").code == 0


@pytest.mark.usefixtures("pulled")
def test_unchanged_items_are_skipped_after_a_pull(cli: Cli, repo: Path) -> None:
    (repo / "beta.txt").write_text("another text\n")
    ran = cli("submit", "notes", "--json")
    (run,) = ran.data["runs"]
    assert run["jobs"] == 1
    assert [(skip["key"], skip["reason"]) for skip in run["skipped"]] == [
        ("alpha.txt", "unchanged"),
        ("gamma.txt", "unchanged"),
    ]


def test_dry_run_shows_prefix_and_first_job_and_sends_nothing(cli: Cli, repo: Path) -> None:
    ran = cli("submit", "notes", "--dry-run", "--set", "reader=nobody")
    assert ran.code == 0
    assert "You write notes for nobody." in ran.out
    assert "notes: the first job, alpha.txt" in ran.out
    assert "notes: would be sent to api.anthropic.com; nothing was" in ran.out
    assert not (repo / ".lanectl").exists()


@pytest.mark.usefixtures("provider", "repo")
def test_submit_wait_brings_the_results_too(cli: Cli) -> None:
    ran = cli("submit", "notes", "--wait", "--json")
    assert ran.code == 0
    assert ran.data["runs"][0]["jobs"] == 3
    assert ran.data["pulled"]["runs"][0]["outcomes"] == {"succeeded": 3}


@pytest.mark.usefixtures("provider", "repo")
def test_quiet_submit_prints_results_only(cli: Cli) -> None:
    assert cli("-q", "submit", "notes").err == ""


@pytest.mark.usefixtures("provider", "repo")
def test_verbose_submit_tells_its_steps(cli: Cli) -> None:
    told = cli("submit", "notes", "-v").told
    assert any(line.startswith("sending 3 requests") for line in told)
    assert any(line.startswith("batch 0 (main): msgbatch_") for line in told)


@pytest.mark.usefixtures("repo")
def test_run_over_its_cap_is_held_and_nothing_is_sent(cli: Cli, provider: Sandbox) -> None:
    ran = cli("submit", "notes", "--max-cost", "0.001")
    assert (ran.code, ran.out) == (4, "")
    assert ran.told == [
        "error: over the cap --max-cost: high is $0.0079; $0.0010 of $0.0010 are left;"
        " nothing would fit - notes",
        "hint: lanectl spend",
    ]
    assert provider.ledger() == []


def test_held_recipe_does_not_keep_the_others_from_a_night(
    cli: Cli, provider: Sandbox, repo: Path, tmp_path: Path
) -> None:
    dear = (repo / "recipes" / "notes.toml").read_text().replace('"notes"', '"dear"')
    (tmp_path / "dear.toml").write_text(dear.replace("pilot = 0", "pilot = 0\nmax_cost_usd = 0.0001"))
    ran = cli("submit", str(tmp_path / "dear.toml"), "notes", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (4, "held")
    assert [run["recipe"] for run in ran.data["runs"]] == ["notes"]
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("repo")
def test_lost_answer_exits_try_later_and_is_told(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    ran = cli("submit", "notes", "--pilot-wait", "0", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (75, "try-later")
    (run,) = ran.data["runs"]
    assert run["batches"][0]["id"] is None
    assert run["batches"][0]["state"] == "unknown"
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("repo")
def test_busy_provider_leaves_the_run_planned_and_exits_try_later(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", status=429, retry_after="4000", times=-1),)))
    ran = cli("submit", "notes", "--pilot-wait", "0", "--json")
    assert (ran.code, ran.data["runs"][0]["state"]) == (75, "planned")
    assert provider.ledger() == []


@pytest.mark.usefixtures("repo")
def test_refused_request_holds_the_run_until_a_person_looks(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", status=400),)))
    ran = cli("submit", "notes", "--json")
    assert ran.code == 4
    (run,) = ran.data["runs"]
    assert run["held"]["reason"].startswith("the provider refused the batch")
    assert run["held"]["hint"] == f"lanectl release {run['run']}"


@pytest.mark.usefixtures("provider")
def test_secret_is_withheld_by_name_and_never_repeated(cli: Cli, repo: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    (repo / "beta.txt").write_text(f"token = {secret}\n")
    ran = cli("submit", "notes")
    assert ran.code == 0
    assert "skipped 1, secret: beta.txt" in ran.out
    assert secret not in ran.out + ran.err
    assert cli("pull", "--wait").code == 3


@pytest.mark.usefixtures("provider", "repo")
def test_limit_and_only_choose_items(cli: Cli) -> None:
    ran = cli("submit", "notes", "--only", "b*", "--limit", "1", "--json")
    assert (ran.code, ran.data["runs"][0]["jobs"]) == (0, 1)


@pytest.mark.usefixtures("provider", "repo")
def test_interrupted_wait_for_the_pilot_says_what_is_left_and_how_it_goes_on(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    assert main(["submit", "notes", "--pilot", "1", "--json"], clock=clock, sleep=stop) == 130
    out, err = capsys.readouterr()
    (told,) = json.loads(out)["warnings"]
    assert err == f"warning: {told}\n"
    assert re.fullmatch(
        r"interrupted: run (\w{10}) of notes is kept, 2 jobs not sent yet, which the next tick or pull sends:"
        r" lanectl status \1",
        told,
    )


@pytest.mark.usefixtures("provider", "repo")
def test_submit_interrupted_before_it_sends_says_that_nothing_was_sent(
    capsys: pytest.CaptureFixture[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lanectl.lane.submit.decide", stop)
    assert main(["submit", "notes"], clock=clock, sleep=clock.sleep) == 130
    assert capsys.readouterr() == ("", "warning: interrupted: nothing of notes was sent\n")


@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
@pytest.mark.usefixtures("provider", "repo")
def test_only_that_leaves_nothing_says_so(cli: Cli, flags: list[str]) -> None:
    ran = cli("submit", "notes", "--only", "z*", *flags)
    assert (ran.code, ran.out, ran.err) == (
        0,
        "notes: nothing to send: --only leaves out all 3 items of the source\n",
        "",
    )


@pytest.mark.usefixtures("provider", "repo")
def test_dry_run_counts_the_batches_that_submit_sends(cli: Cli) -> None:
    flags = ("submit", "notes", "--pilot", "1", "--json")
    assert cli(*flags, "--dry-run").data["previews"][0]["batches"] == [{"jobs": 1}, {"jobs": 2}]
    assert [one["jobs"] for one in cli(*flags).data["runs"][0]["batches"]] == [1, 2]


def test_source_that_yields_nothing_is_one_line_and_0(
    cli: Cli, provider: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Path
) -> None:
    make_repo(tmp_path / "bare", {"README.md": "nothing here\n"})
    monkeypatch.chdir(tmp_path / "bare")
    ran = cli("submit", str(repo / "recipes" / "notes.toml"))
    assert (ran.code, ran.out, ran.err) == (0, "notes: nothing to send: the source yields no item\n", "")
    assert provider.ledger() == []


def test_broken_recipe_does_not_keep_the_others_from_a_night(cli: Cli, provider: Sandbox, repo: Path) -> None:
    (repo / "recipes" / "broken.toml").write_text("name =\n")
    ran = cli("submit", "recipes/broken.toml", "notes", "--json")
    assert (ran.code, ran.whole["error"]["kind"]) == (78, "config")
    assert [run["recipe"] for run in ran.data["runs"]] == ["notes"]
    assert len(provider.ledger()) == 1
