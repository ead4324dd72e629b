"""Where a call goes: one table of surroundings, one of calls, each row with its reason."""

from dataclasses import replace

import pytest

from lanectl.config import BatchLane, File, InteractiveLane, Lanes, LaneSettings, ModelSettings
from lanectl.errors import ConfigError, UsageError
from lanectl.lane.route import Call, Route, Signals, read_signals, route
from lanectl.models import Lane

CRON = {"SHELL": "/bin/sh", "LOGNAME": "ada", "HOME": "/home/ada", "PATH": "/usr/bin:/bin"}
HUMAN = Signals(True, "terminal", "somebody sits at the terminal")
NOBODY = Signals(False, "cron", "nobody waits: there is no terminal (cron, or another program)")
HAIKU, OPUS, OTHER = "claude-haiku-5-5", "claude-opus-5-5", "deepseek-chat"
ALONE = (
    "one job gains nothing as a batch of its own, so it waits for 20 of its kind or 3,600 s,"
    " then goes at half price"
)
SETTINGS = File(
    lanes=Lanes(
        batch=BatchLane(hints={"cheap": LaneSettings(HAIKU, "low")}),
        interactive=InteractiveLane(
            model=HAIKU,
            effort="low",
            hints={
                "judgment": LaneSettings(OPUS, "xhigh", 64_000),
                "old": LaneSettings("claude-haiku-4-5", "high"),
                "elsewhere": LaneSettings(OTHER, "high"),
                "harder": LaneSettings(HAIKU, "high"),
            },
        ),
    ),
    models={
        OTHER: ModelSettings(base_url="https://api.deepseek.com/anthropic", key_env="DEEPSEEK_API_KEY"),
        "keyless": ModelSettings(base_url="https://example.invalid"),
    },
)


@pytest.mark.parametrize(
    ("environ", "terminals", "human", "kind"),
    [
        pytest.param({"TERM": "xterm"}, "in out err", True, "terminal", id="at a keyboard"),
        pytest.param({"TERM": "xterm"}, "out err", True, "terminal", id="something piped in"),
        pytest.param({"TERM": "xterm"}, "in err", True, "terminal", id="piped on"),
        pytest.param({"TERM": "xterm"}, "err", True, "terminal", id="in the middle of a pipe"),
        pytest.param({"INVOCATION_ID": "0f"}, "in out err", True, "terminal", id="desktop under systemd"),
        pytest.param(CRON, "", False, "cron", id="cron"),
        pytest.param({}, "", False, "cron", id="env -i"),
        pytest.param({"INVOCATION_ID": "0f"}, "", False, "systemd", id="systemd unit"),
        pytest.param({"JOURNAL_STREAM": "8:1"}, "", False, "systemd", id="systemd with a journal"),
        pytest.param({"CI": "true"}, "", False, "ci", id="CI"),
        pytest.param({"CI": "true"}, "in out err", False, "ci", id="CI with a terminal"),
        pytest.param({"CI": "false"}, "in out", True, "terminal", id="CI=false at a keyboard"),
        pytest.param({"CI": ""}, "in out", True, "terminal", id="CI empty at a keyboard"),
        pytest.param({"GITHUB_ACTIONS": "true"}, "", False, "ci", id="GitHub Actions"),
        pytest.param({"JENKINS_URL": "https://ci"}, "", False, "ci", id="Jenkins"),
        pytest.param({"GIT_INDEX_FILE": ".git/index"}, "out err", False, "git hook", id="post-commit hook"),
        pytest.param({"GIT_QUARANTINE_PATH": "q"}, "", False, "git hook", id="pre-receive hook"),
        pytest.param({"GIT_PREFIX": "", "GIT_EXEC_PATH": "/x"}, "in out", True, "terminal", id="git alias"),
        pytest.param({"GATEWAY_INTERFACE": "CGI/1.1"}, "", False, "webhook", id="CGI handler"),
        pytest.param({"K_SERVICE": "hook"}, "", False, "webhook", id="container handler"),
    ],
)
def test_surroundings_say_whether_somebody_waits(
    environ: dict[str, str], terminals: str, human: bool, kind: str
) -> None:
    found = read_signals(
        environ, stdin="in" in terminals, stdout="out" in terminals, stderr="err" in terminals
    )
    assert (found.human, found.kind) == (human, kind)
    assert found.seen.startswith("somebody sits at" if human else "nobody waits: ")


