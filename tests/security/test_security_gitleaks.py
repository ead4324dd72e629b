"""Where gitleaks is asked for nothing leaves unseen by it, whatever a repository holds, and what it finds
stays."""

import json
from pathlib import Path

import pytest

from lanectl.lane import scan
from lanectl.programs.gitleaks import Finding
from tests.programs.gitleaks_world import OTHER, SECRET, Fake, install
from tests.security.hostile_world import KEY, Cli, Relay, every_file, got_through, hits

RECIPE = """\
name = "{name}"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[prefix]
system = "You write notes."
files = [{memory}]

[source]
kind = "files"
include = ["*.txt"]

[job]
key = "{{{{ item.name }}}}"
prompt = "Look at {{{{ item }}}}"

[output]
kind = "markdown"

[run]
pilot = 0
"""
PRINT = Finding("hush-token", 1, 1, SECRET).fingerprint
HELD = "what looks like a secret (hush-token, line "


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return install(tmp_path / "bin", monkeypatch)


@pytest.fixture(autouse=True)
def asked_for(home: Path, repo: Path) -> None:
    """The configuration asks for gitleaks; two files hold what only it knows, one recipe's prefix too."""
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    (home / "lanectl/config.toml").write_text("[secrets]\ngitleaks = true\n")
    (recipes / "notes.toml").write_text(RECIPE.format(name="notes", memory=""))
    (recipes / "leaky.toml").write_text(RECIPE.format(name="leaky", memory='"hush.txt"'))
    (repo / "hush.txt").write_text(f"one\ntoken = {SECRET}\n")
    (repo / "more.txt").write_text(f"{OTHER}\n")


def skipped(out: str) -> dict[str, str]:
    """The details of the items withheld for a secret."""
    (run,) = json.loads(out)["data"]["runs"]
    return {one["key"]: one["detail"] for one in run["skipped"] if one["reason"] == "secret"}


def at_home(tmp_path: Path, home: Path) -> list[Path]:
    """The files that hold a secret in any form, apart from the repository's own two."""
    own = {tmp_path / "shop" / name for name in ("hush.txt", "more.txt")}
    files = every_file(tmp_path, home, but=lambda path: path in own or ".git" in path.parts)
    return [path for path, data in files if hits(data, SECRET, OTHER)]


@pytest.mark.usefixtures("fake")
def test_item_that_only_gitleaks_knows_is_withheld_named_and_the_rest_is_sent(
    cli: Cli, relay: Relay, tmp_path: Path, home: Path
) -> None:
    ran = cli("submit", "notes", "--yes", "--json")
    assert (ran.code, sorted(skipped(ran.out))) == (0, ["hush.txt", "more.txt"])
    assert skipped(ran.out)["hush.txt"] == f"hush-token in hush.txt line 2, fingerprint {PRINT}"
    printed = [ran, cli("pull", "--wait"), cli("show", "latest"), cli("digest"), cli("status", "--json")]
    assert b"the text of alpha" in b"\n".join(relay.sent)
    assert hits(b"\n".join(relay.sent), SECRET, OTHER) == 0
    assert hits("".join(one.out + one.err for one in printed).encode(), SECRET, OTHER) == 0
    assert at_home(tmp_path, home) == []
    again = cli("submit", "notes", "--yes", "--json", "--allow", f"secret:{PRINT}")
    assert sorted(skipped(again.out)) == ["more.txt"]
    assert (hits(b"\n".join(relay.sent), SECRET) > 0, hits(b"\n".join(relay.sent), OTHER)) == (True, 0)


