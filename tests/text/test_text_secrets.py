"""Every known format is found wherever it stands, and nothing else is."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.text.formats import FORMATS
from lanectl.text.secrets import Hit, scan

KINDS = [form.kind for form in FORMATS]
BENCH = Path(__file__).parents[1] / "bench" / "bench_secrets.py"

Samples = Mapping[str, tuple[str, ...]]


def kinds(text: str) -> list[str]:
    return [hit.kind for hit in scan(text)]


def test_there_is_a_sample_for_every_literal(samples: Samples) -> None:
    assert list(samples) == KINDS
    for form in FORMATS:
        missing = [
            literal for literal in form.literals if not any(literal in one for one in samples[form.kind])
        ]
        assert missing == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        'KEY = "{}"',
        "export KEY={}",
        "key: {}\n",
        "grün 漢字 😀 '{}'",
        "({})",
        "<{}>",
        "\\n{}\\n",
        "%3D{} ",
        "https://{}",
        "a\ud800b {}",
    ],
)
def test_a_secret_is_found_in_its_surroundings(kind: str, around: str, samples: Samples) -> None:
    for secret in samples[kind]:
        assert kinds(around.format(secret)) == [kind], secret


@pytest.mark.parametrize("kind", KINDS)
def test_a_hit_names_line_and_fingerprint_and_never_the_secret(kind: str, samples: Samples) -> None:
    for secret in samples[kind]:
        (hit,) = scan(f"one\ntwo\r\nkey = {secret}\n")
        assert hit == Hit(kind, 3, hit.fingerprint)
        assert re.fullmatch("[0-9a-f]{16}", hit.fingerprint)
        if kind != "private-key":
            assert hit.fingerprint == hashlib.sha256(f"{kind}:{secret}".encode()).hexdigest()[:16]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "private-key"])
def test_a_secret_cut_short_or_within_a_word_is_none(kind: str, samples: Samples) -> None:
    for secret in samples[kind]:
        assert scan(secret[: min(len(secret) // 2, 24)]) == []
        if kind != "azure-storage":
            assert scan(f"word{secret}") == []


def test_every_secret_of_a_text_is_told_in_order(samples: Samples) -> None:
    every = [(kind, secret) for kind in reversed(KINDS) for secret in samples[kind]]
    assert kinds("\n".join(secret for _, secret in every)) == [kind for kind, _ in every]


def test_a_secret_told_twice_has_one_fingerprint_and_two_lines(samples: Samples) -> None:
    (secret,) = samples["npm"]
    first, second = scan(f"{secret}\n{secret} {'x' * 30}")
    assert (first.line, second.line) == (1, 2)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("AKIAIOSFODNN7EXAMPLE", id="AWS's own example"),
        pytest.param("AKIA" + "X" * 16, id="a row of X"),
        pytest.param("ghp_" + "x" * 36, id="a row of x"),
        pytest.param("ghp_" + "0" * 36, id="zeros"),
        pytest.param("ghp_" + "ab" * 18, id="two letters"),
        pytest.param("ghp_abcdefghijklmnopqrstuvwxyz0123456789", id="the alphabet"),
        pytest.param("sk-ant-api03-xxxxxxxx...", id="ellipsis"),
        pytest.param("sk-ant-api03-…", id="one ellipsis"),
        pytest.param("sk-ant-api03-" + "your-key-placeholder-" * 5 + "AA", id="placeholder"),
        pytest.param("sk-ant-api03-abc", id="too short"),
        pytest.param("hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, id="Slack's example"),
        pytest.param("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", id="an empty key"),
        pytest.param(
            "if text.startswith('-----BEGIN RSA PRIVATE KEY-----'):\n    return True", id="a key's header"
        ),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\n" + "MIIB0aZ9" * 40 + "\n-----END CERTIFICATE-----",
            id="certificate",
        ),
        pytest.param(
            "-----BEGIN PUBLIC KEY-----\n" + "MIIB0aZ9" * 40 + "\n-----END PUBLIC KEY-----", id="public key"
        ),
        pytest.param("secret_key_for_the_session_of_the_current_user_agent = 1", id="a name"),
        pytest.param("TASK0123abcd MASKS SKIP DISK", id="words with SK"),
        pytest.param("npm_config_registry_and_some_more_words_here", id="npm's own variables"),
        pytest.param("https://discord.com/api/webhooks/$ID/$TOKEN", id="variables"),
        pytest.param("sha256-" + "eyJhbGciOiJIUzI1NiJ9" * 3, id="no token of three parts"),
        pytest.param("x = '" + base64.b64encode(b"AKIA" * 60).decode() + "'", id="base64"),
    ],
)
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    assert scan(text) == []


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"alg": "none"}, {"sub": "42"}),
        ({"typ": "JWT", "kid": "abcdef"}, {"sub": "42"}),
        ({"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}),
        ({"alg": "HS256", "typ": "JWT"}, {"iss": "joe", "http://example.com/is_root": True}),
        ({"alg": "HS256", "typ": "JWT"}, ["no", "claims", "at", "all"]),
    ],
    ids=["unsigned", "no algorithm", "jwt.io", "RFC 7519", "no claims"],
)
def test_a_token_without_substance_is_none(header: object, claims: object, samples: Samples) -> None:
    signature = samples["jwt"][0].rpartition(".")[2]
    assert scan(f"{part(header)}.{part(claims)}.{signature}") == []


@pytest.mark.parametrize("mark", ["gitleaks:allow", "pragma: allowlist secret", "pragma: whitelist secret"])
def test_a_marked_line_is_accepted_and_the_next_is_not(mark: str, samples: Samples) -> None:
    (secret,) = samples["npm"]
    assert scan(f"a = '{secret}'  # {mark}\n") == []
    assert [hit.line for hit in scan(f"# {mark}\na = '{secret}'\n# {mark}\n")] == [2]


def test_a_private_key_may_be_marked_on_its_first_or_last_line(samples: Samples) -> None:
    key = samples["private-key"][0]
    assert scan(f"{key}  # gitleaks:allow") == []
    assert scan(f"# gitleaks:allow {key}\n") == []
    assert kinds(f"# gitleaks:allow\n{key}\n# gitleaks:allow") == ["private-key"]


def test_a_mark_far_below_a_cut_off_private_key_accepts_nothing(samples: Samples) -> None:
    key = samples["private-key"][0].rpartition("\n")[0]
    assert kinds(f"{key}\nother text\n" + "x = 1  # gitleaks:allow") == ["private-key"]


def test_a_private_key_is_the_same_in_file_diff_and_string(samples: Samples) -> None:
    for key in samples["private-key"]:
        lines = key.split("\n")
        forms = [
            key,
            "\n".join(f"+{line}" for line in lines),
            "\n".join(f"{number:>6} +{line}" for number, line in enumerate(lines, 7)),
            "\n".join(f"    {line}" for line in lines),
            key.replace("\n", "\r\n"),
            json.dumps({"private_key": key}),
            "\n".join(f'    "{line}\\n"' for line in lines),
            "\n".join(lines[:-1]) + "\n\nthe rest of the text",
        ]
        assert len({hit.fingerprint for form in forms for hit in scan(form)}) == 1
        assert [kinds(form) for form in forms] == [["private-key"]] * len(forms)


def test_two_keys_of_one_format_have_different_fingerprints(samples: Samples) -> None:
    hits = [hit for key in samples["private-key"] for hit in scan(key)]
    assert len({hit.fingerprint for hit in hits}) == len(samples["private-key"])


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_can_be_scanned(text: str) -> None:
    assert scan(text) == []


@pytest.mark.parametrize(
    "text",
    ["eyJ" * 30_000, "_eyJ" * 25_000, "-sk-ant-api-" * 8_000, "T3BlbkFJ" * 12_000, "1:AA" * 25_000,
     "-----BEGIN PRIVATE KEY-----\nA" * 3_500, "/webhooks/" * 10_000, "a" * 100_000],
    ids=["jwt", "jwt in a word", "anthropic", "openai", "telegram", "keys", "webhooks", "one word"],
)  # fmt: skip
def test_a_text_made_to_take_for_ever_does_not(text: str) -> None:
    assert scan(text) == []


def test_a_long_line_of_secrets_is_read_once(samples: Samples) -> None:
    (secret,) = samples["npm"]
    assert len(scan(f"{secret} " * 3_000)) == 3_000


def test_the_sources_of_the_standard_library_raise_no_alarm() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for folder in ("asyncio", "email", "http", "json", "unittest")
        for path in (root / folder).glob("*.py")
    ]
    assert len(files) > 50
    assert [(path.name, hit) for path in files for hit in scan(path.read_text("utf-8"))] == []


def test_the_benchmark_finds_the_same_as_its_baseline() -> None:
    told = subprocess.run(
        [sys.executable, BENCH, "--megabytes", "0.1", "--turns", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(told.stdout)
    assert figures["hits"] == figures["baseline_hits"] > 0
    assert figures["megabytes_per_s"] > 0
    assert figures["ratio"] > 0
