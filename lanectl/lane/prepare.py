"""Prepares a run: items become spooled jobs or named skips, and the shared prefix is built; nothing is
sent."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lanectl.errors import ConfigError, HeldError, LanectlError
from lanectl.files import Pen
from lanectl.lane import baseline, trust
from lanectl.lane.baseline import Base
from lanectl.lane.context import Lane
from lanectl.lane.memory import read_memory
from lanectl.lane.scan import Candidate, Scanner
from lanectl.models import Item, Skip
from lanectl.models import Lane as Lanes
from lanectl.outputs.kinds import format_of, instructions
from lanectl.plan import batches, prefix
from lanectl.plan.identity import digest_of, form_of
from lanectl.plan.params import Params, check, resolve
from lanectl.plan.prefix import Shared, dumps
from lanectl.recipe.tables import Recipe
from lanectl.recipe.templates import Templates
from lanectl.recipe.variables import settle as settle_vars
from lanectl.sources.gather import gather
from lanectl.sources.place import Place, place
from lanectl.spool import SpooledJob, dump_job, new_run_id
from lanectl.state import runs
from lanectl.state.draft import Draft
from lanectl.state.runs import PlannedJob
from lanectl.text.clean import clean


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of one submission; the flags of `submit` by their names."""

    repo: Path = field(default_factory=Path.cwd)
    sets: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    only: str | None = None
    again: bool = False
    max_cost_usd: float | None = None
    yes: bool = False
    pilot: str | None = None
    pilot_wait_s: float | None = None
    cache: str | None = None
    wait: bool = False
    out: Path | None = None
    allow: frozenset[str] = frozenset()
    stdin: Iterable[str] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that could be sent: its jobs lie in the spool under `run_id`."""

    run_id: str
    recipe: Recipe
    place: Place
    params: Params
    shared: Shared
    form: str
    jobs: Draft
    artifacts: Path
    warnings: tuple[str, ...]
    # How many items of the source `--only` leaves out.
    passed_over: int = 0


def params_of(lane: Lane, recipe: Recipe, lanes: Lanes, *, today: date) -> tuple[Params, list[str]]:
    """The parameters of a recipe's requests on a lane, checked; and what is worth saying about them."""
    own = lane.settings.lanes[lanes]
    params = resolve(
        recipe,
        model=own.model,
        effort=own.effort,
        max_tokens=own.max_tokens,
        geo=lane.settings.provider.inference_geo,
    )
    where = str(recipe.path or recipe.name)
    elsewhere = lane.settings.models.get(params.model)
    if elsewhere is not None and elsewhere.base_url is not None:
        raise ConfigError(
            f"{params.model} is at {elsewhere.base_url}, which takes no batches",
            where=f"{where} [lane] model",
            hint=f"lanectl ask --model {params.model} -r {recipe.name}",
        )
    return params, check(params, lanes, today=today, where=where)


def prepare(lane: Lane, recipe: Recipe, wishes: Wishes, *, lanes: Lanes = Lanes.BATCH) -> Prepared:
    """Gather, render and spool every item that would be sent.

    Raises `ConfigError` for a recipe that cannot be rendered or gives two items one key, `HeldError` for a
    secret in the prefix or more items than `max_jobs`. The spool folder of the run is the caller's to keep or
    remove.
    """
    today = lane.clock().date()
    params, warnings = params_of(lane, recipe, lanes, today=today)
    where = place(wishes.repo)
    base = baseline.base_of(lane.settings, where)
    trust.require(lane, recipe, where, allow=wishes.allow)
    recipe = recipe.model_copy(update={"vars": settle_vars(recipe, wishes.sets)})
    templates = Templates(recipe, fence_key=lane.identity.fence_key)
    own = lane.settings.secrets
    scanner = Scanner(own.allow, wishes.allow, with_gitleaks=own.gitleaks)
    shared = _shared(recipe, where, params, templates, scanner, today=today, base=base)
    run_id = new_run_id()
    draft = lane.draft(run_id)
    planner = _Planner(lane, recipe, wishes, where, templates, scanner, shared, today, draft)
    spooled = lane.spool.run(run_id)
    try:
        with spooled.jobs_pen() as pen:
            for job in planner.jobs(pen):
                draft.add(job)
        spooled.write_json("shared.json", shared.as_json())
    except BaseException:
        # Nobody else knows the folder's name yet.
        with contextlib.suppress(LanectlError, OSError):
            lane.spool.remove(run_id)
        raise
    return Prepared(
        run_id=run_id,
        recipe=recipe,
        place=where,
        params=params,
        shared=shared,
        form=planner.form,
        jobs=draft,
        artifacts=_artifact_folder(lane, recipe, where, wishes, run_id),
        warnings=(*([base.note] if base else []), *warnings, *planner.warnings),
        passed_over=planner.passed_over,
    )


def _shared(
    recipe: Recipe,
    where: Place,
    params: Params,
    templates: Templates,
    scanner: Scanner,
    *,
    today: date,
    base: Base | None,
) -> Shared:
    label = str(recipe.path or recipe.name)
    shared = prefix.build(
        params,
        system=clean(templates.prefix_system(recipe.vars, where.name)),
        memory=read_memory(recipe, where, today=today, base=base),
        tools=recipe.tools_value or (),
        instructions=instructions(recipe.output),
        output_format=format_of(recipe.output, recipe.schema_value),
        most_bytes=recipe.prefix.max_prefix_bytes,
        where=label,
    )
    hit = scanner.first([*shared.system, *(dumps(tool).decode() for tool in shared.tools)])
    if hit is not None:
        raise HeldError(
            f"the prefix holds what looks like a secret ({hit.kind}, line {hit.line})",
            where=label,
            hint=f"lanectl submit {recipe.name} --allow secret:{hit.fingerprint}",
        )
    return shared


