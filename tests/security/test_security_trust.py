"""A recipe of a repository asks at once and runs nothing unless its user says so; git runs nothing."""

import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.lane.scene import make_repo
from tests.security.hostile_world import KEY, Cli, Relay, hits

RECIPE = """\
name = "listed"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[source]
kind = "command"
argv = {argv}

[job]
key = "{{{{ item.name }}}}"
prompt = "Look at {{{{ item.text }}}}"

[output]
kind = "markdown"

[run]
pilot = 0
"""
SCRIPT = """\
#!/bin/sh
touch "$(dirname "$0")/../ran"
printf '%s\\n' '{"name": "one", "text": "first"}' 'second line' '[1, 2]'
printf '%s\\n' '{"name": "three", "text": "x", "n": 3}'
env
pwd
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose recipe runs a script of its own."""
    folder = tmp_path / "theirs"
    argv = '["sh", "scripts/list.sh"]'
    make_repo(folder, {"recipes/listed.toml": RECIPE.format(argv=argv), "scripts/list.sh": SCRIPT})
    monkeypatch.chdir(folder)
    return folder


def sentence(path: Path) -> list[str]:
    return [
        f"error: this recipe would run sh; it is not trusted, or was edited since - {path}",
        f"hint: lanectl trust {path}",
    ]


@pytest.mark.parametrize(
    "argv",
    [
        ("submit", "listed"),
        ("submit", "recipes/listed.toml"),
        ("submit", "../theirs/recipes/listed.toml"),
        ("submit", "listed", "--dry-run"),
        ("submit", "listed", "--yes", "--allow", "secret:0123"),
        ("estimate", "listed", "--offline"),
        ("estimate", "listed"),
    ],
)
def test_untrusted_program_is_held_with_a_sentence_and_never_run(
    cli: Cli, relay: Relay, hostile: Path, argv: tuple[str, ...]
) -> None:
    ran = cli(*argv)
    assert (ran.code, ran.err.splitlines()) == (4, sentence(hostile / "recipes/listed.toml"))
    assert not (hostile / "ran").exists()
    assert not any(b"POST" in sent[:4] for sent in relay.sent)


def test_link_to_a_repositorys_recipe_is_the_repositorys(cli: Cli, hostile: Path, tmp_path: Path) -> None:
    mine = tmp_path / "listed.toml"
    mine.symlink_to(hostile / "recipes/listed.toml")
    assert cli("submit", str(mine), "--dry-run").code == 4
    (hostile / "recipes/out.toml").symlink_to(mine)
    assert cli("submit", "recipes/out.toml", "--dry-run").code == 4
    assert not (hostile / "ran").exists()


@pytest.mark.usefixtures("relay")
def test_trust_lets_it_run_until_the_recipe_or_its_script_is_edited(
    cli: Cli, hostile: Path, home: Path
) -> None:
    path = hostile / "recipes/listed.toml"
    assert cli("trust", "recipes/listed.toml").code == 0
    kept = home / "lanectl/data/trusted.json"
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)) == (0o600, 0o700)
    assert cli("submit", "listed", "--dry-run").code == 0
    assert (hostile / "ran").exists()
    script = hostile / "scripts/list.sh"
    script.write_text(f"{SCRIPT}# edited\n")
    assert cli("submit", "listed", "--dry-run").err.splitlines() == sentence(path)
    script.write_text(SCRIPT)
    assert cli("submit", "listed", "--dry-run").code == 0
    path.write_text(path.read_text() + "\n# edited\n")
    assert cli("submit", "listed", "--dry-run").err.splitlines() == sentence(path)
    assert cli("trust", "recipes/listed.toml").code == 0
    assert cli("submit", "listed", "--dry-run").code == 0
    assert cli("trust", str(path), "--remove").code == 0
    assert cli("submit", "listed", "--dry-run").code == 4


