"""The prompt cache: who writes, who reads, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import pytest

from lanectl.sandbox import prompts
from lanectl.sandbox.cache import Cache, Use, Visit
from lanectl.sandbox.catalogue import MODELS

Connect = Callable[..., anthropic.Anthropic]
NOW = 1_795_478_400.0
# 4,000 bytes are 1,000 tokens of the older tokenizer and 1,300 of the newer.
PREFIX = "x" * 4_000
OPUS = "claude-opus-5-5"


def marked(text: str = PREFIX, ttl: str = "1h") -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def asked(**more: Any) -> dict[str, Any]:
    return {
        "model": OPUS,
        "system": marked(),
        "messages": [{"role": "user", "content": "Hello, four."}],
        **more,
    }


@dataclass
class Visitor:
    """Asks the cache as one batch after another does."""

    cache: Cache
    turn: int = 0

    def __call__(self, params: dict[str, Any], *, start: float = NOW, writer: str = "", **more: Any) -> Use:
        self.turn += 1
        visit = Visit("batch", "wrkspc_a", writer or f"batch-{self.turn}", start, start, **more)
        return self.cache.use(params, MODELS[params["model"]], visit)


@pytest.fixture
def visit(tmp_path: Path) -> Visitor:
    return Visitor(Cache(tmp_path / "cache.json", cold_burst=1))


WRITTEN = Use(after=4, read=0, written_5m=0, written_1h=1_300)
READ = Use(after=4, read=1_300, written_5m=0, written_1h=0)


def test_first_request_writes_and_the_next_reads(visit: Visitor) -> None:
    assert visit(asked()) == WRITTEN
    assert visit(asked(messages=[{"role": "user", "content": "Other, five."}])) == READ


def test_without_a_breakpoint_nothing_is_cached(visit: Visitor) -> None:
    plain = asked(system=PREFIX)
    assert visit(plain) == visit(plain) == Use(after=1_304)


def test_below_the_models_minimum_nothing_is_cached_in_silence(visit: Visitor) -> None:
    assert visit(asked(system=marked("x" * 1_572))) == Use(after=515)
    assert visit(asked(system=marked("x" * 1_576))) == Use(after=4, written_1h=512)
    haiku = asked(model="claude-haiku-4-5", system=marked("x" * 16_380))
    assert visit(haiku) == Use(after=4_098)
    assert visit(asked(model="claude-haiku-4-5", system=marked("x" * 16_384))) == Use(
        after=3, written_1h=4_096
    )


CHANGED: dict[str, dict[str, Any]] = {
    "one byte": {"system": marked(PREFIX[:-1] + "y")},
    "a tool before it": {"tools": [{"name": "t", "input_schema": {}}]},
    "model": {"model": "claude-sonnet-5-5"},
    "effort": {"output_config": {"effort": "max"}},
    "thinking": {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}},
    "schema": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_other_prefix_is_written_anew(visit: Visitor, changed: dict[str, Any]) -> None:
    visit(asked(**({"model": changed["model"]} if "thinking" in changed else {})))
    use = visit(asked(**changed))
    assert use.read == 0
    assert use.written_1h >= 1_300


def test_other_workspace_and_other_betas_have_their_own_entries(visit: Visitor) -> None:
    visit(asked())
    assert visit(asked(), betas=("a",)) == WRITTEN
    other = Visit("batch", "wrkspc_b", "b", NOW, NOW)
    assert visit.cache.use(asked(), MODELS[OPUS], other) == WRITTEN


def test_default_said_aloud_is_the_default(visit: Visitor) -> None:
    visit(asked())
    assert visit(asked(output_config={"effort": "medium"}, thinking={"type": "adaptive"})) == READ


@pytest.mark.parametrize(("ttl", "seconds"), [("5m", 300), ("1h", 3_600)])
def test_entry_lives_from_the_start_of_its_last_use(visit: Visitor, ttl: str, seconds: int) -> None:
    params = asked(system=marked(ttl=ttl))
    visit(params)
    assert visit(params, start=NOW + seconds - 1).read == 1_300
    assert visit(params, start=NOW + 2 * seconds - 2).read == 1_300
    assert visit(params, start=NOW + 3 * seconds - 2).read == 0


def test_breakpoints_of_two_lives_are_billed_apart(visit: Visitor) -> None:
    params = asked(system=[*marked(), *marked("y" * 4_000, "5m")])
    assert visit(params) == Use(after=4, written_5m=1_300, written_1h=1_300)
    longer = asked(system=[*marked(), *marked("z" * 4_000, "5m")])
    assert visit(longer) == Use(after=4, read=1_300, written_5m=1_300)


def test_breakpoint_finds_a_write_19_blocks_before_it_and_not_20(visit: Visitor) -> None:
    more = [{"type": "text", "text": "y"} for _ in range(18)]
    visit(asked())
    assert visit(asked(system=[*marked(), *more, *marked("z" * 40)])).read == 1_300
    bare = [{"type": "text", "text": PREFIX}]
    assert visit(asked(system=[*bare, *more, *marked("w" * 40)])).read == 1_300
    far = [*bare, *more, {"type": "text", "text": "v"}, *marked("u" * 40)]
    assert visit(asked(system=far)).read == 0


def test_automatic_breakpoint_writes_what_varies_and_never_reads(visit: Visitor) -> None:
    automatic = {"type": "ephemeral"}
    for number in range(3):
        text = [{"role": "user", "content": f"{number}" * 4_000}]
        use = visit(asked(system=PREFIX, messages=text, cache_control=automatic))
        assert (use.read, use.written_5m) == (0, 2_600)


def test_burst_of_one_batch_misses_until_the_first_answer_has_begun(tmp_path: Path) -> None:
    visit = Visitor(Cache(tmp_path / "cache.json", cold_burst=3))
    uses = [visit(asked(), writer="one") for _ in range(5)]
    assert uses == [WRITTEN] * 3 + [READ] * 2


def test_entry_of_a_batch_that_has_not_ended_is_not_read_by_another(visit: Visitor) -> None:
    slow = Visit("batch", "wrkspc_a", "slow", NOW, NOW + 60)
    visit.cache.use(asked(), MODELS[OPUS], slow)
    assert visit(asked(), start=NOW + 59) == WRITTEN


def test_cache_is_kept_on_disk_as_long_as_it_may_be_met(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    visit = Visitor(Cache(path, cold_burst=1))
    visit(asked())
    visit.cache.save(NOW)
    again = Visitor(Cache(path, cold_burst=1), turn=7)
    assert again(asked()) == READ
    again.cache.save(NOW + 2 * 86_400)
    assert path.read_text() == "{}"


def test_tokens_are_counted_by_bytes_and_by_tokenizer() -> None:
    params = {"system": "é" * 200, "messages": [{"role": "user", "content": "x" * 400}]}
    assert prompts.count(params, MODELS["claude-haiku-4-5"]) == 200
    assert prompts.count(params, MODELS["claude-haiku-5-5"]) == 260
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 900_000}}
    pictured = {"messages": [{"role": "user", "content": [image]}]}
    assert prompts.count(pictured, MODELS["claude-haiku-4-5"]) == 1_600


def batch_of(count: int, first: int = 0) -> Any:
    return [
        {
            "custom_id": f"job-{first + n}",
            "params": {**asked(messages=[{"role": "user", "content": f"Hello {n}."}]), "max_tokens": 500},
        }
        for n in range(count)
    ]


def usage(client: anthropic.Anthropic, batch: str) -> tuple[int, int]:
    """Tokens read and written by all of a batch."""
    read = written = 0
    for line in client.messages.batches.results(batch):
        assert line.result.type == "succeeded"
        used = line.result.message.usage
        read += used.cache_read_input_tokens or 0
        written += used.cache_creation_input_tokens or 0
        assert used.cache_creation is not None
        assert used.cache_creation.ephemeral_1h_input_tokens == used.cache_creation_input_tokens
    return read, written


def test_rest_reads_what_its_pilot_wrote(start: Any, connect: Connect, clock: Any) -> None:
    client = connect(start(duration_s=3.0))
    pilot = client.messages.batches.create(requests=batch_of(1))
    clock.now += 3
    assert usage(client, pilot.id) == (0, 1_300)
    rest = client.messages.batches.create(requests=batch_of(200, first=1))
    clock.now += 3
    read, written = usage(client, rest.id)
    assert (read, written) == (200 * 1_300, 0)


def test_batch_without_a_pilot_pays_for_its_burst(start: Any, connect: Connect) -> None:
    client = connect(start(cold_burst=20))
    batch = client.messages.batches.create(requests=batch_of(100))
    assert usage(client, batch.id) == (80 * 1_300, 20 * 1_300)


def test_rest_that_comes_too_late_writes_again(start: Any, connect: Connect, clock: Any) -> None:
    client = connect(start(cold_burst=1))
    client.messages.batches.create(requests=batch_of(1))
    clock.now += 3_600
    rest = client.messages.batches.create(requests=batch_of(10))
    assert usage(client, rest.id) == (9 * 1_300, 1_300)


def test_rest_sent_while_the_pilot_is_out_does_not_read(start: Any, connect: Connect, clock: Any) -> None:
    client = connect(start(duration_s=10.0, cold_burst=5))
    client.messages.batches.create(requests=batch_of(1))
    clock.now += 1
    rest = client.messages.batches.create(requests=batch_of(10))
    clock.now += 10
    assert usage(client, rest.id) == (5 * 1_300, 5 * 1_300)


def test_message_does_not_warm_a_batch_but_the_next_message(start: Any, connect: Connect) -> None:
    client = connect(start(cold_burst=1))
    params: Any = batch_of(1)[0]["params"]
    first, second = (client.messages.create(**params).usage for _ in range(2))
    assert (first.cache_creation_input_tokens, second.cache_read_input_tokens) == (1_300, 1_300)
    batch = client.messages.batches.create(requests=batch_of(1))
    assert usage(client, batch.id) == (0, 1_300)
