"""Where answers were computed is held against the wish; what is verified here may be deleted there."""

import json
from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.security.hostile_world import Cli, Clock, Relay

RECIPE = """\
name = "here"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000
inference_geo = "{geo}"

[source]
kind = "files"
include = ["*.txt"]

[job]
key = "{{{{ item.path }}}}"
prompt = "Look at {{{{ item.text }}}}"

[output]
kind = "markdown"

[run]
pilot = {pilot}
"""


def elsewhere(_: str, body: bytes) -> bytes:
    """The results as if they had been computed anywhere."""
    return body.replace(b'"inference_geo": "us"', b'"inference_geo": "global"').replace(
        b'"inference_geo":"us"', b'"inference_geo":"global"'
    )


def recipe(home: Path, *, geo: str = "us", pilot: int = 0) -> None:
    folder = home / "lanectl/recipes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "here.toml").write_text(RECIPE.format(geo=geo, pilot=pilot))


def test_answer_from_another_region_is_an_alarm_wherever_one_looks(
    cli: Cli, relay: Relay, repo: Path, home: Path
) -> None:
    recipe(home)
    relay.twist = elsewhere
    assert cli("submit", "here", "--yes").code == 0
    ran = cli("pull", "--wait")
    assert "2 answers computed in another region" in ran.out
    status = json.loads(cli("status", "--all", "--json").out)["data"]["runs"][0]
    told = f"2 answers computed in another region than was asked for: lanectl show {status['run']}"
    assert told in status["needs"]
    shown = json.loads(cli("show", "here/alpha.txt", "--json").out)["data"]
    assert shown["answers"][0]["outcome"] == "succeeded"
    assert shown["answers"][0]["error"] == {
        "type": "inference_geo",
        "message": "computed in global, not in us",
        "request_id": None,
    }  # fmt: skip -- one value
    assert shown["answers"][0]["usage"]["inference_geo"] == "global"
    page = repo / ".lanectl/here/latest/digest.md"
    assert "2 answers of here computed in another region than was asked for" in page.read_text()
    manifest = repo / ".lanectl/here/latest/manifest.json"
    assert json.loads(manifest.read_text())["jobs"][0]["error"]["type"] == "inference_geo"


@pytest.mark.parametrize("geo", ["us", "global"])
def test_answer_from_the_region_that_was_asked_for_is_none(
    cli: Cli, relay: Relay, repo: Path, home: Path, geo: str
) -> None:
    recipe(home, geo=geo)
    if geo == "global":
        relay.twist = lambda _, body: body.replace(b'"inference_geo": "global"', b'"inference_geo": "us"')
    assert cli("submit", "here", "--yes").code == 0
    assert "another region" not in cli("pull", "--wait").out
    assert json.loads(cli("status", "--all", "--json").out)["data"]["runs"][0]["needs"] == []
    assert repo.exists()


def test_pilot_from_another_region_holds_the_rest(cli: Cli, relay: Relay, repo: Path, home: Path) -> None:
    recipe(home, pilot=1)
    relay.twist = elsewhere
    ran = cli("submit", "here", "--yes")
    assert ran.code == 4
    assert "the pilot's answer was computed in global, not in us" in ran.err
    assert repo.exists()


def config(home: Path, text: str) -> None:
    (home / "lanectl").mkdir(parents=True, exist_ok=True)
    (home / "lanectl/config.toml").write_text(text)


def deletions(relay: Relay) -> int:
    return sum(sent.startswith(b"DELETE /v1/messages/batches/") for sent in relay.sent)


def events(cli: Cli) -> list[str]:
    shown = json.loads(cli("show", "here", "--json").out)["data"]
    return [one["text"] for one in shown["history"] if "provider" in one["text"]]


def test_batches_are_deleted_once_after_their_artifacts_are_verified(
    cli: Cli, relay: Relay, repo: Path, home: Path
) -> None:
    recipe(home)
    config(home, "[provider]\ndelete_after_pull = true\n")
    assert cli("submit", "here", "--yes").code == 0
    assert deletions(relay) == 0
    assert cli("pull", "--wait").code == 0
    assert deletions(relay) == 1
    (event,) = events(cli)
    assert event.startswith("batch msgbatch_")
    assert event.endswith("deleted at the provider after its artifacts were verified")
    assert [cli(*argv).code for argv in (("tick",), ("pull",), ("pull", "here"))] == [0, 0, 0]
    assert deletions(relay) == 1
    (artifact,) = (repo / ".lanectl/here/latest").glob("alpha*")
    artifact.unlink()
    assert cli("pull", "here").code == 0
    assert artifact.exists()


def test_nothing_is_deleted_unless_it_is_asked_for(cli: Cli, relay: Relay, repo: Path, home: Path) -> None:
    recipe(home)
    assert cli("submit", "here", "--yes").code == 0
    assert cli("pull", "--wait").code == 0
    assert [cli("tick").code, deletions(relay), events(cli)] == [0, 0, []]
    assert repo.exists()


@pytest.mark.parametrize("harm", ["edit", "remove"])
def test_artifact_that_is_not_as_it_was_written_keeps_the_batch(
    cli: Cli, relay: Relay, repo: Path, home: Path, harm: str
) -> None:
    recipe(home)
    assert cli("submit", "here", "--yes").code == 0
    assert cli("pull", "--wait").code == 0
    (artifact,) = (repo / ".lanectl/here/latest").glob("alpha*")
    artifact.write_text("mine\n") if harm == "edit" else artifact.unlink()
    config(home, "[provider]\ndelete_after_pull = true\n")
    assert cli("pull").code == 0
    assert deletions(relay) == 0


def test_deletion_that_fails_is_met_by_the_next_tick(
    cli: Cli,
    relay: Relay,  # noqa: ARG001 -- the provider must be up
    repo: Path,
    home: Path,
    box: Sandbox,
    clock: Clock,
) -> None:
    recipe(home)
    config(home, "[provider]\ndelete_after_pull = true\n")
    box.set_faults(Faults(wire=(WireFault(at="delete", status=500, times=3),)))
    assert cli("submit", "here", "--yes").code == 0
    assert cli("pull", "--wait").code == 0
    assert events(cli) == []
    clock.sleep(900)
    assert cli("tick").code == 0
    assert len(events(cli)) == 1
    assert repo.exists()
