"""What a pulled run leaves beside its artifacts: results.jsonl, manifest, digest; all derived and always
replaceable."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lanectl.artifacts import ArtifactFolder, ignore_all, point_latest, write_page
from lanectl.digest import html, markdown
from lanectl.digest.model import Digest, build
from lanectl.lane.account import account_of, dollars
from lanectl.lane.collect import standing_results
from lanectl.lane.context import Lane
from lanectl.lane.heads import moved
from lanectl.models import AttemptState, Usage
from lanectl.state import answers, attempts, runs
from lanectl.state.runs import Run

ARTIFACT_ROOT = ".lanectl"


PAST_RUNS = 12


def digest_of(lane: Lane, wanted: Sequence[Run]) -> Digest:
    """One digest over one or many runs, from the state file, and from git where their branches are now."""
    return build(
        [account_of(lane, run) for run in wanted],
        {run.id: list(answers.job_lines(lane.db, run.id)) for run in wanted},
        {run.id: list(answers.found_lines(lane.db, run.id)) for run in wanted},
        {run.id: runs.list_skips(lane.db, run.id) for run in wanted},
        moved=[one for run in wanted for one in moved(lane, run)],
        past=[account_of(lane, run) for run in _past(lane, wanted)],
    )


def _past(lane: Lane, wanted: Sequence[Run]) -> list[Run]:
    """The last settled runs of the same recipes up to the newest of these, oldest first."""
    recipes, newest = {run.recipe for run in wanted}, max((run.created_at for run in wanted), default="")
    settled = [
        run
        for run in runs.list_runs(lane.db)
        if run.recipe in recipes and run.created_at <= newest and (run.pulled_at or run in wanted)
    ]
    return settled[:PAST_RUNS][::-1]


def write_report(lane: Lane, run: Run) -> Path:
    """Write a run's derived files; returns the digest's path."""
    root = Path(run.artifacts)
    digest = digest_of(lane, [run])
    with ArtifactFolder(root) as folder:
        folder.sweep()
        if folder.digest("results.jsonl") is None or _results_are_here(lane, run):
            with folder.pen("results.jsonl") as pen:
                for line in _result_lines(lane, run):
                    pen.write(line)
        with folder.pen("manifest.json") as pen:
            for piece in _manifest(lane, run):
                pen.write(piece)
        folder.write_ours("digest.md", markdown.render(digest, link=_beside).encode())
        folder.write_ours("digest.html", html.render(digest, link=_beside).encode())
    if root.parent.parent.name == ARTIFACT_ROOT:
        ignore_all(root.parent.parent)
    if run.pulled_at is not None:
        point_latest(root.parent, root.name)
    return root / "digest.md"


def _results_are_here(lane: Lane, run: Run) -> bool:
    """Whether the raw results can still be read: what was written from them is kept when they were tidied
    away."""
    spooled = lane.spool.run(run.id)
    pulled = attempts.list_attempts(lane.db, run.id, AttemptState.PULLED)
    return all(one.error or spooled.has_results(one.number) for one in pulled)


def write_morning(lane: Lane, wanted: Sequence[Run]) -> Path | None:
    """Write the page over every run that a pull touched; returns its path, None for no run."""
    if not wanted:
        return None
    digest = digest_of(lane, wanted)
    roots = {run.id: Path(run.artifacts) for run in wanted}

    def absolute(run: str, artifact: str) -> str:
        return (roots[run] / artifact).as_uri()

    page = lane.settings.data_dir / "morning.html"
    write_page(page, html.render(digest, link=absolute).encode())
    write_page(page.with_suffix(".md"), markdown.render(digest, link=absolute).encode())
    return page


def _beside(_: str, artifact: str) -> str:
    return artifact


def _result_lines(lane: Lane, run: Run) -> Iterator[bytes]:
    for key, result in standing_results(lane, run):
        line: dict[str, Any] = {"key": key, "outcome": result.outcome, "usage": asdict(result.usage)}
        if result.value is not None:
            line["value"] = result.value
        else:
            line["text"] = result.text
        yield json.dumps(line).encode() + b"\n"


def _manifest(lane: Lane, run: Run) -> Iterator[bytes]:
    """The manifest in pieces, a job a line, so that memory does not grow with the run."""
    account = account_of(lane, run)
    head = {
        "schema": 1,
        "run": run.id,
        "recipe": run.recipe,
        "repo": run.repo,
        "commit": run.commit_sha,
        "model": run.model,
        "sandbox": lane.settings.sandbox,
    }
    yield json.dumps(head)[:-1].encode() + b', "jobs": [\n'
    for n, job in enumerate(_manifest_jobs(lane, run)):
        yield (b",\n" if n else b"") + json.dumps(job).encode()
    skipped = [asdict(skip) for skip in runs.list_skips(lane.db, run.id)]
    totals = {
        "jobs": account.jobs,
        "outcomes": dict(account.outcomes),
        "skipped": dict(account.skipped),
        "cost_usd": account.cost_usd,
        "list_usd": account.list_usd,
        "cache_read_tokens": account.cache_read_tokens,
        "cache_written_tokens": account.cache_written_tokens,
    }
    tail = {"skipped": skipped, "out": account.out, "totals": totals}
    yield b"\n], " + json.dumps(tail)[1:].encode() + b"\n"


def _manifest_jobs(lane: Lane, run: Run) -> Iterator[dict[str, Any]]:
    for row in answers.manifest_rows(lane.db, run.id):
        yield {
            "key": row.key,
            "custom_id": row.custom_id,
            "outcome": row.outcome,
            "stop_reason": row.stop_reason,
            "artifact": row.artifact,
            "sha256": row.sha256,
            "usage": asdict(row.usage or Usage()),
            "cost_usd": dollars(row.cost_usd),
            "error": asdict(row.error) if row.error else None,
        }
