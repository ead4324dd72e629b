"""A power cut on a disk in a file: what the file holds at a moment is what a disk would hold after the cut.

An ext4 image is mounted by loop; a copy of the image taken at a moment lacks everything that only the page
cache had.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lanectl.artifacts import ArtifactFolder
from lanectl.lane.pull import pull
from lanectl.lane.submit import submit
from lanectl.state import answers, runs
from tests.crash.crash_claims import settle
from tests.lane.scene import FakeClock, Scene, prompts, the_run, tries

IMAGE_BYTES = 96_000_000
TRIES = 20


def why_no_cut(folder: Path) -> str | None:
    """Why no disk can be made of a file in this folder; None where one can, and lies there ready."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting a disk image needs root on Linux"
    if not shutil.which("mkfs.ext4") or not shutil.which("mount"):
        return "no mkfs.ext4 or mount"
    if not list(Path("/dev").glob("loop[0-9]*")):
        return "no loop devices"
    (folder / "disk").mkdir()
    with (folder / "disk.img").open("wb") as file:
        file.truncate(IMAGE_BYTES)
    try:
        _run("mkfs.ext4", "-q", "-F", str(folder / "disk.img"))
        with _mounted(folder / "disk.img", folder / "disk"):
            return None
    except subprocess.CalledProcessError as error:
        # Containers often have the devices and not the right to mount them.
        return f"no image can be mounted: {error.stderr.decode(errors='replace').strip()[:200]}"


class CutScene(Scene):
    """A scene whose home and repository lie on the disk in the file, and whose sandbox does not."""

    def __init__(self, disk: Path, safe: Path, clock: FakeClock) -> None:
        super().__init__(disk, clock, "")
        self.box = safe / "sandbox"


def cut_power(folder: Path) -> list[str]:
    """Submit and pull on such a disk, cut after acceptance, after submit and after pull; returns what was
    lost.
    """
    image, disk = folder / "disk.img", folder / "disk"
    scene = CutScene(disk, folder, FakeClock())
    lost: list[str] = []
    with scene.sandbox() as box:
        scene.url = box.url
        with _mounted(image, disk):
            lost.extend(_night(scene, image, folder))
        with _mounted(folder / "accepted.img", disk):
            with scene.lane() as lane:
                submit(lane, scene.recipe(), scene.wishes(pilot="0"))
            with settle(scene) as lane:
                counts = runs.outcome_counts(lane.db, the_run(lane).id)
            if counts != {"succeeded": 4} or max(prompts(box).values()) != 1:
                lost.append(f"cut after acceptance: {counts}, accepted {prompts(box)}")
        with _mounted(folder / "submitted.img", disk), scene.lane() as lane:
            (attempt,) = tries(lane)
            if attempt.batch_id != box.ledger()[0].id:
                lost.append(f"cut after submit: the id was lost, {attempt.state}")
        with _mounted(folder / "pulled.img", disk), scene.lane() as lane:
            lost.extend(_after_pull(scene, lane))
    return lost


def _night(scene: Scene, image: Path, folder: Path) -> Iterator[str]:
    """Submit and pull once, with the disk copied at the three moments; tells when that was no cut."""
    scene.make()
    os.sync()
    with scene.lane() as lane:
        send = lane.api.create_batch

        def cut(*args: Any, **named: Any) -> Any:
            created = send(*args, **named)
            shutil.copy(image, folder / "accepted.img")
            return created

        # The moment between the provider's answer and our commit has no other handle.
        object.__setattr__(lane.api, "create_batch", cut)
        submit(lane, scene.recipe(), scene.wishes(pilot="0"))
    if not _copied_between_syncs(scene.root, image, folder):
        yield "the cut is none: what was never synced is there"
    scene.clock.advance(100)
    with scene.lane() as lane:
        pull(lane)
    shutil.copy(image, folder / "pulled.img")


def _copied_between_syncs(root: Path, image: Path, folder: Path) -> bool:
    """Copy the disk while it lacks a file that was just written: only then is the copy what a cut leaves.

    Anybody on the machine may sync all disks at any moment, so one that came in between is tried again.
    """
    peek = folder / "peek"
    peek.mkdir()
    for n in range(TRIES):
        (root / f"control-{n}").write_text("never synced", encoding="utf-8")
        shutil.copy(image, folder / "submitted.img")
        shutil.copy(folder / "submitted.img", folder / "peek.img")
        with _mounted(folder / "peek.img", peek):
            if not (peek / f"control-{n}").exists():
                return True
    return False


def _after_pull(scene: Scene, lane: Any) -> Iterator[str]:
    run = the_run(lane)
    if run.pulled_at is None:
        yield "cut after pull: the run is not settled"
    recorded = answers.list_artifacts(lane.db, run.id)
    with ArtifactFolder(Path(run.artifacts)) as folder:
        for file in recorded:
            if folder.digest(file.path) != file.sha256:
                yield f"cut after pull: {file.path} is not what its row says"
        if len(recorded) != 4 or folder.digest("manifest.json") is None:
            yield f"cut after pull: {len(recorded)} artifacts in {scene.repo.name}, or no manifest"


@contextlib.contextmanager
def _mounted(image: Path, disk: Path) -> Iterator[None]:
    # A long commit interval: the file system must not do of itself what the program forgot.
    _run("mount", "-o", "loop,commit=300", str(image), str(disk))
    try:
        yield
    finally:
        _run("umount", str(disk))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
