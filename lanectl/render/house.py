"""The house: doctor's checks, settings with their origins, trust, what was tidied or rebuilt."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lanectl.digest.words import counted
from lanectl.models import JsonValue
from lanectl.render.screen import Column
from lanectl.render.words import ago, size

if TYPE_CHECKING:
    from datetime import datetime

    from lanectl.lane.clean import Cleaned
    from lanectl.lane.doctor import Check
    from lanectl.lane.recover import Recovered
    from lanectl.lane.trust import Trusted
    from lanectl.render.screen import Screen

STYLES = {"ok": "green", "warn": "yellow", "bad": "red", "skip": "dim"}
SHOWN = 40


def checks_data(checks: Sequence["Check"]) -> dict[str, JsonValue]:
    """Every check in its order."""
    return {
        "checks": [
            {"name": one.name, "state": one.state, "detail": one.detail, "hint": one.hint or None}
            for one in checks
        ]
    }


def draw_checks(screen: "Screen", checks: Sequence["Check"]) -> None:
    """One line a check, with the command where something is to be done."""
    screen.title("Doctor")
    wide = max((len(one.name) for one in checks), default=0)
    for one in checks:
        screen.say(f"{one.state:<4}  {one.name:<{wide}}  {one.detail}", STYLES[one.state])
        if one.hint:
            screen.say(f"{'':<4}  {'':<{wide}}  hint: {one.hint}")


def settings_data(shown: Sequence[tuple[str, object, str]]) -> dict[str, JsonValue]:
    """Every setting with its value and where it came from."""
    return {
        "settings": [{"key": key, "value": _plain(value), "origin": origin} for key, value, origin in shown]
    }


def draw_settings(screen: "Screen", shown: Sequence[tuple[str, object, str]]) -> None:
    """One line a setting; those that somebody set say who."""
    screen.table(
        "Settings",
        [Column("key", keep=True), Column("value", fold=True), Column("from", fold=True)],
        [[key, _spelled(value), origin] for key, value, origin in shown],
    )


def draw_places(screen: "Screen", places: Mapping[str, str]) -> None:
    """One line a place."""
    wide = max(map(len, places), default=0)
    for name, path in places.items():
        screen.say(f"{name:<{wide}}  {path}")


def trusted_data(trusted: Sequence["Trusted"]) -> dict[str, JsonValue]:
    """Every recipe that may run programs."""
    return {"trusted": [{"path": str(one.path), "sha256": one.sha256, "at": one.at} for one in trusted]}


def draw_trusted(screen: "Screen", trusted: Sequence["Trusted"], *, now: "datetime") -> None:
    """One line a recipe that may run programs."""
    if not trusted:
        screen.say("no recipe is trusted to run programs")
        return
    screen.title("Trusted to run programs")
    for one in trusted:
        screen.say(f"{one.path}  since {ago(one.at, now)}, {one.sha256[:12]}")


def cleaned_data(cleaned: "Cleaned", *, dry_run: bool) -> dict[str, JsonValue]:
    """Everything that was, or would be, taken away."""
    return {
        "dry_run": dry_run,
        "removed": [{"path": one.path, "bytes": one.bytes, "why": one.why} for one in cleaned.removed],
        "freed_bytes": cleaned.freed_bytes,
    }


def draw_cleaned(screen: "Screen", cleaned: "Cleaned", *, dry_run: bool) -> None:
    """One line a thing, then what it gives back."""
    if not cleaned.removed:
        screen.say("nothing to tidy")
        return
    for one in cleaned.removed[:SHOWN]:
        screen.say(f"{size(one.bytes):>8}  {one.path} ({one.why})")
    if len(cleaned.removed) > SHOWN:
        screen.say(f"and {len(cleaned.removed) - SHOWN:,} more")
    would = "would be removed" if dry_run else "removed"
    screen.say(f"{counted(len(cleaned.removed), 'thing')} {would}, {size(cleaned.freed_bytes)}")


def recovered_data(done: "Recovered") -> dict[str, JsonValue]:
    """What came back, and what could not be named."""
    return {
        "runs": list(done.runs),
        "outcomes": done.outcomes,
        "unidentified": list(done.unidentified),
        "foreign": done.foreign,
        "notes": list(done.notes),
    }


def draw_recovered(screen: "Screen", done: "Recovered") -> None:
    """What came back in one line, then what somebody should know."""
    screen.say(
        f"{counted(len(done.runs), 'run')} rebuilt, {counted(done.outcomes, 'outcome')} recorded"
        + (f", {counted(done.foreign, 'batch', 'batches')} of others left alone" if done.foreign else "")
    )
    for run in done.runs:
        screen.say(screen.typed(f"run {run}: lanectl show {run}"))
    for note in done.notes:
        screen.say(f"- {note}")


def _plain(value: object) -> JsonValue:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _spelled(value: object) -> str:
    """A value as the configuration file spells it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_spelled, value))}]"
    return str(value) or '""'
