"""The pilot: a run's first batch, sent where it protects or pays, and judged before the rest follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lanectl.errors import HeldError
from lanectl.lane import budget
from lanectl.lane.budget import Again
from lanectl.lane.context import Lane
from lanectl.lane.counting import Tokens, count
from lanectl.lane.numbering import sendings_of
from lanectl.lane.prepare import Prepared, Wishes
from lanectl.lane.reckon import Reckoning, rest_of
from lanectl.lane.residency import ELSEWHERE
from lanectl.models import AttemptState, Estimate, Outcome, Role
from lanectl.plan import cache
from lanectl.plan.estimate import OneJob
from lanectl.state import answers, attempts, runs
from lanectl.state.answers import Answer
from lanectl.state.attempts import Attempt
from lanectl.state.runs import Run

LEAST_SAVING_USD = 1.0
LEAST_SAVING_SHARE = 0.1
MOST_PASSING_ERRORS = 2
MOST_TRUNCATED = 2
# What may end differently by itself: these error types pass, the others are of the request or the account.
PASSING_ERRORS = frozenset({"api_error", "overloaded_error", "rate_limit_error", "timeout_error"})
NOT_SETTLED = (AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.ACCEPTED, AttemptState.ENDED)
# What a model was asked and answered, whatever it said: it proves that requests of this form are taken.
ANSWERED = frozenset({Outcome.SUCCEEDED, Outcome.REFUSED, Outcome.INVALID, Outcome.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Decision:
    """How a run is sent: jobs in its pilot (0: none), its estimate, and the cache that pays without a pilot.

    `again` gives the figures of fewer jobs or shorter answers, `each` those of one job on both lanes.
    """

    pilots: int
    estimate: Estimate
    unprimed_cache: str
    tokens: Tokens
    reason: str
    again: Again
    each: tuple[OneJob, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the rest of a run may be sent; `why` not is `pilot` (waited for), `held`, or `unknown`."""

    open: bool
    why: str | None = None


def decide(lane: Lane, prepared: Prepared, wishes: Wishes, *, offline: bool = False) -> Decision:
    """Whether a pilot protects (this form of request never succeeded here) or pays.

    It pays from a dollar and a tenth of *high* on, against sending everything at once with the best cache for
    that.
    """
    wanted = wishes.pilot or str(prepared.recipe.run.pilot)
    cache_wanted = wishes.cache or prepared.recipe.prefix.cache
    tokens = count(lane, prepared, offline=offline)
    plain = Reckoning(lane, prepared, tokens, cache_wanted=cache_wanted)
    unprimed = plain.estimate()

    def decided(pilots: int, chosen: Reckoning, reason: str) -> Decision:
        return Decision(
            pilots,
            chosen.estimate(),
            unprimed.cache.mode,
            tokens,
            reason,
            chosen.estimate,
            chosen.each(),
        )

    if wanted == "0" or len(prepared.jobs) < 2:
        return decided(0, plain, "no pilot")
    pilots = 1 if wanted == "auto" else min(int(wanted), len(prepared.jobs) - 1)
    primed = plain.after(pilots)
    saving = (unprimed.expected_usd or 0.0) - (primed.estimate().expected_usd or 0.0)
    better = primed if saving > 0 else plain
    if wanted != "auto":
        return decided(pilots, better, "a pilot was asked for")
    if saving >= LEAST_SAVING_USD and saving >= LEAST_SAVING_SHARE * (unprimed.high_usd or 0.0):
        return decided(1, primed, f"the pilot saves about ${saving:,.2f}")
    if not runs.form_succeeded(lane.db, prepared.form):
        return decided(1, better, "this form of request has never succeeded here")
    return decided(0, plain, "no pilot: this form has succeeded before, and priming saves little")


def gate(lane: Lane, run: Run, *, hurry: bool = False) -> Gate:
    """Whether what follows the pilot may be sent now; a pilot that has come back is judged here, once.

    A late pilot releases the rest with the cache that pays unprimed, or holds it, as the recipe says; `hurry`
    is a person who does not want to wait. A rest that no longer fits under the caps is held.
    """
    pilots = _pilots(lane, run)
    live = [one for one in pilots if one.replaced_by is None]
    if not pilots or run.policy.get("pilot_judged"):
        return _still(lane, run, live)
    if any(one.state in (AttemptState.SENDING, AttemptState.UNKNOWN) for one in live):
        return Gate(False, "unknown")
    if any(one.state in NOT_SETTLED for one in live):
        return _late(lane, run, pilots[0], hurry=hurry)
    if all(one.state == AttemptState.PULLED for one in live):
        return _judge(lane, run, live)
    return Gate(False, "pilot")


