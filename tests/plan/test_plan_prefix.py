"""The prefix: the same bytes everywhere, one breakpoint at its end, and a limit that names what is large."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanectl.errors import ConfigError
from lanectl.plan import batches
from lanectl.plan.identity import digest_of, form_of
from lanectl.plan.params import Params
from lanectl.plan.prefix import DATA_RULE, MemoryFile, Shared, build, dumps, shared_of
from tests.plan.plans import recipe

PARAMS = Params("claude-opus-5-5", 64_000, "max", None, None)
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
MEMORY = [MemoryFile("CLAUDE.md", "Be brief.\n\n"), MemoryFile("docs/a.md", "A.")]
FORMAT = {"type": "json_schema", "schema": {"type": "object"}}


def shared(**changed: Any) -> Shared:
    told: dict[str, Any] = {
        "system": "  You review.\n",
        "memory": MEMORY,
        "tools": [TOOL],
        "instructions": "Answer in JSON.",
        "output_format": FORMAT,
        "most_bytes": 400_000,
        "where": "notes.toml",
    }
    return build(PARAMS, **{**told, **changed})


def breakpoints(value: object) -> int:
    return json.dumps(value).count('"cache_control"')


def test_whole_request_is_in_the_order_that_the_cache_reads() -> None:
    assert shared().body("1h") == {
        "model": "claude-opus-5-5",
        "max_tokens": 64_000,
        "output_config": {"effort": "max", "format": FORMAT},
        "tools": [TOOL],
        "system": [
            {"type": "text", "text": f"You review.\n\n{DATA_RULE}\n\nAnswer in JSON."},
            {
                "type": "text",
                "text": "# File: CLAUDE.md\n\nBe brief.\n\n# File: docs/a.md\n\nA.\n",
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
        ],
    }


@pytest.mark.parametrize("mode", ["1h", "5m"])
@pytest.mark.parametrize("memory", [MEMORY, []])
@pytest.mark.parametrize("tools", [[TOOL, {**TOOL, "name": "other"}], []])
def test_only_breakpoint_is_at_the_end_of_the_prefix(
    mode: str, memory: list[MemoryFile], tools: list[Any]
) -> None:
    body = shared(memory=memory, tools=tools).body(mode)
    assert breakpoints(body) == 1
    assert body["system"][-1]["cache_control"] == {"type": "ephemeral", "ttl": mode}


def test_tools_alone_bear_the_breakpoint_and_nothing_bears_none() -> None:
    alone = Shared({"model": "m"}, [TOOL, {**TOOL, "name": "other"}], ())
    assert breakpoints(alone.body("1h")) == 1
    assert "cache_control" in alone.body("1h")["tools"][-1]
    assert Shared({"model": "m"}, (), ()).body("1h") == {"model": "m"}


def test_without_a_cache_there_is_no_breakpoint() -> None:
    assert breakpoints(shared().body("off")) == 0


def test_body_never_changes_what_it_was_made_of() -> None:
    made = shared()
    before = json.dumps(made.as_json())
    made.body("1h", 5)
    assert json.dumps(made.as_json()) == before
    assert made.body("off") == shared().body("off")


def test_prefix_is_known_by_its_text_and_not_by_its_parameters() -> None:
    one = shared().sha256()
    assert shared(output_format=None).sha256() == one
    assert shared(memory=MEMORY[:1]).sha256() != one
    assert shared(tools=[]).sha256() != one
    assert shared(system="You write.").sha256() != one


def test_spooled_prefix_comes_back_byte_for_byte() -> None:
    made = shared(system="ä \u2028 😀")
    again = shared_of(json.loads(json.dumps(made.as_json())))
    for mode in ("1h", "5m", "off"):
        assert dumps(again.body(mode, 100)) == dumps(made.body(mode, 100))
    assert again.sha256() == made.sha256()


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), min_size=2, max_size=6), st.integers(1, 300_000))
def test_every_request_of_a_run_begins_with_the_same_bytes(prompts: list[str], max_tokens: int) -> None:
    prefix = dumps(shared().body("1h", max_tokens))
    made = [
        batches.entry(f"job-{n}", prefix, {"messages": [{"role": "user", "content": text}]})
        for n, text in enumerate(prompts)
    ]
    tails = {entry.partition(b'"params":')[2][: len(prefix) - 1] for entry in made}
    assert tails == {prefix[:-1]}
    assert all(breakpoints(json.loads(entry)) == 1 for entry in made)


def test_prefix_that_is_too_large_names_its_three_largest_files() -> None:
    memory = [
        MemoryFile(f"{name}.md", "ä" * size) for name, size in zip("abcde", (5, 40, 10, 30, 20), strict=True)
    ]
    with pytest.raises(ConfigError) as caught:
        shared(memory=memory, most_bytes=300)
    size = shared(memory=memory).prefix_bytes()
    assert caught.value.message == (
        f"the prefix has {size:,} bytes, more than max_prefix_bytes = 300; "
        "largest: b.md (80 bytes), d.md (60 bytes), e.md (40 bytes)"
    )
    assert caught.value.where == "notes.toml [prefix] max_prefix_bytes"
    assert shared(memory=memory, most_bytes=size).prefix_bytes() == size


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
values = st.lists(scalars, max_size=4) | st.dictionaries(st.text(max_size=5), scalars, max_size=4)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4))
def test_json_is_compact_utf8_whatever_it_holds(value: object) -> None:
    made = dumps(value)
    assert dumps(json.loads(made)) == made
    assert b": " not in dumps({"a": [1, 2]})


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert dumps({"\ud800": "a\udfffb"}) == '{"\ufffd":"a\ufffdb"}'.encode()


def test_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"x": float("nan")})


def test_form_changes_with_the_request_and_not_with_the_memory() -> None:
    def form(lane_effort: str = "max", *, memory: list[MemoryFile] | None = None, **tables: Any) -> str:
        params = Params("claude-opus-5-5", 64_000, lane_effort, None, None)
        made = build(
            params,
            system="",
            memory=memory or [],
            tools=[],
            instructions="",
            output_format=None,
            most_bytes=9_000,
            where="",
        )
        return form_of(recipe(**tables), made)

    one = form()
    assert form(memory=MEMORY) == one
    assert form(description="another word for lists") == one
    changed = [
        form("high"),
        form(job={"key": "{{ item.path }}", "prompt": "another"}),
        form(prefix={"system": "another"}),
        form(output={"kind": "markdown"}),
        form(schema_value={"type": "object"}),
        form(vars={"tone": "kind"}),
    ]
    assert len({one, *changed}) == len(changed) + 1


@pytest.mark.parametrize(
    ("repeat_on", "same"),
    [
        (("item", "recipe"), {"prefix"}),
        (("item",), {"recipe", "prefix"}),
        (("recipe",), {"item", "prefix"}),
        (("item", "recipe", "prefix"), set[str]()),
        ((), {"item", "recipe", "prefix"}),
    ],
)
def test_request_is_the_same_by_what_the_recipe_looks_at(repeat_on: tuple[str, ...], same: set[str]) -> None:
    one = recipe(run={"repeat_on": repeat_on})

    def digest(key: str = "k", repo: str = "r", own: str = "o", form: str = "f", prefix: str = "p") -> str:
        return digest_of(one, repo_name=repo, key=key, own={"text": own}, form=form, prefix_sha256=prefix)

    changed = {"item": digest(own="x"), "recipe": digest(form="x"), "prefix": digest(prefix="x")}
    assert {name for name, made in changed.items() if made == digest()} == same
    assert digest(key="x") != digest()
    assert digest(repo="x") != digest()


def test_no_day_stands_in_the_prefix() -> None:
    assert str(date.today().year) not in json.dumps(shared().body("1h"))  # noqa: DTZ011 -- whichever day it is
