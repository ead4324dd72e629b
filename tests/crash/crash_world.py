"""A world to kill things in: a place of fixed path that is put back to a snapshot, its sandbox, and what must
hold in it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from lanectl.sandbox.server import Sandbox
from lanectl.state import answers, attempts, runs
from lanectl.state.database import open_state, quick_check
from tests.lane.scene import KEYS, Scene, SharedClock, prompts

HERE = Path(__file__).parent
MEMORY_DISK = Path("/dev/shm")


class Peer:
    """Another process that answers one JSON line with one."""

    def __init__(self, script: str) -> None:
        environ = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": "/nonexistent",
            "PYTHONPATH": str(HERE.parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            text=True,
        )

    def ask(self, said: dict[str, Any] | None) -> dict[str, Any]:
        """Say one thing (None: nothing), and hear the answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("no pipes")
        if said is not None:
            self._process.stdin.write(json.dumps(said) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the other process died")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(timeout=120)
            self._process.stdout.close()


@dataclass(slots=True)
class Went:
    """How a child went: counted calls, its exit code (None: killed), and what it said."""

    calls: list[tuple[int, str, str]]
    codes: list[int | None]
    out: str = ""
    err: str = ""

    @property
    def code(self) -> int | None:
        """The exit code of a single child."""
        return self.codes[0]


@dataclass(slots=True)
class World:
    """One slot below `root`; `put` brings a snapshot back, so that every death begins from the same files."""

    root: Path
    zygote: Peer = field(init=False)
    server: Peer = field(init=False)
    why_not: str | None = field(init=False)
    _url: str = field(default="", init=False)

    def __enter__(self) -> Self:
        self.zygote = Peer("crash_zygote.py")
        self.server = Peer("crash_server.py")
        self.why_not = self.zygote.ask(None)["why_not"]
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.zygote.close()
        self.server.close()

    @property
    def slot(self) -> Path:
        """Where everything happens; paths in a state file are absolute, so it never moves."""
        return self.root / "slot"

    def scene(self) -> Scene:
        """The scene of the slot, for looking from outside."""
        return Scene(self.slot, SharedClock(self.slot / "clock"), self._url)

    def fresh(self, keys: tuple[str, ...] = KEYS) -> None:
        """Begin from nothing: a home, a repository, a recipe, an empty sandbox."""
        self._close()
        shutil.rmtree(self.slot, ignore_errors=True)
        self.slot.mkdir(parents=True)
        Scene(self.slot, SharedClock(self.slot / "clock"), "").make(keys)

    def keep(self, name: str) -> None:
        """Remember the slot as it is under a name."""
        self._close()
        shutil.rmtree(self.root / name, ignore_errors=True)
        shutil.copytree(self.slot, self.root / name, symlinks=True)

    def put(self, name: str) -> None:
        """Bring back what was remembered, with a sandbox that listens."""
        self._close()
        shutil.rmtree(self.slot, ignore_errors=True)
        shutil.copytree(self.root / name, self.slot, symlinks=True)
        self.open()

    def open(self) -> None:
        """Start the slot's sandbox."""
        box, clock = str(self.slot / "sandbox"), str(self.slot / "clock")
        self._url = self.server.ask({"open": box, "clock": clock})["url"]

    def _close(self) -> None:
        if self._url:
            self.server.ask({"close": str(self.slot / "sandbox")})
            self._url = ""

    def run(self, verb: str, *, children: int = 1) -> Went:
        """One command to its end, or several of it at once."""
        return self._ask({"verb": verb, "children": children})

    def traced(self, verb: str, *, at: int = 0, error: int = 0, lasting: bool = False) -> Went:
        """One command under the tracer: killed, or failed, at its call number `at`."""
        return self._ask({"verb": verb, "traced": True, "at": at, "error": error, "lasting": lasting})

    def _ask(self, said: dict[str, Any]) -> Went:
        for name in ("out", "err"):
            (self.slot / name).unlink(missing_ok=True)
        heard = self.zygote.ask({"root": str(self.slot), "url": self._url, **said})
        calls = [(int(index), str(name), str(detail)) for index, name, detail in heard["calls"]]
        texts = [(self.slot / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err")]
        return Went(calls, heard["codes"], *texts)

    def box(self) -> Sandbox:
        """The slot's sandbox for looking and switching; it is another process that serves it."""
        return self.scene().sandbox()


def around_creation(calls: list[tuple[int, str, str]]) -> list[int]:
    """The calls between a sending that is committed and the id that is: a commit is the removal of its
    journal.
    """
    wanted: set[int] = set()
    commits = [n for n, (_, name, path) in enumerate(calls) if name == "unlink" and path.endswith("-journal")]
    for n, (_, name, data) in enumerate(calls):
        if name == "sendto" and data.startswith("POST /v1/messages/batches "):
            first = max((one for one in commits if one < n), default=0)
            last = min((one for one in commits if one > n), default=len(calls) - 1)
            wanted.update(range(first, last + 1))
    return sorted(calls[n][0] for n in wanted)


def evenly(total: int, count: int) -> list[int]:
    """`count` numbers from 1 to `total` at even distances, both ends among them."""
    if count >= total:
        return list(range(1, total + 1))
    return sorted({1 + round(n * (total - 1) / (count - 1)) for n in range(count)})


def paid_twice(world: World) -> list[str]:
    """Prompts that were accepted more than once."""
    return [prompt for prompt, times in prompts(world.box()).items() if times > 1]


def wrong_at_the_end(world: World, keys: tuple[str, ...] = KEYS) -> list[str]:
    """Everything that does not hold once all is settled: jobs lost or double, artifacts, manifests,
    leftovers.
    """
    wrong: list[str] = []
    scene = world.scene()
    counted = prompts(world.box())
    for key in keys:
        times = sum(n for prompt, n in counted.items() if f"the text of {key}" in prompt)
        if times != 1:
            wrong.append(f"{key} was accepted {times} times")
    db = open_state(scene.settings().state_path, sandbox=False, now=str(scene.clock()))
    with db:
        if quick_check(db) != "ok":
            wrong.append("the state file is damaged")
        seen: dict[str, list[str | None]] = {}
        for run in runs.list_runs(db):
            if run.pulled_at is None:
                wrong.append(f"run {run.id} is not settled")
            for job in runs.list_jobs(db, run.id):
                seen.setdefault(job.key, []).append(job.outcome)
            wrong.extend(_wrong_files(Path(run.artifacts), answers.list_artifacts(db, run.id)))
            wrong.extend(_wrong_manifest(db, run))
        wrong.extend(f"{key} ended as {seen.get(key)}" for key in keys if seen.get(key) != ["succeeded"])
        known = {run.id for run in runs.list_runs(db)}
        owned = {one.batch_id for one in attempts.list_attempts(db) if one.batch_id}
        wrong.extend(f"{one.id} is nobody's" for one in world.box().ledger() if one.id not in owned)
    wrong.extend(
        f"left over: {path.relative_to(scene.root)}"
        for folder in (scene.home, scene.repo)
        for path in folder.rglob(".lanectl-*.tmp")
        # A plan that was never recorded is `clean`'s to remove: another process may be writing it just now.
        if path.parent.parent.name != "spool" or path.parent.name in known
    )
    return wrong


def _wrong_files(folder: Path, recorded: list[answers.Artifact]) -> list[str]:
    return [
        f"{file.path} is not what its row says"
        for file in recorded
        if not (folder / file.path).is_file()
        or hashlib.sha256((folder / file.path).read_bytes()).hexdigest() != file.sha256
    ]


def _wrong_manifest(db: Any, run: runs.Run) -> list[str]:
    path = Path(run.artifacts) / "manifest.json"
    if not path.exists():
        return [f"run {run.id} has no manifest"]
    manifest = json.loads(path.read_bytes())
    told = {job["key"]: (job["outcome"], job["artifact"]) for job in manifest["jobs"]}
    held = {job.key: job.outcome for job in runs.list_jobs(db, run.id)}
    wrong = [] if {key: one[0] for key, one in told.items()} == held else [f"the manifest says {told}"]
    if manifest["out"]:
        wrong.append(f"the manifest counts {manifest['out']} out")
    lines = (path.parent / "results.jsonl").read_bytes().splitlines()
    if sorted(json.loads(line)["key"] for line in lines) != sorted(held):
        wrong.append("results.jsonl is not whole")
    wrong.extend(
        f"{key} has no artifact"
        for key, (outcome, file) in told.items()
        if outcome == "succeeded" and not file
    )
    return wrong
