"""The prefix is the same bytes in every request of a run, on the wire and not only in the plan."""

import json
import subprocess
from pathlib import Path

import pytest

from lanectl.api import connect
from lanectl.config import Flags, load
from lanectl.lane.context import Lane
from lanectl.lane.prepare import Wishes
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from lanectl.recipe.load import load as load_recipe
from lanectl.sandbox.server import Sandbox

REVIEWS = 47
PREFIX_BYTES = 200_000
RECIPE = """
name = "reviews"
[lane]
model = "claude-opus-5-5"
max_tokens = 8000
[prefix]
system = "You review {{ repo.name }}."
files = ["MEMORY.md"]
[source]
kind = "text"
path = "reviews.txt"
lines = true
[job]
key = "{{ item.name }}"
prompt = "Review this change: {{ item.text }}"
[output]
kind = "findings"
path = "{{ item.name }}.md"
[run]
pilot = 0
"""


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A repository with a project memory of 200 kB and 47 things to review."""
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    memory = "".join(f"Rule {n}: “keep” \\ the <order> of {{braces}}\n" for n in range(PREFIX_BYTES // 35))
    (folder / "MEMORY.md").write_text(memory[:PREFIX_BYTES])
    (folder / "reviews.txt").write_text("".join(f"change {n} of the parser\n" for n in range(REVIEWS)))
    (folder / "reviews.toml").write_text(RECIPE)
    return folder


def test_reviews_with_a_large_prefix_share_its_bytes_in_one_batch(
    reviews: Path, tmp_path: Path, home: Path
) -> None:
    settings = load(environ={"LANECTL_HOME": str(home / "lanectl")}, flags=Flags(sandbox=True))
    with (
        Sandbox(tmp_path / "provider", duration_s=0) as box,
        Lane(settings, lambda salt: connect(salt=salt, timeout_s=60, base_url=box.url, key="k")) as lane,
    ):
        sent = submit(lane, load_recipe(reviews / "reviews.toml"), Wishes(repo=reviews))
        pulled = pull(lane)
    (body,) = (tmp_path / "provider").glob("batches/*/body.json")
    shared = {_shared(line) for line in body.read_bytes().splitlines() if b'"custom_id"' in line}
    assert [attempt.requests for attempt in sent.batches] == [REVIEWS]
    assert len(json.loads(body.read_bytes())["requests"]) == REVIEWS
    assert len(shared) == 1
    (only,) = shared
    assert len(only) > PREFIX_BYTES
    assert only.count(b'"cache_control"') == 1
    assert only.rstrip(b",").endswith(b'"cache_control":{"type":"ephemeral","ttl":"5m"}}]')
    assert sum(pulled.runs[0].account.outcomes.values()) == REVIEWS
    assert pulled.runs[0].account.out == 0


def _shared(line: bytes) -> bytes:
    """What of a request's line stands between its custom id and its own messages."""
    return line.partition(b'"params":')[2].partition(b'"messages":')[0]
