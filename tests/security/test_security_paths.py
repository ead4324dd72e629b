"""Artifacts stay below their folder, whatever keys say and whoever swaps a folder for a link meanwhile."""

import contextlib
import itertools
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl.artifacts import ArtifactFolder
from lanectl.errors import LanectlError
from lanectl.models import OutputFile
from lanectl.text import names
from tests.security.hostile_world import KEYS, Cli, Relay
from tests.waits import MOST_S

RECIPE = """\
name = "keys"

[lane]
model = "claude-sonnet-5-5"
max_tokens = 2000

[source]
kind = "command"
argv = ["cat", "{lines}"]

[job]
key = "{{{{ item.key }}}}"
prompt = "Look at {{{{ item.key }}}}"

[output]
kind = "text"

[run]
pilot = 0
"""
VICTIM = b"the victim's own words\n"
LEAST_SWAPS = 8


def test_every_hostile_key_becomes_one_artifact_below_the_folder(
    cli: Cli,
    relay: Relay,  # noqa: ARG001 -- the provider must be up
    repo: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    recipes = home / "lanectl/recipes"
    recipes.mkdir(parents=True)
    lines = home / "lines.jsonl"
    # The key is one line and clean before it is a key: these two would be another one's twin.
    keys = [key for key in KEYS if key not in ("\ud800\udc00", "trail ")]
    lines.write_text("".join(json.dumps({"key": key}) + "\n" for key in keys))
    (recipes / "keys.toml").write_text(RECIPE.format(lines=lines))
    before = {path for path in tmp_path.rglob("*") if "provider" not in path.parts}
    assert cli("submit", "keys", "--yes").code == 0
    assert cli("pull", "--wait").code == 0
    manifest = (repo / ".lanectl/keys/latest").resolve() / "manifest.json"
    jobs = json.loads(manifest.read_text())["jobs"]
    artifacts = [manifest.parent / job["artifact"] for job in jobs]
    assert len({names.fold(str(path)) for path in artifacts}) == len(jobs) == len(keys)
    assert all(path.is_file() and not path.is_symlink() for path in artifacts)
    made = {path for path in tmp_path.rglob("*") if "provider" not in path.parts} - before
    assert {path for path in made if not path.is_relative_to(repo / ".lanectl")} == set()
    for path in artifacts:
        parts = path.relative_to(manifest.parent).parts
        assert all(len(os.fsencode(part)) <= 100 and not part.startswith((".", "-")) for part in parts)
        assert not {part.lower() for part in parts} & {".git", "con", "nul"}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of somebody else's with one file under every name that we write."""
    folder = tmp_path / "victim"
    for name in (
        "a.md",
        "manifest.json",
        "digest.md",
        "digest.html",
        "results.jsonl",
        ".gitignore",
        "sub/a.md",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(VICTIM)
    return folder


def touched(victim: Path) -> list[str]:
    """What of the victim's is not as it was, and what is there that was not."""
    files = [path for path in victim.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path.name for path in files if path.read_bytes() != VICTIM] + ["more"] * (len(files) - 7)


# Where we are going to write, and what of the victim's a link leads to there.
LINKS = {
    "the run's folder": ("recipe/run", ""),
    "the recipe's folder": ("recipe", ""),
    ".lanectl": ("", ""),
    "a sub-folder": ("recipe/run/sub", ""),
    "a file": ("recipe/run/a.md", "a.md"),
    "our own file": ("recipe/run/digest.md", "digest.md"),
}


@pytest.mark.parametrize("way", LINKS)
def test_link_that_stands_there_already_touches_no_victim(tmp_path: Path, victim: Path, way: str) -> None:
    ours = tmp_path / "repo/.lanectl"
    place, target = LINKS[way]
    (ours / place).parent.mkdir(parents=True)
    (ours / place).symlink_to(victim / target)
    with contextlib.suppress(LanectlError), ArtifactFolder(ours / "recipe/run") as folder:
        write_all(folder)
    assert touched(victim) == []


def test_hard_link_that_stands_there_already_touches_no_victim(tmp_path: Path, victim: Path) -> None:
    root = tmp_path / "repo/.lanectl/recipe/run"
    root.mkdir(parents=True)
    for name in ("a.md", "digest.md"):
        (root / name).hardlink_to(victim / name)
    with ArtifactFolder(root) as folder:
        write_all(folder)
    assert touched(victim) == []


def write_all(folder: ArtifactFolder) -> None:
    for path in ("a.md", "sub/a.md"):
        with contextlib.suppress(LanectlError):
            folder.place(OutputFile(path, b"ours\n"), known_sha256=None, taken=False)
    for name in ("digest.md", "manifest.json"):
        with contextlib.suppress(LanectlError):
            folder.write_ours(name, b"ours\n")
    with contextlib.suppress(LanectlError):
        folder.sync()
        folder.sweep()


@contextlib.contextmanager
def swapping(place: Path, victim: Path) -> Iterator[list[int]]:
    """A thread that swaps a folder for a link to the victim and back, as fast as it can."""
    done = threading.Event()
    count = [0]
    aside, link = place.with_name(f"{place.name}.aside"), place.with_name(f"{place.name}.link")

    def swap() -> None:
        while not done.is_set():
            try:
                link.symlink_to(victim)
                place.rename(aside)
                link.rename(place)
                count[0] += 1
                place.unlink()
                aside.rename(place)
            except OSError:
                # The writer made the folder anew in between: without this no further swap would succeed.
                put_back()

    def put_back() -> None:
        with contextlib.suppress(OSError):
            link.unlink(missing_ok=True)
            if place.is_symlink():
                place.unlink()
            if aside.exists():
                shutil.rmtree(place, ignore_errors=True)
                aside.rename(place)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()


def race(tmp_path: Path, victim: Path, *, rounds: int) -> int:
    """Write many times while folders are swapped under us, however the two threads get their turns; returns
    how many swaps there were.
    """
    root = tmp_path / "repo/.lanectl/recipe/run"
    (root / "sub").mkdir(parents=True)
    swaps = 0
    for place in (root / "sub", root, root.parent):
        with swapping(place, victim) as count:
            end = time.monotonic() + MOST_S
            for n in itertools.count():
                if n >= rounds and count[0] >= LEAST_SWAPS:
                    break
                assert time.monotonic() < end, "the folder is not swapped"
                with contextlib.suppress(LanectlError, OSError), ArtifactFolder(root) as folder:
                    write_all(folder)
                    folder.place(OutputFile(f"sub/{n}.md", b"ours\n"), known_sha256=None, taken=False)
        swaps += count[0]
    return swaps


def test_folder_swapped_for_a_link_while_we_write_touches_no_victim(tmp_path: Path, victim: Path) -> None:
    assert race(tmp_path, victim, rounds=15) > 20
    assert touched(victim) == []
