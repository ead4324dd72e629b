"""Route: is a human waiting on this token stream right now? Which lane, which model, and always why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lanectl.config import File, LaneSettings
from lanectl.errors import ConfigError, UsageError
from lanectl.models import Lane
from lanectl.plan.models import facts
from lanectl.plan.params import DEFAULT_MAX_TOKENS, Params

# All that the provider promises of a batch (Message Batches documentation: expiry after 24 hours).
PROMISED_S = 24 * 3600.0
# One variable that each of these sets wherever its jobs run; `CI` is set by nearly all of them.
CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD")
# What git sets for its hooks and not for a command that a person types (`git help hooks`).
HOOK = ("GIT_INDEX_FILE", "GIT_REFLOG_ACTION", "GIT_QUARANTINE_PATH", "GIT_PUSH_OPTION_COUNT")
# CGI (RFC 3875), and the functions and containers that handlers of webhooks run in.
WEBHOOK = ("GATEWAY_INTERFACE", "AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "FUNCTIONS_WORKER_RUNTIME")
SYSTEMD = ("INVOCATION_ID", "JOURNAL_STREAM")


@dataclass(frozen=True, slots=True)
class Signals:
    """What the surroundings say: whether somebody waits, and the sentence that says how it is known.

    `kind` is `terminal`, `ci`, `git hook`, `webhook`, `systemd` or `cron`.
    """

    human: bool
    kind: str
    seen: str


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call: `human` and `lane` are the caller's word, None where the surroundings decide.

    `tools`: its tool calls are answered in a loop. `deadline_s`: seconds until the answer must be there.
    """

    human: bool | None = None
    hint: str | None = None
    jobs: int = 1
    tools: bool = False
    deadline_s: float | None = None
    lane: Lane | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes and why; `cache` is its prompt cache (`5m`, `1h`, `off`).

    `base_url` and `key_env` are another provider's, None for the usual one. `notes` says what is not as
    asked.
    """

    lane: Lane
    model: str
    effort: str | None
    max_tokens: int
    cache: str
    reason: str
    signals: Signals
    base_url: str | None = None
    key_env: str | None = None
    notes: tuple[str, ...] = field(default=())

    def params(self, *, geo: str | None) -> Params:
        """The parameters of the request."""
        return Params(self.model, self.max_tokens, self.effort, None, None if self.base_url else geo)


def read_signals(environ: Mapping[str, str], *, stdin: bool, stdout: bool, stderr: bool) -> Signals:
    """What environment and streams say (`stdin`, `stdout`, `stderr`: whether each is a terminal).

    Machines that run jobs are asked first: some of them give their jobs a terminal that nobody sits at.
    """
    for names, kind in ((CI, "ci"), (HOOK, "git hook"), (WEBHOOK, "webhook")):
        name = next((name for name in names if environ.get(name, "") not in ("", "0", "false")), None)
        if name is not None:
            return Signals(False, kind, f"nobody waits: {name} is set ({kind})")
    if stdin and stdout:
        return Signals(True, "terminal", "somebody sits at the terminal")
    if stdin or stdout or stderr:
        which = "standard input" if stdin else "standard output" if stdout else "standard error"
        return Signals(True, "terminal", f"somebody sits at the terminal ({which} is one)")
    # A desktop starts its terminals under systemd too: only without one does it tell anything.
    name = next((name for name in SYSTEMD if environ.get(name)), None)
    if name is not None:
        return Signals(False, "systemd", f"nobody waits: {name} is set (systemd)")
    return Signals(False, "cron", "nobody waits: there is no terminal (cron, or another program)")


def route(call: Call, signals: Signals, settings: File) -> Route:
    """The lane of a call, its model and effort as the configuration says, and the reason; pure.

    The first rule that speaks decides: the caller's own word, a model that only one lane has, a tool loop, a
    human, a deadline, and last that nobody waits. Raises `UsageError` for no job, `ConfigError` for a lane
    that the model does not have.
    """
    if call.jobs < 1:
        raise UsageError("a call has at least one job", hint="lanectl route --jobs 1")
    elsewhere = call.model is not None and _address(settings, call.model)[0] is not None
    lane, reason = _lane(call, signals, settings, elsewhere=elsewhere)
    own, notes = _choice(call, lane, settings)
    base_url, key_env = _address(settings, own.model)
    if base_url is not None and lane is Lane.BATCH:
        raise ConfigError(
            f"{own.model} is at {base_url}, which takes no batches",
            where="[lanes.batch] model",
            hint="lanectl config set lanes.batch.model claude-opus-5-5",
        )
    if base_url is not None and key_env is None:
        raise ConfigError(
            "an address of its own needs a key of its own",
            where=f"[models.{own.model}] key_env",
            hint="lanectl config path",
        )
    effort = _effort(own, elsewhere=base_url is not None)
    if base_url is not None:
        lost = "no batches, no effort, no prompt cache" if own.effort else "no batches, no prompt cache"
        notes.append(f"{own.model} is at {base_url}: {lost} there, and the provider's key is not sent")
    if lane is Lane.BATCH and call.deadline_s is not None and call.deadline_s < PROMISED_S:
        notes.append("only 24 h are promised of a batch: the deadline may pass before it ends")
    return Route(
        lane=lane,
        model=own.model,
        effort=effort,
        max_tokens=_longest(own),
        cache="off" if base_url is not None else "1h" if lane is Lane.BATCH else "5m",
        reason=reason,
        signals=signals,
        base_url=base_url,
        key_env=key_env,
        notes=tuple(notes),
    )


def _lane(call: Call, signals: Signals, settings: File, *, elsewhere: bool) -> tuple[Lane, str]:
    if call.lane is not None:
        if elsewhere and call.lane is Lane.BATCH:
            raise ConfigError(
                "this model has an address of its own, which takes no batches",
                where=f"[models.{call.model}] base_url",
                hint=f"lanectl ask --lane interactive --model {call.model}",
            )
        return call.lane, f"you asked for the {call.lane} lane"
    if elsewhere:
        return Lane.INTERACTIVE, f"{call.model} has an address of its own, which takes no batches"
    if call.tools:
        return Lane.INTERACTIVE, "a tool loop would wait in the queue again at every call"
    if call.human is True:
        return Lane.INTERACTIVE, "you say that a human is waiting"
    if call.human is None and signals.human:
        return Lane.INTERACTIVE, signals.seen
    if call.deadline_s is not None and call.deadline_s < PROMISED_S:
        return (
            Lane.INTERACTIVE,
            f"the deadline is in {call.deadline_s / 3600:.1f} h, and only 24 h are promised of a batch",
        )
    nobody = "you say that nobody waits" if call.human is False else signals.seen
    return Lane.BATCH, f"{nobody}; {_size(call.jobs, settings)}"


def _size(jobs: int, settings: File) -> str:
    least = settings.queue.min_jobs
    if jobs >= least:
        return f"{jobs:,} jobs are a batch of their own, at half price"
    wait = f"{least:,} of its kind or {settings.queue.max_wait_s:,} s"
    if jobs == 1:
        return f"one job gains nothing as a batch of its own, so it waits for {wait}, then goes at half price"
    return f"{jobs:,} jobs are few for a batch, so they wait for {wait}, then go at half price"


def _choice(call: Call, lane: Lane, settings: File) -> tuple[LaneSettings, list[str]]:
    """What the configuration says for lane and hint, the caller's model over both."""
    own: LaneSettings = settings.lanes[lane]
    hints = settings.lanes.batch.hints if lane is Lane.BATCH else settings.lanes.interactive.hints
    notes: list[str] = []
    model, effort, max_tokens = own.model, own.effort, own.max_tokens
    if call.hint is not None:
        hinted = hints.get(call.hint)
        if hinted is None:
            notes.append(f"no [lanes.{lane}.hints.{call.hint}]: the lane's own model")
        else:
            # Another model's effort and length say nothing about this one.
            same = hinted.model in ("", own.model)
            model = hinted.model or own.model
            effort = hinted.effort or (own.effort if same else None)
            max_tokens = hinted.max_tokens or (own.max_tokens if same else None)
    if call.model is not None:
        model = call.model
    return LaneSettings(model, effort, max_tokens), notes


def _effort(own: LaneSettings, *, elsewhere: bool) -> str | None:
    """The effort, lowered to the highest that the model has; None where it takes none."""
    known = facts(own.model)
    if elsewhere or own.effort is None:
        return None
    if known is None or own.effort in known.efforts:
        return own.effort
    return (known.efforts or (None,))[-1]


def _longest(own: LaneSettings) -> int:
    known = facts(own.model)
    longest = own.max_tokens or DEFAULT_MAX_TOKENS
    return min(longest, known.max_output) if known is not None else longest


def _address(settings: File, model: str) -> tuple[str | None, str | None]:
    found = settings.models.get(model)
    return (None, None) if found is None else (found.base_url, found.key_env if found.base_url else None)
