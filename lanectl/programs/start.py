"""Starts one program, feeds it, reads it within its limits, and leaves nothing of it running."""

import contextlib
import io
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from lanectl.errors import LanectlError
from lanectl.programs.environment import built

CHUNK_BYTES = 1 << 16
ERROR_BYTES = 1 << 16
LIMIT_BYTES = 64 << 20
GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: exit code (negative: the signal), output, and the last 64 KiB of complaints."""

    code: int
    out: bytes
    err: bytes


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    timeout_s: float = 120,
    limit_bytes: int = LIMIT_BYTES,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Runs `argv` to its end; `env` is added to the built environment.

    Raises `LanectlError` when it is not installed, takes longer than `timeout_s` or writes more than
    `limit_bytes`; its whole process group is gone in any case. What an exit code means the caller knows.
    """
    out = bytearray()
    with Child(argv, cwd=cwd, stdin=stdin, env=built(env)) as child:
        for chunk in child.chunks(timeout_s):
            out += chunk
            if len(out) > limit_bytes:
                raise LanectlError(f"{child.name} wrote more than {limit_bytes} bytes and was stopped")
        return Finished(child.wait(timeout_s), bytes(out), bytes(child.err))


class Child:
    """One started program, in a process group of its own so that all of it can be stopped."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path | None, stdin: bytes | None, env: Mapping[str, str]
    ) -> None:
        self.name = Path(argv[0]).name
        self.err = bytearray()
        self._left = memoryview(stdin or b"")
        if cwd is not None and not cwd.is_dir():
            raise LanectlError("no such folder", where=str(cwd))
        try:
            # A list and no shell; the search path in `env` holds absolute folders only.
            self._process = subprocess.Popen(  # noqa: S603 -- the one place that may
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                close_fds=True,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise LanectlError(f"{self.name} is not installed", hint=installing(self.name)) from None
        except (OSError, ValueError) as error:
            raise LanectlError(f"{self.name} cannot be started: {error}") from None
        self._in = self._process.stdin or io.BytesIO()
        self._out = cast(IO[bytes], self._process.stdout)
        self._complaints = cast(IO[bytes], self._process.stderr)

    def chunks(self, timeout_s: float, *, idle: bool = False) -> Iterator[bytes]:
        """What it writes, piece by piece, while it is fed and its complaints are kept.

        `timeout_s` bounds the whole, or with `idle` each wait for it alone: a slow reader costs it nothing.
        """
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as waiting:
            self._register(waiting)
            while waiting.get_map():
                if idle:
                    deadline = time.monotonic() + timeout_s
                left_s = deadline - time.monotonic()
                ready = waiting.select(left_s) if left_s > 0 else []
                if not ready:
                    raise self._too_slow(timeout_s)
                for key, _ in ready:
                    chunk = key.data(waiting)
                    if chunk:
                        yield chunk

    def wait(self, timeout_s: float) -> int:
        """Its exit code, once its output has ended."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self._too_slow(timeout_s) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for pipe in (self._in, self._out, self._complaints):
            pipe.close()
        if self._process.poll() is None:
            # Asked first: git removes its lock files and half-written packs when it may.
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        # Also after a good end: whatever it left behind in its group ends with it.
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _register(self, waiting: selectors.BaseSelector) -> None:
        waiting.register(self._out, selectors.EVENT_READ, self._read_out)
        waiting.register(self._complaints, selectors.EVENT_READ, self._read_complaints)
        if self._process.stdin is not None:
            os.set_blocking(self._in.fileno(), False)
            waiting.register(self._in, selectors.EVENT_WRITE, self._feed)

    def _read_out(self, waiting: selectors.BaseSelector) -> bytes:
        chunk = os.read(self._out.fileno(), CHUNK_BYTES)
        if not chunk:
            waiting.unregister(self._out)
        return chunk

    def _read_complaints(self, waiting: selectors.BaseSelector) -> bytes:
        chunk = os.read(self._complaints.fileno(), CHUNK_BYTES)
        if not chunk:
            waiting.unregister(self._complaints)
        self.err += chunk
        del self.err[:-ERROR_BYTES]
        return b""

    def _feed(self, waiting: selectors.BaseSelector) -> bytes:
        try:
            self._left = self._left[os.write(self._in.fileno(), self._left[:CHUNK_BYTES]) :]
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            self._left = self._left[:0]
        if not self._left:
            waiting.unregister(self._in)
            self._in.close()
        return b""

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _too_slow(self, timeout_s: float) -> LanectlError:
        return LanectlError(f"{self.name} gave no answer within {timeout_s:g} seconds and was stopped")


def installing(name: str) -> str | None:
    """The command that installs git or gh here; None for any other program."""
    if name not in ("git", "gh"):
        return None
    return f"brew install {name}" if os.uname().sysname == "Darwin" else f"sudo apt install {name}"
