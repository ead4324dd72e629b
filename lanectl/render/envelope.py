"""The one object that `--json` prints, versioned: keys are only ever added."""

from collections.abc import Mapping, Sequence

from lanectl import __version__
from lanectl.errors import Exit, LanectlError
from lanectl.models import JsonValue
from lanectl.text.jsontext import dumps

SCHEMA = 1


def envelope(
    command: str,
    code: Exit,
    data: Mapping[str, object],
    *,
    warnings: Sequence[str] = (),
    error: LanectlError | None = None,
) -> str:
    """One line of ASCII: what was done, how it ended, and the error where there is one."""
    whole: dict[str, object] = {
        "lanectl": __version__,
        "schema": SCHEMA,
        "command": command,
        "exit": {"code": int(code), "name": code.word},
        "data": data,
        "warnings": list(warnings),
        "error": None if error is None else told(error),
    }
    return dumps(whole)


def told(error: LanectlError) -> dict[str, JsonValue]:
    """An error as plain data: its kind, what happened, where, and the one command to type next."""
    return {"kind": error.kind, "message": error.message, "where": error.where, "hint": error.hint}
