"""The spool: what we keep beside the state file, by run, so that nothing has to be asked or paid for twice.

install               the install id, six characters; it stands in every custom id
keys                  the fence and fingerprint keys, secret
RUN/run.json          what the run is, for rebuilding a lost state file
RUN/jobs.jsonl        one line a job: its own part of the request, and what its answer is checked against
RUN/shared.json       the parameters and the prefix that all requests share
RUN/NN.body           one attempt's request body, while it may still be needed
RUN/NN.manifest.json  that attempt's custom ids with the keys of their jobs
RUN/NN.results        its raw results, whole
quarantine/           lines of results that could not be read, by run, attempt and line
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Self

from lanectl.errors import ConfigError, LanectlError
from lanectl.files import Folder, Pen
from lanectl.files.disk import DiskError
from lanectl.models import Material

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
INSTALL_LENGTH = 6
RUN_LENGTH = 10
QUARANTINE = "quarantine"
INSTALL_FORM = re.compile(f"[a-z2-7]{{{INSTALL_LENGTH}}}")
KEYS_FORM = re.compile("([0-9a-f]{64}) ([0-9a-f]{64})")
RUN_FORM = re.compile(f"[a-z2-7]{{{RUN_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this installation is to itself: the install id is public, the keys are not."""

    install: str
    fence_key: bytes
    print_key: bytes


@dataclass(frozen=True, slots=True)
class SpooledJob:
    """One job as it was planned: `own` is its part of the request, `path` its artifact's."""

    n: int
    key: str
    path: str
    own: Mapping[str, Any]
    material: Material


class Spool:
    """The spool folder, and one open run at a time through `run`. Raises `DiskError`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = Folder.open(root, create=True, private=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.close()

    def identity(self) -> Identity:
        """This installation's id and keys, made at the first call; raises `ConfigError` for damaged ones.

        They are never made anew: batches that are out bear the id, and their cached prefix the keys.
        """
        with Folder.open(self.root.parent, create=True, private=True) as beside:
            fresh = "".join(secrets.choice(BASE32) for _ in range(INSTALL_LENGTH))
            install = _kept(beside, "install", fresh, INSTALL_FORM)
            keys = _kept(beside, "keys", f"{secrets.token_hex(32)} {secrets.token_hex(32)}", KEYS_FORM)
        return Identity(install[0], bytes.fromhex(keys[1]), bytes.fromhex(keys[2]))

    def runs(self) -> list[str]:
        """The ids of the runs that have a folder here."""
        # The quarantine happens to be ten letters of base 32 as well.
        return [name for name in self._folder.names() if RUN_FORM.fullmatch(name) and name != QUARANTINE]

    def run(self, run_id: str) -> "SpooledRun":
        """One run's files."""
        return SpooledRun(self._folder, run_id)

    def remove(self, run_id: str) -> None:
        """Forget a run: its bodies, results and manifests, and its lines in the quarantine."""
        self._folder.remove_tree(run_id)
        for name in self._folder.names(QUARANTINE):
            if name.startswith(f"{run_id}-"):
                self._folder.remove(f"{QUARANTINE}/{name}")

    def quarantine(self, run_id: str, number: int, line_number: int, line: bytes) -> None:
        """Keep a line of results that could not be read, as it came."""
        self._folder.write(f"{QUARANTINE}/{run_id}-{number:02}-{line_number}", line)


