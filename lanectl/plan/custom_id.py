"""Custom ids: the one thing of ours that the provider gives back, so all that must be proven stands in them.

`L1_` install(6) `_` run(10) attempt(2) `_` job(4) `_` slug(31 at most) `_` check(4): 64 characters, the limit
of the API. Fields are base 32, the slug is for people. The check is unkeyed, so that it can be verified after
the keys are lost: it guards against accident, the install id against strangers.
"""

import hashlib
import re
from dataclasses import dataclass

from lanectl.text.names import slug

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
MOST_ATTEMPTS = 32**2
MOST_JOBS = 32**4
SLUG_LENGTH = 31
FORM = re.compile(
    r"(L1_([a-z2-7]{6})_([a-z2-7]{10})([a-z2-7]{2})_([a-z2-7]{4})_([A-Za-z0-9-]{1,31}))_([a-z2-7]{4})"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a custom id says: whose it is, and which job of which attempt of which run."""

    install: str
    run: str
    attempt: int
    job: int
    slug: str


def custom_id(install: str, run: str, attempt: int, job: int, key: str) -> str:
    """The id of a job in an attempt; `ValueError` beyond 1,024 attempts or 1,048,576 jobs of a run."""
    body = f"L1_{install}_{run}{_digits(attempt, 2)}_{_digits(job, 4)}_{slug(key, SLUG_LENGTH) or 'job'}"
    return f"{body}_{_check(body)}"


def parse(text: str) -> Parts | None:
    """What a custom id says; None for one that is not of ours or was damaged."""
    found = FORM.fullmatch(text)
    if found is None or _check(found[1]) != found[7]:
        return None
    return Parts(found[2], found[3], _number(found[4]), _number(found[5]), found[6])


def _digits(number: int, width: int) -> str:
    if not 0 <= number < 32**width:
        raise ValueError(f"{number} does not fit in {width} base-32 digits")
    return "".join(BASE32[number >> 5 * place & 31] for place in reversed(range(width)))


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | BASE32.index(digit)
    return number


def _check(body: str) -> str:
    return _digits(int.from_bytes(hashlib.sha256(body.encode()).digest()[:4], "big") >> 12, 4)
