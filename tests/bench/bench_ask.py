"""Time to the first token: `lanectl ask` beside a bare SDK script, in the same run against a paced sandbox.

Run by hand: `python -m tests.bench.bench_ask [ROUNDS]`; one line with and one without what starting a process
costs.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lanectl.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
BARE = """
import sys, time
import anthropic
client = anthropic.Anthropic()
began = time.monotonic()
with client.messages.stream(model="claude-haiku-5-5", max_tokens=2000,
                            messages=[{"role": "user", "content": "Why?"}]) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
        if began:
            print(f"first token after {time.monotonic() - began:.3f} s", file=sys.stderr)
            began = 0
"""
OURS = ("-m", "lanectl", "ask", "--lane", "interactive", "-v", "Why?")


def measured(argv: tuple[str, ...], environ: dict[str, str], folder: str) -> tuple[float, float]:
    """Seconds to the first token: from the start of the process, and from the start of the call."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *argv],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        process.stdout.read(1)
        first = time.monotonic() - began
        _, err = process.communicate()
    said = re.search(rb"first token after ([0-9.]+) s", err)
    if said is None:
        raise AssertionError(err.decode())
    return first, float(said[1])


def main(rounds: int) -> None:
    """Both in turns, so that the machine's mood meets both; the first round warms the disk and does not
    count."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "p", tokens_per_s=100.0) as box:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PYTHONPATH": str(ROOT),
            "LANECTL_HOME": f"{folder}/lanectl",
            "ANTHROPIC_BASE_URL": box.url,
            "ANTHROPIC_API_KEY": "sk-ant-bench",
        }
        pairs = [
            (measured(("-c", BARE), environ, folder), measured(OURS, environ, folder))
            for _ in range(rounds + 1)
        ][1:]
    for place, name in enumerate(("start-up included", "start-up excluded")):
        bare = statistics.median(pair[0][place] for pair in pairs)
        ours = statistics.median(pair[1][place] for pair in pairs)
        print(
            f"{name}: bare SDK {bare:.3f} s, lanectl ask {ours:.3f} s, "
            f"overhead {ours - bare:+.3f} s, ratio {ours / bare:.2f} (median of {rounds})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
