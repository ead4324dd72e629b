"""The user's settings: flag over environment over file over default, and each knows where it came from."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from lanectl.config import checks
from lanectl.config.paths import Paths, expanded, locate
from lanectl.config.values import Found, Problem, leaves, read
from lanectl.errors import ConfigError
from lanectl.models import Lane

_MAX_BYTES = 1_000_000
_HIDDEN = re.compile(r"notify\..*\.(?:url|command)|health\.ping")


Effort = Literal["low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What a lane uses where a recipe or a caller does not say."""

    model: str = field(default="", metadata={"check": checks.not_empty})
    effort: Effort | None = None
    max_tokens: int | None = field(default=None, metadata={"least": 1})


@dataclass(frozen=True, slots=True)
class BatchLane(LaneSettings):
    """The lane nobody waits for: the strongest model, with room to think (64k at max, says the provider).

    `hints` are other choices by the name of a hint, for single calls that are queued.
    """

    model: str = field(default="claude-opus-5-5", metadata={"check": checks.not_empty})
    effort: Effort | None = "max"
    max_tokens: int | None = field(default=64_000, metadata={"least": 1})
    hints: Mapping[str, LaneSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InteractiveLane(LaneSettings):
    """The lane somebody waits for; `hints` are other choices by the name of a hint."""

    model: str = field(default="claude-haiku-5-5", metadata={"check": checks.not_empty})
    hints: Mapping[str, LaneSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Both lanes."""

    batch: BatchLane = BatchLane()
    interactive: InteractiveLane = InteractiveLane()

    def __getitem__(self, lane: Lane) -> LaneSettings:
        return self.batch if lane is Lane.BATCH else self.interactive


@dataclass(frozen=True, slots=True)
class Price:
    """List prices in dollars per million tokens."""

    input: float | None = field(default=None, metadata={"least": 0})
    output: float | None = field(default=None, metadata={"least": 0})
    cache_read: float | None = field(default=None, metadata={"least": 0})
    cache_write_5m: float | None = field(default=None, metadata={"least": 0})
    cache_write_1h: float | None = field(default=None, metadata={"least": 0})


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A model at another address, or at another price."""

    base_url: str | None = field(default=None, metadata={"check": checks.address})
    key_env: str | None = field(default=None, metadata={"check": checks.variable})
    price: Price = Price()


@dataclass(frozen=True, slots=True)
class Provider:
    """How the provider is dealt with; times in seconds."""

    dedicated_workspace: bool = False
    max_in_flight: int = field(default=100_000, metadata={"least": 1})
    grace_s: int = field(default=900, metadata={"least": 0})
    timeout_s: int = field(default=600, metadata={"least": 1})
    tick_limit_s: int = field(default=300, metadata={"least": 1})
    inference_geo: Literal["us", "global"] | None = None
    delete_after_pull: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps in dollars and in requests; None is no cap."""

    run_usd: float = field(default=25.0, metadata={"least": 0})
    day_usd: float = field(default=100.0, metadata={"least": 0})
    month_usd: float = field(default=1000.0, metadata={"least": 0})
    basis: Literal["high", "at-most"] = "high"
    ask_above_usd: float = field(default=5.0, metadata={"least": 0})
    run_requests: int | None = field(default=None, metadata={"least": 0})
    day_requests: int | None = field(default=None, metadata={"least": 0})
    month_requests: int | None = field(default=None, metadata={"least": 0})


@dataclass(frozen=True, slots=True)
class Queue:
    """When waiting calls become a batch; `late` is what becomes of one whose deadline no batch can promise
    to keep."""

    min_jobs: int = field(default=20, metadata={"least": 1})
    max_wait_s: int = field(default=3600, metadata={"least": 0})
    late: Literal["interactive", "report"] = "interactive"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things stay: bodies until their run is pulled, as long as its results, or for good."""

    bodies: Literal["pulled", "results", "always"] = "pulled"
    results_days: int = field(default=35, metadata={"least": 0})
    runs: int = field(default=30, metadata={"least": 1})


@dataclass(frozen=True, slots=True)
class Secrets:
    """Fingerprints of findings that are no secrets; whether the program gitleaks looks for them too."""

    allow: tuple[str, ...] = ()
    gitleaks: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: to an address, or to a program's standard input; each is itself a secret."""

    url: str = field(default="", repr=False, metadata={"check": checks.not_empty})
    command: tuple[str, ...] = field(default=(), repr=False, metadata={"check": checks.program})
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Who is told that the lane is alive; the address is itself a secret."""

    ping: str | None = field(default=None, repr=False, metadata={"check": checks.web})
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Out:
    """Where artifacts go; "" is `.lanectl` in the repository."""

    dir: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """All that the configuration file may say."""

    lanes: Lanes = Lanes()
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    provider: Provider = Provider()
    budget: Budget = Budget()
    queue: Queue = Queue()
    keep: Keep = Keep()
    secrets: Secrets = Secrets()
    notify: Mapping[str, Target] = field(default_factory=dict)
    health: Health = Health()
    out: Out = Out()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(File):
    """The settings of one command, and its places; holds no key.

    `pull_request_base` is the branch that a pull request goes into, in the continuous integration of one.
    """

    state_dir: Path
    state_path: Path
    spool_dir: Path
    log_dir: Path
    data_dir: Path
    recipes_dir: Path
    config_path: Path
    sandbox: bool
    pull_request_base: str | None = None
    origins: Mapping[str, str]

    @property
    def price_overrides(self) -> dict[str, dict[str, float]]:
        """The user's own prices by model and column, in dollars per million tokens."""
        prices = {
            name: {each.name: getattr(model.price, each.name) for each in fields(Price)}
            for name, model in self.models.items()
        }
        given = {
            name: {key: usd for key, usd in row.items() if usd is not None} for name, row in prices.items()
        }
        return {name: row for name, row in given.items() if row}

    def shown(self) -> list[tuple[str, Any, str]]:
        """Every dotted key with its value (addresses that are secrets hidden) and where it came from."""
        own = File(**{each.name: getattr(self, each.name) for each in fields(File)})
        places = ((name, getattr(self, name)) for name in self.origins if "." not in name)
        rows = [*leaves(own), *((name, str(at) if isinstance(at, Path) else at) for name, at in places)]
        return [
            (
                key,
                _hidden(value) if value and _HIDDEN.fullmatch(key) else value,
                self.origins.get(key, "default"),
            )
            for key, value in rows
        ]


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says about the places."""

    state: Path | None = None
    config: Path | None = None
    sandbox: bool = False


def load(*, environ: Mapping[str, str], flags: Flags) -> Settings:
    """The settings of one command.

    Raises ConfigError: one for the file, naming table, key and the nearest valid key; one for a home folder
    that is missing or cannot be written.
    """
    places = locate(environ, state=flags.state, config=flags.config, sandbox=flags.sandbox)
    text = read_text(places)
    file, given = parsed(text, places.config_path)
    file = replace(file, out=Out(expanded(file.out.dir, environ)))
    origins = {key: str(places.config_path) if key in given else "default" for key, _ in leaves(file)}
    own = {each.name: getattr(file, each.name) for each in fields(File)}
    where = {each.name: getattr(places, each.name) for each in fields(Settings) if hasattr(places, each.name)}
    base = _pull_request_base(environ)
    return Settings(**{**own, **where, "pull_request_base": base, "origins": {**origins, **places.origins}})


def _pull_request_base(environ: Mapping[str, str]) -> str | None:
    """The base branch in a workflow of GitHub that runs for a pull request; None anywhere else."""
    # `pull_request_target` too: what it checks out is often the pull request all the same.
    if not environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        return None
    return environ.get("GITHUB_BASE_REF") or None


def read_text(places: Paths) -> str:
    """The configuration file's text, "" where there is none and nobody named one."""
    path = places.config_path
    try:
        if not path.exists() and not places.config_named:
            return ""
        if not path.is_file():
            what = "is no regular file" if path.exists() else "is not there"
            raise ConfigError(f"the configuration file {what}", where=str(path), hint="lanectl config path")
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES)
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the configuration file cannot be read: {error}", where=str(path), hint="lanectl config path"
        ) from None


