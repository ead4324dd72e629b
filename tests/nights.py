"""Nights to tell: runs, jobs and findings that are the same every time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lanectl.digest.limits import WHOLE, Limits
from lanectl.digest.merge import Before, place
from lanectl.digest.model import Digest, Moved, build
from lanectl.models import (
    Finding,
    FoundLine,
    JobError,
    JobLine,
    Outcome,
    RunAccount,
    Severity,
    Skip,
)


def a_run(run: str = "R1", **changed: Any) -> RunAccount:
    """A run of pr-review with one success; `changed` replaces fields."""
    fields: dict[str, Any] = {
        "run": run,
        "recipe": "pr-review",
        "description": "Review every open pull request overnight",
        "output_kind": "findings",
        "repo": "acme/shop",
        "commit": "a" * 40,
        "model": "claude-opus-5-5",
        "created_at": "2026-11-23T02:00:00Z",
        "pulled_at": "2026-11-23T06:30:00Z",
        "sandbox": False,
        "jobs": 1,
        "out": 0,
        "outcomes": {"succeeded": 1},
        "skipped": {},
        "findings": {},
        "cost_usd": 3.21,
        "list_usd": 6.42,
        "expected_usd": 3.5,
        "cache_read_tokens": 900,
        "cache_written_tokens": 100,
        "artifacts": "/repo/.lanectl/pr-review/R1",
    }
    return RunAccount(**(fields | changed))


def a_job(key: str, outcome: Outcome = Outcome.SUCCEEDED, **changed: Any) -> JobLine:
    """A job with an artifact named after its key where it succeeded."""
    succeeded = outcome is Outcome.SUCCEEDED
    fields: dict[str, Any] = {
        "headline": f"Looked at {key}." if succeeded else "",
        "artifact": f"{key}.md" if succeeded else None,
        "error": None if succeeded else JobError(str(outcome), f"{key} is {outcome}"),
        "stop_reason": "end_turn" if succeeded else None,
        "cost_usd": 0.07,
    }
    return JobLine(key=key, outcome=outcome, **(fields | changed))


def a_finding(title: str = "The total ignores the discount", **changed: Any) -> Finding:
    """A high finding at src/cart.py:12."""
    fields: dict[str, Any] = {
        "severity": Severity.HIGH,
        "path": "src/cart.py",
        "line": 12,
        "end_line": 12,
        "detail": "`total()` adds the prices before the discount is applied.",
        "suggestion": "Apply it first.",
        "category": "correctness",
    }
    return Finding(title=title, **(fields | changed))


@dataclass
class Night:
    """What `build` takes, put together piece by piece."""

    runs: list[RunAccount] = field(default_factory=list)
    jobs: dict[str, list[JobLine]] = field(default_factory=dict)
    found: dict[str, list[FoundLine]] = field(default_factory=dict)
    skips: dict[str, list[Skip]] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    past: list[RunAccount] = field(default_factory=list)
    before: list[Before] = field(default_factory=list)

    def add(
        self,
        run: RunAccount,
        jobs: Sequence[JobLine] = (),
        found: Mapping[str, Sequence[Finding]] | None = None,
        skips: Sequence[Skip] = (),
    ) -> "Night":
        """One more run; `found` is by job key."""
        self.runs.append(run)
        self.jobs[run.run] = list(jobs)
        self.skips[run.run] = list(skips)
        self.found[run.run] = [
            FoundLine(key, f"{key}.md", finding)
            for key, all_of in (found or {}).items()
            for finding in all_of
        ]
        return self

    def reported(self, *findings: Finding, run: str = "R0", at: str = "2026-11-20T02:00:00Z") -> "Night":
        """An earlier run that reported these by its job `then`."""
        self.before.append(Before(run, "pr-review", "acme/shop", at))
        self.found[run] = [FoundLine("then", "then.md", finding) for finding in findings]
        return self

    def stream(self) -> list[tuple[str, FoundLine]]:
        """Everything that was found, in the order in which the state file tells it."""
        repos = {one.run: one.repo for one in self.before} | {run.run: run.repo for run in self.runs}
        now = {run.run for run in self.runs}
        return sorted(
            ((run, line) for run, lines in self.found.items() for line in lines),
            key=lambda told: (place(repos[told[0]], told[1]), told[0] in now, told[1].finding.line),
        )

    def digest(self, *, limits: Limits = WHOLE) -> Digest:
        """The digest of it all."""
        return build(
            self.runs,
            {run: [self._counted(run, job) for job in jobs] for run, jobs in self.jobs.items()},
            self.stream(),
            self.skips,
            moved=self.moved,
            past=self.past,
            before=self.before,
            limits=limits,
        )

    def _counted(self, run: str, job: JobLine) -> JobLine:
        mine = [line.finding.severity for line in self.found[run] if line.key == job.key]
        worst = min(mine, key=lambda severity: severity.rank, default=None)
        return replace(job, findings=len(mine), worst=worst)


def link(run: str, artifact: str) -> str:
    """The address of an artifact, as a page beside the runs' folders would write it."""
    return f"{run}/{artifact}"
