"""The long forms of the security tests: more inputs and rounds than a test run has time for, one JSON object.

    python tests/security/long.py [--inputs N] [--rounds N] [--clean FOLDER ...]

`--clean` names repositories without secrets: each text file of theirs that is scanned and found guilty is a
false alarm, and each planted secret that is not found there a miss.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from lanectl.text.clean import decode
from lanectl.text.secrets import scan
from tests.security.fuzzed import LINES, RECIPES, TEXTS, make_safe, read_recipe, read_result
from tests.security.test_security_paths import VICTIM, race, touched
from tests.security.test_security_sinks import ALL, SINKS
from tests.text import conftest as published


def fuzz(strategy: SearchStrategy[Any], read: Callable[[Any], None], inputs: int) -> dict[str, int]:
    """So many inputs through one room; tracebacks are counted, and the first is printed."""
    counts = {"inputs": 0, "tracebacks": 0}

    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(value: Any) -> None:
        counts["inputs"] += 1
        try:
            read(value)
        except Exception as error:  # noqa: BLE001 -- every one of them is a finding
            counts["tracebacks"] += 1
            if counts["tracebacks"] == 1:
                print(f"{read.__name__}: {error!r} for {value!r}"[:2000], file=sys.stderr)

    one()
    return counts


def sinks() -> dict[str, int]:
    """Every hostile word alone, in words, and in pairs, through every sink."""
    words = [*ALL, *(f"x {word} y" for word in ALL), *(one + other for one in ALL for other in ALL)]
    faults = sum(bool(found(make(word))) for make, found in SINKS.values() for word in words)
    return {
        "sinks": len(SINKS),
        "strings": len(words),
        "tried": len(SINKS) * len(words),
        "got_through": faults,
    }


def races(rounds: int) -> dict[str, int]:
    """Folders swapped for links while artifacts are written into them."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made).resolve()
        victim = root / "victim"
        for name in (
            "a.md",
            "manifest.json",
            "digest.md",
            "digest.html",
            "results.jsonl",
            ".gitignore",
            "sub/a.md",
        ):
            (victim / name).parent.mkdir(parents=True, exist_ok=True)
            (victim / name).write_bytes(VICTIM)
        swaps = race(root, victim, rounds=rounds)
        return {"writes": 3 * rounds * 5, "swaps": swaps, "victims": len(touched(victim))}


def secrets(folders: list[Path]) -> dict[str, Any]:
    """Planted secrets found, and alarms on files that hold none."""
    made: Any = published.samples
    wrapped = made._get_wrapped_function() if hasattr(made, "_get_wrapped_function") else made.__wrapped__
    samples = [(kind, one) for kind, many in wrapped().items() for one in many]
    texts = {folder.name: clean_texts(folder) for folder in folders}
    places = [text for each in texts.values() for text in each]
    draw = random.Random(7)
    found = 0
    for kind, secret in samples:
        for form in ("{}", 'token = "{}"', "    key: {} # for now", "export KEY='{}'"):
            lines = draw.choice(places).splitlines() if places else [""]
            at = draw.randrange(len(lines) + 1)
            lines[at:at] = [form.format(secret)]
            found += any(hit.kind == kind for hit in scan("\n".join(lines)))
    alarms = {name: sum(len(scan(text)) for text in each) for name, each in texts.items()}
    files = {name: len(each) for name, each in texts.items()}
    return {"planted": 4 * len(samples), "found": found, "files": files, "false_alarms": alarms}


def clean_texts(folder: Path) -> list[str]:
    """The texts of every tracked file of a repository."""
    listed = subprocess.run(
        ["git", "-C", str(folder), "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    paths = [folder / name for name in listed.decode(errors="surrogateescape").split("\0") if name]
    read = (decode(path.read_bytes()) for path in paths if path.is_file() and not path.is_symlink())
    return [text for text in read if text is not None]


def main() -> None:
    """Run all of it and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--clean", type=Path, nargs="*", default=[])
    asked = parser.parse_args()
    figures = {
        "recipes": fuzz(RECIPES, read_recipe, asked.inputs),
        "results": fuzz(LINES, read_result, asked.inputs),
        "texts": fuzz(TEXTS, make_safe, asked.inputs),
        "sinks": sinks(),
        "races": races(asked.rounds),
        "secrets": secrets(asked.clean),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
