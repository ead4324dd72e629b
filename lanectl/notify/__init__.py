"""Notify: tells people what a night came to, at least once and in bounded time; it never stops a pull."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from lanectl.config import Settings, Target
from lanectl.errors import ConfigError, LanectlError, TryLater
from lanectl.models import Outcome
from lanectl.programs import environment
from lanectl.programs.start import run as run_program
from lanectl.state import answers, outbox, runs
from lanectl.state.database import Database
from lanectl.state.outbox import Message, Notice
from lanectl.text import desktop, mail, terminal
from lanectl.text.jsontext import dumps
from lanectl.text.secrets import redact

# Ten seconds for a webhook, twenty for a program with its start: three messages stay within a minute.
MOST_AT_ONCE = 3
WEBHOOK_S = 10.0
CHILD_S = 20.0
# A program that is told has nothing to say; the end of its complaints is kept apart from this.
OUTPUT_BYTES = 1 << 16
LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)
GIVE_UP = timedelta(hours=48)
# A night's runs settle one after another: they are told together, but nobody waits longer than this.
GATHER = timedelta(hours=3)
# The provider promises a batch within 24 hours.
LATE = timedelta(hours=25)
DESKTOP = ("dbus", "qt", "glib", "kde", "gnome", "macosx", "windows")
# What mentions somebody or makes a link in one chat program or another.
PLAIN = str.maketrans({"<": "(", ">": ")", "@": "(at)", "`": "'", "*": "", "_": " "})
# As `child.py` ends then.
_NOT_INSTALLED = 3
# Shorter arguments hold no secret, and would be found in the middle of words.
_SECRET_LENGTH = 8


def flush(db: Database, settings: Settings, clock: Callable[[], datetime]) -> tuple[str, ...]:
    """Tell what is to be told; returns what a person should know: a first failure, or a message given up.

    Raises nothing that a target or its address may cause. A sandbox's runs are told to nobody.
    """
    if settings.sandbox:
        return ()
    now = clock()
    outbox.add_late(db, before=_text(now - LATE), now=_text(now))
    _bundle(db, now)
    said: list[str] = []
    for message in outbox.due(db, _text(now))[:MOST_AT_ONCE]:
        if outbox.claim(db, message, now=_text(now), until=_text(now + LEASE)):
            said.extend(_tried(db, settings, message, clock))
    return tuple(said)


def _bundle(db: Database, now: datetime) -> None:
    """One message a target, once nothing more is to come, it is urgent, or it has waited long enough."""
    waiting = outbox.waiting(db)
    for target in dict.fromkeys(one.target for one in waiting):
        mine = [one for one in waiting if one.target == target]
        urgent = any(one.kind != "settled" for one in mine)
        old = now - datetime.fromisoformat(mine[0].at) >= GATHER
        if urgent or old or not outbox.under_way(db, target):
            title, body = _words(db, mine)
            outbox.put(db, _message(target, title, body, mine, now), mine)


def _message(target: str, title: str, body: str, notices: Sequence[Notice], now: datetime) -> Message:
    numbers = dumps([target, *((one.id, one.run, one.kind) for one in notices)])
    return Message(
        id=hashlib.sha256(numbers.encode()).hexdigest()[:32],
        target=target,
        title=title,
        body=body,
        created_at=_text(now),
        tries=0,
        not_before=_text(now),
        sent_at=None,
        dropped_at=None,
        error=None,
    )


def _tried(
    db: Database, settings: Settings, message: Message, clock: Callable[[], datetime]
) -> Sequence[str]:
    try:
        _deliver(settings, message)
    except LanectlError as error:
        now, why = clock(), redact(str(error))
        if now - datetime.fromisoformat(message.created_at) >= GIVE_UP:
            outbox.drop(db, message, error=why, now=_text(now))
            return [f"gave up telling {message.target} after 48 hours ({message.title}): {why}"]
        pause = min(FIRST_PAUSE * 2 ** min(message.tries, 10), LONGEST_PAUSE)
        outbox.put_off(db, message, error=why, until=_text(now + pause))
        # Said once: cron mails whatever is said, and the same trouble every quarter of an hour is noise.
        return [] if message.tries else [f"{message.target} could not be told, and will be again: {why}"]
    outbox.mark_sent(db, message, now=_text(clock()))
    return []


def _deliver(settings: Settings, message: Message) -> None:
    target = settings.notify.get(message.target)
    if target is None:
        raise ConfigError(
            f"the recipe names {message.target}, the configuration does not",
            where=f"[notify.{message.target}]",
            hint="lanectl config path",
        )
    if target.command:
        _through_program(target, message)
    elif target.url.lower().startswith(("https://", "http://")):
        # Imported here: its modules take longer to load than a tick that has nothing to tell.
        from lanectl import webhook

        webhook.post(
            target.url,
            webhook.Message(_object(message), key=message.id),
            allow_private=target.allow_private,
            timeout_s=WEBHOOK_S,
        )
    else:
        _through_apprise(target, message)


def _object(message: Message) -> bytes:
    """The message as a webhook or a program gets it; a repetition bears the same id."""
    told = {"id": message.id, "title": message.title, "text": f"{message.title}\n{message.body}"}
    return dumps(told).encode()


def _through_program(target: Target, message: Message) -> None:
    """The user's own program, from `/`: not from a repository, whose files it could take for its own."""
    done = run_program(
        target.command,
        cwd=Path("/"),
        # A shell reads whole lines only.
        stdin=_object(message) + b"\n",
        timeout_s=CHILD_S,
        limit_bytes=OUTPUT_BYTES,
        env=environment.passed(environment.NETWORK),
    )
    if done.code:
        name = Path(target.command[0]).name
        how = f"ended with exit code {done.code}" if done.code > 0 else f"was ended by signal {-done.code}"
        why = _complaint(done.err, *target.command[1:])
        raise TryLater(f"{name} {how}{why}", where=f"[notify.{message.target}]")


