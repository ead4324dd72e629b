"""Secrets that were never issued: right in form, random in substance, written down nowhere."""

import base64
import json
import random
import string
from collections.abc import Mapping

import pytest

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "-_"
UPPER = string.ascii_uppercase + string.digits
DIGITS = string.digits


def _of(alphabet: str, count: int) -> str:
    # From "2" on, so that no digit run reads like a serial number; a fixed seed a call site keeps runs alike.
    return "".join(random.Random(f"{alphabet}{count}").choices(alphabet, k=count))


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _pem(kind: str, characters: int, *, start: str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC") -> str:
    body = start + _of(ALNUM + "+/", characters - len(start))
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


@pytest.fixture(scope="session")
def samples() -> Mapping[str, tuple[str, ...]]:
    """By kind, at least one secret for every literal of the table."""
    claims = {"sub": "42", "iss": "https://login.acme.test", "iat": 1713570246}
    openssh = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"
    return {
        "anthropic": (f"sk-ant-api03-{_of(WORD, 93)}AA", f"sk-ant-oat01-{_of(WORD, 86)}AA"),
        "openai": (
            f"sk-proj-{_of(WORD, 74)}T3BlbkFJ{_of(WORD, 74)}",
            f"sk-{_of(ALNUM, 20)}T3BlbkFJ{_of(ALNUM, 21)}",
        ),
        "openrouter": (f"sk-or-v1-{_of(HEX, 64)}",),
        "github": tuple(f"gh{letter}_{_of(ALNUM, 36)}" for letter in "pousr"),
        "github-fine": (f"github_pat_{_of(ALNUM, 22)}_{_of(ALNUM, 59)}",),
        "gitlab": (
            f"glpat-{_of(ALNUM, 20)}",
            f"glpat-{_of(ALNUM, 27)}.{_of(HEX, 9)}",
            f"gldt-{_of(ALNUM, 20)}",
            f"glrt-{_of(ALNUM, 20)}",
        ),
        "aws": tuple(f"{head}{_of(string.ascii_uppercase + '234567', 16)}" for head in ("AKIA", "ASIA")),
        "google": (f"AIza{_of(WORD, 35)}",),
        "google-oauth": (f"GOCSPX-{_of(ALNUM, 28)}",),
        "slack": (
            f"xoxb-{_of(DIGITS, 12)}-{_of(DIGITS, 13)}-{_of(ALNUM, 24)}",
            f"xoxp-{_of(DIGITS, 11)}-{_of(DIGITS, 12)}-{_of(DIGITS, 13)}-{_of(HEX, 32)}",
            f"xoxa-2-{_of(DIGITS, 11)}-{_of(DIGITS, 12)}-{_of(DIGITS, 13)}-{_of(HEX, 32)}",
        ),
        "slack-config": (f"xoxe-1-{_of(ALNUM, 146)}", f"xoxe.xoxp-1-{_of(ALNUM, 163)}"),
        "slack-app": (f"xapp-1-A{_of(UPPER, 10)}-{_of(DIGITS, 13)}-{_of(HEX, 64)}",),
        "slack-webhook": (
            f"hooks.slack.com/services/T{_of(UPPER, 10)}/B{_of(UPPER, 10)}/{_of(ALNUM, 24)}",
            f"hooks.slack.com/triggers/E{_of(UPPER, 10)}/{_of(DIGITS, 13)}/{_of(HEX, 32)}",
        ),
        "discord-webhook": (
            f"discord.com/api/webhooks/{_of(DIGITS, 19)}/{_of(WORD, 68)}",
            f"discordapp.com/api/v10/webhooks/{_of(DIGITS, 19)}/{_of(WORD, 68)}",
        ),
        "stripe": tuple(f"{head}_live_{_of(ALNUM, 24)}" for head in ("sk", "rk")),
        "sendgrid": (f"SG.{_of(WORD, 22)}.{_of(WORD, 43)}",),
        "npm": (f"npm_{_of(ALNUM, 36)}",),
        "pypi": (f"pypi-AgEIcHlwaS5vcmc{_of(WORD, 150)}", f"pypi-AgENdGVzdC5weXBpLm9yZw{_of(WORD, 150)}"),
        "huggingface": (f"hf_{_of(string.ascii_letters, 34)}",),
        "digitalocean": tuple(f"do{letter}_v1_{_of(HEX, 64)}" for letter in "por"),
        "shopify": tuple(f"shp{kind}_{_of(HEX, 32)}" for kind in ("at", "ca", "pa", "ss")),
        "age": (f"AGE-SECRET-KEY-1{_of('QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L', 58)}",),
        "twilio": (f"SK{_of(HEX, 32)}",),
        "databricks": (f"dapi{_of(HEX, 32)}", f"dapi{_of(HEX, 32)}-2"),
        "linear": (f"lin_api_{_of(ALNUM, 40)}", f"lin_oauth_{_of(HEX, 64)}"),
        "notion": (f"ntn_{_of(DIGITS, 11)}{_of(ALNUM, 35)}",),
        "notion-secret": (f"secret_{_of(ALNUM, 43)}",),
        "grafana": (f"glsa_{_of(ALNUM, 32)}_{_of(HEX, 8)}",),
        "vault": (f"hvs.{_of(ALNUM, 24)}", f"hvs.{_of(WORD, 95)}"),
        "doppler": (f"dp.pt.{_of(ALNUM, 43)}", f"dp.st.prod_eu.{_of(ALNUM, 43)}"),
        "planetscale": tuple(f"pscale_{kind}_{_of(WORD, 43)}" for kind in ("tkn", "pw", "oauth")),
        "postman": (f"PMAK-{_of(HEX, 24)}-{_of(HEX, 34)}",),
        "telegram": (f"{_of(DIGITS, 10)}:AA{_of(WORD, 33)}",),
        "docker": (f"dckr_pat_{_of(ALNUM, 27)}",),
        "rubygems": (f"rubygems_{_of(HEX, 48)}",),
        "sentry": (f"sntryu_{_of(HEX, 64)}",),
        "jwt": (f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}.{_of(WORD, 342)}",),
        "azure-storage": (f"AccountKey={_of(ALNUM + '+/', 86)}==",),
        "private-key": (
            _pem("PRIVATE KEY", 1600),
            _pem("RSA PRIVATE KEY", 1600, start="MIIEowIBAAKCAQEA"),
            _pem("ENCRYPTED PRIVATE KEY", 1700),
            _pem("PGP PRIVATE KEY BLOCK", 900, start="lQOYBF"),
            _pem("PRIVATE KEY", 64, start="MC4CAQAwBQYDK2VwBCIEI"),
            _pem("OPENSSH PRIVATE KEY", 360, start=openssh),
        ),
    }