def test_trusted_path_with_another_folders_file_is_not_trusted(
    cli: Cli, hostile: Path, tmp_path: Path
) -> None:
    assert cli("trust", "recipes/listed.toml").code == 0
    other = tmp_path / "other"
    make_repo(other, {"recipes/listed.toml": (hostile / "recipes/listed.toml").read_text()})
    assert cli("submit", "listed", "--repo", str(other), "--dry-run").code == 4


@pytest.mark.usefixtures("relay")
def test_allow_programs_is_trust_for_one_call(cli: Cli, hostile: Path) -> None:
    assert cli("submit", "listed", "--dry-run", "--allow", "programs").code == 0
    assert (hostile / "ran").exists()
    assert cli("estimate", "listed", "--offline", "--allow", "programs").code == 0
    assert cli("submit", "listed", "--dry-run").code == 4


def test_user_recipe_runs_at_once_without_shell_and_without_the_key(
    cli: Cli, relay: Relay, repo: Path, home: Path
) -> None:
    script = home / "tool.sh"
    script.write_text(SCRIPT)
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    argv = json.dumps(["sh", str(script), "$(touch pwned)", ";touch pwned"])
    (recipes / "listed.toml").write_text(RECIPE.format(argv=argv))
    ran = cli("submit", "listed", "--json")
    data = json.loads(ran.out)["data"]["runs"][0]
    assert (ran.code, data["held"]) == (0, None)
    whole = relay.without_the_key_header().decode()
    assert f"PWD={repo}" in whole or f"{repo}" in whole
    for wanted in ("first", "second line", "[1, 2]"):
        assert wanted in whole
    assert "ANTHROPIC" not in whole
    assert hits(whole.encode(), KEY) == 0
    assert not (repo / "pwned").exists()


@pytest.mark.usefixtures("repo")
def test_command_that_fails_or_is_missing_is_an_error_and_sends_nothing(
    cli: Cli, relay: Relay, home: Path
) -> None:
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    recipe = recipes / "listed.toml"
    recipe.write_text(RECIPE.format(argv='["sh", "-c", "echo one; echo went wrong >&2; exit 3"]'))
    ran = cli("submit", "listed")
    assert ran.code == 1
    assert ran.err.splitlines()[0] == (
        f"error: the program of the source failed with exit code 3: went wrong - {recipe} [source] argv"
    )
    recipe.write_text(RECIPE.format(argv='["no-such-program"]'))
    assert cli("submit", "listed").err.splitlines()[0] == "error: no-such-program is not installed"
    assert not any(b"POST" in sent[:4] for sent in relay.sent)


def dangerous() -> list[str]:
    """Every key that one might try in a recipe to run something, read elsewhere or pay more."""
    run = '["sh", "-c", "touch ran"]'
    return [
        *(
            f"{table}\n{key} = {run}"
            for table in ("[run]", "[job]", "[output]", "[prefix]", "[lane]")
            for key in ("command", "argv", "hook", "program", "before", "after", "grader", "exec", "shell")
        ),
        *('[run]\nnotify = ["https://evil.example/x?y"]', '[lane]\nbase_url = "https://evil.example"'),
        *(
            '[provider]\nbase_url = "https://evil.example"',
            "[budget]\nrun_usd = 1e9",
            '[lane]\nkey_env = "HOME"',
        ),
        *('[output]\npath = "../../../../{{ item.name }}"', '[output]\npath = "/etc/{{ item.name }}"'),
        *('[output]\npath = ".git/hooks/post-checkout"', '[output]\npath = "~/.bashrc"'),
        *(
            '[prefix]\nfiles = ["/etc/passwd"]',
            '[prefix]\nfiles = ["../../**"]',
            '[prefix]\ntools = "/etc/passwd"',
        ),
        *(
            "[prefix]\nsystem = \"{{ lipsum.__globals__.os.popen('touch ran') }}\"",
            "[prefix]\nsystem = \"{% include '/etc/passwd' %}\"",
            '[prefix]\nsystem = "{{ self.__init__.__globals__ }}"',
            '[prefix]\nsystem = "{{ [].__class__.__base__.__subclasses__() }}"',
        ),
    ]  # fmt: skip -- a table


