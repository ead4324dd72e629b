"""The artifact folder: nothing of the user's is lost, nothing of ours is overwritten, nothing leaves it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanectl.artifacts import (
    OURS,
    ArtifactFolder,
    Placed,
    ignore_all,
    point_latest,
    safe_path,
    write_page,
)
from lanectl.files.disk import DiskError
from lanectl.models import OutputFile


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repo/.lanectl/notes/abcdefghij"


@pytest.fixture
def folder(root: Path) -> Iterator[ArtifactFolder]:
    with ArtifactFolder(root) as opened:
        yield opened


def place(
    folder: ArtifactFolder, path: str, data: bytes, *, known: str | None = None, taken: bool = False
) -> Placed:
    placed = folder.place(OutputFile(path, data), known_sha256=known, taken=taken)
    folder.sync()
    return placed


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_first_artifact_stands_at_its_path(folder: ArtifactFolder, root: Path) -> None:
    assert place(folder, "pr/7.md", b"text") == Placed("pr/7.md", sha256(b"text"), unchanged=False)
    assert files(root) == {"pr/7.md": b"text"}


@pytest.mark.parametrize("known", [None, sha256(b"text"), sha256(b"other")])
def test_same_artifact_again_is_not_written(folder: ArtifactFolder, root: Path, known: str | None) -> None:
    place(folder, "7.md", b"text")
    before = (root / "7.md").stat().st_ino
    assert place(folder, "7.md", b"text", known=known) == Placed("7.md", sha256(b"text"), unchanged=True)
    assert files(root) == {"7.md": b"text"}
    assert (root / "7.md").stat().st_ino == before


def test_our_own_older_artifact_is_replaced(folder: ArtifactFolder, root: Path) -> None:
    place(folder, "7.md", b"old")
    assert place(folder, "7.md", b"new", known=sha256(b"old")) == Placed(
        "7.md", sha256(b"new"), unchanged=False
    )
    assert files(root) == {"7.md": b"new"}


def test_edited_artifact_is_kept_and_the_new_one_stands_beside_it(folder: ArtifactFolder, root: Path) -> None:
    place(folder, "pr/7.md", b"ours")
    (root / "pr/7.md").write_bytes(b"edited")
    assert place(folder, "pr/7.md", b"new", known=sha256(b"ours")).path == "pr/7.2.md"
    (root / "pr/7.2.md").write_bytes(b"edited as well")
    assert place(folder, "pr/7.md", b"newer", known=sha256(b"ours")).path == "pr/7.3.md"
    assert place(folder, "pr/7.md", b"newer", known=sha256(b"ours")).unchanged is True
    assert files(root) == {"pr/7.2.md": b"edited as well", "pr/7.3.md": b"newer", "pr/7.md": b"edited"}


def test_deleted_artifact_is_written_again(folder: ArtifactFolder, root: Path) -> None:
    place(folder, "7.md", b"ours")
    (root / "7.md").unlink()
    assert place(folder, "7.md", b"ours", known=sha256(b"ours")) == Placed(
        "7.md", sha256(b"ours"), unchanged=False
    )


def test_file_of_the_users_at_our_path_is_kept(folder: ArtifactFolder, root: Path) -> None:
    (root / "7.md").write_bytes(b"theirs")
    assert place(folder, "7.md", b"ours").path == "7.2.md"
    assert files(root) == {"7.2.md": b"ours", "7.md": b"theirs"}


def test_path_of_another_job_is_not_taken(folder: ArtifactFolder, root: Path) -> None:
    place(folder, "same.md", b"first job")
    assert place(folder, "same.md", b"second job", taken=True).path == "same.2.md"
    assert place(folder, "same.md", b"first job", taken=True).path == "same.3.md"
    assert len(files(root)) == 3


def test_artifact_named_like_anothers_folder_finds_a_place(folder: ArtifactFolder, root: Path) -> None:
    place(folder, "pr/7.md", b"below")
    assert place(folder, "pr", b"flat").path == "pr.2"
    place(folder, "tag", b"flat")
    assert place(folder, "tag/v1.md", b"below").path == "tag-v1.md"
    assert place(folder, "tag/v1.md", b"below").unchanged is True
    assert files(root) == {"pr.2": b"flat", "pr/7.md": b"below", "tag": b"flat", "tag-v1.md": b"below"}


def test_link_in_an_artifacts_place_is_kept_and_not_followed(
    folder: ArtifactFolder, root: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    (root / "7.md").symlink_to(victim)
    assert place(folder, "7.md", b"ours").path == "7.2.md"
    assert (root / "7.md").is_symlink()
    assert victim.read_bytes() == b"theirs"


@pytest.mark.parametrize("part", [".lanectl", ".lanectl/notes", ".lanectl/notes/abcdefghij"])
def test_link_that_a_repository_brings_along_is_refused(tmp_path: Path, part: str) -> None:
    victim, repo = tmp_path / "victim", tmp_path / "repo"
    victim.mkdir()
    (repo / part).parent.mkdir(parents=True)
    (repo / part).symlink_to(victim)
    with pytest.raises(DiskError):
        ArtifactFolder(repo / ".lanectl/notes/abcdefghij")
    assert list(victim.iterdir()) == []


def test_linked_folder_in_a_repository_gets_neither_ignore_file_nor_latest(tmp_path: Path) -> None:
    (tmp_path / "victim/notes").mkdir(parents=True)
    (tmp_path / ".lanectl").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskError):
        ignore_all(tmp_path / ".lanectl")
    with pytest.raises(DiskError):
        point_latest(tmp_path / ".lanectl/notes", "abcdefghij")
    assert list((tmp_path / "victim").rglob("*")) == [tmp_path / "victim/notes"]


def test_out_folder_of_the_users_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    with ArtifactFolder(tmp_path / "out/notes/abcdefghij") as opened:
        place(opened, "7.md", b"x")
    assert files(tmp_path / "disk") == {"notes/abcdefghij/7.md": b"x"}


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("plain.md", "plain.md"),
        ("dir/deep/a.md", "dir/deep/a.md"),
        ("digest.md", "artifact-digest.md"),
        ("Digest.HTML", "artifact-Digest.HTML"),
        ("./manifest.json", "artifact-manifest.json"),
        ("results.jsonl/x.md", "artifact-results.jsonl/x.md"),
        ("sub/digest.md", "sub/digest.md"),
        ("../../etc/passwd", "etc-passwd"),
        ("/etc/passwd", "etc-passwd"),
        (".git/hooks/post-checkout", "git-hooks-post-checkout"),
        ("a\\..\\b", "a-..-b"),
        ("-rf", "rf"),
        ("", "unnamed"),
    ],
)
def test_path_becomes_a_safe_one(path: str, safe: str) -> None:
    assert safe_path(path) == safe


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["..", ".", "", "~", "a", ".git", "C:", "digest.md"])).map("/".join)
)
def test_no_path_leaves_the_folder_or_takes_a_name_of_ours(path: str) -> None:
    safe = safe_path(path)
    parts = safe.split("/")
    assert not safe.startswith(("/", "~"))
    assert not {"", ".", "..", ".git"} & set(parts)
    assert parts[0].casefold() not in OURS
    assert safe_path(safe) == safe


@pytest.mark.parametrize(
    "path", ["../escape.md", "/tmp/escape.md", "a/../../escape.md", ".git/config", "x\x00y"]
)
def test_hostile_path_lands_inside(folder: ArtifactFolder, root: Path, tmp_path: Path, path: str) -> None:
    placed = place(folder, path, b"x")
    assert files(tmp_path) == {f"{root.relative_to(tmp_path)}/{placed.path}": b"x"}


def test_our_own_files_are_always_replaced(folder: ArtifactFolder, root: Path) -> None:
    folder.write_ours("digest.md", b"first")
    (root / "digest.md").write_bytes(b"edited")
    folder.write_ours("digest.md", b"second")
    with folder.pen("results.jsonl") as pen:
        pen.write(b"{}\n")
    assert files(root) == {"digest.md": b"second", "results.jsonl": b"{}\n"}


def test_sweep_removes_what_was_left_half_written_anywhere_below(folder: ArtifactFolder, root: Path) -> None:
    for name in ("", "patches", "docs/deep"):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / ".lanectl-0123456789abcdef.tmp").write_bytes(b"half")
    place(folder, "docs/deep/a.md", b"x")
    assert folder.sweep() == 3
    assert files(root) == {"docs/deep/a.md": b"x"}


def test_repository_ignores_the_folder_unless_the_user_says_otherwise(
    root: Path, folder: ArtifactFolder
) -> None:
    folder.write_ours("digest.md", b"")
    top = root.parent.parent
    ignore_all(top)
    assert (top / ".gitignore").read_bytes() == b"*\n"
    (top / ".gitignore").write_bytes(b"!notes\n")
    ignore_all(top)
    assert (top / ".gitignore").read_bytes() == b"!notes\n"


def test_latest_points_at_the_newest_run(root: Path, folder: ArtifactFolder) -> None:
    folder.write_ours("digest.md", b"old")
    point_latest(root.parent, "abcdefghij")
    point_latest(root.parent, "bbbbbbbbbb")
    assert str((root.parent / "latest").readlink()) == "bbbbbbbbbb"


def test_page_is_the_users_own(tmp_path: Path) -> None:
    write_page(tmp_path / "data/lanectl/morning.html", [b"<ht", b"ml>"])
    assert files(tmp_path) == {"data/lanectl/morning.html": b"<html>"}
    assert (tmp_path / "data/lanectl").stat().st_mode & 0o777 == 0o700