def _still(lane: Lane, run: Run, live: list[Attempt]) -> Gate:
    """What was let through and waits longer than the pilot's entry lives goes on with the cache for that."""
    unsent = attempts.list_attempts(
        lane.db, run.id, AttemptState.INTENT, AttemptState.REFUSED, AttemptState.ABSENT
    )
    waits = [one for one in unsent if one.role == Role.MAIN and one.replaced_by is None]
    mode, _ = _cache_of_rest(lane, run, live)
    if live and any(one.cache_mode == "1h" != mode for one in waits):
        return _through(lane, run, live, "it has waited too long")
    return Gate(True)


def overrule(lane: Lane, run: Run) -> None:
    """A person has looked: a pilot that was sent holds the rest back no longer, whatever became of it.

    Raises `HeldError` when the rest is over a cap. One whose fate is unknown is still waited for; a pilot
    that never left still goes first.
    """
    live = [one for one in _pilots(lane, run) if one.replaced_by is None]
    out = (AttemptState.ACCEPTED, AttemptState.ENDED, AttemptState.PULLED)
    with lane.db.write():
        if live and not run.policy.get("pilot_judged") and all(one.state in out for one in live):
            _reserve_rest(lane, run, live, attended=True)
            _release(lane, run, live, "by a person")
        else:
            _reserve_rest(lane, run, live, attended=True)


def _late(lane: Lane, run: Run, first: Attempt, *, hurry: bool) -> Gate:
    since = lane.clock() - datetime.fromisoformat(first.sending_at or first.created_at)
    if not hurry and since < timedelta(seconds=float(run.policy.get("pilot_wait_s", 2700))):
        return Gate(False, "pilot")
    if not hurry and run.policy.get("pilot_late") == "hold":
        _hold(lane, run, f"the pilot is late: not back after {since.total_seconds() / 60:,.0f} minutes")
        return Gate(False, "held")
    return _through(lane, run, [], "sent without waiting for the pilot")


def _judge(lane: Lane, run: Run, live: list[Attempt]) -> Gate:
    """Read the pilot's answers.

    Errors of the request, the key or the account hold the run; passing ones and expired jobs are sent again,
    with the rest if another answer has shown that the form is taken.
    """
    last = live[-1]
    came = _answers(lane, run, last)
    bad = _held_by(came)
    if bad is not None:
        _hold(lane, run, bad)
        return Gate(False, "held")
    outcomes = {answer.outcome for _, answer in came}
    failed = [job for job, answer in came if answer.outcome in (Outcome.ERRORED, Outcome.EXPIRED)]
    if failed and not outcomes & ANSWERED and Outcome.TRUNCATED not in outcomes:
        return _again(lane, run, last, failed, came)
    if Outcome.TRUNCATED in outcomes and Outcome.SUCCEEDED not in outcomes:
        return _truncated(lane, run, live)
    if failed:
        _another(lane, run, last, failed, Role.MAIN)
    return _through(lane, run, live, f"the pilot came back: {', '.join(sorted(outcomes))}")


def _held_by(came: Sequence[tuple[int, Answer]]) -> str | None:
    """Why these answers of a pilot hold the run; None when they do not."""
    for _, answer in came:
        error = answer.error
        if answer.outcome == Outcome.ERRORED and (error is None or error.type not in PASSING_ERRORS):
            told = "an error without a reason" if error is None else f"{error.type}: {error.message}"
            return f"the pilot failed: {told}"
        if answer.outcome == Outcome.CANCELED:
            return "the pilot was canceled at the provider"
        if error is not None and error.type == ELSEWHERE:
            return f"the pilot's answer was {error.message}"
    if came and all(answer.outcome == Outcome.MISSING for _, answer in came):
        return "the pilot's result is missing at the provider"
    return None


def _again(
    lane: Lane, run: Run, last: Attempt, failed: list[int], came: Sequence[tuple[int, Answer]]
) -> Gate:
    """Send a pilot again that met a passing error or expired, but not for ever."""
    if sum(one.state == AttemptState.PULLED for one in _pilots(lane, run)) > MOST_PASSING_ERRORS:
        error = came[-1][1].error
        why = error.message if error and came[-1][1].outcome == Outcome.ERRORED else "expired"
        _hold(lane, run, f"the pilot did not get through {MOST_PASSING_ERRORS + 1} times: {why}")
        return Gate(False, "held")
    _another(lane, run, last, failed, Role.PILOT)
    return Gate(False, "pilot")