class _Planner:
    """Turns items into spooled jobs one at a time, keeping nothing of them in memory."""

    def __init__(
        self,
        lane: Lane,
        recipe: Recipe,
        wishes: Wishes,
        where: Place,
        templates: Templates,
        scanner: Scanner,
        shared: Shared,
        today: date,
        draft: Draft,
    ) -> None:
        self._lane = lane
        self._recipe = recipe
        self._wishes = wishes
        self._place = where
        self._templates = templates
        self._scanner = scanner
        self._today = today
        self._draft = draft
        self._repo = {"name": where.name, "commit": where.commit or "", "branch": where.branch or ""}
        self._shared_bytes = len(dumps(shared.body("1h")))
        self._prefix_sha256 = shared.sha256()
        self.form = form_of(recipe, shared)
        self.warnings: list[str] = []
        self.passed_over = 0
        self._planned = 0

    def jobs(self, pen: Pen) -> Iterator[PlannedJob]:
        """The jobs to send, each already in the spool."""
        for found in self._scanner.looked_at(self._candidates(), room=self._room):
            if isinstance(found, Skip):
                self._draft.skip(found)
                continue
            job = self._spool(pen, self._planned, found)
            if job is None:
                continue
            self._planned += 1
            n = self._planned
            if n > self._recipe.run.max_jobs:
                raise HeldError(
                    f"the source yields more than max_jobs = {self._recipe.run.max_jobs:,} items",
                    where=str(self._recipe.path or self._recipe.name),
                    hint=f"lanectl submit {self._recipe.name} --limit {self._recipe.run.max_jobs}",
                )
            if n % 200 == 0:
                self._lane.tell(f"planned {n:,} jobs")
            yield job

    def _candidates(self) -> Iterator[Candidate | Skip]:
        """What the source has for this run, up to the limit."""
        for found in gather(self._recipe, self._place, stdin=self._wishes.stdin, today=self._today):
            if isinstance(found, Skip):
                if self._wanted(found.key):
                    yield found
                continue
            key = self._key_of(found)
            if not self._wanted(key):
                continue
            if self._wishes.limit is not None and self._planned >= self._wishes.limit:
                self.warnings.append(f"--limit {self._wishes.limit}: the source has further items")
                return
            prompt = clean(self._templates.prompt(found, self._recipe.vars, self._repo, self._today))
            yield Candidate(key, found, prompt)

    def _room(self) -> int:
        """How many more candidates can become jobs before the limit, or one too many, is reached."""
        most = self._recipe.run.max_jobs + 1
        return min(most, self._wishes.limit if self._wishes.limit is not None else most) - self._planned

    def _wanted(self, key: str) -> bool:
        if self._wishes.only is None or fnmatchcase(key, self._wishes.only):
            return True
        self.passed_over += 1
        return False

    def _key_of(self, item: Item) -> str:
        key = clean(self._templates.key(item, self._recipe.vars, self._repo, self._today))
        other = self._draft.claim(key, item.name)
        if other is not None:
            raise ConfigError(
                f"two items have the key {key!r}: {other} and {item.name}",
                where=f"{self._recipe.path or self._recipe.name} [job] key",
                hint=f"lanectl recipes check {self._recipe.name}",
            )
        return key

    def _spool(self, pen: Pen, n: int, found: Candidate) -> PlannedJob | None:
        """Spool one job; None when it is skipped instead, with its reason noted."""
        key, item = found.key, found.item
        own = {"messages": [{"role": "user", "content": found.prompt}]}
        digest = digest_of(
            self._recipe,
            repo_name=self._place.name,
            key=key,
            own=own,
            form=self.form,
            prefix_sha256=self._prefix_sha256,
        )
        secret = Skip(key, "secret", found.secret) if found.secret else None
        skip = secret or self._too_large(key, own) or self._repeated(key, digest)
        if skip is not None:
            self._draft.skip(skip)
            return None
        path = self._path_of(item, key)
        offset = pen.bytes
        line = dump_job(SpooledJob(n, key, path, own, item.material))
        pen.write(line)
        return PlannedJob(n, key, digest, offset, len(line), len(dumps(own)))

    def _path_of(self, item: Item, key: str) -> str:
        return clean(self._templates.path(item, self._recipe.vars, self._repo, self._today)) or key

    def _too_large(self, key: str, own: Mapping[str, Any]) -> Skip | None:
        size = batches.request_bytes(self._shared_bytes, len(dumps(own)))
        if size <= batches.MOST_BYTES:
            return None
        return Skip(key, "too large", f"{size:,} bytes of {batches.MOST_BYTES:,} in a batch")

    def _repeated(self, key: str, digest: str) -> Skip | None:
        if self._wishes.again or self._recipe.run.repeat == "always":
            return None
        return repeated(self._lane, key, digest)


def repeated(lane: Lane, key: str, digest: str) -> Skip | None:
    """The named skip of a job whose request succeeded before or is still out; None when it is new."""
    before = runs.earlier(lane.db, digest)
    if before is None:
        return None
    if before.outcome is None:
        return Skip(key, f"in flight in {before.run}", f"since {before.created_at}")
    return Skip(key, "unchanged", f"{before.artifact or before.run} of {before.created_at[:10]}")


def _artifact_folder(lane: Lane, recipe: Recipe, where: Place, wishes: Wishes, run_id: str) -> Path:
    root = wishes.out or (Path(lane.settings.out.dir) if lane.settings.out.dir else where.root / ".lanectl")
    return (root if root.is_absolute() else where.root / root).absolute() / recipe.name / run_id