@pytest.mark.parametrize("extra", dangerous())
def test_recipe_with_a_dangerous_key_runs_nothing(
    cli: Cli, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    folder = tmp_path / "theirs"
    table, _, line = extra.partition("\n")
    text = RECIPE.format(argv="x").replace('kind = "command"\nargv = x', 'kind = "files"')
    text = (
        text.replace(table + "\n", f"{table}\n{line}\n", 1) if table + "\n" in text else f"{text}\n{extra}\n"
    )
    if line.startswith("path"):
        text = text.replace('kind = "markdown"', 'kind = "text"')
    make_repo(folder, {"recipes/listed.toml": text, "a.txt": "a\n"})
    monkeypatch.chdir(folder)
    before = {path for path in tmp_path.rglob("*") if "provider" not in path.parts}
    ran = cli("submit", "listed", "--yes")
    cli("pull", "--wait")
    assert ran.code in (0, 4, 78)
    assert not list(tmp_path.rglob("ran"))
    assert not any(b"root:x:" in sent for sent in relay.sent)
    made = {path for path in tmp_path.rglob("*") if "provider" not in path.parts} - before
    assert all(path.is_relative_to(folder / ".lanectl") or ".git" in path.parts for path in made)


CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfsmonitor = sh -c 'touch {ran}'
\thooksPath = hooks
\tsshCommand = touch {ran}
\tpager = touch {ran}
\teditor = touch {ran}
\taskPass = touch {ran}
\tgitProxy = touch {ran}
\talternateRefsCommand = touch {ran}
[diff]
\texternal = sh -c 'touch {ran}'
[diff "x"]
\ttextconv = sh -c 'touch {ran}'
\tcommand = sh -c 'touch {ran}'
[filter "x"]
\tclean = sh -c 'touch {ran}'
\tsmudge = sh -c 'touch {ran}'
\tprocess = sh -c 'touch {ran}'
\trequired = true
[merge "x"]
\tdriver = sh -c 'touch {ran}'
[gpg]
\tprogram = sh -c 'touch {ran}'
[credential]
\thelper = !touch {ran}
[remote "origin"]
\turl = ext::sh -c 'touch {ran}'
\tuploadpack = touch {ran}
\tpromisor = true
\tpartialclonefilter = blob:none
[log]
\tshowSignature = true
[alias]
\tls-files = !touch {ran}
[include]
\tpath = more
[submodule]
\trecurse = true
[pager]
\tlog = touch {ran}
"""


@pytest.mark.usefixtures("relay")
def test_hostile_git_configuration_runs_nothing(cli: Cli, repo: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    git = ["git", "-C", str(repo)]
    (repo / ".gitattributes").write_text("* diff=x filter=x merge=x\n")
    for line in (["add", "."], ["commit", "-qm", "More"], ["tag", "v1"], ["branch", "topic"]):
        subprocess.run([*git, *line], check=True, capture_output=True)
    (repo / ".git/config").write_text(CONFIG.format(ran=ran))
    (repo / ".git/more").write_text(f"[core]\n\tfsmonitor = touch {ran}\n")
    hooks = repo / "hooks"
    hooks.mkdir()
    for name in (
        "post-checkout",
        "pre-commit",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    control = subprocess.run([*git, "status"], capture_output=True, check=False)
    assert ran.exists(), control
    ran.unlink()
    sources = (
        'kind = "files"',
        'kind = "commits"',
        'kind = "pull-requests"\nfrom = "branches"',
        'kind = "pull-requests"\nfrom = "merges"',
    )  # fmt: skip -- a table
    for number, source in enumerate(sources):
        text = RECIPE.format(argv="x").replace('kind = "command"\nargv = x', source)
        path = repo.parent / f"r{number}.toml"
        path.write_text(text.replace('"listed"', f'"r{number}"').replace("item.text", "item"))
        cli("submit", str(path), "--yes")
        cli("estimate", str(path), "--offline")
    for argv in (("pull", "--wait"), ("status",), ("digest",), ("recipes", "list"), ("doctor",)):
        cli(*argv)
    assert not ran.exists()