def _truncated(lane: Lane, run: Run, live: list[Attempt]) -> Gate:
    """One cut answer may be that item's; two from different items are the recipe's."""
    cut = sum(answer.outcome == Outcome.TRUNCATED for one in live for _, answer in _answers(lane, run, one))
    if cut >= MOST_TRUNCATED:
        _hold(lane, run, f"{cut} pilots were cut at max_tokens = {live[-1].max_tokens:,}")
        return Gate(False, "held")
    with lane.db.write():
        moved = attempts.take_first_job(lane.db, run.id)
        if moved is not None:
            _another(lane, run, live[-1], [moved], Role.PILOT)
            return Gate(False, "pilot")
    return _through(lane, run, live, "the pilot was cut, and there is no further item")


def _another(lane: Lane, run: Run, like: Attempt, jobs: list[int], role: Role) -> None:
    number = attempts.next_number(lane.db, run.id)
    fresh = Attempt(
        run=run.id,
        number=number,
        role=role,
        state=AttemptState.INTENT,
        requests=len(jobs),
        bytes=0,
        cache_mode=like.cache_mode,
        max_tokens=like.max_tokens,
        created_at=lane.now,
    )
    told = "another pilot follows" if role is Role.PILOT else f"{len(jobs)} of the pilot are sent again"
    with lane.db.write():
        runs.reset_jobs(lane.db, run.id, jobs)
        attempts.add_attempt(lane.db, fresh, sendings_of(lane, run.id, number, jobs))
        runs.add_event(lane.db, run.id, told, now=lane.now)


def _through(lane: Lane, run: Run, live: list[Attempt], why: str) -> Gate:
    """Let the rest go with a reservation from what the pilot used, or hold it if that is over a cap."""
    with lane.db.write():
        try:
            _reserve_rest(lane, run, live, attended=False)
        except HeldError as over:
            _hold(lane, run, f"after the pilot: {over.message}")
            return Gate(False, "held")
        _release(lane, run, live, why)
    return Gate(True)


def _reserve_rest(lane: Lane, run: Run, live: list[Attempt], *, attended: bool) -> None:
    waiting = budget.waiting_jobs(lane, run)
    if not waiting:
        return
    mode, primed = _cache_of_rest(lane, run, live)
    rest = rest_of(
        lane,
        run,
        waiting,
        max_tokens=max(one.max_tokens for one in attempts.list_attempts(lane.db, run.id)),
        cache_mode=mode,
        primed=primed,
        sampled=[answer.usage for one in live for _, answer in _answers(lane, run, one)],
    )
    budget.commit_more(lane, run, rest, waiting, attended=attended)


def _cache_of_rest(lane: Lane, run: Run, live: list[Attempt]) -> tuple[str, bool]:
    """The cache mode for the rest, and whether it will find what a pilot wrote: for an hour, no longer."""
    planned = run.cache_mode
    back = [one for one in live if one.state == AttemptState.PULLED and one.cache_mode == "1h"]
    unprimed = str(run.policy.get("unprimed_cache", planned))
    if not back or planned != "1h":
        return (unprimed, False) if _pilots(lane, run) else (planned, False)
    lives = any(
        cache.entry_lives(
            created_at=one.batch_created_at or one.created_at, ended_at=one.ended_at, now=lane.clock()
        )
        for one in back
    )
    return ("1h", True) if lives else (unprimed, False)


def _release(lane: Lane, run: Run, live: list[Attempt], why: str) -> None:
    mode, primed = _cache_of_rest(lane, run, live)
    late = live and run.cache_mode == "1h" and not primed
    with lane.db.write():
        runs.mark_judged(lane.db, run.id)
        attempts.set_unsent_cache(lane.db, run.id, mode)
        told = f", with the cache {mode} since the pilot's entry has expired" if late else ""
        runs.add_event(lane.db, run.id, f"the rest is released: {why}{told}", now=lane.now)


def _pilots(lane: Lane, run: Run) -> list[Attempt]:
    return [one for one in attempts.list_attempts(lane.db, run.id) if one.role == Role.PILOT]


def _answers(lane: Lane, run: Run, attempt: Attempt) -> list[tuple[int, Answer]]:
    """What came of one attempt, with the jobs' numbers."""
    return [
        (sending.job, answer)
        for sending in list(attempts.list_sendings(lane.db, attempt))
        for answer in answers.history(lane.db, run.id, sending.job)
        if answer.attempt == attempt.number
    ]


def _hold(lane: Lane, run: Run, reason: str) -> None:
    with lane.db.write():
        runs.hold(lane.db, run.id, reason=reason, hint=f"lanectl release {run.id}")
        runs.add_event(lane.db, run.id, f"held: {reason}", now=lane.now)
