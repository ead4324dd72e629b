"""Makes room for a new state file where the old one is damaged."""

from pathlib import Path
from typing import TYPE_CHECKING

from lanectl.state.database import StateBroken, move_aside, quick_check

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk


def moved_aside(desk: "Desk") -> Path | None:
    """Where a damaged state file went; None where there is none or it is whole."""
    path = desk.settings.state_path
    if not path.exists():
        return None
    try:
        with desk.lane() as lane:
            if quick_check(lane.db) == "ok":
                return None
    except StateBroken as broken:
        desk.screen.detail(str(broken))
    return move_aside(path, now=desk.now.isoformat(timespec="seconds"))
