"""`ask`, `try`, `route` and `queue` as people and machines call them."""

import codecs
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lanectl.sandbox.faults import Faults, WireFault
from lanectl.sandbox.server import Sandbox
from tests.cli.cli_world import KEY, RECIPE, Cli, Clock, make_repo

ROOT = Path(__file__).parents[2]
ENTRANCES = Path(__file__).parent / "entrances"
ENOUGH_S = 180.0


@dataclass(frozen=True)
class World:
    """What a process of its own gets: a silent environment, a repository, a provider that streams."""

    environ: Mapping[str, str]
    repo: Path
    provider: Sandbox

    def run(self, *argv: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """One command line in a process without any terminal."""
        return subprocess.run(
            [sys.executable, "-m", "lanectl", *argv],
            cwd=self.repo,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ENOUGH_S,
            start_new_session=True,
            check=False,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    repo = tmp_path / "shop"
    make_repo(repo, {"alpha.txt": "the text of alpha\n", "recipes/notes.toml": RECIPE})
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "lanectl").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lanectl "$@"\n')
    (scripts / "lanectl").chmod(0o755)
    with Sandbox(tmp_path / "provider", duration_s=0.0, tokens_per_s=400.0) as provider:
        environ = {
            "PATH": f"{scripts}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LANECTL_HOME": str(tmp_path / "lanectl"),
            "PYTHONPATH": str(ROOT),
            "ANTHROPIC_BASE_URL": provider.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        yield World(environ, repo, provider)


class Terminal:
    """A process at a real pseudo-terminal, its keyboard and its screen."""

    def __init__(self, world: World, *argv: str) -> None:
        ours, theirs = pty.openpty()
        self._fd = ours
        # A character of several bytes may come in two pieces.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.screen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lanectl", *argv],
            cwd=world.repo,
            env={**world.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read(self, until: str | None = None) -> str:
        """What appears until a text does, or until the process has ended."""
        deadline = time.monotonic() + ENOUGH_S
        while time.monotonic() < deadline and not (until and until in self.screen):
            ready, _, _ = select.select([self._fd], [], [], 0.2)
            if not ready:
                continue
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.screen += self._decoder.decode(data)
        return self.screen

    def end(self) -> int:
        """Everything until the end, and the exit code."""
        self.read()
        code = self.process.wait(ENOUGH_S)
        os.close(self._fd)
        return code


def test_at_a_terminal_the_answer_streams_and_its_markdown_is_drawn(world: World) -> None:
    terminal = Terminal(world, "ask", "Why?", "-v")
    code = terminal.end()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.screen)
    assert code == 0
    assert "[sandbox] An answer" in plain
    # Drawn: a bullet stands where the model wrote a dash.
    assert " • It began with: Why?." in plain
    assert re.search(r"claude-haiku-5-5: \d+ tokens in, \d+ tokens out, .*\$0\.\d+", plain)
    assert re.search(r"first token after \d+\.\d\d s, then [\d,]+ tokens a second", plain)
    assert not (world.repo / ".lanectl").exists()


def test_ctrl_c_ends_the_answer_cleanly_and_says_what_was_spent(world: World) -> None:
    with Sandbox(world.provider.folder.parent / "slow", tokens_per_s=8.0) as slow:
        own = World({**world.environ, "ANTHROPIC_BASE_URL": slow.url}, world.repo, slow)
        terminal = Terminal(own, "ask", "Why?")
        terminal.read("An answer")
        os.killpg(terminal.process.pid, signal.SIGINT)
        code = terminal.end()
    assert code == 130
    assert "Traceback" not in terminal.screen
    assert re.search(
        r"interrupted after \d+ tokens in, about \d+ tokens out, about \$0\.\d+", terminal.screen
    )


def test_in_a_pipe_the_answer_is_raw_and_nothing_else_is_on_stdout(world: World) -> None:
    ran = world.run("ask", "--lane", "interactive", "Why?")
    assert ran.returncode == 0
    assert ran.stdout.startswith("# [sandbox] An answer\n\nNo model was called.")
    assert ran.stdout.endswith("\n")
    assert "\x1b" not in ran.stdout + ran.stderr
    assert re.fullmatch(r"claude-haiku-5-5: \d+ tokens in, .*\$0\.\d+\n", ran.stderr)


def test_under_cron_the_question_is_queued_and_its_id_printed(world: World) -> None:
    ran = world.run("ask", "Why?")
    assert ran.returncode == 0
    assert re.fullmatch(r"[a-z2-7]{10}\n", ran.stdout)
    assert "nobody waits: there is no terminal (cron, or another program)" in ran.stderr
    assert world.provider.seen == ()


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        pytest.param({"CI": "true"}, "ci", id="CI"),
        pytest.param({"GITHUB_ACTIONS": "true"}, "ci", id="GitHub Actions"),
        pytest.param({"INVOCATION_ID": "0f"}, "systemd", id="systemd"),
        pytest.param({}, "cron", id="cron"),
    ],
)
def test_machines_are_known_by_their_environment(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], kind: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    data = cli("route", "--json").data
    assert (data["lane"], data["signals"]["kind"], data["signals"]["human"]) == ("batch", kind, False)


