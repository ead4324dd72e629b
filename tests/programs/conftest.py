"""A repository that can be told to name a program of its own wherever git would take one."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SIGNED = """tree {tree}
parent {parent}
author Test <test@example.invalid> 1700000000 +0000
committer Test <test@example.invalid> 1700000000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 Version: GnuPG v2
 iQEzBAABCAAdFiEE
 -----END PGP SIGNATURE-----

signed
"""


@dataclass(frozen=True, slots=True)
class Hostile:
    """Two commits in `repo`, the newer signed, and a changed file; `remote` is a bare clone of the first."""

    repo: Path
    remote: Path
    marks: Path

    def plain(self, *args: str, stdin: str = "", repo: Path | None = None) -> str:
        """git as a shell would run it: believing what it reads."""
        done = subprocess.run(
            ["git", *args], cwd=repo or self.repo, input=stdin, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def program(self, name: str) -> str:
        """A program that leaves its name among the marks and fails."""
        script = self.marks.parent / "programs" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\ntouch "{self.marks}/{name}"\nexit 1\n')
        script.chmod(0o755)
        return str(script)

    def arm(self, *keys: str) -> None:
        """Sets each key of the repository's configuration to a program called `evil`."""
        for key in keys:
            self.plain("config", "--local", key, self.program("evil"))

    def ran(self) -> list[str]:
        """The programs that have run since the last time this was asked."""
        names = sorted(mark.name for mark in self.marks.iterdir())
        for name in names:
            (self.marks / name).unlink()
        return names


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    """Not armed yet, but its attributes choose the drivers that would be."""
    it = Hostile(tmp_path / "repo", tmp_path / "remote.git", tmp_path / "marks")
    it.marks.mkdir()
    it.repo.mkdir()
    it.plain("init", "-q", "-b", "main")
    (it.repo / ".gitattributes").write_text("a.txt filter=evil diff=evil merge=evil\n")
    (it.repo / "a.txt").write_text("one\n")
    it.plain("add", ".")
    it.plain("commit", "-qm", "first")
    it.plain("clone", "-q", "--bare", ".", str(it.remote))
    it.plain("config", "remote.origin.url", str(it.remote))
    (it.repo / "a.txt").write_text("signed\n")
    it.plain("add", ".")
    signed = SIGNED.format(tree=it.plain("write-tree"), parent=it.plain("rev-parse", "HEAD"))
    it.plain("update-ref", "HEAD", it.plain("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed))
    # As long as what the index holds, so that git has to look inside to see that it changed.
    (it.repo / "a.txt").write_text("mended\n")
    return it
