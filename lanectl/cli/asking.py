"""Ask: one question, routed; the answer streams, or its id is printed and it arrives as an artifact."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from lanectl.cli.daily import Allow, Repo, Sets
from lanectl.errors import Exit, UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.compose import Question
    from lanectl.lane.context import Lane
    from lanectl.lane.route import Route, Signals
    from lanectl.render.screen import Screen

Model = Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Another model.")]
Hint = Annotated[
    str | None, typer.Option("--hint", metavar="WORD", help="A choice of the configuration: judgment, ...")
]
Deadline = Annotated[
    float | None, typer.Option("--deadline", metavar="S", min=0, help="Seconds until it is needed.")
]


def ask(
    desk: "Desk",
    prompt: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="What to ask; standard input is data to it.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("-r", "--recipe", metavar="RECIPE", help="Borrow a recipe's prefix.")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option("-f", "--file", metavar="FILE", help="Add to the prefix; repeatable.")
    ] = None,
    system: Annotated[str, typer.Option("--system", metavar="TEXT", help="A system prompt.")] = "",
    model: Model = None,
    hint: Hint = None,
    lane: Annotated[
        Literal["auto", "interactive", "batch"], typer.Option("--lane", help="The lane.")
    ] = "auto",
    follow: Annotated[bool, typer.Option("--continue", help="Go on with the last conversation.")] = False,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Queue it once only, however often it is asked."),
    ] = None,
    deadline: Deadline = None,
    repo: Repo = Path(),
    sets: Sets = None,
    allow: Allow = None,
) -> Answer:
    """Ask one question on the lane that fits.

    At a keyboard the answer streams. From cron, CI or a hook, or with --lane batch, the question waits for
    others: its id is printed, and the answer arrives as a file. -v tells how fast it was.
    """
    from lanectl.cli.find import recipe_of
    from lanectl.lane.compose import Question
    from lanectl.lane.route import Call, route
    from lanectl.lane.signals import raise_on_signals
    from lanectl.models import Lane

    raise_on_signals()
    words = " ".join(prompt or ())
    question = Question(
        prompt=words,
        piped=_piped(),
        system=system,
        recipe=None if recipe is None else recipe_of(desk, recipe, repo),
        files=tuple(files or ()),
        repo=repo,
        sets=_pairs(sets) if sets else {},
        allow=_allowed(allow) if allow else frozenset(),
    )
    if follow and (recipe or files or system):
        raise UsageError(
            "a conversation goes on with the prefix that it began with",
            where="--continue",
            hint="lanectl ask --help",
        )
    wanted = Lane.INTERACTIVE if follow and lane == "auto" else None if lane == "auto" else Lane(lane)
    call = Call(hint=hint, deadline_s=deadline, lane=wanted, model=model)
    found = route(call, signals(), desk.settings)
    with desk.lane() as opened:
        if found.lane is Lane.BATCH:
            if follow:
                raise UsageError("a conversation does not wait in a queue", hint="lanectl ask --continue")
            return _queued(desk, opened, question, found, key=key, deadline_s=deadline)
        return _streamed(desk, opened, question, found, model=model, follow=follow)


def _pairs(sets: list[str]) -> dict[str, str]:
    # The rooms of a whole submission come with it: a question at a keyboard does not wait for them.
    from lanectl.cli.submitting import pairs

    return pairs(sets)


def _allowed(kinds: list[str]) -> frozenset[str]:
    from lanectl.cli.submitting import allowed

    return allowed(kinds)


def signals() -> "Signals":
    """What this process's surroundings say."""
    from lanectl.lane.route import read_signals

    return read_signals(os.environ, stdin=_tty(sys.stdin), stdout=_tty(sys.stdout), stderr=_tty(sys.stderr))


def _tty(stream: TextIO | None) -> bool:
    # A process started with a closed stream has none at all.
    return stream is not None and not stream.closed and stream.isatty()


def _piped() -> str | None:
    """What stands on standard input, where something was piped or redirected there; not a terminal, not
    /dev/null."""
    if sys.stdin is None or sys.stdin.closed:
        return None
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except OSError:
        return None
    return None if stat.S_ISCHR(mode) else sys.stdin.buffer.read().decode("utf-8", "replace")


def _streamed(
    desk: "Desk", lane: "Lane", question: "Question", found: "Route", *, model: str | None, follow: bool
) -> Answer:
    from lanectl.lane.ask import ask as ask_now
    from lanectl.lane.ask import continued
    from lanectl.render.asking import Flow, asked_data, draw_asked

    if follow:
        found = continued(lane, found, model=model)
    desk.screen.detail(f"{found.lane}: {found.reason}")
    flow = Flow(desk.screen)
    try:
        done = ask_now(lane, question, found, environ=os.environ, follow=follow, hear=flow.hear)
    finally:
        flow.end()
    code = Exit.INTERRUPTED if done.heard.interrupted else Exit.OK
    return Answer(asked_data(done), lambda screen: draw_asked(screen, done), code)


def _queued(
    desk: "Desk",
    lane: "Lane",
    question: "Question",
    found: "Route",
    *,
    key: str | None,
    deadline_s: float | None,
) -> Answer:
    from lanectl.lane.queue import add
    from lanectl.render.asking import draw_queued, queued_data

    done = add(lane, question, found, key=key, deadline_s=deadline_s)
    wanted = desk.settings.queue

    def draw(screen: "Screen") -> None:
        draw_queued(screen, done, min_jobs=wanted.min_jobs, max_wait_s=wanted.max_wait_s)

    return Answer(queued_data(done), draw, warnings=done.notes)
