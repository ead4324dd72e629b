"""After a day of every command the key is nowhere but in its header, and every secret stayed at home."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from lanectl.cli.app import ORDER
from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.lane.scene import make_repo
from tests.security.hostile_world import HEADER_TOKEN, KEY, SECRETS, Cli, Clock, Ran, Relay, every_file, hits

RECIPE = """\
name = "{name}"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "You write notes."
files = [{memory}]

[source]
{source}

[job]
key = "{{{{ item.name }}}}"
prompt = "Look at {{{{ item }}}}"

[output]
kind = "markdown"

[run]
pilot = 0
notify = ["team"]
"""
FILES = 'kind = "files"\ninclude = ["**/*"]'
# Never items, whatever they hold: their names are enough.
BY_NAME = (".env", ".env.local", "id_rsa", "server.pem", "secrets/.netrc", ".aws/credentials", ".npmrc")
CLEAN = ("clean.txt", "more.txt")


@pytest.fixture
def planted(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a secret of each kind in tracked, ignored and linked places, and two clean files."""
    folder = tmp_path / "shop"
    outside = tmp_path / "outside.txt"
    outside.write_text(SECRETS["aws.txt"])
    texts = {name: f"the configuration\ntoken = {secret}\n" for name, secret in SECRETS.items()}
    texts |= dict.fromkeys(CLEAN, "nothing to hide\n")
    texts |= dict.fromkeys(BY_NAME, f"x={SECRETS['github.txt']}\n")
    texts |= {".gitignore": "ignored.txt\n"}
    make_repo(folder, texts)
    (folder / "ignored.txt").write_text(SECRETS["slack.txt"])
    (folder / "link.txt").symlink_to(outside)
    os.mkfifo(folder / "pipe.txt")
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    (recipes / "notes.toml").write_text(RECIPE.format(name="notes", source=FILES, memory=""))
    (recipes / "leaky.toml").write_text(RECIPE.format(name="leaky", source=FILES, memory='"github.txt"'))
    source = 'kind = "command"\nargv = ["env"]'
    (recipes / "environment.toml").write_text(RECIPE.format(name="environment", source=source, memory=""))
    monkeypatch.chdir(folder)
    return folder


def at_home(tmp_path: Path, home: Path) -> list[tuple[Path, bytes]]:
    """Every byte below HOME, state and artifacts, and what the provider keeps; not the planted files."""
    planted = {tmp_path / "shop" / name for name in (*SECRETS, *BY_NAME, "ignored.txt")} | {
        tmp_path / "outside.txt"
    }
    return list(every_file(tmp_path, home, but=lambda path: path in planted or ".git" in path.parts))


def test_item_with_a_secret_is_withheld_named_and_the_rest_is_sent(
    cli: Cli, relay: Relay, planted: Path, tmp_path: Path, home: Path
) -> None:
    ran = cli("submit", "notes", "--yes", "--json")
    run = json.loads(ran.out)["data"]["runs"][0]
    skipped = {skip["key"]: skip["reason"] for skip in run["skipped"]}
    assert {name: skipped.get(name) for name in SECRETS} == dict.fromkeys(SECRETS, "secret")
    assert {name: skipped.get(name) for name in BY_NAME} == dict.fromkeys(BY_NAME, "credential file")
    assert skipped["link.txt"] == "outside the repository"
    assert "ignored.txt" not in skipped
    assert cli("pull", "--wait").code == 3
    sent = b"\n".join(relay.sent)
    assert b"nothing to hide" in sent
    assert hits(sent, *SECRETS.values()) == 0
    assert [path for path, data in at_home(tmp_path, home) if hits(data, *SECRETS.values())] == []
    assert hits(ran.out.encode(), *SECRETS.values()) == 0
    fingerprint = next(skip["detail"] for skip in run["skipped"] if skip["key"] == "github.txt").split()[-1]
    again = cli("submit", "notes", "--yes", "--json", "--allow", f"secret:{fingerprint}")
    assert json.loads(again.out)["data"]["runs"][0]["jobs"] == 1
    assert hits(b"\n".join(relay.sent), SECRETS["github.txt"]) > 0
    assert planted.exists()


def test_secret_in_the_prefix_holds_the_run(cli: Cli, relay: Relay, planted: Path) -> None:
    ran = cli("submit", "leaky", "--yes")
    assert ran.code == 4
    assert ran.err.startswith("error: the prefix holds what looks like a secret (")
    assert hits(ran.err.encode() + b"\n".join(relay.sent), *SECRETS.values()) == 0
    assert planted.exists()


