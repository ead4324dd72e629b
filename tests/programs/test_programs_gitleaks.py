"""gitleaks finds, or says in one line with one hint why it could not look; it is never believed unproven."""

import json
import shutil
from pathlib import Path

import pytest

from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.programs import gitleaks
from lanectl.programs.gitleaks import Finding, findings
from tests.programs.gitleaks_world import OTHER, SECRET, Fake, install

REAL = shutil.which("gitleaks")
BLOCK = "BEGIN WHISPER\nall that must not be heard\nEND WHISPER"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return install(tmp_path / "bin", monkeypatch)


def places(texts: list[str]) -> list[list[tuple[str, int, int]]]:
    """Rule and lines of everything found in each of the texts."""
    return [[(one.rule, one.first, one.last) for one in found] for found in findings(texts)]


def test_each_text_gets_what_was_found_in_it_by_its_own_lines(fake: Fake) -> None:
    texts = [
        "nothing\nhere",
        f"one\ntwo {SECRET}\r\n\n\n{OTHER}",
        "",
        "\n\n\n",
        f"{SECRET}",
        f"{'long ' * 50_000}\né {SECRET}\n",
        BLOCK,
    ]
    assert places(texts) == [
        [],
        [("hush-token", 2, 2), ("hush-token", 5, 5)],
        [],
        [],
        [("hush-token", 1, 1)],
        [("hush-token", 2, 2)],
        [("whisper-block", 1, 3)],
    ]
    assert len(fake.calls()) == 1


def test_many_texts_are_one_process_and_no_text_is_none(fake: Fake) -> None:
    texts = [f"text {n}\n" + (SECRET if n % 500 == 7 else "quiet") for n in range(2000)]
    assert [n for n, found in enumerate(findings(texts)) if found] == [7, 507, 1007, 1507]
    assert len(fake.calls()) == 1
    assert findings([]) == []
    assert len(fake.calls()) == 1


def test_secret_is_in_no_representation_and_its_fingerprint_is_its_own() -> None:
    one, same, other = (Finding("rule", n, n, secret) for n, secret in ((1, SECRET), (2, SECRET), (1, OTHER)))
    assert SECRET not in repr(one)
    assert len(one.fingerprint) == 16
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    "before", ["%PDF-1.7\n", "x" * 257 + "ustar\n", "lanectl-mark-0123456789abcdef-0\n", "\ud800 \0\n"]
)
@pytest.mark.usefixtures("fake")
def test_text_that_looks_like_something_else_is_read_all_the_same(before: str) -> None:
    assert places([f"{before}{SECRET}"]) == [[("hush-token", 2, 2)]]


def test_match_that_runs_into_the_next_texts_blames_and_hides_nothing(fake: Fake) -> None:
    texts = ["quiet", "the words BEGIN WHISPER stand here", SECRET, f"first\n{BLOCK}", SECRET]
    assert places(texts) == [
        [],
        [],
        [("hush-token", 1, 1)],
        [("whisper-block", 2, 4)],
        [("hush-token", 1, 1)],
    ]
    assert len(fake.calls()) == 2


@pytest.mark.usefixtures("fake")
def test_mark_in_a_text_excuses_nothing_here() -> None:
    assert places([f"{SECRET} # gitleaks:allow"]) == [[("hush-token", 1, 1)]]


