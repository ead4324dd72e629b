"""A recipe file is read whole or refused with every complaint in words that its author can act on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lanectl.errors import ConfigError, Exit
from lanectl.recipe.load import load
from lanectl.recipe.tables import (
    CommitsSource,
    FilesSource,
    LaneTable,
    OutputTable,
    PrefixTable,
    PullRequestsSource,
    Recipe,
    RunTable,
    TextSource,
)

Write = Callable[..., Path]
ADVICE = ": in ''' quotes a backslash is only a backslash"
NO_BREAKPOINT = "must not set cache_control: where the cache ends is decided for the whole prefix"
Make = Callable[..., Recipe]


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value


def test_shortest_recipe_has_the_documented_defaults(write: Write) -> None:
    path = write()
    recipe = load(path)
    assert recipe.lane == LaneTable(
        model=None, effort=None, max_tokens=None, inference_geo=None, thinking=None
    )
    assert recipe.prefix == PrefixTable(
        cache="auto", system="", files=(), max_prefix_bytes=400_000, tools=None
    )
    assert recipe.output == OutputTable(kind="text")
    assert recipe.run == RunTable(
        pilot="auto",
        pilot_wait_s=2700,
        pilot_late="release",
        repeat="changed",
        repeat_on=("item", "recipe"),
        max_cost_usd=None,
        max_jobs=5000,
        max_item_bytes=400_000,
        too_large="skip",
        retry=("errored", "expired"),
        retry_max=1,
        notify=(),
    )
    assert (recipe.description, recipe.vars, recipe.origin, recipe.path) == ("", {}, "path", path)
    assert recipe.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("table", "source"),
    [
        ('kind = "files"', FilesSource(kind="files", include=("**/*",), exclude=(), limit=None)),
        ('kind = "commits"', CommitsSource(kind="commits", range=None, since=None, by="commit", limit=None)),
        (
            'kind = "commits"\nrange = "v1..HEAD"\nsince = "1 week ago"\nby = "day"\nlimit = 3',
            CommitsSource(kind="commits", range="v1..HEAD", since="1 week ago", by="day", limit=3),
        ),
        (
            'kind = "pull-requests"',
            PullRequestsSource.model_validate(
                {"kind": "pull-requests", "from": "gh", "labels": (), "skip_drafts": True}
            ),
        ),
        (
            'kind = "pull-requests"\nfrom = "merges"\nlabels = ["a"]\nskip_drafts = false',
            PullRequestsSource.model_validate(
                {"kind": "pull-requests", "from": "merges", "labels": ("a",), "skip_drafts": False}
            ),
        ),
        ('kind = "text"', TextSource(kind="text", path=None, lines=False, limit=None)),
    ],
)
def test_each_source_has_its_keys_and_defaults(write: Write, table: str, source: object) -> None:
    assert load(write(source=f"[source]\n{table}")).source == source


@pytest.mark.parametrize(
    ("parts", "place", "message"),
    [
        ({"lane": '[lane]\nefort = "max"'}, "[lane] efort", "is no key of this table; did you mean effort?"),
        ({"lane": "[lane]\npilot = 3"}, "[lane] pilot", "is no key of this table: it belongs below [run]"),
        (
            {"lane": "[lane]\nqqqqq = 3"},
            "[lane] qqqqq",
            "is no key of this table: the keys are model, effort, max_tokens, inference_geo, thinking",
        ),
        ({"more": 'model = "m"'}, "model", "is no key of the top level: it belongs below [lane]"),
        ({"more": 'efort = "max"'}, "efort", "is no key of the top level; did you mean effort below [lane]?"),
        ({"more": "descripton = 1"}, "descripton", "is no key of the top level; did you mean description?"),
        ({"run": "[lanes]\na = 1"}, "[lanes]", "is no table of a recipe; did you mean [lane]?"),
        ({"run": "[run]\npilot = true"}, "[run] pilot", 'must be "auto" or a whole number, not true'),
        ({"run": "[run]\npilot = -1"}, "[run] pilot", 'must be "auto" or at least 0, not the number -1'),
        ({"run": '[run]\nmax_jobs = "5"'}, "[run] max_jobs", 'must be a whole number, not "5"'),
        ({"run": "[run]\nmax_jobs = 1.5"}, "[run] max_jobs", "must be a whole number, not the number 1.5"),
        (
            {"run": "[run]\nmax_cost_usd = inf"},
            "[run] max_cost_usd",
            "must be a finite number, not the number inf",
        ),
        (
            {"run": "[run]\nmax_cost_usd = 2026-01-01"},
            "[run] max_cost_usd",
            "must be a number, not the date 2026-01-01",
        ),
        ({"run": '[run]\nrepeat_on = "item"'}, "[run] repeat_on", 'must be a list in [ ], not "item"'),
        (
            {"run": '[run]\nretry = ["errored", "expird"]'},
            "[run] retry",
            "must be one of errored, expired, invalid, missing, truncated, unreadable, "
            'not "expird"; did you mean "expired"? (item 2)',
        ),
        (
            {"run": '[run]\nrepeat = "never"'},
            "[run] repeat",
            'must be one of changed, always, not "never"',
        ),
        (
            {"source": '[source]\nkind = "fils"'},
            "[source] kind",
            'must be one of files, commits, pull-requests, text, command, not "fils"; did you mean "files"?',
        ),
        (
            {"source": "[source]\nlimit = 1"},
            "[source] kind",
            "is missing: one of files, commits, pull-requests, text, command",
        ),
        (
            {"source": '[source]\nkind = "files"\ninclde = []'},
            "[source] inclde",
            "is no key of the kind files; did you mean include?",
        ),
        (
            {"source": '[source]\nkind = "files"\nby = "day"'},
            "[source] by",
            "is a key of the kind commits, not of files",
        ),
        (
            {"source": '[source]\nkind = "files"\ninclude = []'},
            "[source] include",
            "must have at least one item",
        ),
        (
            {"source": '[source]\nkind = "commits"\nrange = "--output=x"'},
            "[source] range",
            "must not begin with a dash",
        ),
        ({"source": ""}, "[source]", "is missing"),
        ({"job": '[job]\nkey = "k"'}, "[job] prompt", "is missing"),
        ({"job": '[job]\nkey = "k"\nprompt = ""'}, "[job] prompt", "must not be empty"),
        (
            {"vars": "[vars]\na-b = 1"},
            "[vars] a-b",
            "must be letters, digits and _, as templates spell names",
        ),
        (
            {"vars": "[vars]\na = [1]"},
            "[vars] a",
            "must be text in quotes or a whole number or a number or true or false, not a list",
        ),
        ({"name": 'name = "latest"'}, "name", "is a reserved name"),
        (
            {"name": 'name = "../x"'},
            "name",
            'must be letters, digits, - and _ (at most 64, no - in front), not "../x"',
        ),
        ({"name": ""}, "name", "is missing"),
        (
            {"lane": '[lane]\nthinking = "off"'},
            "[lane] thinking",
            'must be one of adaptive, between_tools, disabled or a whole number, not "off"',
        ),
    ],
)
def test_one_mistake_names_file_table_and_key(
    write: Write, parts: dict[str, str], place: str, message: str
) -> None:
    path = write(**parts)
    error = refused(path)
    assert error.exit is Exit.CONFIG
    assert error.hint == f"lanectl recipes check {path}"
    assert (error.where, error.message) == (f"{path} {place}", message)


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    path = write(
        lane='[lane]\nefort = "max"\nmax_tokens = 0', run="[run]\npilott = 1", more='description = ["x"]'
    )
    error = refused(path)
    assert error.where == str(path)
    assert error.message == (
        "4 problems: description must be text in quotes, not a list; "
        "[lane] max_tokens must be at least 1, not the number 0; "
        "[lane] efort is no key of this table; did you mean effort?; "
        "[run] pilott is no key of this table; did you mean pilot?"
    )


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('name = "x"\nkey =\n', "line 2, column 6", "not valid TOML: Invalid value"),
        ('name = "a\\d"\n', "line 1, column 12", "not valid TOML: Unescaped '\\' in a string" + ADVICE),
        ("a = [1\n", "end of document", "not valid TOML: Unclosed array"),
        ('name = "x"\nname = "y"\n', "line 2, column 11", "not valid TOML: Cannot overwrite a value"),
    ],
)
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str, where: str, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    error = refused(path)
    assert (error.where, error.message) == (f"{path} {where}", message)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = " + "[" * 100_000, encoding="utf-8")
    assert refused(path).message == "the recipe is nested too deeply"


def test_bytes_that_are_not_utf8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'name = "x"\n# \xff\n')
    error = refused(path)
    assert (error.message, error.where) == ("the recipe is not UTF-8", f"{path} line 2")


def test_byte_order_mark_is_no_mistake(write: Write) -> None:
    path = write()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path).name == "sample"


@pytest.mark.parametrize("make", ["missing", "folder", "huge"])
def test_what_is_no_recipe_file_is_refused(tmp_path: Path, make: str) -> None:
    path = tmp_path / "x.toml"
    if make == "folder":
        path.mkdir()
    if make == "huge":
        path.write_bytes(b"#" * 1_000_001)
    messages = {
        "missing": "the recipe is not there",
        "folder": "the recipe is not a regular file",
        "huge": "the recipe is larger than 1000000 bytes",
    }
    error = refused(path)
    assert (error.message, error.where, error.hint) == (messages[make], str(path), "lanectl recipes list")


def test_thinking_becomes_the_parameter_of_the_api(recipe: Make) -> None:
    assert recipe(lane="").lane.thinking_param is None
    assert recipe(lane='[lane]\nthinking = "disabled"').lane.thinking_param == {"type": "disabled"}
    assert recipe(lane="[lane]\nthinking = 2048").lane.thinking_param == {
        "type": "enabled",
        "budget_tokens": 2048,
    }


def test_text_path_is_taken_from_the_recipes_folder(write: Write, tmp_path: Path) -> None:
    path = write(folder=tmp_path / "recipes", source='[source]\nkind = "text"\npath = "notes.txt"')
    source = load(path).source
    assert isinstance(source, TextSource)
    assert source.path == str(tmp_path / "recipes" / "notes.txt")


def test_schema_and_tools_are_read_from_beside_the_recipe(write: Write, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = [
        {"name": "look", "input_schema": {"type": "object"}},
        {"type": "web_search_20260209", "name": "s"},
    ]
    (tmp_path / "s.json").write_text(json.dumps(schema), encoding="utf-8")
    (tmp_path / "t.json").write_text(json.dumps(tools), encoding="utf-8")
    path = write(output='[output]\nkind = "json"\nschema = "s.json"', prefix='[prefix]\ntools = "t.json"')
    recipe = load(path)
    assert (recipe.schema_value, recipe.tools_value) == (schema, tools)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, '"s.json" is not there'),
        ("[1]", '"s.json" must hold a JSON object'),
        ('{"type": "array"}', '"s.json" must have "type": "object" at its top'),
        (
            "{'a': 1}",
            '"s.json" is not JSON: Expecting property name enclosed in double quotes at line 1, column 2',
        ),
        ('{"a": NaN}', '"s.json" is not JSON: NaN is no JSON number'),
        ("[" * 100_000, '"s.json" is nested too deeply'),
        (" " * 1_000_001, '"s.json" is larger than 1000000 bytes'),
    ],
)
def test_bad_schema_file_is_refused(
    write: Write, tmp_path: Path, content: str | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "s.json").write_text(content, encoding="utf-8")
    path = write(output='[output]\nkind = "json"\nschema = "s.json"')
    error = refused(path)
    assert (error.where, error.message) == (f"{path} [output] schema", complaint)


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [
        ({}, '"t.json" must hold a JSON list of tool definitions'),
        ([], '"t.json" must hold a JSON list of tool definitions'),
        ([1], '"t.json", tool 1, is not an object'),
        ([{"name": "a b"}], '"t.json", tool 1, needs a name of letters, digits, - and _'),
        ([{"name": "a"}], '"t.json", tool 1, needs an input_schema'),
        (
            [{"name": "a", "input_schema": {}}, {"name": "a", "input_schema": {}}],
            '"t.json", tool 2, has the name "a" a second time',
        ),
        (
            [{"name": "a", "input_schema": {}, "cache_control": {"type": "ephemeral"}}],
            f'"t.json", tool 1, {NO_BREAKPOINT}',
        ),
    ],
)
def test_bad_tools_file_is_refused(write: Write, tmp_path: Path, tools: object, complaint: str) -> None:
    (tmp_path / "t.json").write_text(json.dumps(tools), encoding="utf-8")
    path = write(prefix='[prefix]\ntools = "t.json"')
    error = refused(path)
    assert (error.where, error.message) == (f"{path} [prefix] tools", complaint)


def test_schema_elsewhere_in_the_repository_is_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    path = write(folder=tmp_path / "recipes", output='[output]\nkind = "json"\nschema = "../s.json"')
    assert load(path).schema_value == {"type": "object"}


@pytest.mark.parametrize("way", ["dots", "absolute", "link"])
def test_schema_outside_recipe_and_repository_is_refused(write: Write, tmp_path: Path, way: str) -> None:
    outside = tmp_path / "s.json"
    outside.write_text('{"type": "object"}', encoding="utf-8")
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "link.json").symlink_to(outside)
    name = {"dots": "../s.json", "absolute": str(outside), "link": "link.json"}[way]
    path = write(folder=folder, output=f'[output]\nkind = "json"\nschema = "{name}"')
    error = refused(path)
    assert error.message == f'"{name}" is outside the recipe\'s folder and its repository'


def test_schema_for_another_kind_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    path = write(output='[output]\nkind = "text"\nschema = "s.json"')
    assert refused(path).message == 'belongs to the kind "json", not to "text"'


def test_recipe_cannot_be_changed(recipe: Make) -> None:
    made = recipe()
    with pytest.raises(ValueError, match="frozen"):
        made.run.max_jobs = 3