DAY = (
    *(
        ("doctor",),
        ("config", "show"),
        ("config", "path"),
        ("config", "set", "budget.run_usd", "9"),
        ("recipes", "list"),
    ),
    *(("recipes", "show", "pr-review"), ("recipes", "check", "nowhere.toml"), ("recipes", "schema")),
    *(("recipes", "new", "mine", "--from", "codemod"), ("route",), ("estimate", "notes"), ("try", "notes")),
    *(
        ("submit", "notes", "environment", "leaky", "--dry-run"),
        ("submit", "notes", "environment", "leaky", "--yes"),
    ),
    *(
        ("status",),
        ("status", "--json", "--refresh"),
        ("alive",),
        ("tick",),
        ("pull", "--wait"),
        ("status", "--all"),
    ),
    *(("show", "latest"), ("show", "latest", "--json"), ("digest",), ("digest", "--format", "html")),
    *(
        ("retry", "latest"),
        ("release", "latest", "--yes"),
        ("cancel", "latest"),
        ("spend",),
        ("apply", "latest"),
    ),
    *(
        ("post", "latest"),
        ("ask", "hello"),
        ("queue",),
        ("audit",),
        ("compare", "notes"),
        ("schedule", "notes"),
    ),
    *(
        ("trust", "--list"),
        ("trust", "nowhere.toml"),
        ("clean", "--dry-run"),
        ("recover",),
        ("demo",),
        ("no-such",),
    ),
    *(
        ("show", KEY),
        ("submit", KEY),
        ("config", "set", KEY, KEY),
        ("release", "latest", "--is", KEY),
        ("digest", KEY),
    ),
)  # fmt: skip -- a table


def test_key_is_nowhere_after_a_day_of_every_command(
    cli: Cli,
    relay: Relay,
    box: Sandbox,
    planted: Path,
    clock: Clock,
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    monkeypatch.setenv("ANTHROPIC_ENABLE_TELEMETRY", "1")
    config = home / "lanectl/config.toml"
    config.write_text(f'[health]\nping = "{relay.url}/ping"\nallow_private = true\n')
    day: list[Ran] = [cli(*argv) for argv in DAY]
    known = {argv[0] for argv in DAY} | {"sandbox"}
    day += [cli(name) for name in ORDER if name not in known]
    # The provider, or a gateway before it, complains and repeats what it did not like.
    for at, status in (("create", 400), ("create", 401), ("list", 500), ("retrieve", 403), ("results", 400)):
        fault = WireFault(at=at, status=status, message=f"invalid x-api-key: {KEY} ({KEY[7:]})", times=9)
        box.set_faults(Faults(wire=(fault,)))
        day += [
            cli(*argv)
            for argv in (("submit", "notes", "--again", "--yes"), ("status", "--refresh"), ("pull",))
        ]
        day += [cli("doctor"), cli("tick"), cli("status", "--all", "--json")]
        box.set_faults(Faults())
        clock.sleep(3600)
    day.append(cli("pull", "--wait", "--timeout", "7200"))
    # Something that nobody foresaw, with the key in its words: the state file is no file.
    monkeypatch.setenv("LANECTL_STATE", f"/dev/null/{KEY}/state.db")
    day += [cli("status"), cli("submit", "notes")]
    printed = "".join(ran.out + ran.err for ran in day).encode()
    named = sum((KEY in argv) for argv in DAY)
    assert named
    assert hits(printed, KEY) == 0
    assert hits(printed, HEADER_TOKEN, *SECRETS.values()) == 0
    assert b"nothing to hide" not in "".join(ran.err for ran in day).encode()
    files = at_home(tmp_path, home)
    assert [path for path, data in files if hits(data, KEY, HEADER_TOKEN, *SECRETS.values())] == []
    assert hits(relay.without_the_key_header(), KEY, HEADER_TOKEN, *SECRETS.values()) == 0
    assert len(relay.sent) > 50
    assert sum(len(data) for _, data in files) > 100_000
    ours = [path for path, _ in files if path.is_relative_to(home / "lanectl")]
    logs = [path for path in ours if "logs" in path.parts]
    assert [path for path in logs if stat.S_IMODE(path.stat().st_mode) != 0o600] == []
    assert planted.exists()


def test_no_child_inherits_the_key_or_a_users_header(
    cli: Cli, relay: Relay, planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    seen = tmp_path / "seen"
    for name in ("git", "gh"):
        real = subprocess.run(["which", name], capture_output=True, text=True, check=False).stdout.strip()
        (tools / name).write_text(f'#!/bin/sh\nenv >> {seen}\nexec {real or "false"} "$@"\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for argv in (
        ("submit", "notes", "environment", "--yes"),
        ("submit", "pr-review"),
        ("pull", "--wait"),
        ("doctor",),
    ):
        cli(*argv)
    assert seen.stat().st_size > 1000
    assert hits(seen.read_bytes() + b"\n".join(relay.sent).replace(KEY.encode(), b""), KEY) == 0
    assert hits(seen.read_bytes(), KEY, HEADER_TOKEN) == 0
    assert b"ANTHROPIC" not in seen.read_bytes()
    assert planted.exists()
