"""The nouns that more than one room speaks of, all of them frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypedDict

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None


class Lane(StrEnum):
    """Where a call goes: somebody waits on its tokens, or nobody does."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class RunState(StrEnum):
    """How far one submission of one recipe has come."""

    PLANNED = "planned"
    PILOTING = "piloting"
    IN_PROGRESS = "in_progress"
    ENDED = "ended"
    PULLED = "pulled"


class AttemptState(StrEnum):
    """How far one sending of some of a run's jobs has come (`REFUSED`: it was never accepted)."""

    INTENT = "intent"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ABSENT = "absent"
    ENDED = "ended"
    PULLED = "pulled"


class Role(StrEnum):
    """What a batch is for within its run."""

    PILOT = "pilot"
    MAIN = "main"
    RETRY = "retry"


class Outcome(StrEnum):
    """What became of a job: the API's four words first, then ours."""

    SUCCEEDED = "succeeded"
    ERRORED = "errored"
    EXPIRED = "expired"
    CANCELED = "canceled"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    INVALID = "invalid"
    UNREADABLE = "unreadable"
    MISSING = "missing"


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst; sorts findings for a reader."""
        return list(Severity).index(self)


class Material(TypedDict, total=False):
    """What an answer is checked against at pull, kept in the spool beside the request.

    `path`, `text`: the file an edit is for, as it was at submit. `hunks`: new-side line ranges of a diff by
    path, each `[first, last]`. `head`: the commit reviewed. `commits`: what release notes must account for.
    """

    path: str
    text: str
    hunks: dict[str, list[list[int]]]
    head: str
    commits: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests of a batch are where; all of them are `processing` until the whole batch has
    ended."""

    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        """The number of requests in the batch, at any time (API reference, Message Batches)."""
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


@dataclass(frozen=True, slots=True)
class Batch:
    """One Message Batch as the provider shows it; times are UTC ISO text."""

    id: str
    processing_status: str
    created_at: str
    expires_at: str | None
    ended_at: str | None
    archived_at: str | None
    cancel_initiated_at: str | None
    counts: Counts


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a source yields: `fields` is plain data for templates, `name` how the source calls it."""

    name: str
    fields: Mapping[str, JsonValue]
    material: Material = field(default_factory=lambda: Material())


@dataclass(frozen=True, slots=True)
class Skip:
    """One item that is not sent, by the name its reader knows it by, and the named reason."""

    key: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer as the provider billed them; `input_tokens` are those after the last
    breakpoint."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    thinking_tokens: int = 0
    service_tier: str | None = None
    inference_geo: str | None = None

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt: what length tiers look at."""
        return (
            self.input_tokens
            + self.cache_read_input_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reviewer found: a place, one sentence, and what to do about it.

    `in_diff` is whether `path` and `line` lie in the hunks that were reviewed; a finding without a place has
    `path` "" and `line` 0.
    """

    severity: Severity
    path: str
    line: int
    end_line: int
    title: str
    detail: str = ""
    suggestion: str = ""
    category: str = ""
    in_diff: bool = True


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job has no success: the provider's error type or our check's name, its message, and its
    request id."""

    type: str
    message: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file a job leaves behind, by its path below the run's artifact folder ('/' separates)."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """One answer, read: exactly one outcome, and everything a reader or the account needs of it.

    `files[0]`, where there is one, is the job's artifact; `text` or `value` is what `results.jsonl` carries.
    """

    outcome: Outcome
    usage: Usage = field(default_factory=Usage)
    stop_reason: str | None = None
    error: JobError | None = None
    text: str | None = None
    value: JsonValue = None
    headline: str = ""
    findings: tuple[Finding, ...] = ()
    files: tuple[OutputFile, ...] = ()


@dataclass(frozen=True, slots=True)
class CacheChoice:
    """Which cache a run asks for (`1h`, `5m` or `off`), why, and the hit rates it needs and expects."""

    mode: str
    reason: str
    break_even_hit_rate: float | None = None
    expected_hit_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost, in dollars (None: unknown) and tokens, before a cent is spent.

    `expected_usd` is the likely cost, `high_usd` what caps are compared with, `at_most_usd` what cannot be
    exceeded, `list_usd` the expected work on the other lane. `basis` says in a sentence where the figures
    come from.
    """

    jobs: int
    expected_usd: float | None
    high_usd: float | None
    at_most_usd: float | None
    list_usd: float | None
    input_tokens: int
    prefix_tokens: int
    output_tokens: int
    cache: CacheChoice
    basis: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job in a digest: `artifact` is relative to the run's artifact folder, None where there is none.

    `findings` counts what it reported, `worst` is the worst of it.
    """

    key: str
    outcome: Outcome
    headline: str
    artifact: str | None
    error: JobError | None
    stop_reason: str | None
    cost_usd: float | None
    findings: int = 0
    worst: Severity | None = None


@dataclass(frozen=True, slots=True)
class FoundLine:
    """One finding in a digest, with the job it came from."""

    key: str
    artifact: str | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class RunAccount:
    """One run as its digest tells it: who, what, how many of each, and what it cost.

    `outcomes` counts jobs by outcome, `out` those still without one, `skipped` items by reason. Money is in
    dollars, None when unknown. `list_usd` is the same usage at the other lane's price. `artifacts` is an
    absolute folder. `cache_saved_usd` is what the cache saved against none (negative: lost), `cache_cause`
    the likely reason where it did badly, "" where it did not. `elsewhere` counts answers that were computed
    in another region than was asked for.
    """

    run: str
    recipe: str
    description: str
    output_kind: str
    repo: str
    commit: str | None
    model: str
    created_at: str
    pulled_at: str | None
    sandbox: bool
    jobs: int
    out: int
    outcomes: Mapping[str, int]
    skipped: Mapping[str, int]
    findings: Mapping[str, int]
    cost_usd: float | None
    list_usd: float | None
    expected_usd: float | None
    cache_read_tokens: int
    cache_written_tokens: int
    artifacts: str
    cache_saved_usd: float | None = None
    cache_cause: str = ""
    elsewhere: int = 0
