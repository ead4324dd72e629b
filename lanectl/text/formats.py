"""The table of secret formats: only what cannot be anything else, each found by a literal of its own."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

# A secret begins where a word begins: after no letter or digit, unless those are the end of an escape.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
_END = r"(?![A-Za-z0-9])"
_WORD_END = r"(?![A-Za-z0-9_-])"
_LEAST_KEY = 60  # base64 characters; an Ed25519 key in PKCS #8 has 64


def whole(found: re.Match[str]) -> str | None:
    """The secret is all that was found."""
    return found[0]


def _json_web_token(found: re.Match[str]) -> str | None:
    """Header and payload must be what they claim to be; a payload may give a made-up token away."""
    head, payload, _ = found[0].split(".")
    header, claims = _base64_json(head), _base64_json(payload)
    if header is None or claims is None or header.get("alg") in (None, "none"):
        return None
    return None if made_up(json.dumps(claims, separators=(",", ":"))) else found[0]


def _base64_json(part: str) -> dict[str, object] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


_KEY_RUN = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9+/]+={1,2}")
_OTHER = re.compile(r"\w")
_BEFORE_KEY = re.compile(r"^[\s\d+/#*>|\"'-]*")  # indentation, a diff's numbers and signs, comments, quotes


def _private_key(found: re.Match[str]) -> str | None:
    """The key's own characters, alike in a file, in a diff, and in a string with escaped newlines."""
    runs: list[str] = []
    for line in found["body"].replace("\\r", "").replace("\\n", "\n").split("\n"):
        if "..." in line or "…" in line:
            return None
        here = _KEY_RUN.findall(_BEFORE_KEY.sub("", line))
        if runs and not here and _OTHER.search(line):
            break
        runs += here
    key = "".join(runs)
    genuine = len(key) >= _LEAST_KEY and len(set(key)) > 16 and "EXAMPLE" not in key
    return key if genuine else None


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of secret: the literals that lead to it, its strict form, and what of a match is the secret.

    `back` is how many characters before the literal it may begin. `dense`: the literal stands in a run of at
    least `RUN` characters of `[A-Za-z0-9_-]`, or begins at most `REACH` characters before one. `words`:
    `made_up` applies.
    """

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    back: int = 0
    dense: bool = True
    words: bool = True
    read: Callable[[re.Match[str]], str | None] = whole


RUN = 20
REACH = 64


def _format(kind: str, literals: str, pattern: str, end: str = _END, *, back: int = 0) -> Format:
    return Format(kind, tuple(literals.split()), re.compile(_START + pattern + end, re.ASCII), back)


# Sources: the providers' own documentation of their prefixes, the form and length of each compared with the
# rules of gitleaks 8.
FORMATS = (
    _format("anthropic", "sk-ant-", r"sk-ant-[a-z]{2,12}\d{2}-[\w-]{60,200}", _WORD_END),
    _format(
        "openai", "T3BlbkFJ", r"sk-(?:[a-z]{2,10}-)?[\w-]{20,80}T3BlbkFJ[\w-]{20,80}", _WORD_END, back=96
    ),
    _format("openrouter", "sk-or-v1-", r"sk-or-v1-[0-9a-f]{64}"),
    _format("github", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[opusr]_[A-Za-z0-9]{36,251}"),
    _format("github-fine", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _format(
        "gitlab", "glpat- gldt- glrt-", r"gl(?:pat|dt|rt)-[\w-]{20}(?:[\w-]{7,300}\.[0-9a-z]{9})?", _WORD_END
    ),
    _format("aws", "AKIA ASIA", r"(?<![A-Za-z0-9+][/+])A(?:KI|SI)A[A-Z2-7]{16}"),
    _format("google", "AIza", r"AIza[\w-]{35}", _WORD_END),
    _format("google-oauth", "GOCSPX-", r"GOCSPX-[\w-]{28}", _WORD_END),
    _format("slack", "xox", r"xox[abeoprs]-(?:\d-)?\d{8,14}-[A-Za-z0-9-]{18,240}"),
    _format("slack-config", "xoxe", r"xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{140,200}"),
    _format("slack-app", "xapp-", r"xapp-\d-[A-Z0-9]{8,14}-\d{8,14}-[0-9a-f]{64}"),
    _format(
        "slack-webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services/T[A-Z0-9]{8,11}/B[A-Z0-9]{8,11}/[A-Za-z0-9]{24}"
        r"|triggers/[TE][A-Z0-9]{8,11}/\d{10,16}/[0-9a-f]{32})",
    ),
    _format(
        "discord-webhook",
        "/webhooks/",
        r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{17,20}/[\w-]{60,80}",
        back=24,
    ),
    _format("stripe", "sk_live_ rk_live_", r"[sr]k_live_[A-Za-z0-9]{16,247}"),
    _format("sendgrid", "SG.", r"SG\.[\w-]{22}\.[\w-]{43}", _WORD_END),
    _format("npm", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _format("pypi", "pypi-Ag", r"pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[\w-]{50,1000}", _WORD_END),
    _format("huggingface", "hf_", r"hf_[A-Za-z0-9]{34,40}"),
    _format("digitalocean", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _format("shopify", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _format("age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    _format("twilio", "SK", r"SK[0-9a-f]{32}"),
    _format("databricks", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?"),
    _format("linear", "lin_api_ lin_oauth_", r"lin_(?:api_[A-Za-z0-9]{40}|oauth_[0-9a-f]{64})"),
    _format("notion", "ntn_", r"ntn_\d{11}[A-Za-z0-9]{35}"),
    _format("notion-secret", "secret_", r"secret_[A-Za-z0-9]{43}"),
    _format("grafana", "glsa_", r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}"),
    _format("vault", "hvs.", r"hvs\.(?:[A-Za-z0-9]{24}(?![\w-])|[\w-]{90,300})", _WORD_END),
    _format("doppler", "dp.pt. dp.st.", r"dp\.(?:pt|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{40,44}"),
    _format("planetscale", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w-]{32,64}", _WORD_END),
    _format("postman", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _format("telegram", ":AA", r"\d{8,10}:AA[\w-]{33}", _WORD_END, back=10),
    _format("docker", "dckr_pat_", r"dckr_pat_[\w-]{27}", _WORD_END),
    _format("rubygems", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    _format("sentry", "sntryu_", r"sntryu_[0-9a-f]{64}"),
    Format(
        "jwt",
        ("eyJ",),
        re.compile(_START + r"(?<![_.-])eyJ[\w-]{17,2000}\.eyJ[\w-]{17,8000}\.[\w-]{43,1400}", re.ASCII),
        read=_json_web_token,
    ),
    Format("azure-storage", ("AccountKey=",), re.compile(r"AccountKey=[A-Za-z0-9+/]{86}=="), dense=False),
    Format(
        "private-key",
        ("-----BEGIN ",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<body>(?:(?!-----)[\s\S]){1,20000})(?P<closed>-----END[^-\n]{0,60}-----)?"
        ),
        dense=False,
        words=False,  # the head of an OpenSSH key is a long run of one character
        read=_private_key,
    ),
)

_WORDS = re.compile(
    r"xxxx|XXXX|\.\.\.|…|(.)\1{7}|0123456789|1234567890"
    r"|(?i:example|placeholder|redacted|changeme|dummy|sample|testtest|abcdefgh|deadbeef)"
)
# Published by their makers for everyone to use: Azurite's storage key.
_PUBLIC = frozenset(
    {"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="}
)


def made_up(body: str) -> bool:
    """Whether a secret, given without its prefix, is one that nobody issues.

    A word that says so, one character eight times in a row, the alphabet, or fewer than five different
    characters: one in 100,000 random keys holds one of these by chance (measured on 400,000).
    """
    return len(set(body)) < 5 or body in _PUBLIC or _WORDS.search(body) is not None