def parsed(text: str, path: Path) -> tuple[File, set[str]]:
    """What the text of the file at `path` says, and which dotted keys it gives; raises ConfigError."""
    hint = "lanectl config path"
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        what, _, where = str(error).rpartition(" (at ")
        raise ConfigError(
            f"not valid TOML: {what or error}", where=f"{path} {where.rstrip(')')}".rstrip(), hint=hint
        ) from None
    found = Found()
    file = read(File, data, "", found)
    hints = {"judgment": LaneSettings("claude-opus-5-5"), **file.lanes.interactive.hints}
    model = file.lanes.interactive.model
    interactive = replace(
        file.lanes.interactive,
        hints={name: hint if hint.model else replace(hint, model=model) for name, hint in hints.items()},
    )
    found.problems.extend(_wrong_targets(file.notify, found.given))
    if len(found.problems) == 1:
        raise ConfigError(found.problems[0].text, where=f"{path} {found.problems[0].place}", hint=hint)
    if found.problems:
        listed = "; ".join(f"{problem.place} {problem.text}" for problem in found.problems)
        raise ConfigError(f"{len(found.problems)} problems: {listed}", where=str(path), hint=hint)
    return replace(file, lanes=replace(file.lanes, interactive=interactive)), found.given


def _wrong_targets(targets: Iterable[str], given: Collection[str]) -> Iterator[Problem]:
    """A complaint for each target that has not exactly one of an address and a program."""
    for name in targets:
        ways = [key for key in ("url", "command") if f"notify.{name}.{key}" in given]
        if not ways:
            yield Problem(f"[notify.{name}] url", "is missing, and so is command: one of them must be there")
        elif len(ways) > 1:
            yield Problem(f"[notify.{name}] command", "must not stand beside url: a message goes one way")


def _hidden(value: object) -> object:
    """What may be shown of a secret: of a program its name, since its arguments may hold an address."""
    if not isinstance(value, tuple):
        return "[redacted]"
    return (*value[:1], *("[redacted]" for _ in value[1:]))
