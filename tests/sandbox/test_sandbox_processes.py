"""Several processes on one folder, processes that are killed, and how much memory and time one takes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types.messages import MessageBatch

from lanectl.sandbox import batches
from lanectl.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
Connect = Callable[..., anthropic.Anthropic]
SERVER = """
import sys
from pathlib import Path
from lanectl.sandbox.server import Sandbox
with Sandbox(Path(sys.argv[1]), duration_s=0.0) as sandbox:
    print(sandbox.url, flush=True)
    sys.stdin.readline()
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    print(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0), flush=True)
"""
SENDER = """
import sys
import anthropic
from lanectl.sandbox.server import Sandbox
from pathlib import Path
message = {"role": "user", "content": "Hello."}
params = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [message]}
with Sandbox(Path(sys.argv[1]), duration_s=0.0) as sandbox:
    with anthropic.Anthropic(api_key="k", base_url=sandbox.url, max_retries=0) as client:
        for number in range(int(sys.argv[3])):
            requests = [{"custom_id": f"{sys.argv[2]}-{number}", "params": params}]
            made = client.messages.batches.create(requests=requests)
            print(made.id, flush=True)
            client.messages.batches.retrieve(made.id)
"""


def command(script: str, *words: str) -> list[str]:
    return [sys.executable, "-c", script, *words]


@pytest.fixture
def serve() -> Iterator[Callable[[Path], tuple[subprocess.Popen[str], str]]]:
    """Starts a server in a process of its own; gives the process and its address."""
    with ExitStack() as stack:

        def one(folder: Path) -> tuple[subprocess.Popen[str], str]:
            process = stack.enter_context(
                subprocess.Popen(
                    command(SERVER, str(folder)),
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            return process, process.stdout.readline().strip()

        yield one


def peak_kb(process: subprocess.Popen[str]) -> int:
    """The most memory the server ever had; ends it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def written(path: Path, prefix: int, count: int) -> Path:
    """A batch's body on disk, each request on a line, behind a prefix of so many bytes."""
    system = [{"type": "text", "text": "x" * prefix, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    with path.open("w", encoding="ascii") as out:
        out.write('{"requests":[')
        for number in range(count):
            params = {
                "model": "claude-opus-5-5",
                "max_tokens": 500,
                "system": system,
                "messages": [{"role": "user", "content": f"Hello {number}."}],
            }
            request = json.dumps({"custom_id": f"job-{number}", "params": params})
            out.write((",\n" if number else "\n") + request)
        out.write("\n]}")
    return path


def send(client: anthropic.Anthropic, path: Path) -> MessageBatch:
    with path.open("rb") as content:
        return client.post(
            "/v1/messages/batches",
            cast_to=MessageBatch,
            content=content,
            options={
                "headers": {"content-type": "application/json", "content-length": str(path.stat().st_size)}
            },
        )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("prefix", "count"), [(400_000, 250), (3_000, 8_000)], ids=["100 MB", "8,000 requests"]
)
def test_memory_does_not_grow_with_the_run(tmp_path: Path, serve: Any, prefix: int, count: int) -> None:
    idle, url = serve(tmp_path / "idle")
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        small = send(client, written(tmp_path / "small.json", 1_000, 1))
        list(client.messages.batches.results(small.id))
    least = peak_kb(idle)
    busy, url = serve(tmp_path / "busy")
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        big = send(client, written(tmp_path / "big.json", prefix, count))
        assert client.messages.batches.retrieve(big.id).request_counts.succeeded == count
        assert sum(1 for _ in client.messages.batches.results(big.id)) == count
    assert peak_kb(busy) - least < 20_000


def test_batch_sent_to_one_process_is_pulled_from_another(
    tmp_path: Path, start: Any, connect: Connect
) -> None:
    folder = tmp_path / "sandbox"
    sent = subprocess.run(
        command(SENDER, str(folder), "a", "1"), cwd=ROOT, check=True, capture_output=True, text=True
    )
    client = connect(start(folder=folder, clock=time.time))
    (batch,) = client.messages.batches.list()
    assert batch.id == sent.stdout.strip()
    assert [line.custom_id for line in client.messages.batches.results(batch.id)] == ["a-0"]


def test_processes_at_once_on_one_folder_lose_and_mix_up_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    senders = [
        subprocess.Popen(
            command(SENDER, str(folder), name, "10"), cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    told = [sender.communicate()[0].split() for sender in senders]
    assert [sender.returncode for sender in senders] == [0, 0]
    ledger = Sandbox(folder).ledger()
    assert sorted(one.id for one in ledger) == sorted(one for ids in told for one in ids)
    sent = sorted(f"{name}-{number}" for name in "ab" for number in range(10))
    sent = sorted(f"{name}-{number}" for name in "ab" for number in range(10))
    assert sorted(one.custom_ids[0] for one in ledger) == sent


def test_batch_accepted_by_a_killed_process_is_entered_by_the_next(start: Any, connect: Connect) -> None:
    sandbox = start()
    message: Any = {"role": "user", "content": "Hello."}
    params: Any = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [message]}
    for custom_id in ("first", "second"):
        connect(sandbox).messages.batches.create(requests=[{"custom_id": custom_id, "params": params}])
    sandbox.stop()
    # As after a kill between the rename and the ledger: the batch is there, its line torn, nothing counted.
    book, control = sandbox.folder / "ledger.jsonl", sandbox.folder / "control.json"
    lines = book.read_bytes().splitlines(keepends=True)
    book.write_bytes(lines[0] + lines[1][:30])
    control.write_text(json.dumps({**json.loads(control.read_text()), "seq": 1, "ledgered": 1}))
    again = start()
    assert [one.custom_ids for one in again.ledger()] == [("first",), ("second",)]
    third = connect(again).messages.batches.create(requests=[{"custom_id": "third", "params": params}])
    assert [one.id for one in again.ledger()][2:] == [third.id]
    assert len({one.id for one in again.ledger()}) == 3


def test_folder_is_for_its_owner_only(sandbox: Sandbox) -> None:
    assert sandbox.folder.stat().st_mode & 0o777 == 0o700


def test_server_starts_without_loading_what_answers() -> None:
    loaded = "['lanectl.sandbox.routes' in sys.modules, 'anthropic' in sys.modules]"
    script = f"import sys, lanectl.sandbox.server; print({loaded})"
    told = subprocess.run(command(script), cwd=ROOT, check=True, capture_output=True, text=True)
    assert told.stdout == "[False, False]\n"


def test_limits_are_those_of_the_documentation() -> None:
    assert (batches.MOST_BYTES, batches.MOST_REQUESTS) == (256_000_000, 100_000)
