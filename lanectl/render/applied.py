"""What became of a codemod's patches, for the terminal and as data."""

from typing import TYPE_CHECKING

from lanectl.digest.words import counted
from lanectl.models import JsonValue

if TYPE_CHECKING:
    from lanectl.lane.apply import Applied
    from lanectl.render.screen import Screen

SAID = {
    "ready": "would apply",
    "written": "applied",
    "applied": "in the tree already",
    "moved": "moved since submit",
    "missing": "without its patch",
    "refused": "refused",
    "declined": "declined",
}


def applied_data(done: "Applied") -> dict[str, JsonValue]:
    """Every change with its state, and where the patch or the branch is."""
    return {
        "run": done.run,
        "changes": [
            {"key": one.key, "path": one.path, "state": one.state, "detail": one.detail}
            for one in done.changes
        ],
        "patch": None if done.combined is None else str(done.combined),
        "branch": done.branch,
    }


def draw_applied(screen: "Screen", done: "Applied") -> None:
    """Counts first, then each change that did not go through, with its reason."""
    counts = [f"{done.count(state)} {said}" for state, said in SAID.items() if done.count(state)]
    screen.say(f"run {done.run}: {', '.join(counts) or 'no patch'}")
    for one in done.changes:
        if one.detail and one.state not in ("ready", "written"):
            screen.say(f"- {one.path}: {SAID[one.state]}: {one.detail}")
    if done.combined is not None and done.count("ready"):
        screen.say(f"patch: {done.combined}")
        screen.note(
            screen.typed(f"apply it: git apply {done.combined}, or lanectl apply {done.run} --branch NAME")
        )
    if done.branch is not None:
        screen.say(f"branch: {done.branch}, {counted(done.count('written'), 'file')} committed")
