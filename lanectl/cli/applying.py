"""Apply a codemod's patches: look, put them into one file, edit the tree, or make a branch."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.cli.find import known_run
from lanectl.cli.runs import Run
from lanectl.errors import Exit, HeldError, UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.lane.apply import Applied, Change


def apply(
    desk: "Desk",
    run: Run,
    check: Annotated[bool, typer.Option("--check", help="Say what would apply; change nothing.")] = False,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Commit what applies on a new branch.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("-i", "--interactive", help="Ask for each change, and edit the working tree.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Edit the working tree with all that applies.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="KIND", help="sensitive: files of CI and of git hooks too."),
    ] = None,
) -> Answer:
    """Apply a codemod's patches; by default into one patch file.

    A file that has changed since it was sent is refused and named.
    """
    from lanectl.lane import apply as verbs
    from lanectl.render.applied import applied_data, draw_applied

    if sum((check, branch is not None, interactive, write)) > 1:
        raise UsageError("--check, --branch, -i and --write exclude one another", hint="lanectl apply --help")
    with desk.lane() as lane:
        found = known_run(lane, run)
        looked = verbs.look(lane, found, allow=frozenset(allow or ()))
        if check:
            done = looked
        elif branch is not None:
            done = verbs.branch(found, looked, branch)
        elif interactive or write:
            done = verbs.write(found, looked, choose=_chooser(desk) if interactive else _every)
        else:
            done = verbs.combine(found, looked)
    return Answer(applied_data(done), lambda screen: draw_applied(screen, done), code=_code(done))


def _every(_: "Change") -> bool:
    return True


def _chooser(desk: "Desk") -> Callable[["Change"], bool]:
    if not desk.screen.watched:
        raise HeldError("-i asks, and nobody is at this terminal", hint="lanectl apply RUN --write")

    def choose(change: "Change") -> bool:
        desk.screen.say(change.patch.decode("utf-8", "replace"))
        return desk.screen.ask(f"Apply this to {change.path}?")

    return choose


def _code(done: "Applied") -> Exit:
    left = sum(done.count(state) for state in ("moved", "missing", "refused"))
    return Exit.PARTIAL if left else Exit.OK
