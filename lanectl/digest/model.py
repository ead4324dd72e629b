"""Orders the outcomes of one or many runs into the one Digest that every form is drawn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lanectl.digest import account, merge, words
from lanectl.digest.account import Money
from lanectl.digest.limits import WHOLE, Least, Limits
from lanectl.digest.merge import Before, SeverityGroup, natural
from lanectl.digest.undone import Ledger, Undone
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
class Successes:
    """How many jobs of one run succeeded, by what they left.

    `clean` reviews found nothing, `reviews` found something; `files` left one, `same` had none to leave.
    `patches` are those of `files` that can be applied.
    """

    run: str
    clean: int
    reviews: int
    files: int
    same: int
    patches: int

    @property
    def jobs(self) -> int:
        """All of them."""
        return self.clean + self.reviews + self.files + self.same


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

    Every job and every skipped item of the runs is counted in `successes` or in a group of `undone`, every
    finding in a group of `severities`, and `stale` counts all whose branch has moved. Named are as many as
    the limits allow: in `done` those with the worst findings, in `moved` the first. `past` are the last runs
    of the same recipes, oldest first.
    """

    headline: str
    needs: tuple[str, ...]
    sandbox: bool
    runs: tuple[RunAccount, ...]
    severities: tuple[SeverityGroup, ...]
    done: tuple[Done, ...]
    successes: tuple[Successes, ...]
    undone: tuple[Undone, ...]
    money: Money
    moved: tuple[Moved, ...] = ()
    stale: int = 0
    past: tuple[RunAccount, ...] = ()

    @property
    def findings(self) -> int:
        """How many findings there are once duplicates are merged."""
        return sum(group.count for group in self.severities)

    @property
    def succeeded(self) -> Successes:
        """The jobs of all runs that succeeded."""
        counts = [
            sum(one)
            for one in zip(
                *((one.clean, one.reviews, one.files, one.same, one.patches) for one in self.successes),
                strict=True,
            )
        ]
        return Successes("", *(counts or [0] * 5))

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
    jobs: Mapping[str, Iterable[JobLine]],
    found: Iterable[tuple[str, FoundLine]],
    skips: Mapping[str, Iterable[Skip]],
    *,
    moved: Iterable[Moved] = (),
    past: Sequence[RunAccount] = (),
    before: Sequence[Before] = (),
    limits: Limits = WHOLE,
) -> Digest:
    """The digest of `runs`, in their order; the mappings are by run id, and a run may be absent from each.

    Whatever can be iterated is read once. `found` is in the order that `merge.grouped` asks for; it holds
    what the runs of `before` found too, as far as that may come up again.
    """
    severities = merge.grouped(runs, found, before=before, limits=limits)
    ledger, finished = Ledger(runs, limits), _Finished(runs, limits)
    for run in runs:
        for job in jobs.get(run.run, ()):
            (finished.job if job.outcome is Outcome.SUCCEEDED else ledger.job)(run, job)
        for skip in skips.get(run.run, ()):
            ledger.skip(run, skip)
    groups, money, successes = ledger.groups(), account.money(runs), finished.successes()
    kept, stale = _first(moved, limits.moved)
    return Digest(
        headline=words.headline(runs, severities, groups, money, sum(one.patches for one in successes)),
        needs=words.needs(
            runs, severities, groups, {one.run: one.patches for one in successes if one.patches}
        ),
        sandbox=any(run.sandbox for run in runs),
        runs=tuple(runs),
        severities=severities,
        done=finished.done(),
        successes=successes,
        undone=groups,
        money=money,
        moved=kept,
        stale=stale,
        past=tuple(past),
    )


class _Finished:
    """Takes the jobs that succeeded as they come, counts all and keeps those with the worst findings."""

    def __init__(self, runs: Sequence[RunAccount], limits: Limits) -> None:
        self._order = {run.run: number for number, run in enumerate(runs)}
        self._counts = {run.run: [0] * 5 for run in runs}
        self._kept = Least[Done](limits.done, lambda one: (_rank(one.worst), *self._place(one)))

    def job(self, run: RunAccount, job: JobLine) -> None:
        """One more job that succeeded."""
        kind, left = run.output_kind, job.artifact is not None
        reviewed = kind == "findings"
        told = (
            reviewed and not job.findings,
            reviewed and job.findings > 0,
            left and not reviewed,
            not left and not reviewed,
            left and kind == "edits",
        )
        self._counts[run.run] = [
            count + more for count, more in zip(self._counts[run.run], told, strict=True)
        ]
        self._kept.add(
            Done(
                *(run.run, run.recipe, kind, job.key, job.headline, job.artifact, job.cost_usd),
                *(job.findings, job.worst),
            )
        )

    def successes(self) -> tuple[Successes, ...]:
        """The counts by run."""
        return tuple(Successes(run, *counts) for run, counts in self._counts.items())

    def done(self) -> tuple[Done, ...]:
        """What is kept, by run and key."""
        return tuple(sorted(self._kept.kept(), key=self._place))

    def _place(self, one: Done) -> tuple[object, ...]:
        return (self._order[one.run], natural(one.key))


def _rank(worst: Severity | None) -> int:
    return len(Severity) if worst is None else worst.rank


def _first(moved: Iterable[Moved], most: int | None) -> tuple[tuple[Moved, ...], int]:
    kept: list[Moved] = []
    count = 0
    for one in moved:
        count += 1
        if most is None or count <= most:
            kept.append(one)
    return tuple(kept), count
