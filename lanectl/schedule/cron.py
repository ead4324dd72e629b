"""A night in the user's crontab: one marked block, put in and taken out without touching another line."""

import hashlib
import re

from lanectl.errors import LanectlError
from lanectl.programs.start import Finished, run
from lanectl.schedule import TICK_EVERY_MIN, Plan
from lanectl.schedule.shell import line

HINT = "crontab -e"


def block(plan: Plan) -> str:
    """The marked lines; the first mark carries a hash of what is between, by which an edit is noticed."""
    lines = "".join(f"{_when(one.at)} {_escaped(line(plan, one))}\n" for one in plan.commands)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:12]
    return f"# >>> lanectl {plan.name} {digest}\n{lines}# <<< lanectl {plan.name}\n"


def install(plan: Plan) -> str:
    """Put the block in, in place of an earlier one of the same recipes; returns what was done."""
    before = _read()
    _write(_joined(_without(before, plan), block(plan)))
    return f"three lines in your crontab, marked lanectl {plan.name}"


def remove(plan: Plan) -> str:
    """Take the block out; raises `LanectlError` where there is none, or where somebody has edited it."""
    before = _read()
    after = _without(before, plan)
    if after == before:
        raise LanectlError("the crontab has no such lines", where=f"lanectl {plan.name}", hint="crontab -l")
    _write(after)
    return f"the lines marked lanectl {plan.name} are out of your crontab"


def _without(text: str, plan: Plan) -> str:
    name = re.escape(plan.name)
    found = re.search(
        rf"^# >>> lanectl {name} ([0-9a-f]{{12}})\n(.*?)^# <<< lanectl {name}\n",
        text,
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        if f"lanectl {plan.name}" in text:
            raise LanectlError("a mark is missing", where=f"lanectl {plan.name} in the crontab", hint=HINT)
        return text
    if hashlib.sha256(found[2].encode()).hexdigest()[:12] != found[1]:
        raise LanectlError("these lines were edited", where=f"lanectl {plan.name} in the crontab", hint=HINT)
    return text[: found.start()] + text[found.end() :]


def _joined(text: str, more: str) -> str:
    return f"{text}{more}" if not text or text.endswith("\n") else f"{text}\n{more}"


def _read() -> str:
    done = run(["crontab", "-l"], timeout_s=30)
    if done.code and b"no crontab" in done.err:
        return ""
    return _checked(done).out.decode("utf-8", "surrogateescape")


def _write(text: str) -> None:
    _checked(run(["crontab", "-"], stdin=text.encode("utf-8", "surrogateescape"), timeout_s=30))


def _checked(done: Finished) -> Finished:
    if done.code:
        said = done.err.decode("utf-8", "replace").strip().splitlines()
        raise LanectlError(f"crontab failed: {said[0] if said else done.code}", hint="crontab -l")
    return done


def _when(at: tuple[int, int] | None) -> str:
    return f"*/{TICK_EVERY_MIN} * * * *" if at is None else f"{at[1]} {at[0]} * * *"


def _escaped(text: str) -> str:
    """cron takes a bare `%` for the end of the line."""
    return text.replace("%", "\\%")