def test_route_object_has_the_keys_of_the_contract(cli: Cli) -> None:
    data = cli("route", "--human", "--hint", "judgment", "--json").data
    assert set(data) >= {"lane", "model", "effort", "reason", "signals"}
    assert (data["lane"], data["model"]) == ("interactive", "claude-opus-5-5")
    assert data["reason"] == "you say that a human is waiting"


def test_route_says_lane_and_reason_in_two_lines(cli: Cli) -> None:
    ran = cli("route", "--no-human", "--jobs", "40")
    assert ran.out.splitlines() == [
        "batch: claude-opus-5-5, effort max, prompt cache 1h",
        "because you say that nobody waits; 40 jobs are a batch of their own, at half price",
    ]


@pytest.mark.usefixtures("provider", "repo")
def test_ask_object_carries_text_use_and_pace(cli: Cli) -> None:
    data = cli("ask", "--lane", "interactive", "--json", "Why?").data
    assert data["text"].startswith("# [sandbox] An answer")
    assert (data["lane"], data["model"], data["stop_reason"], data["turns"]) == (
        "interactive",
        "claude-haiku-5-5",
        "end_turn",
        1,
    )
    assert data["usage"]["output_tokens"] > 0
    assert 0 < data["cost_usd"] < 0.01
    assert set(data) >= {"first_token_s", "seconds", "tokens_per_s", "reason", "interrupted"}


@pytest.mark.usefixtures("repo")
def test_conversation_goes_on_and_reads_its_cache(cli: Cli, provider: Sandbox) -> None:
    assert cli("ask", "--lane", "interactive", "--system", "Be brief. " * 300, "Why?").code == 0
    data = cli("ask", "--continue", "And how?", "--json").data
    assert (data["turns"], data["reason"]) == (2, "you asked for the interactive lane")
    assert data["usage"]["cache_read_input_tokens"] > 700
    assert sum(seen.path == "/v1/messages" for seen in provider.seen) == 2


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param(["ask"], 2, "there is nothing to ask", id="nothing"),
        pytest.param(
            ["ask", "--continue", "x"], 2, "there is no conversation to continue", id="no conversation"
        ),
        pytest.param(
            ["ask", "--continue", "--lane", "batch", "x"],
            2,
            "a conversation does not wait in a queue",
            id="queued",
        ),
        pytest.param(
            ["ask", "--continue", "--system", "y", "x"],
            2,
            "a conversation goes on with the prefix that it began with",
            id="another prefix",
        ),
        pytest.param(["ask", "-f", "gone.md", "x"], 2, "the file cannot be read", id="no such file"),
        pytest.param(["ask", "-r", "nothere", "x"], 78, "nothere", id="no such recipe"),
        pytest.param(["queue", "drop", "nothere"], 2, "no call nothere in the queue", id="no such call"),
        pytest.param(["try", "notes", "--item", "gone"], 2, "the source has no item gone", id="no such item"),
    ],
)
@pytest.mark.usefixtures("provider", "repo")
def test_what_cannot_be_is_said_in_one_line(cli: Cli, argv: list[str], code: int, message: str) -> None:
    ran = cli(*argv, "--json")
    assert (ran.code, ran.whole["exit"]["code"]) == (code, code)
    assert message in ran.whole["error"]["message"]
    assert ran.whole["error"]["hint"]


