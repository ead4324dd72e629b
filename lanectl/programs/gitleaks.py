"""gitleaks, shown texts on its standard input, with rules and an environment that no repository chooses."""

import hashlib
import json
import os
import re
import secrets
import shutil
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.programs import environment
from lanectl.programs.start import LIMIT_BYTES, Child, run

PROGRAM = "gitleaks"
WHERE = "[secrets] gitleaks"
# The first whose `stdin` counts lines through the whole of what it is given (cmd/stdin.go, sources/file.go);
# `--report-path -` is there since 8.21.3, GITLEAKS_CONFIG_TOML since 8.24.3.
OLDEST = (8, 27)
# Neither 0 (nothing found) nor 1 (it failed) nor 126 (a flag it does not know).
FOUND = 3
MARK = "lanectl-mark"
# Its own rules, and one for the marks by which it proves that it has read every text to its end.
RULES = f"""\
[extend]
useDefault = true

[[rules]]
id = "{MARK}"
description = "the end of a text"
regex = '''{MARK}-[0-9a-f]{{16}}-[0-9]{{1,9}}'''
keywords = ["{MARK}-"]
"""
ARGUMENTS = (
    *("stdin", "--no-banner", "--no-color", "--log-level", "error", "--exit-code", str(FOUND)),
    # Marks in the text are read by us: a line of one text must not excuse a match that runs into another.
    "--ignore-gitleaks-allow",
    *("--report-format", "json", "--report-path", "-"),
)
# It reads up to 100,000 bytes at once and 25,000 more to the next blank line (sources/file.go, common.go),
# and gives up silently where the first of these pieces looks like a binary file: so the first is ours alone.
PAD = b"\n" * (1 << 17)
# More lines than any bounded pattern of its rules runs across (curl-auth-header: ten).
GAP = b"\n" * 8
START_S = 120.0
BYTES_PER_S = 40_000  # text that is nothing but secrets was read at 60 kB a second, source code at 4 MB
TOO_MANY = "more findings than can be read"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule matched in a text, from line `first` to line `last` of it (from 1)."""

    rule: str
    first: int
    last: int
    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """As of our own hits: the first 16 hexadecimal digits of the SHA-256 of rule, colon and secret."""
        return hashlib.sha256(f"{self.rule}:{self.secret}".encode(errors="replace")).hexdigest()[:16]


class _TooMuchError(Exception):
    """The report is larger than what is read of one."""


def findings(texts: Sequence[str]) -> list[list[Finding]]:
    """What gitleaks finds in each of the texts, in their order; one process for all of them, seldom two.

    Raises `ConfigError` where it is not installed, too old, fails, or did not read all; `TryLater` where it
    was killed or took too long. The findings hold secrets: they are for this process's memory only.
    """
    if not texts:
        return []
    if shutil.which(PROGRAM, path=environment.search_path()) is None:
        raise ConfigError(f"{PROGRAM} is asked for and not installed", where=WHERE, hint=installing())
    try:
        found, mixed = _read(texts, apart=False)
        if mixed:
            # A match that runs into the next text hides what stands there: these once more, each by itself.
            again, _ = _read([texts[n] for n in mixed], apart=True)
            for n, own in zip(mixed, again, strict=True):
                found[n] = own
    except _TooMuchError:
        if len(texts) == 1:
            return [[Finding(TOO_MANY, 1, 1, texts[0])]]
        half = len(texts) // 2
        return [*findings(texts[:half]), *findings(texts[half:])]
    return found


def version() -> str:
    """What gitleaks calls its version, "unknown" where it was built without one."""
    try:
        done = run([PROGRAM, "version"], cwd=Path("/"), timeout_s=START_S, limit_bytes=1 << 16)
    except LanectlError:
        return "unknown"
    said = re.search(rb"\d+\.\d+\.\d+", done.out)
    return said[0].decode() if said else "unknown"


def _read(texts: Sequence[str], *, apart: bool) -> tuple[list[list[Finding]], list[int]]:
    """The findings of each text, and the texts that a match running across a mark begins or ends in.

    `apart` puts so much between the texts that none is looked at together with another.
    """
    nonce = secrets.token_hex(8)
    between = GAP + PAD if apart else GAP
    parts, starts, marks = [PAD], [], []
    line = len(PAD) + 1
    for n, text in enumerate(texts):
        parts += [text.encode(errors="replace"), GAP, f"{MARK}-{nonce}-{n}".encode(), between]
        starts.append(line)
        marks.append(line + text.count("\n") + len(GAP))
        line = marks[-1] + len(between)
    seen: dict[str, int] = {}
    found: list[list[Finding]] = [[] for _ in texts]
    mixed: set[int] = set()
    for one in _report(b"".join(parts)):
        if one.rule == MARK:
            seen[one.secret] = one.first
            continue
        n = bisect_right(marks, one.first)
        if n == len(texts):
            raise _failed("reports lines that it was not given")
        if one.last >= marks[n] and not apart:
            mixed.update(range(n, min(bisect_right(marks, one.last) + 1, len(texts))))
        size = texts[n].count("\n") + 1
        first = min(max(one.first - starts[n] + 1, 1), size)
        found[n].append(replace(one, first=first, last=min(max(one.last - starts[n] + 1, first), size)))
    if any(seen.get(f"{MARK}-{nonce}-{n}") != mark for n, mark in enumerate(marks)):
        raise _failed("did not read all that it was given")
    return [sorted(own, key=lambda one: one.first) for own in found], sorted(mixed)


def _report(data: bytes) -> Iterable[Finding]:
    limit_s = START_S + len(data) / BYTES_PER_S
    out = bytearray()
    try:
        # At the top of the file system there is no `.gitleaksignore` of a repository to be read; that no
        # `.gitleaks.toml` is read either is due to the rules given here.
        env = environment.built({"GITLEAKS_CONFIG_TOML": RULES})
        child = Child([PROGRAM, *ARGUMENTS], cwd=Path("/"), stdin=data, env=env)
    except LanectlError as error:
        raise ConfigError(error.message, where=WHERE, hint=f"{PROGRAM} version") from None
    with child:
        try:
            for chunk in child.chunks(limit_s):
                out += chunk
                if len(out) > LIMIT_BYTES:
                    raise _TooMuchError
            code = child.wait(limit_s)
        except LanectlError as error:
            raise TryLater(error.message, where=WHERE, hint=f"{PROGRAM} version") from None
    # What it complains of is not repeated: nobody knows what of the texts stands in it.
    if code < 0:
        raise TryLater(f"{PROGRAM} was killed by signal {-code}", where=WHERE, hint=f"{PROGRAM} version")
    if code != FOUND:
        raise _failed("did not read all that it was given" if code == 0 else f"failed with exit code {code}")
    return _parsed(bytes(out))


def _parsed(report: bytes) -> list[Finding]:
    try:
        rows = json.loads(report)
        return [_finding(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _failed("gave a report that cannot be read") from None


def _finding(row: dict[str, object]) -> Finding:
    rule, secret = row["RuleID"], row["Secret"] or row["Match"]
    first, last = row["StartLine"], row["EndLine"]
    if not (isinstance(rule, str) and isinstance(secret, str)):
        raise TypeError
    if not (isinstance(first, int) and isinstance(last, int)):
        raise TypeError
    # Rules are named like this; anything else would be somebody's text in our sentences.
    named = rule if re.fullmatch(r"[\w.-]{1,60}", rule, re.ASCII) else "unnamed rule"
    return Finding(named, first, last, secret)


def _failed(what: str) -> ConfigError:
    """The error for a gitleaks that answers in no way that counts; often it is only too old."""
    known = version()
    if known != "unknown" and tuple(int(part) for part in known.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        message = f"{PROGRAM} {known} is too old: {oldest} or later is needed"
        return ConfigError(message, where=WHERE, hint=installing())
    return ConfigError(f"{PROGRAM} {what}, so nothing is sent", where=WHERE, hint=f"{PROGRAM} version")


def installing() -> str:
    """The command that installs the newest gitleaks here."""
    if os.uname().sysname == "Darwin":
        return f"brew install {PROGRAM}"
    return "go install github.com/zricethezav/gitleaks/v8@latest"
