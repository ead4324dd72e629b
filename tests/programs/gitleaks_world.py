"""A stand-in for the program gitleaks: its command line, its way of reading, its report, and three rules."""

import shlex
import sys
from pathlib import Path

import pytest

# A format that no table of ours knows, so that what is found is found by the program alone.
SECRET = "hush-" + "q7w2e9r4t1y8u3i6o5p0a2s4"
OTHER = "hush-" + "z1x8c3v6b5n0m2l4k7j9h1g3"

# Of the real one, and checked against it: flags it does not know end it with 126, a command it does not know
# with 1; the rules come from --config, GITLEAKS_CONFIG, GITLEAKS_CONFIG_TOML, ./.gitleaks.toml in this order;
# ./.gitleaksignore excuses; input is read in fragments that end at a blank line, none where the first looks
# like a binary file; a match is reported from the line it begins on to the line it ends on.
PROGRAM = r"""import json, os, re, signal, sys, tomllib
from pathlib import Path

HERE = Path(__file__).parent
MODE, VERSION = (HERE / "mode").read_text(), (HERE / "version").read_text()
BUILT_IN = [
    {"id": "hush-token", "regex": "hush-[a-z0-9]{24}"},
    {"id": "hush-value", "regex": 'hush = "[a-z0-9]{8,}"'},
    {"id": "whisper-block", "regex": r"BEGIN WHISPER[\s\S]{8,}?WHISPER"},
]
VALUES = {"--log-level", "--exit-code", "--report-format", "--report-path", "--config"}
SWITCHES = {"--no-banner", "--no-color", "--ignore-gitleaks-allow"}


def flags(argv):
    given = {}
    while argv:
        name = argv.pop(0)
        if name in VALUES and argv:
            given[name] = argv.pop(0)
        elif name in SWITCHES:
            given[name] = True
        else:
            print(f"Error: unknown flag: {name}", file=sys.stderr)
            sys.exit(126)
    return given


def rules(given):
    named = given.get("--config") or os.environ.get("GITLEAKS_CONFIG")
    if named:
        text = Path(named).read_text()
    elif "GITLEAKS_CONFIG_TOML" in os.environ and VERSION >= "8.24.3":
        text = os.environ["GITLEAKS_CONFIG_TOML"]
    elif Path(".gitleaks.toml").exists():
        text = Path(".gitleaks.toml").read_text()
    else:
        return BUILT_IN
    config = tomllib.loads(text)
    return [*config.get("rules", []), *(BUILT_IN if config.get("extend", {}).get("useDefault") else [])]


def fragments(data):
    at, line = 0, 1
    while at < len(data):
        end = at + 100_000
        blank = data.find(b"\n\n", max(end - 2, at), end + 25_000)
        end = blank + 2 if blank >= 0 else end + 25_000
        piece = data[at:end]
        if line == 1 and (piece.startswith(b"%PDF-") or piece[257:262] == b"ustar"):
            return
        yield line if VERSION >= "8.27" else 1, piece.decode(errors="replace")
        at, line = end, line + piece.count(b"\n")


def findings(data, given):
    excused = set()
    if Path(".gitleaksignore").exists():
        excused = set(Path(".gitleaksignore").read_text().split())
    known = rules(given)
    for start, text in fragments(data):
        for rule in known:
            for match in re.finditer(rule["regex"], text):
                first = start + text.count("\n", 0, match.start())
                last = start + text.count("\n", 0, match.end())
                end = text.find("\n", match.end())
                lines = text[text.rfind("\n", 0, match.start()) + 1 : end if end >= 0 else len(text)]
                if "gitleaks:allow" in lines and "--ignore-gitleaks-allow" not in given:
                    continue
                if f":{rule['id']}:{first}" not in excused:
                    yield row(rule["id"], first, last, match[0])


def row(rule, first, last, secret):
    return {
        "RuleID": rule, "Description": rule, "StartLine": first, "EndLine": last, "StartColumn": 2,
        "EndColumn": 9, "Match": secret, "Secret": secret, "File": "", "SymlinkFile": "", "Commit": "",
        "Entropy": 4.5, "Author": "", "Email": "", "Date": "", "Message": "", "Tags": [],
        "Fingerprint": f":{rule}:{first}",
    }


def main():
    command, *rest = sys.argv[1:] or [""]
    with (HERE / "calls").open("a") as calls:
        calls.write(json.dumps([command, os.getcwd(), sorted(os.environ)]) + "\n")
    if command == "version":
        print(VERSION)
        return 0
    if command != "stdin" or VERSION < "8.19":
        print(f'FTL unknown command "{command}" for "gitleaks"', file=sys.stderr)
        return 1
    given = flags(rest)
    assert given["--report-path"] == "-" and given["--report-format"] == "json"
    if MODE == "hang":
        signal.pause()
    data = sys.stdin.buffer.read()
    found = [] if MODE == "nothing" else list(findings(data, given))
    if MODE == "crash" or (MODE.startswith("crash at ") and MODE[9:].encode() in data):
        print(f"panic: {data.decode().strip()}", file=sys.stderr)
        return 2
    if MODE == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if MODE == "half":
        found = found[: len(found) // 2]
    if MODE == "hostile":
        line = found[-1]["StartLine"] - 8
        found.append(row("\x1b[2Jevil\nrule", line, line, "\x1b[31mx"))
    if MODE == "beyond":
        found.append(row("hush-token", 10**9, 10**9, "x"))
    report = json.dumps(found, indent=1)
    print({"broken": report[:-9], "number": "7", "typed": '[{"RuleID": 7}]'}.get(MODE, report))
    return int(given["--exit-code"]) if found else 0


sys.exit(main())
"""


class Fake:
    """The stand-in as it is found on the search path; `mode` and `version` say how it behaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "gitleaks.py").write_text(PROGRAM)
        program = folder / "gitleaks"
        # Not in a first line: a path with a space, or a long one, finds no interpreter there.
        words = " ".join(map(shlex.quote, (sys.executable, "-SE", str(folder / "gitleaks.py"))))
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
        self.behave("", version="8.30.1")

    def behave(self, mode: str, *, version: str = "8.30.1") -> None:
        """Act so from now on."""
        (self.folder / "mode").write_text(mode)
        (self.folder / "version").write_text(version)

    def calls(self) -> list[str]:
        """What it was started as, each time: command, folder and names of its environment, as JSON."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put the stand-in on the search path, alone with the programs of the system."""
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Fake(folder)