@pytest.mark.usefixtures("repo")
def test_queue_shows_flushes_and_drops(cli: Cli, provider: Sandbox) -> None:
    first = cli("ask", "--lane", "batch", "Why?").out.strip()
    second = cli("ask", "--lane", "batch", "How?").out.strip()
    assert {one["id"] for one in cli("queue", "--json").data["calls"]} == {first, second}
    assert cli("status", "--json").data["queue"] == 2
    assert "2 calls in the queue: lanectl queue" in cli("status").out
    assert cli("queue", "drop", second).out == f"{second} is dropped: How?\n"
    (run,) = cli("queue", "flush", "--json").data["runs"]
    assert run["jobs"] == 1
    assert cli("queue").out == "nothing waits to be batched\n"
    assert {one["state"] for one in cli("queue", "--all", "--json").data["calls"]} == {"sent", "dropped"}
    assert len(provider.ledger()) == 1


@pytest.mark.usefixtures("provider", "repo")
def test_queued_question_is_answered_in_a_file_by_tick_and_pull(cli: Cli, clock: Clock, repo: Path) -> None:
    asked = cli("ask", "--key", "nightly", "Why?", "--json").data
    assert (asked["lane"], asked["state"], asked["fresh"], asked["waiting"]) == ("batch", "waiting", True, 1)
    assert cli("tick").out == ""
    clock.sleep(3600)
    assert "1 call to claude-opus-5-5 sent as run" in cli("tick").out
    clock.sleep(60)
    assert cli("tick").code == 0
    again = cli("ask", "--key", "nightly", "Why?", "--json").data
    assert (again["fresh"], again["outcome"]) == (False, "succeeded")
    assert Path(again["artifact"]).is_relative_to(repo / ".lanectl" / "ask")
    assert "No model was called" in Path(again["artifact"]).read_text()


@pytest.mark.usefixtures("provider")
def test_try_sends_one_item_with_the_bytes_of_a_batch(cli: Cli, repo: Path) -> None:
    tried = cli("try", "notes", "--item", "beta.txt", "--json").data
    assert (tried["key"], tried["outcome"], tried["model"]) == ("beta.txt", "succeeded", "claude-sonnet-5-5")
    (artifact,) = tried["artifacts"]
    assert Path(artifact) == repo / ".lanectl" / "notes" / "try" / "note-beta.txt.md"
    assert 0 < tried["batch_usd"] < tried["cost_usd"]
    run = cli("submit", "notes", "--only", "beta.txt", "--json").data["runs"][0]
    assert run["jobs"] == 1
    cli("pull", "--wait")
    night = repo / ".lanectl" / "notes" / run["run"] / "note-beta.txt.md"
    assert night.read_bytes() == Path(artifact).read_bytes()


@pytest.mark.usefixtures("provider")
def test_try_of_an_answer_that_is_cut_ends_as_partial(cli: Cli, repo: Path) -> None:
    recipe = repo / "recipes" / "notes.toml"
    recipe.write_text(RECIPE.replace("max_tokens = 2000", "max_tokens = 5"))
    ran = cli("try", "notes", "--json")
    assert (ran.code, ran.data["outcome"], ran.data["artifacts"]) == (3, "truncated", [])
    assert ran.data["cost_usd"] > 0


@pytest.mark.usefixtures("repo")
def test_try_without_the_provider_is_try_later(cli: Cli, provider: Sandbox) -> None:
    provider.set_faults(Faults(wire=(WireFault("messages", status=529, times=-1),)))
    assert cli("try", "notes").code == 75


