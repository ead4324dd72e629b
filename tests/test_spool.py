"""The spool: one identity for good, every run's files by name, nothing lost and nothing half there."""

import json
import multiprocessing
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanectl.errors import ConfigError, LanectlError
from lanectl.spool import Identity, Spool, SpooledJob, dump_job, new_run_id, parse_job

RUN = "abcdefghij"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state/lane/spool"


@pytest.fixture
def spool(root: Path) -> Iterator[Spool]:
    with Spool(root) as opened:
        yield opened


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def identity_of(root: Path) -> Identity:
    with Spool(root) as opened:
        return opened.identity()


def test_identity_is_made_once_beside_the_spool_and_private(spool: Spool, root: Path) -> None:
    first = spool.identity()
    assert re.fullmatch("[a-z2-7]{6}", first.install)
    assert len(first.fence_key) == len(first.print_key) == 32
    assert first.fence_key != first.print_key
    assert identity_of(root) == first
    lane = root.parent
    assert sorted(path.name for path in lane.iterdir()) == ["install", "keys", "spool"]
    assert (lane / "install").read_text() == first.install + "\n"
    assert [mode(lane / name) for name in ("install", "keys", "spool", "..", ".")] == [0o600] * 2 + [
        0o700
    ] * 3


def _identity(
    root: Path, gate: "multiprocessing.synchronize.Barrier", told: "multiprocessing.Queue[Identity]"
) -> None:
    gate.wait()
    told.put(identity_of(root))


def test_many_first_processes_agree_on_one_identity(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, told = context.Barrier(8), context.Queue()
    started = [context.Process(target=_identity, args=(root, gate, told)) for _ in range(8)]
    for process in started:
        process.start()
    found = {told.get(timeout=120) for _ in started}
    for process in started:
        process.join()
    assert found == {identity_of(root)}


@pytest.mark.parametrize(
    ("name", "text"),
    [("install", ""), ("install", "ABCDEF"), ("install", "abcdefg"), ("keys", "0" * 64), ("keys", "\udcff")],
)
def test_damaged_identity_is_told_and_never_made_anew(root: Path, name: str, text: str) -> None:
    identity_of(root)
    path = root.parent / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        identity_of(root)
    assert caught.value.where == str(path)
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_json_comes_back_as_it_was(spool: Spool) -> None:
    run = spool.run(RUN)
    value = {"text": "ä \ud800 \u2028", "numbers": [1, 2.5, None]}
    run.write_json("run.json", value)
    assert run.read_json("run.json") == value
    assert run.read_json("nothing.json") is None


def test_damaged_json_is_told(spool: Spool, root: Path) -> None:
    spool.run(RUN).write_json("run.json", {})
    (root / RUN / "run.json").write_bytes(b'{"half": ')
    with pytest.raises(LanectlError) as caught:
        spool.run(RUN).read_json("run.json")
    assert caught.value.where == f"{RUN}/run.json"


def jobs() -> list[SpooledJob]:
    own = {"messages": [{"role": "user", "content": "ä \ud800"}]}
    return [SpooledJob(n, f"key {n}", f"dir/{n}.md", own, {"path": "a", "text": "b\n" * n}) for n in range(5)]


def test_each_job_is_read_from_where_it_was_written(spool: Spool) -> None:
    run = spool.run(RUN)
    with run.jobs_pen() as pen:
        places = [(pen.write(dump_job(job)), len(dump_job(job))) for job in jobs()]
    assert [run.job(offset, length) for offset, length in reversed(places)] == jobs()[::-1]
    with run.open_jobs() as file:
        assert [parse_job(line) for line in file] == jobs()


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"n": 1}', b"\xff"])
def test_damaged_job_is_told(line: bytes) -> None:
    with pytest.raises(LanectlError) as caught:
        parse_job(line)
    assert caught.value.message.startswith("a spooled job is damaged")


def test_files_of_attempts_have_their_names(spool: Spool, root: Path) -> None:
    run = spool.run(RUN)
    for number in (0, 7, 101):
        with run.body_pen(number) as pen:
            pen.write(b"body %d" % number)
        with run.results_pen(number) as pen:
            pen.write(b"results %d" % number)
    assert run.names() == sorted(f"{n}.{what}" for n in ("00", "07", "101") for what in ("body", "results"))
    with run.open_body(101) as body, run.open_results(7) as results:
        assert (body.read(), results.read()) == (b"body 101", b"results 7")
    assert (run.has_results(0), run.has_results(1)) == (True, False)
    assert (run.size("00.body"), run.size("01.body")) == (6, 0)
    run.drop_body(0)
    run.drop_body(0)
    assert (root / RUN / "00.results").exists()
    assert not (root / RUN / "00.body").exists()
    assert run.remove_file("07.body") is True
    assert run.remove_file("07.body") is False
    with pytest.raises(FileNotFoundError):
        run.open_results(1)


def test_results_that_break_off_leave_the_old_ones(spool: Spool) -> None:
    run = spool.run(RUN)
    with run.results_pen(0) as pen:
        pen.write(b"whole")
    with pytest.raises(FileNotFoundError), run.results_pen(0) as pen:
        pen.write(run.open_results(1).read())
    with run.open_results(0) as file:
        assert file.read() == b"whole"
    assert run.names() == ["00.results"]


KILLED = """
import os, signal, sys
from pathlib import Path
from lanectl.spool import Spool
with Spool(Path(sys.argv[1])) as spool, spool.run(sys.argv[2]).results_pen(0) as pen:
    pen.write(b"x" * 1_000_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_next_fetch_removes_what_a_killed_one_left(spool: Spool) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(spool.root), RUN], check=False)
    assert done.returncode == -signal.SIGKILL
    run = spool.run(RUN)
    assert len(run.names()) == 1
    assert run.has_results(0) is False
    with run.results_pen(0) as pen:
        pen.write(b"whole")
    assert run.names() == ["00.results"]


def test_runs_are_the_folders_that_bear_a_run_id(spool: Spool, root: Path) -> None:
    for run in (RUN, new_run_id()):
        spool.run(run).write_json("run.json", {})
    spool.quarantine(RUN, 0, 3, b"garbage")
    (root / "notes").mkdir()
    (root / "ABCDEFGHIJ").mkdir()
    assert len(spool.runs()) == 2
    assert RUN in spool.runs()


def test_removed_run_leaves_nothing_of_itself_and_all_of_the_others(spool: Spool, root: Path) -> None:
    other = "k" * 10
    for run in (RUN, other):
        spool.run(run).write_json("run.json", {})
        spool.quarantine(run, 1, 3, b"\xff garbage \n")
    spool.remove(RUN)
    spool.remove(RUN)
    left = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert left == [f"{other}/run.json", f"quarantine/{other}-01-3"]
    assert (root / left[1]).read_bytes() == b"\xff garbage \n"


def test_planted_link_in_the_spool_is_not_followed(spool: Spool, root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (root / RUN).symlink_to(victim)
    with pytest.raises(LanectlError):
        spool.run(RUN).write_json("run.json", {})
    assert os.listdir(victim) == []  # noqa: PTH208 -- the names alone


def test_run_ids_are_ten_letters_of_base_32_and_do_not_repeat() -> None:
    made = [new_run_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch("[a-z2-7]{10}", one) for one in made)


def test_a_job_is_one_line_whatever_its_text_holds() -> None:
    job = SpooledJob(1, "k", "p", {"messages": [{"content": "a\nb\r\u2028c"}]}, {})
    line = dump_job(job)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert json.loads(line)["own"] == job.own
