"""How fast text is scanned for secrets, beside one plain regular expression and one `str.find` a literal.

    python tests/bench/bench_secrets.py [--megabytes N] [--turns N]

Reads the standard library's own sources, with a few secrets planted, and prints one JSON object. `ratio` is
the scan's speed over the faster baseline's; all run in turns in one process, the best turn of each counts.
"""

import argparse
import json
import random
import re
import string
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from lanectl.text.formats import FORMATS, Format, made_up
from lanectl.text.secrets import scan

EXPRESSION = re.compile(
    "|".join(f"(?:{form.pattern.pattern})" for form in FORMATS if form.kind != "private-key")
)


def texts(limit: int) -> list[str]:
    """About `limit` characters of Python sources, a planted secret in every fiftieth."""
    found: list[str] = []
    size = 0
    for number, path in enumerate(sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py"))):
        if size >= limit:
            break
        text = path.read_bytes().decode("utf-8", "replace")
        if number % 50 == 0:
            token = "".join(random.Random(number).choices(string.ascii_letters, k=36))
            text += f"\ntoken = 'ghp_{token}'\n"
        found.append(text)
        size += len(text)
    return found


def by_expression(text: str) -> int:
    """The hits of one alternation of every pattern."""
    return sum(1 for found in EXPRESSION.finditer(text) if not made_up(found[0]))


def by_find(text: str) -> int:
    """The hits of every literal sought through the whole text."""
    return sum(_by_find(text, form, literal) for form in FORMATS for literal in form.literals)


def _by_find(text: str, form: Format, literal: str) -> int:
    hits = 0
    place = text.find(literal)
    while place >= 0:
        found = form.pattern.search(text, max(0, place - form.back), place + 256)
        hits += bool(found and form.read(found) and not (form.words and made_up(found[0])))
        place = text.find(literal, found.end() if found else place + 1)
    return hits


def seconds(count: Callable[[str], int], corpus: list[str]) -> tuple[float, int]:
    """How long one turn over the corpus takes, and what it finds."""
    start = time.perf_counter()
    hits = sum(map(count, corpus))
    return time.perf_counter() - start, hits


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=8.0)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    corpus = texts(int(asked.megabytes * 1e6))
    size = sum(map(len, corpus)) / 1e6
    counts = {"scan": lambda text: len(scan(text)), "find": by_find, "expression": by_expression}
    turns = [{name: seconds(count, corpus) for name, count in counts.items()} for _ in range(asked.turns)]
    best = {name: min(turn[name][0] for turn in turns) for name in counts}
    hits = {name: turns[0][name][1] for name in counts}
    figures = {
        "megabytes": round(size, 2),
        "hits": hits["scan"],
        "baseline_hits": hits["find"],
        "expression_hits": hits["expression"],
        "megabytes_per_s": round(size / best["scan"], 1),
        "find_megabytes_per_s": round(size / best["find"], 1),
        "expression_megabytes_per_s": round(size / best["expression"], 1),
        "ratio": round(min(best["find"], best["expression"]) / best["scan"], 2),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
