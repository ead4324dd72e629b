"""A small tracer: counts a child's system calls that write, sync, rename, remove, connect, send or receive,
and stops it there.

At the chosen call the child is killed before the kernel sees the call, or the call is not made and fails with
an error of our choice. Linux on x86_64 and aarch64, by ptrace; `why_not` says why it cannot be done here.
"""

import ctypes
import os
import platform
import signal
import stat
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TRACEME, CONT_SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 24, 0x4200, 0x420E
PEEKUSER, POKEUSER, GETREGSET, SETREGSET = 3, 6, 0x4204, 0x4205
SYSGOOD, EXITKILL = 0x1, 0x100000
SYSCALL_STOP = signal.SIGTRAP | 0x80
ENTERED, LEFT = 1, 2
CREATES = os.O_CREAT
AT_FDCWD = 2**64 - 100

# From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
NUMBERS = {
    "x86_64": {
        1: "write",
        18: "pwrite64",
        20: "writev",
        42: "connect",
        44: "sendto",
        45: "recvfrom",
        46: "sendmsg",
        47: "recvmsg",
        74: "fsync",
        75: "fdatasync",
        76: "truncate",
        77: "ftruncate",
        82: "rename",
        83: "mkdir",
        84: "rmdir",
        87: "unlink",
        88: "symlink",
        257: "openat",
        258: "mkdirat",
        263: "unlinkat",
        264: "renameat",
        266: "symlinkat",
        296: "pwritev",
        316: "renameat2",
    },
    "aarch64": {
        64: "write",
        68: "pwrite64",
        66: "writev",
        203: "connect",
        206: "sendto",
        207: "recvfrom",
        211: "sendmsg",
        212: "recvmsg",
        82: "fsync",
        83: "fdatasync",
        45: "truncate",
        46: "ftruncate",
        34: "mkdirat",
        35: "unlinkat",
        36: "symlinkat",
        38: "renameat",
        56: "openat",
        70: "pwritev",
        276: "renameat2",
    },
}
PATH_AT = {
    "unlink": 0,
    "rename": 0,
    "mkdir": 0,
    "rmdir": 0,
    "unlinkat": 1,
    "renameat": 1,
    "openat": 1,
    "mkdirat": 1,
}
DATA_AT = {"write": 1, "pwrite64": 1, "sendto": 1}
# What a full disk refuses; reading, syncing and removing still work on one.
NEEDS_ROOM = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "openat", "mkdir", "mkdirat", "symlink", "symlinkat"}
)

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Call:
    """One counted call: its place in the count (from 1), its name, and the path or the first bytes it was
    given.
    """

    index: int
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens at call number `at` (0: nothing): death, or with `error` a failure; `lasting`: the disk
    stays full.
    """

    at: int = 0
    error: int = 0
    lasting: bool = False


@dataclass(slots=True)
class Trace:
    """How the child went: its counted calls, and its exit code, or None when it was killed."""

    calls: list[Call] = field(default_factory=list)
    code: int | None = None


def why_not() -> str | None:
    """Why no child can be traced here; None where it can."""
    if sys.platform != "linux" or platform.machine() not in NUMBERS:
        return f"no tracer for {sys.platform} on {platform.machine()}"
    pid = os.fork()
    if pid == 0:
        allowed = LIBC.ptrace(TRACEME, 0, None, None) == 0
        if allowed:
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0 if allowed else 1)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        return "ptrace is not permitted"
    readable = _info(pid) is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None if readable else "the kernel does not tell a tracer about system calls (Linux 5.3)"


def trace(work: Callable[[], int], plan: Plan, *, first: Callable[[], None]) -> Trace:
    """Fork, run `first` uncounted and then `work` under the plan, and tell how it went."""
    pid = os.fork()
    if pid == 0:
        first()
        LIBC.ptrace(TRACEME, 0, None, None)
        # The stop is the marker: what comes after it is counted.
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(work())
    os.waitpid(pid, 0)
    LIBC.ptrace(SETOPTIONS, pid, None, SYSGOOD | EXITKILL)
    return _Tracer(pid, plan).run()


class _Tracer:
    def __init__(self, pid: int, plan: Plan) -> None:
        self._pid = pid
        self._plan = plan
        self._names = NUMBERS[platform.machine()]
        self._trace = Trace()
        self._failing = 0

    def run(self) -> Trace:
        deliver = 0
        while True:
            LIBC.ptrace(CONT_SYSCALL, self._pid, None, deliver)
            _, status = os.waitpid(self._pid, 0)
            if os.WIFEXITED(status):
                self._trace.code = os.WEXITSTATUS(status)
                return self._trace
            if os.WIFSIGNALED(status):
                return self._trace
            stopped = os.WSTOPSIG(status)
            deliver = 0 if stopped in (SYSCALL_STOP, signal.SIGTRAP) else stopped
            if stopped == SYSCALL_STOP:
                self._at_call()

    def _at_call(self) -> None:
        info = _info(self._pid)
        if info is None:
            return
        op, number, args = info
        if op == LEFT and self._failing:
            _set_result(self._pid, -self._failing)
            self._failing = 0
        if op != ENTERED:
            return
        name = self._counted(number, args)
        if name is None:
            return
        index = len(self._trace.calls) + 1
        self._trace.calls.append(Call(index, name, self._detail(name, args)))
        if index == self._plan.at and not self._plan.error:
            _skip(self._pid)
            os.kill(self._pid, signal.SIGKILL)
        elif self._fails(index, name, args):
            _skip(self._pid)
            self._failing = self._plan.error

    def _fails(self, index: int, name: str, args: tuple[int, ...]) -> bool:
        if not self._plan.at or not self._plan.error:
            return False
        if not self._plan.lasting:
            return index == self._plan.at
        return index >= self._plan.at and name in NEEDS_ROOM and not self._has_room(name, args)

    def _has_room(self, name: str, args: tuple[int, ...]) -> bool:
        """Whether a full disk would still take it: bytes over those that are there, a file that is there."""
        place = f"/proc/{self._pid}/fd/"
        try:
            if name == "pwrite64":
                return args[2] + args[3] <= os.stat(f"{place}{args[0]}").st_size  # noqa: PTH116 -- a link of /proc
            if name == "write":
                return not stat.S_ISREG(os.stat(f"{place}{args[0]}").st_mode)  # noqa: PTH116 -- as above
            if name == "openat":
                above = "" if args[0] == AT_FDCWD else f"{place}{args[0]}"
                return Path(above, self._detail(name, args)).exists()
        except OSError:
            return False
        return False

    def _counted(self, number: int, args: tuple[int, ...]) -> str | None:
        name = self._names.get(number)
        if name == "openat" and not args[2] & CREATES:
            return None
        # What goes to the terminal changes nothing that is kept.
        return None if name == "write" and args[0] in (1, 2) else name

    def _detail(self, name: str, args: tuple[int, ...]) -> str:
        if name in PATH_AT:
            return _memory(self._pid, args[PATH_AT[name]], 200).split(b"\0", 1)[0].decode(errors="replace")
        data = _memory(self._pid, args[DATA_AT[name]], min(args[2], 48)) if name in DATA_AT else b""
        return data.decode("ascii", errors="replace")


def _info(pid: int) -> tuple[int, int, tuple[int, ...]] | None:
    raw = ctypes.create_string_buffer(88)
    if LIBC.ptrace(SYSCALL_INFO, pid, len(raw), ctypes.cast(raw, ctypes.c_void_p)) <= 0:
        return None
    number, *args = struct.unpack_from("7Q", raw, 24)
    return raw.raw[0], number, tuple(args)


def _memory(pid: int, address: int, length: int) -> bytes:
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123 -- unbuffered, thousands of times
            memory.seek(address)
            return memory.read(length)
    except (OSError, OverflowError, ValueError):
        return b""


def _skip(pid: int) -> None:
    """Let the kernel make no call at all."""
    if platform.machine() == "x86_64":
        LIBC.ptrace(POKEUSER, pid, 15 * 8, ctypes.c_void_p(-1))
    else:
        _set_regset(pid, 0x404, struct.pack("i", -1))


def _set_result(pid: int, value: int) -> None:
    if platform.machine() == "x86_64":
        LIBC.ptrace(POKEUSER, pid, 10 * 8, ctypes.c_void_p(value))
        return
    registers = ctypes.create_string_buffer(34 * 8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(registers), len(registers))
    LIBC.ptrace(GETREGSET, pid, 1, ctypes.cast(vector, ctypes.c_void_p))
    struct.pack_into("q", registers, 0, value)
    LIBC.ptrace(SETREGSET, pid, 1, ctypes.cast(vector, ctypes.c_void_p))


def _set_regset(pid: int, which: int, data: bytes) -> None:
    held = ctypes.create_string_buffer(data, len(data))
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(held), len(data))
    LIBC.ptrace(SETREGSET, pid, which, ctypes.cast(vector, ctypes.c_void_p))
