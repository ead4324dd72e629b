"""Sandboxes in a process of their own, so that killing a client leaves the provider as it is.

One JSON object a line on standard input, one on standard output: `{"open": FOLDER, "clock": FILE}` gives
`{"url"}`, `{"close": FOLDER}` gives `{}`.
"""

import json
import sys
from pathlib import Path

from lanectl.sandbox.server import Sandbox
from tests.lane.scene import BATCH_S, SharedClock


def main() -> None:
    """Serve until standard input ends."""
    open_now: dict[str, Sandbox] = {}
    for line in sys.stdin:
        said = json.loads(line)
        answer: dict[str, str] = {}
        if "open" in said:
            box = Sandbox(
                Path(said["open"]), clock=SharedClock(Path(said["clock"])).seconds, duration_s=BATCH_S
            )
            box.start()
            open_now[said["open"]] = box
            answer["url"] = box.url
        else:
            open_now.pop(said["close"]).stop()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
