"""The command line: `run` is the console's entry, `main` where every error ends as a sentence and a code."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime


def run() -> None:
    """Run the command line of this process and end it with its exit code."""
    import sys

    sys.exit(main(sys.argv[1:]))


def main(
    argv: Sequence[str],
    *,
    clock: Callable[[], datetime] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run one command and return its exit code; `clock` and `sleep` are given where no time may pass."""
    from lanectl.cli.boundary import guarded
    from lanectl.cli.desk import Desk, utc_now

    desk = Desk(clock=clock or utc_now, sleep=sleep)
    return guarded(desk, list(argv))
