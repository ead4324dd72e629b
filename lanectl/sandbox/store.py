"""The sandbox's folder on disk: batches, bodies, results, clock and switches, shared by processes."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lanectl.sandbox import draws, ledger
from lanectl.sandbox.faults import FOREVER, Faults, ResultsFault, WireFault
from lanectl.sandbox.records import DAY_S, Batch, Sent


@dataclass(frozen=True, slots=True)
class Control:
    """What all processes on the folder share: the last batch's number, the clock's lead, the switches."""

    seq: int = 0
    ledgered: int = 0
    offset_s: float = 0.0
    faults: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)


class Store:
    """The folder. Changes are made under a lock that processes share; readers see old or new, never half."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        for part in (folder, folder / "batches", folder / "incoming", folder / "files"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self, name: str = "lock") -> Iterator[None]:
        """Holds one of the folder's locks against every other thread and process."""
        with (self.folder / name).open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def control(self) -> Control:
        """The shared settings as they are now."""
        try:
            return Control(**json.loads((self.folder / "control.json").read_bytes()))
        except FileNotFoundError:
            return Control()

    def change(self, how: Callable[[Control], Control]) -> Control:
        """Replaces the shared settings by what `how` makes of them, under the lock."""
        with self.locked():
            return self._set(how(self.control()))

    def _set(self, control: Control) -> Control:
        put(self.folder / "control.json", json.dumps(asdict(control)).encode())
        return control

    def faults(self) -> Faults:
        """The switches as they are now."""
        return Faults.from_json(self.control().faults)

    def set_faults(self, faults: Faults) -> None:
        """Sets the switches anew, unused."""
        self.change(lambda control: replace(control, faults=faults.as_json(), used={}))

    def take_wire(self, endpoint: str) -> WireFault | None:
        """The wire fault that applies to this request of `endpoint`, counted as used."""
        control = self.control()
        faults = Faults.from_json(control.faults).wire
        if not any(fault.at == endpoint for fault in faults):
            return None
        with self.locked():
            used = dict(self.control().used)
            taken = None
            for number, fault in enumerate(faults):
                if fault.at == endpoint and taken is None and _use(used, f"wire{number}", fault):
                    taken = fault
            self._set(replace(self.control(), used=used))
        return taken

    def take_results(self) -> tuple[ResultsFault, ...]:
        """The results faults that apply to this download, counted as used."""
        faults = self.faults().results
        if not faults:
            return ()
        with self.locked():
            used = dict(self.control().used)
            taken = tuple(one for number, one in enumerate(faults) if _use(used, f"results{number}", one))
            self._set(replace(self.control(), used=used))
        return taken

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A fresh folder for a body that is being received; gone afterwards unless it was accepted."""
        folder = self.folder / "incoming" / os.urandom(8).hex()
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def accept(self, folder: Path, sent: Sent, *, now: float, duration_s: float) -> Batch:
        """Makes a received body a batch, in one rename, and enters it in the ledger (if it is ours)."""
        with self.locked():
            self.enter()
            control = self.control()
            seq = control.seq + 1
            batch = Batch(
                id=draws.name("msgbatch_", self.seed, seq, sent.sha256, now),
                seq=seq,
                created=now,
                duration_s=duration_s,
                ends=min(now + duration_s, now + DAY_S),
                expires=now + DAY_S,
                **asdict(sent),
            )
            put(folder / "batch.json", json.dumps(asdict(batch)).encode())
            folder.rename(self.where(batch))
            self._set(replace(control, seq=seq))
            self.enter()
        return batch

    def open(self) -> None:
        """Puts in order what killed processes left: the ledger, and bodies that were never received whole."""
        with self.locked():
            self.enter()
        for left in (self.folder / "incoming").iterdir():
            # By the machine's time, which is what files bear; another process may be receiving right now.
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > DAY_S:
                    shutil.rmtree(left, ignore_errors=True)

    def enter(self) -> None:
        """Enters what the ledger lacks: a process may have been killed between accepting and entering."""
        control = self.control()
        missing = [one for one in self.batches() if one.seq > control.ledgered]
        for batch in sorted(missing, key=lambda one: one.seq):
            if not batch.foreign:
                ids = self.where(batch) / "ids"
                ledger.append(self.folder / "ledger.jsonl", ledger.entry(batch), ids)
        if missing:
            last = max(one.seq for one in missing)
            self._set(replace(self.control(), ledgered=last, seq=max(last, control.seq)))

    def where(self, batch: Batch) -> Path:
        """The folder of a batch."""
        return self.folder / "batches" / f"{batch.seq:08d}.{batch.id}"

    def batches(self) -> list[Batch]:
        """Every batch, newest first."""
        found = (self._load(folder) for folder in (self.folder / "batches").iterdir())
        there = [batch for batch in found if batch is not None]
        return sorted(there, key=lambda batch: (batch.created, batch.seq), reverse=True)

    def find(self, batch_id: str) -> Batch | None:
        """The batch of that id."""
        for folder in (self.folder / "batches").iterdir():
            if folder.name.partition(".")[2] == batch_id:
                return self._load(folder)
        return None

    def update(self, batch: Batch, how: Callable[[Batch], Batch]) -> Batch | None:
        """Replaces a batch by what `how` makes of its newest state, under the lock; None when it is gone."""
        with self.locked():
            newest = self._load(self.where(batch))
            if newest is None:
                return None
            changed = how(newest)
            put(self.where(batch) / "batch.json", json.dumps(asdict(changed)).encode())
            return changed

    def delete(self, batch: Batch) -> None:
        """Takes a batch away with all that belongs to it, out of sight in one rename."""
        with self.locked():
            grave = self.folder / "incoming" / os.urandom(8).hex()
            self.where(batch).rename(grave)
        shutil.rmtree(grave, ignore_errors=True)

    @staticmethod
    def _load(folder: Path) -> Batch | None:
        try:
            value = json.loads((folder / "batch.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Batch(**{**value, "betas": tuple(value["betas"])})


def put(path: Path, data: bytes) -> None:
    """Writes a file whole: a reader sees the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def _use(used: dict[str, int], key: str, fault: WireFault | ResultsFault) -> bool:
    turn = used.get(key, 0)
    used[key] = turn + 1
    return turn >= fault.skip and (fault.times == FOREVER or turn < fault.skip + fault.times)
