"""Doctor: looks at everything a night depends on, one check a line, and sends nothing that costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lanectl.errors import LanectlError
from lanectl.files import free_bytes
from lanectl.lane.context import Lane
from lanectl.lane.send import preflight
from lanectl.models import Lane as Lanes
from lanectl.plan.models import facts
from lanectl.programs import gitleaks
from lanectl.state.database import quick_check

SKEW_WARN_S = 60.0
RETIRES_SOON = timedelta(days=30)
LOW_DISK = 1_000_000_000

State = Literal["ok", "warn", "bad", "skip"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `hint` names a command where something is to be done."""

    name: str
    state: State
    detail: str
    hint: str = ""


def doctor(lane: Lane) -> tuple[Check, ...]:
    """Every check in its order; one that cannot be made says so and stops none of the others."""
    checks: list[Check] = []
    for name, look in (
        ("state file", _state),
        ("disk", _disk),
        ("host and key", _provider),
        ("models", _models),
        ("gitleaks", _gitleaks),
        ("cron", _cron),
    ):
        checks.extend(_guarded(lane, name, look))
    return tuple(checks)


def _guarded(lane: Lane, name: str, look: Callable[[Lane], Iterator[Check]]) -> list[Check]:
    try:
        return list(look(lane))
    except LanectlError as error:
        return [Check(name, "bad", str(error), error.hint or "")]


def _state(lane: Lane) -> Iterator[Check]:
    path = lane.settings.state_path
    word = quick_check(lane.db)
    yield Check(
        "state file",
        "ok" if word == "ok" else "bad",
        f"{path}: {word}",
        "" if word == "ok" else "lanectl recover",
    )
    mode = path.stat().st_mode & 0o077
    yield Check(
        "permissions",
        "bad" if mode else "ok",
        "others can read the state file" if mode else "only you can read the state file",
        f"chmod 600 {path}" if mode else "",
    )


def _disk(lane: Lane) -> Iterator[Check]:
    free = free_bytes(lane.settings.spool_dir)
    yield Check(
        "disk",
        "warn" if free < LOW_DISK else "ok",
        f"{free / 1e9:,.1f} GB free at {lane.settings.spool_dir}",
        "lanectl clean --dry-run" if free < LOW_DISK else "",
    )


def _provider(lane: Lane) -> Iterator[Check]:
    snapshot = preflight(lane)
    yield Check("host and key", "ok", f"{lane.api.host} accepts the key")
    workspace = snapshot.workspace or "not named by the provider"
    dedicated = lane.settings.provider.dedicated_workspace
    yield Check("workspace", "ok", f"{workspace}, {'dedicated' if dedicated else 'shared'}")
    skew = abs(snapshot.skew_s)
    yield Check(
        "clock",
        "warn" if skew > SKEW_WARN_S else "ok",
        f"{skew:,.0f} s from the provider's",
        "timedatectl" if skew > SKEW_WARN_S else "",
    )
    if lane.api.custom_header_names:
        yield Check(
            "custom headers", "warn", f"sent to {lane.api.host}: {', '.join(lane.api.custom_header_names)}"
        )


def _models(lane: Lane) -> Iterator[Check]:
    offered = {str(entry.get("id")): entry for entry in lane.api.models()}
    for lanes in Lanes:
        model = lane.settings.lanes[lanes].model
        entry = offered.get(model)
        known = facts(model)
        if entry is None:
            yield Check(f"{lanes} model", "bad", f"{model} is not offered to this key", "lanectl config show")
            continue
        retires = entry.get("retires_at")
        soon = isinstance(retires, str) and _soon(lane, retires)
        detail = f"{model}, retires {retires[:10]}" if isinstance(retires, str) else model
        unknown = "" if known else "; its parameters are not checked by this version"
        yield Check(f"{lanes} model", "warn" if soon or not known else "ok", detail + unknown)


def _soon(lane: Lane, retires: str) -> bool:
    try:
        moment = datetime.fromisoformat(retires)
    except ValueError:
        return False
    return moment - lane.clock() < RETIRES_SOON if moment.tzinfo else False


def _gitleaks(lane: Lane) -> Iterator[Check]:
    """Only where it is asked for; it must read a text to its end, whatever its version says."""
    if lane.settings.secrets.gitleaks:
        gitleaks.findings(["nothing to hide"])
        yield Check("gitleaks", "ok", f"version {gitleaks.version()} reads what is about to be sent")


def _cron(_: Lane) -> Iterator[Check]:
    """Cron has no shell profile: a key that only a profile exports is not there at night."""
    yield Check(
        "cron",
        "skip",
        "cron sees neither your shell's PATH nor its key: give both in the crontab, or use an SDK profile",
    )