@pytest.mark.parametrize(
    ("call", "signals", "lane", "model", "effort", "cache", "reason"),
    [
        pytest.param(
            Call(), HUMAN, "interactive", HAIKU, "low", "5m", HUMAN.seen, id="a human at the terminal"
        ),
        pytest.param(
            Call(human=True),
            NOBODY,
            "interactive",
            HAIKU,
            "low",
            "5m",
            "you say that a human is waiting",
            id="a human says so from a script",
        ),
        pytest.param(
            Call(human=False),
            HUMAN,
            "batch",
            OPUS,
            "max",
            "1h",
            f"you say that nobody waits; {ALONE}",
            id="nobody waits though there is a terminal",
        ),
        pytest.param(
            Call(), NOBODY, "batch", OPUS, "max", "1h", f"{NOBODY.seen}; {ALONE}", id="one job from cron"
        ),
        pytest.param(
            Call(jobs=7),
            NOBODY,
            "batch",
            OPUS,
            "max",
            "1h",
            f"{NOBODY.seen}; 7 jobs are few for a batch, so they wait for 20 of its kind or 3,600 s, "
            "then go at half price",
            id="seven jobs from cron",
        ),
        pytest.param(
            Call(jobs=20),
            NOBODY,
            "batch",
            OPUS,
            "max",
            "1h",
            f"{NOBODY.seen}; 20 jobs are a batch of their own, at half price",
            id="twenty jobs from cron",
        ),
        pytest.param(
            Call(human=True, jobs=900),
            NOBODY,
            "interactive",
            HAIKU,
            "low",
            "5m",
            "you say that a human is waiting",
            id="nine hundred jobs that a human waits for",
        ),
        pytest.param(
            Call(tools=True, jobs=30),
            NOBODY,
            "interactive",
            HAIKU,
            "low",
            "5m",
            "a tool loop would wait in the queue again at every call",
            id="a tool loop from cron",
        ),
        pytest.param(
            Call(deadline_s=7200),
            NOBODY,
            "interactive",
            HAIKU,
            "low",
            "5m",
            "the deadline is in 2.0 h, and only 24 h are promised of a batch",
            id="due in two hours",
        ),
        pytest.param(
            Call(deadline_s=86_400),
            NOBODY,
            "batch",
            OPUS,
            "max",
            "1h",
            f"{NOBODY.seen}; {ALONE}",
            id="due in a day",
        ),
        pytest.param(
            Call(lane=Lane.BATCH),
            HUMAN,
            "batch",
            OPUS,
            "max",
            "1h",
            "you asked for the batch lane",
            id="the batch lane asked for at a keyboard",
        ),
        pytest.param(
            Call(lane=Lane.INTERACTIVE, jobs=50),
            NOBODY,
            "interactive",
            HAIKU,
            "low",
            "5m",
            "you asked for the interactive lane",
            id="the interactive lane asked for from cron",
        ),
        pytest.param(
            Call(hint="judgment"), HUMAN, "interactive", OPUS, "xhigh", "5m", HUMAN.seen, id="hint judgment"
        ),
        pytest.param(
            Call(hint="harder"),
            HUMAN,
            "interactive",
            HAIKU,
            "high",
            "5m",
            HUMAN.seen,
            id="hint of more effort",
        ),
        pytest.param(
            Call(hint="old"),
            HUMAN,
            "interactive",
            "claude-haiku-4-5",
            None,
            "5m",
            HUMAN.seen,
            id="hint of a model that takes no effort",
        ),
        pytest.param(
            Call(hint="cheap"),
            NOBODY,
            "batch",
            HAIKU,
            "low",
            "1h",
            f"{NOBODY.seen}; {ALONE}",
            id="hint cheap for a batch",
        ),
        pytest.param(
            Call(model=OTHER),
            NOBODY,
            "interactive",
            OTHER,
            None,
            "off",
            f"{OTHER} has an address of its own, which takes no batches",
            id="a model elsewhere from cron",
        ),
        pytest.param(
            Call(hint="elsewhere"),
            HUMAN,
            "interactive",
            OTHER,
            None,
            "off",
            HUMAN.seen,
            id="hint of a model elsewhere",
        ),
        pytest.param(
            Call(model="claude-x-9"),
            HUMAN,
            "interactive",
            "claude-x-9",
            "low",
            "5m",
            HUMAN.seen,
            id="a model that nobody knows yet",
        ),
    ],
)
def test_call_goes_where_the_first_rule_says(
    call: Call, signals: Signals, lane: str, model: str, effort: str | None, cache: str, reason: str
) -> None:
    found = route(call, signals, SETTINGS)
    assert (found.lane, found.model, found.effort, found.cache, found.reason) == (
        Lane(lane),
        model,
        effort,
        cache,
        reason,
    )


@pytest.mark.parametrize(
    ("call", "note"),
    [
        pytest.param(
            Call(hint="wild"), "no [lanes.batch.hints.wild]: the lane's own model", id="unknown hint"
        ),
        pytest.param(
            Call(lane=Lane.BATCH, deadline_s=60),
            "only 24 h are promised of a batch: the deadline may pass before it ends",
            id="a deadline that no batch promises",
        ),
        pytest.param(
            Call(human=True, hint="elsewhere"),
            f"{OTHER} is at https://api.deepseek.com/anthropic: "
            "no batches, no effort, no prompt cache there, and "
            "the provider's key is not sent",
            id="a model elsewhere",
        ),
    ],
)
def test_what_will_not_be_as_asked_is_said_before_the_call(call: Call, note: str) -> None:
    assert route(call, NOBODY, SETTINGS).notes == (note,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            Call(lane=Lane.BATCH, model=OTHER),
            "this model has an address of its own, which takes no batches",
            id="a batch elsewhere",
        ),
        pytest.param(
            Call(human=True, model="keyless"),
            "an address of its own needs a key of its own",
            id="no key elsewhere",
        ),
    ],
)
def test_lane_that_the_model_does_not_have_is_refused(call: Call, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        route(call, NOBODY, SETTINGS)
    assert caught.value.message == message


def test_batch_lane_with_a_model_elsewhere_is_refused() -> None:
    settings = replace(SETTINGS, lanes=replace(SETTINGS.lanes, batch=BatchLane(model=OTHER)))
    with pytest.raises(ConfigError, match="takes no batches"):
        route(Call(), NOBODY, settings)


def test_no_job_is_no_call() -> None:
    with pytest.raises(UsageError, match="at least one job"):
        route(Call(jobs=0), HUMAN, SETTINGS)


def test_answer_is_never_longer_than_the_model_writes() -> None:
    longest = replace(SETTINGS, lanes=replace(SETTINGS.lanes, batch=BatchLane(max_tokens=10**6)))
    found: Route = route(Call(), NOBODY, longest)
    assert found.max_tokens == 128_000
