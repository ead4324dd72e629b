"""The error boundary: whatever happens, one line, one hint, one exit code, and for programs one object."""

import contextlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.errors import Exit, LanectlError, UsageError
from lanectl.lane.signals import Interrupted
from lanectl.render.answer import Answer
from lanectl.render.streams import Unwritable

if TYPE_CHECKING:
    from typer import TyperException

    from lanectl.cli.desk import Desk

# The SDK logs whole requests, prompts and all, when it is told to by the environment.
LEAKY_VARIABLES = ("ANTHROPIC_LOG",)


class Unexpected(LanectlError):  # noqa: N818 -- what it is to the user
    """Something that nobody foresaw."""

    kind = "unexpected"


def guarded(desk: "Desk", argv: list[str]) -> int:
    """Run a command line; nothing but an exit code leaves this function."""
    for name in LEAKY_VARIABLES:
        os.environ.pop(name, None)
    plain = argv[: argv.index("--")] if "--" in argv else argv
    # A command line that cannot be parsed must still answer in the form it was asked for.
    desk.screen.json = "--json" in plain
    try:
        answer = _answered(desk, argv)
        code = _shown(desk, answer)
        desk.screen.flush()
        answer.then()
        return code
    except BrokenPipeError:
        return _unheard()
    except Unwritable as error:
        return _unwritten(desk, error)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except Interrupted as stop:
        return int(_stopped(stop))
    finally:
        desk.screen.still()
        with contextlib.suppress(KeyboardInterrupt):
            desk.close()


def _answered(desk: "Desk", argv: Sequence[str]) -> Answer:
    """What the command line comes to, failures included."""
    from typer import Abort, TyperException

    try:
        return _parsed(desk, argv)
    except (BrokenPipeError, Unwritable):
        raise
    except LanectlError as error:
        return Answer(trouble=error)
    except TyperException as error:
        return Answer(trouble=_usage(desk, error))
    except (KeyboardInterrupt, Abort, EOFError):
        return Answer(code=Exit.INTERRUPTED)
    except Interrupted as stop:
        return Answer(code=_stopped(stop), warnings=_notes(desk, stop))
    except Exception as error:  # noqa: BLE001 -- the boundary: a traceback is for the log file, not for the user
        return Answer(trouble=_unexpected(desk, error))


def _stopped(stop: Interrupted) -> Exit:
    return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED


def _notes(desk: "Desk", stop: Interrupted) -> tuple[str, ...]:
    """What a verb says of what it leaves behind: it noted it on the signal's exception."""
    told: Sequence[str] = getattr(stop.__cause__ or stop, "__notes__", ())
    return tuple(map(desk.screen.typed, told))


def _parsed(desk: "Desk", argv: Sequence[str]) -> Answer:
    """Hand the command line to typer; what it prints itself (help, completion) becomes an answer too."""
    from lanectl.cli.app import command

    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            made = command().main(list(argv), prog_name="lanectl", standalone_mode=False, obj=desk)
    except SystemExit as done:
        made = done.code
    if isinstance(made, Answer):
        return made
    text = printed.getvalue().rstrip("\n")
    code = Exit(made) if isinstance(made, int) else Exit.OK
    if not text:
        return Answer(code=code)
    desk.command = _asked_about(argv)
    return Answer({"text": text}, lambda screen: screen.say(text), code)


def _asked_about(argv: Sequence[str]) -> str:
    """The command whose help was asked for: it has not been run, so that nobody else knows."""
    from lanectl.cli.app import command

    path: list[str] = []
    within = command()
    for word in argv:
        if word in getattr(within, "commands", {}):
            within = within.commands[word]
            path.append(word)
    return " ".join(path) or "lanectl"


def _shown(desk: "Desk", answer: Answer) -> int:
    try:
        return _told(desk, answer)
    except (BrokenPipeError, Unwritable):
        raise
    except Exception as error:  # noqa: BLE001 -- as above: a drawing may fail like anything else
        return _told(desk, Answer(trouble=_unexpected(desk, error)))


def _told(desk: "Desk", answer: Answer) -> int:
    """Print an answer in the form that was asked for, and return its exit code."""
    screen = desk.screen
    trouble = _worded(desk, answer.trouble)
    if screen.json:
        from lanectl.render.envelope import envelope

        marked = {"sandbox": desk.known_settings.sandbox} if desk.known_settings is not None else {}
        data = {**answer.data, **marked}
        screen.raw(envelope(desk.command, answer.exit, data, warnings=answer.warnings, error=trouble))
    else:
        answer.draw(screen)
    for warning in answer.warnings:
        screen.warn(warning)
    if trouble is not None:
        screen.error(trouble)
    return int(answer.exit)


def _worded(desk: "Desk", error: LanectlError | None) -> LanectlError | None:
    """The same error without a key in any of its words, and with a hint that can be typed as it stands."""
    if error is None:
        return None
    from lanectl.text.secrets import redact

    keys = desk.secrets()
    error.message = redact(error.message, *keys)
    error.where = redact(error.where, *keys) if error.where else None
    error.hint = desk.screen.typed(error.hint) if error.hint else None
    return error


def _usage(desk: "Desk", error: "TyperException") -> LanectlError:
    """What typer has to say about a command line, as we say things."""
    path = getattr(getattr(error, "ctx", None), "command_path", "lanectl")
    desk.command = path.removeprefix("lanectl ")
    # What checks the values puts the kind of its own exception before its sentence.
    message = " ".join(error.format_message().split()).replace("Value error, ", "", 1)
    return UsageError(message[:1].lower() + message[1:].rstrip("."), where=path, hint=f"{path} --help")


def _unexpected(desk: "Desk", error: Exception) -> LanectlError:
    """One line for the user; the traceback, without the key, goes into a file that only they can read."""
    from lanectl.text.secrets import redact

    text = redact("".join(traceback.format_exception(error)), *desk.secrets())
    desk.screen.detail(text)
    what = f"unexpected {type(error).__name__}: {error}"
    try:
        path = _logged(desk, text)
    except Exception as failed:  # noqa: BLE001 -- the first failure is the one to tell, with or without a log
        return Unexpected(f"{what} (and no log: {failed})", hint="lanectl doctor")
    return Unexpected(what, where=str(path), hint=f"less {path}")


def _logged(desk: "Desk", text: str) -> Path:
    from lanectl import __version__
    from lanectl.files import Folder

    folder = desk.log_dir()
    stamp = desk.now.astimezone(UTC)
    name = f"error-{stamp:%Y%m%dT%H%M%S}-{os.getpid()}.log"
    head = (
        f"lanectl {__version__}, Python {sys.version.split()[0]}, {sys.platform}, lanectl {desk.command}\n\n"
    )
    with Folder.open(folder, create=True, private=True) as opened:
        opened.write(name, (head + text).encode("utf-8", "replace"))
    return folder / name


def _unwritten(desk: "Desk", error: Unwritable) -> int:
    """The work is done, and its words are lost: the other stream says so, where it still takes any."""
    _unheard()
    with contextlib.suppress(Unwritable, BrokenPipeError):
        trouble = _worded(desk, error)
        if trouble is not None:
            desk.screen.error(trouble)
            desk.screen.flush()
    return int(error.exit)


def _unheard() -> int:
    """Nobody reads any more, which is no failure; what Python flushes at its end must not fail either."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(Exit.OK)