def test_nothing_of_a_repository_or_of_the_users_environment_is_read(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = '[[rules]]\nid = "none"\nregex = "^$"\n'
    (tmp_path / ".gitleaks.toml").write_text(blind)
    (tmp_path / ".gitleaksignore").write_text("".join(f":hush-token:{n}\n" for n in range(200_000)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITLEAKS_CONFIG", str(tmp_path / ".gitleaks.toml"))
    monkeypatch.setenv("GITLEAKS_CONFIG_TOML", blind)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    assert places([SECRET]) == [[("hush-token", 1, 1)]]
    ((command, folder, names),) = (json.loads(call) for call in fake.calls())
    assert (command, folder) == ("stdin", "/")
    assert {name for name in names if name.startswith(("GITLEAKS", "ANTHROPIC"))} == {"GITLEAKS_CONFIG_TOML"}


@pytest.mark.parametrize(
    ("mode", "version", "kind", "message"),
    [
        ("crash", "8.30.1", ConfigError, "gitleaks failed with exit code 2, so nothing is sent"),
        ("killed", "8.30.1", TryLater, "gitleaks was killed by signal 9"),
        ("nothing", "8.30.1", ConfigError, "gitleaks did not read all that it was given, so nothing is sent"),
        ("half", "8.30.1", ConfigError, "gitleaks did not read all that it was given, so nothing is sent"),
        ("broken", "8.30.1", ConfigError, "gitleaks gave a report that cannot be read, so nothing is sent"),
        ("number", "8.30.1", ConfigError, "gitleaks gave a report that cannot be read, so nothing is sent"),
        ("typed", "8.30.1", ConfigError, "gitleaks gave a report that cannot be read, so nothing is sent"),
        ("beyond", "8.30.1", ConfigError, "gitleaks reports lines that it was not given, so nothing is sent"),
        ("", "8.18.4", ConfigError, "gitleaks 8.18.4 is too old: 8.27 or later is needed"),
        ("", "8.22.0", ConfigError, "gitleaks 8.22.0 is too old: 8.27 or later is needed"),
        ("", "8.25.1", ConfigError, "gitleaks 8.25.1 is too old: 8.27 or later is needed"),
        ("crash", "no version", ConfigError, "gitleaks failed with exit code 2, so nothing is sent"),
    ],
)
def test_answer_that_proves_nothing_is_an_error_with_one_hint(
    fake: Fake, mode: str, version: str, kind: type[LanectlError], message: str
) -> None:
    fake.behave(mode, version=version)
    with pytest.raises(kind) as caught:
        findings(["quiet", SECRET])
    assert (caught.value.message, caught.value.where) == (message, "[secrets] gitleaks")
    assert caught.value.hint in ("gitleaks version", gitleaks.installing())
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_program_that_hangs_is_stopped_at_its_time(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.behave("hang")
    monkeypatch.setattr(gitleaks, "START_S", 0.1)
    monkeypatch.setattr(gitleaks, "BYTES_PER_S", 10**9)
    with pytest.raises(TryLater, match="gitleaks gave no answer within"):
        findings(["quiet"])


def test_missing_program_is_an_error_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="gitleaks is asked for and not installed") as caught:
        findings(["quiet"])
    assert caught.value.hint == gitleaks.installing()


def test_program_that_cannot_be_started_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gitleaks").write_text("#!/nowhere/at/all\n")
    (tmp_path / "gitleaks").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        findings(["quiet"])
    assert caught.value.hint == "gitleaks version"


@pytest.mark.usefixtures("fake")
def test_text_with_more_findings_than_can_be_read_is_found_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitleaks, "LIMIT_BYTES", 20_000)
    texts = ["quiet", SECRET, f"{SECRET} {OTHER}\n" * 100, "quiet"]
    assert places(texts) == [[], [("hush-token", 1, 1)], [(gitleaks.TOO_MANY, 1, 1)], []]


def test_rule_whose_name_is_somebodys_text_has_no_name_here(fake: Fake) -> None:
    fake.behave("hostile")
    assert places(["quiet"]) == [[("unnamed rule", 1, 1)]]


@pytest.mark.skipif(REAL is None, reason="gitleaks is not installed")
def test_installed_gitleaks_reads_as_its_stand_in_does() -> None:
    token = "ghp_" + "yOA0HNkIn3OIOnHn2INL2io6VOZw5luMu57m"
    head, end = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    block = f"{head}\n{'b0prFmbh7wy5yq1XoY1BaIMcAxYmfsB4HbQLXjjlAFbVV6q9rXxtNDFyuzX9k1g' * 4}\n{end}"
    texts = [
        "nothing\nhere",
        f"%PDF-1.7\nx = '{token}' # gitleaks:allow\n",
        f"the words {head} stand here",
        f"{'long ' * 50_000}\né {token}\n",
        f"first\n{block}",
        "",
    ]
    assert places(texts) == [
        [],
        [("github-pat", 2, 2)],
        [],
        [("github-pat", 2, 2)],
        [("private-key", 2, 4)],
        [],
    ]
