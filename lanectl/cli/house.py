"""The house: doctor, trust, recover, clean, and the sandbox as a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.errors import LanectlError, UsageError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk

MaybePath = Annotated[Path | None, typer.Argument(metavar="PATH", help="A recipe file.")]


def doctor(desk: "Desk") -> Answer:
    """Look at everything that a night depends on.

    Key, host, workspace, clock, models and their retirement, state file, disk, cron.
    """
    from lanectl.lane.doctor import doctor as look
    from lanectl.render.house import checks_data, draw_checks

    with desk.lane() as lane:
        checks = look(lane)
    bad = [one for one in checks if one.state == "bad"]
    trouble = None
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        trouble = LanectlError(
            f"{bad[0].name}: {bad[0].detail}{more}", hint=bad[0].hint or "lanectl config show"
        )
    return Answer(checks_data(checks), lambda screen: draw_checks(screen, checks), trouble=trouble)


def trust(
    desk: "Desk",
    path: MaybePath = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the trust back.")] = False,
    every: Annotated[bool, typer.Option("--list", help="List what is trusted.")] = False,
) -> Answer:
    """Let a recipe of a repository run programs.

    Any edit of it takes the trust back.
    """
    from lanectl.lane import trust as verbs
    from lanectl.render.house import draw_trusted, trusted_data

    if every == (path is not None) or (remove and path is None):
        raise UsageError("trust takes a PATH or --list", hint="lanectl trust --list")
    with desk.lane() as lane:
        if path is not None:
            (verbs.untrust if remove else verbs.trust)(lane, path)
        trusted = verbs.trusted(lane)
    now = desk.now
    return Answer(trusted_data(trusted), lambda screen: draw_trusted(screen, trusted, now=now))


def recover(
    desk: "Desk",
    adopt: Annotated[
        list[str] | None,
        typer.Option("--adopt", metavar="RUN", help="Take in a run of another installation; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where artifacts of unknown runs go.")
    ] = None,
) -> Answer:
    """Rebuild a lost or damaged state file.

    From what the spool has kept, and from the provider's own word.
    """
    from lanectl.cli.recovering import moved_aside
    from lanectl.lane.recover import recover as rebuild
    from lanectl.lane.signals import raise_on_signals
    from lanectl.render.house import draw_recovered, recovered_data

    raise_on_signals()
    aside = moved_aside(desk)
    with desk.lane() as lane:
        done = rebuild(lane, adopt=frozenset(adopt or ()), out=None if out is None else out.absolute())
    warnings = () if aside is None else (f"the damaged state file is kept as {aside}",)
    return Answer(recovered_data(done), lambda screen: draw_recovered(screen, done), warnings=warnings)


def clean(
    desk: "Desk",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; take nothing.")] = False,
) -> Answer:
    """Tidy what [keep] in the configuration no longer keeps.

    Bodies, raw results and old artifact folders; what you edited stays.
    """
    from lanectl.lane.clean import clean as tidy
    from lanectl.render.house import cleaned_data, draw_cleaned

    with desk.lane() as lane:
        done = tidy(lane, dry_run=dry_run)
    return Answer(
        cleaned_data(done, dry_run=dry_run), lambda screen: draw_cleaned(screen, done, dry_run=dry_run)
    )


def sandbox(
    desk: "Desk",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")
    ] = 8765,
    duration: Annotated[
        float, typer.Option("--duration", metavar="S", min=0, help="Seconds a batch takes.")
    ] = 3.0,
    faults: Annotated[
        str | None, typer.Option("--faults", metavar="JSON", help="What goes wrong, for testing.")
    ] = None,
) -> Answer:
    """Serve the sandbox: the API on this machine, for testing.

    No key, no cost, no model. Ctrl-C ends it; what was accepted stays in its folder.
    """
    from lanectl.cli.serving import served

    return served(desk, port=port, duration_s=duration, faults=faults)
