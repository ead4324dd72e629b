"""Clean: tidies bodies, raw results and old artifact folders as `[keep]` says; never what is still needed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lanectl.artifacts import OURS, ArtifactFolder
from lanectl.files import Folder
from lanectl.lane.context import Lane
from lanectl.state import answers, runs
from lanectl.state.runs import Run

ORPHAN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Removed:
    """One thing that was, or would be, taken away: its path, bytes, and why."""

    path: str
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Everything that was, or with `dry_run` would be, taken away."""

    removed: tuple[Removed, ...]
    freed_bytes: int


def clean(lane: Lane, *, dry_run: bool) -> Cleaned:
    """Remove what the configuration no longer keeps; open runs and unsettled results are never touched."""
    with lane.locked():
        removed = [*_spool(lane, dry_run=dry_run), *_folders(lane, dry_run=dry_run)]
    return Cleaned(tuple(removed), sum(one.bytes for one in removed))


def _spool(lane: Lane, *, dry_run: bool) -> list[Removed]:
    known = {run.id: run for run in runs.list_runs(lane.db)}
    still_open = {run.id for run in runs.open_runs(lane.db)}
    limit = timedelta(days=lane.settings.keep.results_days)
    removed: list[Removed] = []
    for run_id in lane.spool.runs():
        run = known.get(run_id)
        if run is None:
            removed.extend(_orphan(lane, run_id, dry_run=dry_run))
            continue
        settled = run.pulled_at is not None or run.id not in still_open
        old = lane.clock() - datetime.fromisoformat(run.created_at) > limit
        if settled and old:
            removed.append(_whole(lane, run_id, f"settled, older than {limit.days} days", dry_run=dry_run))
        elif settled:
            removed.extend(_bodies(lane, run_id, dry_run=dry_run))
    return removed


def _orphan(lane: Lane, run_id: str, *, dry_run: bool) -> list[Removed]:
    """A plan that was never recorded; one with a manifest may belong to a lost state file and is kept."""
    spooled = lane.spool.run(run_id)
    if any(name.endswith(".manifest.json") for name in spooled.names()):
        return []
    changed = (lane.spool.root / run_id).stat().st_mtime
    if lane.clock().timestamp() - changed < ORPHAN_AFTER.total_seconds():
        return []
    return [_whole(lane, run_id, "planned and never recorded", dry_run=dry_run)]


def _bodies(lane: Lane, run_id: str, *, dry_run: bool) -> list[Removed]:
    spooled = lane.spool.run(run_id)
    removed: list[Removed] = []
    for name in spooled.names():
        if name.endswith(".body"):
            removed.append(
                Removed(str(lane.spool.root / run_id / name), spooled.size(name), "sent and pulled")
            )
            if not dry_run:
                spooled.remove_file(name)
    return removed


def _whole(lane: Lane, run_id: str, why: str, *, dry_run: bool) -> Removed:
    spooled = lane.spool.run(run_id)
    removed = Removed(str(lane.spool.root / run_id), sum(map(spooled.size, spooled.names())), why)
    if not dry_run:
        lane.spool.remove(run_id)
    return removed


def _folders(lane: Lane, *, dry_run: bool) -> list[Removed]:
    """Artifact folders beyond the newest `[keep] runs` of each recipe in each place, none that a user
    touched.
    """
    kept = lane.settings.keep.runs
    by_place: dict[Path, list[Run]] = {}
    for run in runs.list_runs(lane.db):
        by_place.setdefault(Path(run.artifacts).parent, []).append(run)
    removed: list[Removed] = []
    for place, mine in by_place.items():
        for run in mine[kept:]:
            folder = Path(run.artifacts)
            if run.pulled_at is None or not (folder / "manifest.json").exists() or _touched(lane, run):
                continue
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            removed.append(Removed(str(folder), size, f"beyond the newest {kept} of {run.recipe}"))
            if not dry_run:
                with Folder.open(place) as opened:
                    opened.remove_tree(folder.name)
    return removed


def _touched(lane: Lane, run: Run) -> bool:
    """Whether somebody edited an artifact or put a file of their own into a run's folder."""
    recorded = {file.path: file.sha256 for file in answers.list_artifacts(lane.db, run.id)}
    root = Path(run.artifacts)
    with ArtifactFolder(root) as folder:
        for found in sorted(root.rglob("*")):
            path = found.relative_to(root).as_posix()
            if found.is_symlink():
                return True
            if found.is_file() and path not in OURS and folder.digest(path) != recorded.get(path):
                return True
    return False