def _complaint(err: bytes, *arguments: str) -> str:
    """The last line that a program complained, without what its arguments may hold of secrets."""
    lines = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
    # A whole path is none, and is often what the complaint is about.
    words = [word for each in arguments if each[:1] != "/" for word in (each, each.partition("=")[2])]
    secrets = [word for word in words if len(word) >= _SECRET_LENGTH]
    return f": {terminal.line(redact(lines[-1], *secrets), 200)}" if lines else ""


def _through_apprise(target: Target, message: Message) -> None:
    """In a process of its own, which has a time limit, not the key, and the address on its standard input."""
    scheme = target.url.partition("://")[0].lower()
    body = desktop.pango(message.body) if scheme in DESKTOP else message.body
    told = {"url": target.url, "title": mail.header(message.title), "body": body}
    # By its path, and with -P: a module named apprise in the folder one stands in would be run otherwise.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("child.py"))]
    done = run_program(
        argv,
        stdin=dumps(told).encode(),
        timeout_s=CHILD_S,
        env=environment.passed(environment.NETWORK),
    )
    if done.code == _NOT_INSTALLED:
        raise ConfigError(
            "this kind of address needs apprise",
            where=f"[notify.{message.target}]",
            hint="pip install 'lanectl-cli[notify]'",
        )
    if done.code:
        raise TryLater(f"a {scheme} address did not take it", where=f"[notify.{message.target}]")


def _words(db: Database, notices: Sequence[Notice]) -> tuple[str, str]:
    """The subject, and a line a run, with nothing in it that a model wrote."""
    latest = {one.run: one for one in notices}
    lines = [_line(db, one) for one in latest.values()]
    title = lines[0] if len(lines) == 1 else f"lanectl: {len(lines)} runs"
    urgent = sum(one.kind != "settled" for one in latest.values())
    if len(lines) > 1 and urgent:
        title += f", {urgent} need you"
    hints = "Read it: lanectl digest --open" if urgent < len(lines) else "Look: lanectl status"
    return title, "\n".join([*(lines if len(lines) > 1 else ()), hints])


def _line(db: Database, notice: Notice) -> str:
    run = runs.get_run(db, notice.run)
    name = f"{run.recipe} {run.id}"
    if notice.kind == "held":
        reason = redact(run.held_reason or "released since").translate(PLAIN)
        return terminal.line(f"{name} is held: {reason}", 200)
    if notice.kind == "late" and run.pulled_at is None:
        return f"{name} is late: sent {run.created_at[:16]}Z, and not settled"
    return terminal.line(f"{name}{_failing(db, run.id)}: {', '.join(_counts(db, run.id))}", 200)


def _failing(db: Database, run: str) -> str:
    counts = runs.outcome_counts(db, run)
    good = counts.get(Outcome.SUCCEEDED, 0)
    return " is failing" if 2 * good < sum(counts.values()) else ""


def _counts(db: Database, run: str) -> list[str]:
    outcomes, severities = runs.outcome_counts(db, run), answers.severity_counts(db, run)
    cost = answers.sums(db, run).cost_usd
    return [
        *(f"{count:,} {name or 'out'}" for name, count in outcomes.items()),
        *(f"{count:,} {name}" for name, count in severities.items()),
        "cost unknown" if cost is None else f"${cost:,.2f}",
    ]


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