class SpooledRun:
    """The files of one run, by what they are."""

    def __init__(self, folder: Folder, run_id: str) -> None:
        self._folder = folder
        self.id = run_id

    def write_json(self, name: str, value: object) -> None:
        """Put a small JSON file in place, durably."""
        self._folder.write(self._at(name), json.dumps(value).encode())

    def read_json(self, name: str) -> Any:  # noqa: ANN401 -- whatever was written
        """A small JSON file; None where there is none."""
        try:
            with self._folder.read(self._at(name)) as file:
                return json.load(file)
        except FileNotFoundError:
            return None
        except ValueError as error:
            said = f"the spool file is damaged ({error})"
            raise LanectlError(said, where=self._at(name), hint="lanectl doctor") from None

    def jobs_pen(self) -> Pen:
        """The jobs file in the making."""
        return self._folder.pen(self._at("jobs.jsonl"))

    def job(self, offset: int, length: int) -> SpooledJob:
        """One job, from where the state file says it lies."""
        with self.open_jobs() as file:
            file.seek(offset)
            return parse_job(file.read(length))

    def open_jobs(self) -> BufferedReader:
        """The jobs file, open for reading."""
        return self._folder.read(self._at("jobs.jsonl"))

    def body_pen(self, number: int) -> Pen:
        """An attempt's request body in the making; what a killed process left of one goes first."""
        self.sweep()
        return self._folder.pen(self._at(f"{number:02}.body"))

    def write_manifest(
        self, number: int, facts: Mapping[str, object], jobs: Iterable[tuple[str, int, str]]
    ) -> None:
        """Put an attempt's manifest in place, durably: its facts, then a line a custom id, number and digest.

        One JSON object, `jobs` its last key; written as the jobs come.
        """
        with self._folder.pen(self._at(f"{number:02}.manifest.json")) as pen:
            pen.write(json.dumps(facts)[:-1].encode() + b', "jobs": {')
            for n, (custom_id, job, digest) in enumerate(jobs):
                line = f"{json.dumps(custom_id)}: {json.dumps([job, digest])}"
                pen.write((b",\n" if n else b"\n") + line.encode())
            pen.write(b"\n}}\n")

    def open_body(self, number: int) -> BufferedReader:
        """An attempt's body, open for reading."""
        return self._folder.read(self._at(f"{number:02}.body"))

    def drop_body(self, number: int) -> None:
        """The provider has it: the body can be made again from jobs and prefix."""
        self._folder.remove(self._at(f"{number:02}.body"))

    def results_pen(self, number: int) -> Pen:
        """An attempt's raw results in the making; what a killed process left of earlier ones goes first."""
        self.sweep()
        return self._folder.pen(self._at(f"{number:02}.results"))

    def open_results(self, number: int) -> BufferedReader:
        """An attempt's raw results; raises `FileNotFoundError` where they are not here (any more)."""
        return self._folder.read(self._at(f"{number:02}.results"))

    def has_results(self, number: int) -> bool:
        """Whether an attempt's results were fetched whole."""
        return self._folder.size(self._at(f"{number:02}.results")) is not None

    def names(self) -> list[str]:
        """The names of the run's files."""
        return self._folder.names(self.id)

    def remove_file(self, name: str) -> bool:
        """Take one of the run's files away."""
        return self._folder.remove(self._at(name))

    def size(self, name: str) -> int:
        """Bytes of one of the run's files, 0 where there is none."""
        return self._folder.size(self._at(name)) or 0

    def sweep(self) -> int:
        """Remove what a killed process left half-written; the caller holds the lock."""
        return self._folder.sweep(self.id)

    def _at(self, name: str) -> str:
        return f"{self.id}/{name}"


def dump_job(job: SpooledJob) -> bytes:
    """A job as one line of the jobs file."""
    value = {"n": job.n, "key": job.key, "path": job.path, "own": job.own, "material": job.material}
    return json.dumps(value).encode() + b"\n"


def parse_job(line: bytes) -> SpooledJob:
    """One line of the jobs file as a job; raises `LanectlError` for one that is damaged."""
    try:
        value = json.loads(line)
        return SpooledJob(value["n"], value["key"], value["path"], value["own"], value["material"])
    except (ValueError, KeyError, TypeError) as error:
        said = f"a spooled job is damaged ({type(error).__name__})"
        raise LanectlError(said, where="jobs.jsonl", hint="lanectl doctor") from None


def new_run_id() -> str:
    """A fresh run id: ten characters of base 32, 50 random bits."""
    return "".join(secrets.choice(BASE32) for _ in range(RUN_LENGTH))


def _kept(folder: Folder, name: str, fresh: str, form: re.Pattern[str]) -> re.Match[str]:
    """What the file holds, put there where there is none: of two first processes one decides for both."""
    try:
        kept = _text(folder, name)
    except FileNotFoundError:
        try:
            folder.write_new(name, fresh.encode() + b"\n")
        except DiskError:
            # Another process may just have tidied up, and taken our half-written file for a dead one's.
            folder.write_new(name, fresh.encode() + b"\n")
        kept = _text(folder, name)
    found = form.fullmatch(kept)
    if found is None:
        where = str(folder.path / name)
        raise ConfigError(
            "this file is damaged; put it back from a backup", where=where, hint="lanectl doctor"
        )
    return found


def _text(folder: Folder, name: str) -> str:
    with folder.read(name) as file:
        return file.read(1000).decode(errors="replace").strip()