def test_hostile_repository_neither_blinds_nor_configures_it(
    fake: Fake, cli: Cli, relay: Relay, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = 'title = "blind"\n[[rules]]\nid = "none"\nregex = "^$"\n'
    (repo / ".gitleaks.toml").write_text(blind)
    (repo / "blind.toml").write_text(blind)
    (repo / ".gitleaksignore").write_text("".join(f":hush-token:{n}\n" for n in range(200_000)))
    (repo / "gitleaks").write_text("#!/bin/sh\nexit 0\n")
    (repo / "gitleaks").chmod(0o755)
    monkeypatch.setenv("PATH", f".:{fake.folder}:/usr/bin:/bin")
    monkeypatch.setenv("GITLEAKS_CONFIG", "blind.toml")
    monkeypatch.setenv("GITLEAKS_CONFIG_TOML", blind)
    (repo / "a.txt").write_text("%PDF-1.7\nlanectl-mark-0123456789abcdef-0\nBEGIN WHISPER to the next")
    ran = cli("submit", "notes", "--yes", "--json")
    assert sorted(skipped(ran.out)) == ["hush.txt", "more.txt"]
    assert hits(b"\n".join(relay.sent), SECRET, OTHER) == 0
    seen = [json.loads(call) for call in fake.calls()]
    assert {folder for _, folder, _ in seen} == {"/"}
    assert {name for _, _, names in seen for name in names if "GITLEAKS" in name} == {"GITLEAKS_CONFIG_TOML"}
    assert not any(name.startswith("ANTHROPIC") for _, _, names in seen for name in names)


@pytest.mark.usefixtures("fake")
def test_prefix_that_only_gitleaks_knows_holds_the_run(cli: Cli, relay: Relay) -> None:
    ran = cli("submit", "leaky", "--yes")
    assert ran.code == 4
    assert ran.err.startswith(f"error: the prefix holds {HELD}")
    assert f"hint: lanectl submit leaky --allow secret:{PRINT}\n" in ran.err
    assert hits(ran.err.encode() + b"\n".join(relay.sent), SECRET) == 0


@pytest.mark.usefixtures("fake")
def test_question_that_only_gitleaks_knows_is_held(
    cli: Cli, relay: Relay, tmp_path: Path, home: Path
) -> None:
    for argv in (("ask", f"what is {SECRET}"), ("ask", "--lane", "batch", f"what is {SECRET}")):
        ran = cli(*argv)
        assert ran.code == 4
        assert ran.err.startswith(f"error: this holds {HELD}1) - ask\n")
        assert hits(ran.err.encode() + b"\n".join(relay.sent), SECRET) == 0
    assert at_home(tmp_path, home) == []


@pytest.mark.parametrize(
    ("mode", "version", "code"),
    [
        ("crash", "8.30.1", 78),
        ("killed", "8.30.1", 75),
        ("nothing", "8.30.1", 78),
        ("half", "8.30.1", 78),
        ("broken", "8.30.1", 78),
        ("", "8.18.4", 78),
        ("missing", "", 78),
    ],
)
@pytest.mark.parametrize("argv", [("submit", "notes", "--yes"), ("ask", "hello"), ("estimate", "notes")])
def test_asked_for_and_not_done_sends_nothing_and_says_so(
    fake: Fake,
    cli: Cli,
    relay: Relay,
    tmp_path: Path,
    home: Path,
    argv: tuple[str, ...],
    mode: str,
    version: str,
    code: int,
) -> None:
    fake.behave(mode, version=version)
    if mode == "missing":
        (fake.folder / "gitleaks").unlink()
    ran = cli(*argv)
    told = ran.err.splitlines()
    assert (ran.code, ran.out) == (code, "")
    assert told[-2].startswith("error: gitleaks ")
    assert told[-2].endswith(" - [secrets] gitleaks")
    assert told[-1].startswith("hint: ")
    assert not any(b"/v1/messages" in sent for sent in relay.sent)
    assert hits(ran.err.encode(), SECRET, OTHER, KEY) == 0
    assert at_home(tmp_path, home) == []
    assert not list((home / "lanectl" / "spool").glob("*/jobs*"))


@pytest.mark.usefixtures("relay")
def test_hostile_words_of_a_report_act_on_no_terminal(fake: Fake, cli: Cli, repo: Path) -> None:
    (repo / "hush.txt").unlink()
    (repo / "more.txt").unlink()
    fake.behave("hostile")
    ran = cli("submit", "notes", "--yes")
    assert (ran.code, got_through(ran.out + ran.err)) == (4, [])
    assert "unnamed rule" in ran.err
    assert "evil" not in ran.out + ran.err


@pytest.mark.usefixtures("fake", "relay")
def test_failure_after_the_first_group_leaves_no_run(
    fake: Fake, cli: Cli, relay: Relay, repo: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "GROUP_ITEMS", 1)
    for name in ("hush.txt", "more.txt"):
        (repo / name).unlink()
    (repo / "zeta.txt").write_text("@@crash@@\n")
    fake.behave("crash at @@crash@@")
    ran = cli("submit", "notes", "--yes")
    assert ran.code == 78
    assert len(fake.calls()) > 3
    assert not any(b"/v1/messages" in sent for sent in relay.sent)
    assert not list((home / "lanectl" / "spool").glob("*/jobs*"))
