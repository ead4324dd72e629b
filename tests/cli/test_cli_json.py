"""The contract of `--json`: exactly one object, its keys, and the same for every way to fail."""

import json
from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import Cli

ENVELOPE = ["lanectl", "schema", "command", "exit", "data", "warnings", "error"]
CODES = {
    0: "ok",
    1: "failed",
    2: "usage",
    3: "partial",
    4: "held",
    8: "pending",
    75: "try-later",
    77: "no-access",
    78: "config",
    130: "interrupted",
    143: "interrupted",
}
ESTIMATE = {
    *("expected_usd", "high_usd", "at_most_usd", "list_usd"),
    *("input_tokens", "prefix_tokens", "output_tokens", "cache"),
}


@pytest.mark.parametrize(
    ("argv", "code", "command"),
    [
        pytest.param([], 0, "lanectl", id="no command"),
        pytest.param(["--version"], 0, "lanectl", id="version"),
        pytest.param(["status", "--help"], 0, "status", id="help"),
        pytest.param(["status"], 0, "status", id="nothing yet"),
        pytest.param(["bogus"], 2, "lanectl", id="unknown command"),
        pytest.param(["status", "--bogus"], 2, "status", id="unknown flag"),
        pytest.param(["submit"], 2, "submit", id="missing argument"),
        pytest.param(["submit", "notes", "--limit", "many"], 2, "submit", id="not a number"),
        pytest.param(["recipes", "bogus"], 2, "recipes", id="unknown subcommand"),
        pytest.param(["show", "nothere"], 2, "show", id="unknown run"),
        pytest.param(["submit", "nothere"], 78, "submit", id="unknown recipe"),
        pytest.param(["submit", "notes"], 77, "submit", id="no key"),
        pytest.param(["recipes", "check", "nothere.toml"], 78, "recipes check", id="no such file"),
        pytest.param(["config", "set", "budget.nothere", "1"], 78, "config set", id="unknown key"),
        pytest.param(["status", "--config", "nothere.toml"], 78, "status", id="no such configuration"),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.usefixtures("repo")
def test_every_ending_prints_exactly_one_object(
    cli: Cli, argv: list[str], code: int, command: str, before: bool
) -> None:
    ran = cli(*(["--json", *argv] if before else [*argv, "--json"]))
    whole = ran.whole
    assert list(whole) == ENVELOPE
    assert (ran.code, whole["exit"], whole["command"]) == (code, {"code": code, "name": CODES[code]}, command)
    if code in (1, 2, 4, 75, 77, 78):
        assert sorted(whole["error"]) == ["hint", "kind", "message", "where"]
        assert whole["error"]["message"]
        assert whole["error"]["hint"]
        assert ran.told[-1] == f"hint: {whole['error']['hint']}"
    else:
        assert whole["error"] is None


def test_submit_object_has_the_keys_of_the_contract(cli: Cli, provider: Sandbox, repo: Path) -> None:
    (repo / "delta.txt").write_bytes(b"\x00binary")
    ran = cli("submit", "notes", "--json")
    assert ran.out.isascii()
    (run,) = ran.data["runs"]
    assert set(run) >= {
        *("run", "recipe", "state", "held", "jobs", "skipped", "batches", "estimate", "artifacts"),
    }
    assert (run["recipe"], run["state"], run["held"], run["jobs"]) == ("notes", "in_progress", None, 3)
    assert run["skipped"] == [{"key": "delta.txt", "reason": "binary", "detail": ""}]
    (batch,) = run["batches"]
    assert (
        batch.items()
        >= {
            "id": provider.ledger()[0].id,
            "role": "main",
            "jobs": 3,
            "bytes": provider.body(batch["id"]).stat().st_size,
            "state": "accepted",
        }.items()
    )
    assert set(run["estimate"]) >= ESTIMATE
    assert set(run["estimate"]["cache"]) >= {"mode", "reason", "break_even_hit_rate"}
    assert all(isinstance(run["estimate"][name], float) for name in ESTIMATE if name.endswith("_usd"))
    assert run["artifacts"] == str(repo / ".lanectl" / "notes" / run["run"])
    assert ran.data["sandbox"] is False


def test_status_object_has_the_keys_of_the_contract(cli: Cli, pulled: str) -> None:
    whole = cli("status", pulled, "--json").whole
    assert set(whole["data"]) >= {"runs", "queue"}
    (run,) = whole["data"]["runs"]
    assert set(run) >= {
        *("run", "recipe", "created_at", "state", "held", "canceled", "jobs", "skipped", "batches", "cost"),
        *("cache", "artifacts", "needs"),
    }
    assert run["jobs"] == {"total": 3, "waiting": 0, "in_progress": 0, "succeeded": 3}
    assert (run["state"], run["canceled"], run["needs"]) == ("pulled", False, [])
    (batch,) = run["batches"]
    assert set(batch) >= {
        *("id", "role", "processing_status", "requests", "state", "created_at", "expires_at"),
        *("results_expire_at", "candidates"),
    }
    assert set(run["cost"]) >= {"estimated_usd", "reserved_usd", "actual_usd", "list_usd"}
    assert run["cost"]["actual_usd"] > 0
    assert set(run["cache"]) >= {"hit_rate", "read_tokens", "written_tokens", "saved_usd"}


def test_pull_object_has_the_keys_of_the_contract(cli: Cli, sent: str, repo: Path) -> None:
    data = cli("pull", "--wait", "--json").data
    assert set(data) >= {"runs", "pending", "page", "sandbox"}
    (run,) = data["runs"]
    assert set(run) >= {
        *("run", "state", "written", "unchanged", "outcomes", "out", "artifacts", "digest"),
    }
    folder = repo / ".lanectl" / "notes" / sent
    assert (run["artifacts"], run["digest"]) == (str(folder), str(folder / "digest.md"))
    assert (run["written"], run["outcomes"], run["out"], data["pending"]) == (3, {"succeeded": 3}, 0, 0)


def test_unknown_attempt_lists_what_it_may_be(cli: Cli, provider: Sandbox, repo: Path) -> None:
    provider.set_faults(Faults(wire=(WireFault("create", do="drop"),)))
    assert cli("submit", str(repo / "recipes" / "notes.toml"), "--pilot-wait", "0").code == 75
    (batch,) = cli("status", "--json", "--refresh").data["runs"][0]["batches"]
    assert (batch["id"], batch["state"]) == (None, "unknown")
    assert [one["id"] for one in batch["candidates"]] == [provider.ledger()[0].id]


def test_sandbox_is_marked_in_the_data(cli: Cli) -> None:
    assert cli("--sandbox", "status", "--json").data["sandbox"] is True


@pytest.mark.usefixtures("sent")
def test_retry_with_nothing_to_retry_is_a_usage_error_in_one_object(cli: Cli) -> None:
    ran = cli("retry", "latest", "--json")
    assert (ran.code, ran.whole["error"]["message"]) == (2, "no job of this run is left to retry")


@pytest.mark.usefixtures("repo")
def test_estimate_object_has_both_lanes(cli: Cli) -> None:
    data = cli("estimate", "notes", "--offline", "--json").data
    assert (data["recipe"], data["jobs"]) == ("notes", 3)
    assert set(data["estimate"]) >= ESTIMATE
    batch, other = (data["lanes"][lane]["expected_usd"] for lane in ("batch", "interactive"))
    assert 0 < batch < other


@pytest.mark.usefixtures("pulled")
def test_digest_object_is_the_same_in_every_form(cli: Cli) -> None:
    forms = ("terminal", "markdown", "html", "json", "sarif", "csv")
    data = [cli("digest", "--format", form, "--json").data for form in forms]
    assert all(one == data[0] for one in data)
    assert json.dumps(data[0]).isascii()
