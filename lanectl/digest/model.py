"""Orders the outcomes of one or many runs into the one Digest that every form is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lanectl.digest import account, merge, undone, words
from lanectl.digest.account import Money
from lanectl.digest.merge import SeverityGroup
from lanectl.digest.undone import Undone
from lanectl.models import FoundLine, JobLine, Outcome, RunAccount, Severity, Skip

SANDBOX = "sandbox: no model was called"


@dataclass(frozen=True, slots=True)
class Done:
    """One job that succeeded: `findings` counts what it reported, `worst` is the worst of it.

    `artifact` is None where the job had nothing to leave, as a codemod of a file that needs no change.
    """

    run: str
    recipe: str
    kind: str
    key: str
    headline: str
    artifact: str | None
    cost_usd: float | None
    findings: int
    worst: Severity | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A job whose commit is not the newest any more: what was reviewed, and where its branch is now."""

    run: str
    recipe: str
    key: str
    artifact: str | None
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Digest:
    """One or many runs, told: `headline` is the first line, `needs` what a person must do, worst first.

    Every job and every skipped item of the runs is in `done` or in a group of `undone`; every finding is in
    a group of `severities`, beyond the cap too. `moved` names what is stale, `past` the last runs of the same
    recipes, oldest first.
    """

    headline: str
    needs: tuple[str, ...]
    sandbox: bool
    runs: tuple[RunAccount, ...]
    severities: tuple[SeverityGroup, ...]
    done: tuple[Done, ...]
    undone: tuple[Undone, ...]
    money: Money
    moved: tuple[Moved, ...] = ()
    past: tuple[RunAccount, ...] = ()

    @property
    def findings(self) -> int:
        """How many findings there are once duplicates are merged."""
        return sum(len(group.findings) for group in self.severities)

    @property
    def recipes(self) -> tuple[str, ...]:
        """The recipes of these runs, each once, in their order."""
        return tuple(dict.fromkeys(run.recipe for run in self.runs))

    @property
    def title(self) -> str:
        """What this is a digest of, for a page's title and a mail's subject; plain text, not yet safe."""
        told = ", ".join(self.recipes) or "no run"
        return f"{told} ({SANDBOX})" if self.sandbox else told


def build(
    runs: Sequence[RunAccount],
    jobs: Mapping[str, Sequence[JobLine]],
    found: Mapping[str, Sequence[FoundLine]],
    skips: Mapping[str, Sequence[Skip]],
    *,
    moved: Sequence[Moved] = (),
    past: Sequence[RunAccount] = (),
) -> Digest:
    """The digest of `runs`, in their order; the mappings are by run id, and a run may be absent from each."""
    severities = merge.grouped(runs, found)
    done = tuple(one for run in runs for one in _done(run, jobs.get(run.run, ()), found.get(run.run, ())))
    groups = undone.groups(runs, jobs, skips)
    money = account.money(runs)
    return Digest(
        headline=words.headline(runs, severities, groups, money, sum(_is_patch(one) for one in done)),
        needs=words.needs(runs, severities, groups, _patches(done)),
        sandbox=any(run.sandbox for run in runs),
        runs=tuple(runs),
        severities=severities,
        done=done,
        undone=groups,
        money=money,
        moved=tuple(moved),
        past=tuple(past),
    )


def _done(run: RunAccount, jobs: Sequence[JobLine], found: Sequence[FoundLine]) -> list[Done]:
    by_key: dict[str, list[Severity]] = {}
    for line in found:
        by_key.setdefault(line.key, []).append(line.finding.severity)
    ordered = sorted(
        (job for job in jobs if job.outcome is Outcome.SUCCEEDED), key=lambda job: merge.natural(job.key)
    )
    return [
        Done(
            run=run.run,
            recipe=run.recipe,
            kind=run.output_kind,
            key=job.key,
            headline=job.headline,
            artifact=job.artifact,
            cost_usd=job.cost_usd,
            findings=len(by_key.get(job.key, ())),
            worst=min(by_key.get(job.key, ()), key=lambda severity: severity.rank, default=None),
        )
        for job in ordered
    ]


def _is_patch(one: Done) -> bool:
    return one.kind == "edits" and one.artifact is not None


def _patches(done: Sequence[Done]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in done:
        if _is_patch(one):
            counts[one.run] = counts.get(one.run, 0) + 1
    return counts
