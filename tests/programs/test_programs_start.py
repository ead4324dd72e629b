"""A program gets its arguments, its input and a bare environment, and is stopped whole at its limits."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from lanectl.errors import LanectlError
from lanectl.programs.environment import built, github, search_path
from lanectl.programs.start import Child, Finished, run
from tests.waits import until

PYTHON = sys.executable


def python(code: str, *args: str) -> list[str]:
    return [PYTHON, "-I", "-c", code, *args]


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie (where there is no /proc, whether it is there)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()


def gone(pid: int) -> bool:
    """Whether the process ends: a killed one takes the kernel a moment."""
    until(lambda: not alive(pid))
    return True


def test_program_that_ends_gives_code_output_and_complaint() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"

    assert run(python(code)) == Finished(3, b"out\n", b"err\n")


def test_arguments_are_passed_as_they_are_and_to_no_shell() -> None:
    hostile = ["$(touch x)", "`id`", "a b", "*", "; ls", "'", "-n", "\n"]

    done = run(python("import sys, json; print(json.dumps(sys.argv[1:]))", *hostile))

    assert json.loads(done.out) == hostile


def test_input_larger_than_any_pipe_goes_in_while_the_output_comes_out() -> None:
    data = bytes(range(256)) * 20_000
    code = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1000)"

    assert run(python(code), stdin=data).out == data


def test_program_that_reads_no_input_is_not_waited_for() -> None:
    assert run(python("print('done')"), stdin=b"x" * 1_000_000) == Finished(0, b"done\n", b"")


def test_program_without_input_finds_it_empty() -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))")).out == b"''\n"


def test_complaints_are_drained_and_their_end_is_kept() -> None:
    code = "import sys; sys.stderr.write('x' * 1_000_000 + 'end'); print('out')"

    done = run(python(code))

    assert (done.out, len(done.err), done.err[-4:]) == (b"out\n", 1 << 16, b"xend")


def test_descriptors_of_ours_are_closed_in_the_program(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(fd, True)

    done = run(python(f"import os; os.fstat({fd})"))
    os.close(fd)

    assert (done.code, b"Bad file descriptor" in done.err) == (1, True)


SPAWNS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(600)
time.sleep(600)
"""


def test_program_over_its_time_is_stopped_with_all_it_started() -> None:
    with Child(python(SPAWNS), cwd=None, stdin=None, env=built()) as child:
        pid = int(next(child.chunks(60)))
        with pytest.raises(LanectlError, match=r"gave no answer within 0\.1 seconds and was stopped"):
            list(child.chunks(0.1))

    assert gone(pid)


def test_program_that_never_stops_writing_is_stopped_at_its_time() -> None:
    with pytest.raises(LanectlError, match=r"within 0\.5 seconds"):
        run(python("while True: print('x' * 100)"), timeout_s=0.5, limit_bytes=1 << 40)


def test_output_over_the_limit_stops_the_program() -> None:
    with pytest.raises(LanectlError, match="wrote more than 1000 bytes and was stopped"):
        run(python("while True: print('x' * 100)"), limit_bytes=1000)


def test_grandchild_left_behind_ends_with_its_program() -> None:
    code = "import subprocess as s; print(s.Popen(['sleep', '600'], stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"

    assert gone(int(run(python(code)).out))


def test_reader_that_stops_early_stops_the_program() -> None:
    code = "import os\nwhile True: print(os.getpid(), flush=True)"
    with Child(python(code), cwd=None, stdin=None, env=built()) as child:
        pid = int(next(child.chunks(60)).split()[0])

    assert gone(pid)


def test_slow_reader_costs_an_idle_limit_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    later, now = 0.0, time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + later)
    with Child(["head", "-c", "10000000", "/dev/zero"], cwd=None, stdin=None, env=built()) as child:
        chunks = child.chunks(60, idle=True)
        size = len(next(chunks))
        # An hour that the reader took, on the clock that the limit is measured with.
        later = 3600.0
        size += sum(len(chunk) for chunk in chunks)

    assert size == 10_000_000


@pytest.mark.parametrize(("name", "hint"), [("git", "git"), ("gh", "gh"), ("no-such-program", None)])
def test_missing_program_is_named_with_what_installs_it(
    name: str, hint: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LanectlError, match=f"{name} is not installed") as caught:
        run([name, "--version"])

    assert (caught.value.hint or "").split()[-1:] == ([hint] if hint else [])


@pytest.mark.parametrize(
    ("argv", "message"),
    [([PYTHON, "a\0b"], "embedded null byte"), ([PYTHON, "x" * 10_000_000], "too long")],
    ids=["null", "long"],
)
def test_arguments_that_no_program_can_get_are_an_error(argv: list[str], message: str) -> None:
    with pytest.raises(LanectlError, match=message):
        run(argv)


def test_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LanectlError, match="no such folder") as caught:
        run(python(""), cwd=tmp_path / "none")

    assert caught.value.where == str(tmp_path / "none")


def test_environment_is_built_and_never_holds_the_key(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "GIT_DIR",
        "LD_PRELOAD_X",
        "GH_TOKEN",
        "SSH_AUTH_SOCK",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for name in ("USER", "LOGNAME", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)

    done = run(["env"], env={"MORE": "1", "ANTHROPIC_AUTH_TOKEN": "secret"})

    assert sorted(done.out.decode().splitlines()) == [
        f"HOME={home}",
        "LANG=C.UTF-8",
        "LC_ALL=C.UTF-8",
        "MORE=1",
        "PATH=/usr/bin:/bin",
        "TERM=dumb",
    ]


def test_programs_are_not_looked_for_in_the_folder_they_run_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    evil = tmp_path / "git"
    evil.write_text("#!/bin/sh\necho evil\n")
    evil.chmod(0o755)
    path = search_path()
    monkeypatch.setenv("PATH", f":.:relative:{path}")

    assert search_path() == path
    assert run(["git", "--version"], cwd=tmp_path).out.startswith(b"git version")


def test_github_variables_are_those_that_name_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GH_", "GITHUB_")):
            monkeypatch.delenv(name)
    for name in ("GH_TOKEN", "GH_HOST", "GH_DEBUG", "GH_PAGER", "GITHUB_TOKEN", "GITHUB_ACTOR"):
        monkeypatch.setenv(name, "x")

    assert github() == {"GH_TOKEN": "x", "GH_HOST": "x", "GITHUB_TOKEN": "x"}
