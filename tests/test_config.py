"""Settings: flag over environment over file over default, each with its origin, and every mistake told."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lanectl.config import Flags, LaneSettings, Settings, load
from lanectl.config.edit import Edit, has_comment, set_key, unset_key
from lanectl.config.paths import locate
from lanectl.errors import ConfigError, UsageError
from lanectl.models import Lane

CONFIG = Path("config.toml")


def settings(folder: Path, text: str = "", flags: Flags | None = None, **environ: str) -> Settings:
    if text:
        (folder / "config.toml").write_text(text, encoding="utf-8")
    return load(environ={"LANECTL_HOME": str(folder), **environ}, flags=flags or Flags())


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        settings(folder, text)
    assert caught.value.hint == "lanectl config path"
    return caught.value


def test_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    shown = {key: value for key, value, _ in settings(tmp_path).shown() if "." in key}
    assert shown == {
        "lanes.batch.model": "claude-opus-5-5",
        "lanes.batch.effort": "max",
        "lanes.batch.max_tokens": 64_000,
        "lanes.interactive.model": "claude-haiku-5-5",
        "lanes.interactive.effort": None,
        "lanes.interactive.max_tokens": None,
        "lanes.interactive.hints.judgment.model": "claude-opus-5-5",
        "lanes.interactive.hints.judgment.effort": None,
        "lanes.interactive.hints.judgment.max_tokens": None,
        "provider.dedicated_workspace": False,
        "provider.max_in_flight": 100_000,
        "provider.grace_s": 900,
        "provider.timeout_s": 600,
        "provider.tick_limit_s": 300,
        "provider.inference_geo": None,
        "provider.delete_after_pull": False,
        "budget.run_usd": 25.0,
        "budget.day_usd": 100.0,
        "budget.month_usd": 1000.0,
        "budget.basis": "high",
        "budget.ask_above_usd": 5.0,
        "budget.run_requests": None,
        "budget.day_requests": None,
        "budget.month_requests": None,
        "queue.min_jobs": 20,
        "queue.max_wait_s": 3600,
        "queue.late": "interactive",
        "keep.bodies": "pulled",
        "keep.results_days": 35,
        "keep.runs": 30,
        "secrets.allow": (),
        "secrets.gitleaks": False,
        "health.ping": None,
        "health.allow_private": False,
        "out.dir": "",
    }


def test_everything_lies_below_lanectl_home(tmp_path: Path) -> None:
    made = settings(tmp_path)
    assert (made.state_dir, made.state_path, made.spool_dir, made.log_dir, made.data_dir) == (
        tmp_path,
        tmp_path / "state.db",
        tmp_path / "spool",
        tmp_path / "logs",
        tmp_path / "data",
    )
    assert (made.recipes_dir, made.config_path) == (tmp_path / "recipes", tmp_path / "config.toml")
    assert not made.sandbox


def test_sandbox_has_folders_of_its_own(tmp_path: Path) -> None:
    made = settings(tmp_path, flags=Flags(sandbox=True))
    assert made.sandbox
    assert (made.state_path, made.spool_dir, made.log_dir, made.data_dir) == (
        tmp_path / "sandbox" / "state.db",
        tmp_path / "sandbox" / "spool",
        tmp_path / "logs" / "sandbox",
        tmp_path / "data" / "sandbox",
    )
    assert (made.recipes_dir, made.config_path) == (tmp_path / "recipes", tmp_path / "config.toml")


def test_sandbox_never_uses_the_state_file_of_the_environment(tmp_path: Path) -> None:
    environ = {
        "LANECTL_HOME": str(tmp_path),
        "LANECTL_STATE": str(tmp_path / "x" / "my.db"),
        "LANECTL_SANDBOX": "1",
    }
    assert locate(environ).state_path == tmp_path / "x" / "sandbox" / "my.db"
    named = locate(environ, state=tmp_path / "y.db")
    assert (named.state_path, named.spool_dir) == (tmp_path / "y.db", tmp_path / "spool")


@pytest.mark.parametrize(
    ("flag", "environ", "expected", "origin"),
    [
        (None, {}, "home/state.db", "environment LANECTL_HOME"),
        (None, {"LANECTL_STATE": "env.db"}, "env.db", "environment LANECTL_STATE"),
        (None, {"LANECTL_STATE": ""}, "home/state.db", "environment LANECTL_HOME"),
        (None, {"LANECTL_STATE": "home"}, "home/state.db", "environment LANECTL_STATE"),
        ("flag.db", {"LANECTL_STATE": "env.db"}, "flag.db", "flag --state"),
    ],
)
def test_state_file_is_chosen_by_flag_then_environment_then_home(
    tmp_path: Path, flag: str | None, environ: Mapping[str, str], expected: str, origin: str
) -> None:
    (tmp_path / "home").mkdir()
    given = {name: str(tmp_path / value) if value else "" for name, value in environ.items()}
    places = locate(
        {"LANECTL_HOME": str(tmp_path / "home"), **given}, state=tmp_path / flag if flag else None
    )
    assert (places.state_path, places.origins["state_path"]) == (tmp_path / expected, origin)


def test_config_file_is_chosen_by_flag_then_environment(tmp_path: Path) -> None:
    for name in ("flag", "env"):
        (tmp_path / f"{name}.toml").write_text(f'[out]\ndir = "{name}"', encoding="utf-8")
    by_env = settings(tmp_path, LANECTL_CONFIG=str(tmp_path / "env.toml"))
    by_flag = settings(
        tmp_path, flags=Flags(config=tmp_path / "flag.toml"), LANECTL_CONFIG=str(tmp_path / "env.toml")
    )
    assert (by_env.out.dir, by_flag.out.dir) == ("env", "flag")
    assert by_flag.origins["config_path"] == "flag --config"


def test_each_value_knows_where_it_came_from(tmp_path: Path) -> None:
    made = settings(
        tmp_path, '[budget]\nrun_usd = 3\n[models."a-b"]\nprice = {input = 1}', LANECTL_SANDBOX="0"
    )
    here = str(tmp_path / "config.toml")
    assert [made.origins[key] for key in ("budget.run_usd", "budget.day_usd", "models.a-b.price.input")] == [
        here,
        "default",
        here,
    ]
    assert made.origins["sandbox"] == "environment LANECTL_SANDBOX"
    assert made.budget.run_usd == 3.0


def test_file_changes_one_key_and_leaves_the_rest(tmp_path: Path) -> None:
    text = '[lanes.batch]\neffort = "high"\n[lanes.interactive.hints.quick]\neffort = "low"'
    lanes = settings(tmp_path, text).lanes
    assert (lanes.batch.model, lanes.batch.effort) == ("claude-opus-5-5", "high")
    assert lanes.interactive.hints == {
        "judgment": LaneSettings("claude-opus-5-5"),
        "quick": LaneSettings("claude-haiku-5-5", "low"),
    }
    assert (lanes[Lane.BATCH], lanes[Lane.INTERACTIVE]) == (lanes.batch, lanes.interactive)


def test_models_carry_address_key_variable_and_prices(tmp_path: Path) -> None:
    text = """
    [models."deepseek-chat"]
    base_url = "https://api.deepseek.com/anthropic"
    key_env = "DEEPSEEK_API_KEY"
    price = {input = 0.3, output = 1}
    [models."claude-opus-5-5"]
    price = {output = 9.5}
    [models.local]
    base_url = "http://127.0.0.1:8080"
    """
    made = settings(tmp_path, text)
    assert made.models["deepseek-chat"].base_url == "https://api.deepseek.com/anthropic"
    assert made.models["deepseek-chat"].key_env == "DEEPSEEK_API_KEY"
    assert made.price_overrides == {
        "deepseek-chat": {"input": 0.3, "output": 1.0},
        "claude-opus-5-5": {"output": 9.5},
    }


def test_addresses_that_are_secrets_are_not_shown(tmp_path: Path) -> None:
    text = '[notify.team]\nurl = "slack://hush"\n[health]\nping = "https://hc-ping.example/uuid"'
    made = settings(tmp_path, text)
    assert made.notify["team"].url == "slack://hush"
    shown = {key: value for key, value, _ in made.shown()}
    assert (shown["notify.team.url"], shown["health.ping"]) == ("[redacted]", "[redacted]")
    assert "hush" not in repr(made)
    assert "uuid" not in repr(made)


def test_program_that_is_told_is_shown_without_its_arguments(tmp_path: Path) -> None:
    made = settings(
        tmp_path, '[notify.team]\ncommand = ["tell", "--token", "hush", ""]\n[notify.me]\ncommand = ["a"]'
    )
    assert made.notify["team"].command == ("tell", "--token", "hush", "")
    shown = {key: value for key, value, _ in made.shown()}
    assert shown["notify.team.command"] == ("tell", "[redacted]", "[redacted]", "[redacted]")
    assert (shown["notify.me.command"], shown["notify.me.url"]) == (("a",), "")
    assert "hush" not in repr(made)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[budget]\nrun_us = 1", "[budget] run_us", "is no key of the configuration; did you mean run_usd?"),
        (
            "[queue]\nzz = 1",
            "[queue] zz",
            "is no key of the configuration: there are min_jobs, max_wait_s, late",
        ),
        ("[budgets]\na = 1", "[budgets]", "is no table of the configuration; did you mean budget?"),
        ("budget = 3", "[budget]", "must be a table, not the number 3"),
        ("models = 3", "[models]", "must be a table, not the number 3"),
        ("[models]\na = 3", "[models.a]", "must be a table, not the number 3"),
        ('[budget]\nrun_usd = "5"', "[budget] run_usd", 'must be a finite number, not "5"'),
        ("[budget]\nrun_usd = inf", "[budget] run_usd", "must be a finite number, not the number inf"),
        ("[budget]\nrun_usd = true", "[budget] run_usd", "must be a finite number, not true"),
        ("[budget]\nrun_usd = -1", "[budget] run_usd", "must be at least 0, not the number -1"),
        ("[provider]\ngrace_s = 1.5", "[provider] grace_s", "must be a whole number, not the number 1.5"),
        ("[provider]\ntimeout_s = 0", "[provider] timeout_s", "must be at least 1, not the number 0"),
        (
            "[provider]\ndedicated_workspace = 1",
            "[provider] dedicated_workspace",
            "must be true or false, not the number 1",
        ),
        (
            '[budget]\nbasis = "atmost"',
            "[budget] basis",
            'must be one of high, at-most, not "atmost"; did you mean "at-most"?',
        ),
        (
            "[lanes.batch]\neffort = 1",
            "[lanes.batch] effort",
            "must be one of low, medium, high, xhigh, max, not the number 1",
        ),
        ('[lanes.batch]\nmodel = " "', "[lanes.batch] model", "must not be empty"),
        ("[secrets]\nallow = [1]", "[secrets] allow", "must be a list of texts in [ ], not a list"),
        ('[secrets]\ngitleaks = "yes"', "[secrets] gitleaks", 'must be true or false, not "yes"'),
        ("[notify.x]", "[notify.x] url", "is missing, and so is command: one of them must be there"),
        (
            '[notify.x]\nurl = "slack://a"\ncommand = ["tell"]',
            "[notify.x] command",
            "must not stand beside url: a message goes one way",
        ),
        (
            '[notify.x]\ncommand = "tell me"',
            "[notify.x] command",
            'must be a list of texts in [ ], not "tell me"',
        ),
        (
            '[notify.x]\ncommand = ["tell", 1]',
            "[notify.x] command",
            "must be a list of texts in [ ], not a list",
        ),
        ("[notify.x]\ncommand = []", "[notify.x] command", "must begin with a program"),
        ('[notify.x]\ncommand = [" ", "a"]', "[notify.x] command", "must begin with a program"),
        ('[notify.x]\ncommand = ["tell", "a\\u0000b"]', "[notify.x] command", "must not hold a NUL"),
        *(
            (
                f'[notify.x]\ncommand = ["{path}"]',
                "[notify.x] command",
                "must begin with a program's name or its whole path, from / on",
            )
            for path in ("./tell", "bin/tell", "../tell", "~/bin/tell", "https://chat.example/hook", "/")
        ),
        (
            '[notify.x]\ncommands = ["tell"]\nurl = "slack://a"',
            "[notify.x] commands",
            "is no key of the configuration; did you mean command?",
        ),
        (
            '[models.a]\nbase_url = "http://proxy.example"',
            "[models.a] base_url",
            "must be an https:// address (http:// only for this machine)",
        ),
        (
            '[models.a]\nbase_url = "https://me:pw@proxy.example"',
            "[models.a] base_url",
            "must be an address alone: no user, no query",
        ),
        ('[models.a]\nbase_url = "https://["', "[models.a] base_url", "is no address"),
        (
            '[models.a]\nkey_env = "sk-123"',
            "[models.a] key_env",
            "must be the name of an environment variable, not the key itself",
        ),
        (
            '[models.a]\nkey_env = "ANTHROPIC_API_KEY"',
            "[models.a] key_env",
            "must not be ANTHROPIC_API_KEY: that key is for the provider alone",
        ),
        ("[models.a]\nprice = {inputs = 1}", "[models.a.price] inputs", None),
    ],
)
def test_one_mistake_names_file_table_and_key(
    tmp_path: Path, text: str, place: str, message: str | None
) -> None:
    error = refused(tmp_path, text)
    assert error.where == f"{tmp_path / 'config.toml'} {place}"
    assert error.message == (message or "is no key of the configuration; did you mean input?")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path, '[budget]\nrun_us = 1\nday_usd = "5"\n[keep]\nruns = 0')
    assert (error.where, error.message) == (
        str(tmp_path / "config.toml"),
        "3 problems: [budget] run_us is no key of the configuration; did you mean run_usd?; "
        '[budget] day_usd must be a finite number, not "5"; '
        "[keep] runs must be at least 1, not the number 0",
    )


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, "[budget]\nrun_usd =\n")
    assert (error.message, error.where) == (
        "not valid TOML: Invalid value",
        f"{tmp_path / 'config.toml'} line 2, column 10",
    )


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="the configuration file cannot be read"):
        settings(tmp_path)


def test_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the configuration file is not there"):
        settings(tmp_path, flags=Flags(config=tmp_path / "nope.toml"))


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent-for-lanectl"])
def test_missing_home_is_told_with_a_way_out(home: str | None) -> None:
    environ = {} if home is None else {"HOME": home}
    with pytest.raises(ConfigError) as caught:
        load(environ=environ, flags=Flags())
    assert caught.value.where == "HOME"
    assert caught.value.hint == "env LANECTL_HOME=/var/lib/lanectl lanectl doctor"


def test_home_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a folder"):
        load(environ={"LANECTL_HOME": str(tmp_path / "file" / "home")}, flags=Flags())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written to"):
        load(environ={"LANECTL_HOME": str(tmp_path / "home")}, flags=Flags())


def test_platform_folders_are_used_without_lanectl_home(home: Path) -> None:
    places = locate({"HOME": str(home)})
    assert all(path.is_relative_to(home) for path in (places.state_path, places.config_path, places.data_dir))
    assert places.state_path.name == "state.db"
    assert set(places.origins.values()) == {"default"}


@pytest.mark.parametrize(("word", "expected"), [("1", True), ("TRUE", True), ("0", False), ("", False)])
def test_sandbox_of_the_environment_is_yes_or_no(tmp_path: Path, word: str, expected: bool) -> None:
    assert settings(tmp_path, LANECTL_SANDBOX=word).sandbox is expected


def test_sandbox_of_the_environment_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be 1 or 0, not maybe"):
        settings(tmp_path, LANECTL_SANDBOX="maybe")


def test_home_is_written_out_in_the_artifacts_folder(tmp_path: Path) -> None:
    made = settings(tmp_path, '[out]\ndir = "~/nights"', HOME="/home/me")
    assert made.out.dir == "/home/me/nights"


def test_reading_settings_imports_nothing_heavy() -> None:
    code = (
        "import os, sys; from lanectl.config import Flags, load; load(environ=os.environ, flags=Flags());"
        "heavy = {'pydantic', 'anthropic', 'jinja2', 'rich', 'tomli_w', 'platformdirs'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("budget.run_usd", "5", "[budget]\nrun_usd = 5\n"),
        ("out.dir", "5", '[out]\ndir = "5"\n'),
        ("out.dir", "/a b", '[out]\ndir = "/a b"\n'),
        ("provider.dedicated_workspace", "true", "[provider]\ndedicated_workspace = true\n"),
        ("secrets.allow", '["x"]', '[secrets]\nallow = [\n    "x",\n]\n'),
        ('models."a.b".key_env', "KEY", '[models."a.b"]\nkey_env = "KEY"\n'),
    ],
)
def test_set_writes_the_value_in_its_type(key: str, value: str, text: str) -> None:
    assert set_key("", key, value, path=CONFIG) == Edit(text, text.strip())


def test_set_keeps_what_is_there() -> None:
    before = '[budget]\nrun_usd = 1\n[out]\ndir = "#no comment"\n'
    edit = set_key(before, "budget.run_usd", "2", path=CONFIG)
    assert edit.text == '[budget]\nrun_usd = 2\n\n[out]\ndir = "#no comment"\n'


def test_set_refuses_to_lose_a_comment_and_says_what_to_write() -> None:
    before = "[budget] # per night\nrun_usd = 1\n"
    assert set_key(before, "budget.run_usd", "2", path=CONFIG) == Edit(None, "[budget]\nrun_usd = 2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("# yes", True),
        ("a = 1 # yes", True),
        ('a = "# no"', False),
        ("a = '# no'", False),
        ('a = "\\"# no"', False),
        ("a = '\\' # yes", True),
        ('a = """\n# no\n"" "\n"""', False),
        ("a = '''\n# no '\n'''", False),
        ("a = '''\n# no\n'''\n# yes", True),
        ('a = ""\n# yes', True),
    ],
)
def test_comment_is_a_hash_outside_of_texts(text: str, expected: bool) -> None:
    assert has_comment(text) is expected


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("budget.run_us", "1", "is no key of the configuration; did you mean run_usd?"),
        ("budget.run_usd", "much", 'must be a finite number, not "much"'),
        ("budget.run_usd", "true", "must be a finite number, not true"),
        ("budget.run_usd", "1\nday_usd = 0", 'must be a finite number, not "1\nday_usd = 0"'),
        ("budget.basis", "low", 'must be one of high, at-most, not "low"'),
    ],
)
def test_set_refuses_what_would_be_no_configuration(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        set_key("", key, value, path=CONFIG)
    assert caught.value.message == message


@pytest.mark.parametrize("key", ["budget", "", "a b.c", "a = 1\nb", "budget."])
def test_set_refuses_what_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match=r"is no key: write table\.key"):
        set_key("", key, "1", path=CONFIG)


def test_set_in_a_broken_file_says_where_it_is_broken() -> None:
    with pytest.raises(ConfigError, match="not valid TOML"):
        set_key("a =", "budget.run_usd", "1", path=CONFIG)


def test_unset_takes_the_key_and_the_table_it_leaves_empty() -> None:
    before = "[budget]\nrun_usd = 1\n\n[queue]\nmin_jobs = 2\n"
    assert unset_key(before, "budget.run_usd", path=CONFIG) == Edit(
        "[queue]\nmin_jobs = 2\n", "[budget] run_usd"
    )


def test_unset_mends_a_file_with_an_unknown_key() -> None:
    assert unset_key("[budget]\nrun_us = 1\n", "budget.run_us", path=CONFIG).text == ""


def test_unset_of_what_is_not_set_is_a_mistake() -> None:
    with pytest.raises(UsageError, match=r"budget\.run_usd is not set"):
        unset_key("[budget]\nday_usd = 1\n", "budget.run_usd", path=CONFIG)
