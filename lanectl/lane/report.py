"""What a pulled run leaves beside its artifacts: results.jsonl, manifest, digest; all derived and always
replaceable."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lanectl.artifacts import ArtifactFolder, ignore_all, point_latest, write_page
from lanectl.digest import html, markdown
from lanectl.digest.limits import PAGE, Limits
from lanectl.digest.merge import Before, folded
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
# A month of nights: whatever comes up again after that is news.
EARLIER_RUNS = 30


def digest_of(lane: Lane, wanted: Sequence[Run], *, limits: Limits = PAGE) -> Digest:
    """One digest over one or many runs, from the state file, and from git where their branches are now.

    Jobs, findings and skipped items are read as they come; what is held of them is bounded by `limits`.
    """
    before = _before(lane, wanted)
    found = answers.found_lines(lane.db, [run.id for run in wanted], [one.run for one in before], fold=folded)
    return build(
        [account_of(lane, run) for run in wanted],
        {run.id: answers.job_lines(lane.db, run.id) for run in wanted},
        found,
        {run.id: runs.Skips(lane.db, run.id) for run in wanted},
        moved=(one for run in wanted for one in moved(lane, run)),
        past=[account_of(lane, run) for run in _past(lane, wanted)],
        before=before,
        limits=limits,
    )


def _past(lane: Lane, wanted: Sequence[Run]) -> list[Run]:
    """The last settled runs of the same recipes up to the newest of these, and these, oldest first."""
    recipes, newest = {run.recipe for run in wanted}, max((run.created_at for run in wanted), default="")
    settled = {run.id: run for run in runs.latest_runs(lane.db, recipes, until=newest, most=PAST_RUNS)[::-1]}
    every = settled | {run.id: run for run in wanted}
    return sorted(every.values(), key=lambda run: run.created_at)[-PAST_RUNS:]


def _before(lane: Lane, wanted: Sequence[Run]) -> list[Before]:
    """The settled runs of the same recipes on the same repositories from before the first of these."""
    first: dict[tuple[str, str], str] = {}
    for run in wanted:
        place = run.recipe, run.repo
        first[place] = min(first.get(place, run.created_at), run.created_at)
    return [
        Before(run, recipe, repo, at)
        for (recipe, repo), before in first.items()
        for run, at in runs.settled_before(lane.db, recipe, repo, before=before, most=EARLIER_RUNS)
    ]


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
        with folder.pen("digest.html") as pen:
            for part in html.pieces(digest, link=_beside):
                pen.write(part.encode())
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


@dataclass(frozen=True, slots=True)
class Morning:
    """The page over every run that a pull touched, and the digest that it was drawn from."""

    page: Path
    digest: Digest


def write_morning(lane: Lane, wanted: Sequence[Run]) -> Morning | None:
    """Write the page over every run that a pull touched; None for no run."""
    if not wanted:
        return None
    digest = digest_of(lane, wanted)
    roots = {run.id: Path(run.artifacts) for run in wanted}

    def absolute(run: str, artifact: str) -> str:
        return (roots[run] / artifact).as_uri()

    page = lane.settings.data_dir / "morning.html"
    write_page(page, (piece.encode() for piece in html.pieces(digest, link=absolute)))
    write_page(page.with_suffix(".md"), [markdown.render(digest, link=absolute).encode()])
    return Morning(page, digest)


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
    """The manifest in pieces, a job or a skipped item a line, so that memory does not grow with the run."""
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
    yield b'\n], "skipped": [\n'
    for n, skip in enumerate(runs.Skips(lane.db, run.id)):
        yield (b",\n" if n else b"") + json.dumps(asdict(skip)).encode()
    totals = {
        "jobs": account.jobs,
        "outcomes": dict(account.outcomes),
        "skipped": dict(account.skipped),
        "cost_usd": account.cost_usd,
        "list_usd": account.list_usd,
        "cache_read_tokens": account.cache_read_tokens,
        "cache_written_tokens": account.cache_written_tokens,
    }
    tail = {"out": account.out, "totals": totals}
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