def test_importing_the_library_loads_neither_the_sdk_nor_the_command_line(world: World) -> None:
    code = (
        "import sys; from lanectl import ask, route; r = route(human=True); "
        "print(r.lane, r.model, sorted({'anthropic', 'rich', 'jinja2', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(world.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout == "interactive claude-haiku-5-5 []\n"


def test_library_asks_on_both_lanes(provider: Sandbox, repo: Path) -> None:
    from lanectl import ask, route
    from lanectl.lane.ask import Asked
    from lanectl.lane.queue import Queued

    pieces: list[str] = []
    answer = ask("Why?", human=True, hear=lambda kind, text: pieces.append(text) if kind == "text" else None)
    assert isinstance(answer, Asked)
    assert "".join(pieces) == answer.heard.text
    waiting = ask("Why?", human=False, key="k")
    assert isinstance(waiting, Queued)
    assert (waiting.entry.state, waiting.fresh) == ("waiting", True)
    assert route(tools=True).lane == "interactive"
    assert len(provider.seen) == 1
    assert not (repo / ".lanectl").exists()


def command_of(name: str, line: str) -> str:
    """The line of an entrance that begins with `line`, as its runner hands it to a shell."""
    (found,) = [one for one in (ENTRANCES / name).read_text().splitlines() if one.strip().startswith(line)]
    return found.strip().removeprefix(line).strip()


def sh(world: World, script: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=world.repo,
        env={**world.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENOUGH_S,
        start_new_session=True,
        check=False,
    )


def waiting(world: World) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(world.run("queue", "--json").stdout)["data"]["calls"]
    return found


def test_cron_line_queues_once_a_day_and_is_silent(world: World) -> None:
    line = command_of("crontab", "0 1 * * 1-5").replace("\\%", "%")
    for _ in range(2):
        ran = sh(world, line)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    (call,) = waiting(world)
    assert call["key"].startswith("log-20")
    assert call["title"].startswith("What did we break today?")


def test_post_commit_hook_queues_the_commit(world: World) -> None:
    hook = world.repo / ".git" / "hooks" / "post-commit"
    hook.write_text((ENTRANCES / "post-commit").read_text())
    hook.chmod(0o755)
    who = "-c user.name=A -c user.email=a@example.invalid"
    ran = sh(world, f"git {who} commit -q --allow-empty -m 'Fix the leak'")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    (call,) = waiting(world)
    assert re.fullmatch(r"commit-[0-9a-f]{40}", call["key"])
    assert "Fix the leak" in call["title"]


def test_post_commit_hook_without_lanectl_does_not_fail_the_commit(world: World) -> None:
    hook = world.repo / ".git" / "hooks" / "post-commit"
    hook.write_text((ENTRANCES / "post-commit").read_text())
    hook.chmod(0o755)
    who = "-c user.name=A -c user.email=a@example.invalid"
    assert sh(world, f"git {who} commit -q --allow-empty -m x", PATH="/usr/bin:/bin").returncode == 0


def test_systemd_unit_queues_its_question(world: World) -> None:
    start = command_of("lanectl-ask.service", "ExecStart=/bin/sh -c").strip("'").replace("%%", "%")
    ran = sh(world, start.replace("journalctl -p err --since today", "echo oops"), INVOCATION_ID="0f")
    assert (ran.returncode, ran.stderr) == (0, "")
    (call,) = waiting(world)
    assert (call["id"], call["key"][:9]) == (ran.stdout.strip(), "errors-20")
    assert sh(world, command_of("lanectl-ask.service", "ExecStartPost=")).returncode == 0


def test_webhook_reaches_the_queue_through_the_workflow_and_cannot_inject(world: World) -> None:
    asks = [
        one.strip().removeprefix("run: ")
        for one in (ENTRANCES / "ask.yml").read_text().splitlines()
        if "run: lanectl ask" in one
    ]
    payload = json.loads(re.findall(r"-d '(.*)'", (ENTRANCES / "webhook.sh").read_text())[0])
    assert payload["event_type"] == "ask"
    given = payload["client_payload"]
    for _ in range(2):
        ran = sh(
            world,
            asks[0],
            CI="true",
            GITHUB_ACTIONS="true",
            KEY=given["key"],
            PROMPT="--json $(touch pwned) `x`",
        )
        assert ran.returncode == 0
    (call,) = waiting(world)
    assert (call["key"], call["title"]) == (given["key"], "--json $(touch pwned) `x`")
    assert not (world.repo / "pwned").exists()


def test_workflow_never_puts_what_others_wrote_into_a_command(world: World) -> None:  # noqa: ARG001 -- the folder
    text = (ENTRANCES / "ask.yml").read_text()
    assert not [line for line in text.splitlines() if "run:" in line and "${{" in line]
    ran = [line for line in text.splitlines() if "run: " in line]
    assert len(ran) == 4
