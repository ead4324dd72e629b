"""What was planned and sent, or would be: submit, its dry run, estimate, and what one job costs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lanectl.digest.account import dollars
from lanectl.digest.words import counted
from lanectl.models import Estimate, JsonValue, Skip
from lanectl.render.words import by_reason, size, tokens

if TYPE_CHECKING:
    from lanectl.lane.estimate import Estimated
    from lanectl.lane.submit import Preview, Submitted
    from lanectl.render.screen import Screen
    from lanectl.state.attempts import Attempt

NAMED = 5
KEPT = "the provider keeps requests and results for 29 days, then deletes them"
COME_BACK = "most batches end within an hour, all within a day; you can close the laptop now"


def estimate_data(estimate: Estimate | None) -> JsonValue:
    """An estimate's figures; None where there is none."""
    if estimate is None:
        return None
    cache = estimate.cache
    return {
        "expected_usd": estimate.expected_usd,
        "high_usd": estimate.high_usd,
        "at_most_usd": estimate.at_most_usd,
        "list_usd": estimate.list_usd,
        "input_tokens": estimate.input_tokens,
        "prefix_tokens": estimate.prefix_tokens,
        "output_tokens": estimate.output_tokens,
        "cache": {
            "mode": cache.mode,
            "reason": cache.reason,
            "break_even_hit_rate": cache.break_even_hit_rate,
            "expected_hit_rate": cache.expected_hit_rate,
        },
        "basis": estimate.basis,
    }


def skips_data(skips: Iterable[Skip]) -> list[JsonValue]:
    """Every item that is not sent, with its named reason."""
    return [{"key": skip.key, "reason": skip.reason, "detail": skip.detail} for skip in skips]


def submitted_data(done: "Submitted") -> dict[str, JsonValue]:
    """One submission; `run` is null where nothing was left to send."""
    return {
        "run": done.run,
        "recipe": done.recipe,
        "state": done.state,
        "held": None if done.held is None else {"reason": done.held[0], "hint": done.held[1]},
        "jobs": done.jobs,
        "skipped": skips_data(done.skipped),
        "batches": [_batch_data(one) for one in done.batches],
        "estimate": estimate_data(done.estimate),
        "artifacts": None if done.artifacts is None else str(done.artifacts),
    }


def draw_submitted(screen: "Screen", done: "Submitted") -> None:
    """One submission: the run and what it will cost."""
    if done.run is None:
        why = "nothing was sent" if done.canceled_by_user else _nothing(done.skipped, done.passed_over)
        screen.say(f"{done.recipe}: {why}")
        draw_skips(screen, done.skipped)
        return
    screen.title(f"{done.recipe}, run {done.run}: {done.state}")
    hosts = sorted({urlsplit(one.base_url).netloc for one in done.batches if one.base_url})
    sent = sum(one.bytes for one in done.batches)
    where = f", {size(sent)}, to {', '.join(hosts)}" if hosts else ""
    screen.say(f"{counted(done.jobs, 'job')} in {counted(len(done.batches), 'batch', 'batches')}{where}")
    if done.estimate is not None:
        draw_estimate(screen, done.estimate)
    draw_skips(screen, done.skipped)
    for one in done.batches:
        screen.detail(f"batch {one.number} ({one.role}): {one.batch_id or 'no id yet'}, {one.state}")
    screen.say(f"artifacts: {done.artifacts}")


def draw_return(screen: "Screen", done: Sequence["Submitted"]) -> None:
    """Once for all that was sent: how long it is kept, and when to come back for it."""
    out = [one for one in done if one.held is None and any(batch.batch_id for batch in one.batches)]
    if out:
        pull = f"lanectl pull {out[0].run}" if len(out) == 1 else "lanectl pull"
        screen.note(KEPT, "dim")
        screen.note(screen.typed(f"{COME_BACK}: {pull}"))


def estimated_data(done: "Estimated") -> dict[str, JsonValue]:
    """A recipe's figures for the items that it has now, by lane too."""
    figures = done.estimate
    return {
        "recipe": done.recipe,
        "jobs": done.jobs,
        "bytes": done.bytes,
        "skipped": skips_data(done.skipped),
        "estimate": estimate_data(figures),
        "lanes": {
            "batch": {"expected_usd": figures.expected_usd},
            "interactive": {"expected_usd": figures.list_usd},
        },
        "pilot": {"jobs": done.pilots, "reason": done.pilot_reason},
        "one_job": [
            {
                "lane": one.lane,
                "uncached_usd": one.uncached_usd,
                "write_5m_usd": one.write_5m_usd,
                "write_1h_usd": one.write_1h_usd,
                "read_usd": one.read_usd,
            }
            for one in done.each
        ],
    }


def draw_estimated(screen: "Screen", done: "Estimated") -> None:
    """Both lanes side by side."""
    from lanectl.render.screen import Column

    figures = done.estimate
    if not done.jobs:
        screen.say(f"{done.recipe}: nothing to send")
        draw_skips(screen, done.skipped)
        return
    screen.table(
        f"{done.recipe}: {counted(done.jobs, 'job')}, {size(done.bytes)}",
        [Column("lane"), *(Column(name, right=True) for name in ("expected", "high", "at most"))],
        [
            ["batch", *map(dollars, (figures.expected_usd, figures.high_usd, figures.at_most_usd))],
            ["interactive", dollars(figures.list_usd), "-", "-"],
        ],
    )
    screen.say(
        f"tokens: {tokens(figures.input_tokens)} in ({tokens(figures.prefix_tokens)} of each request shared),"
        f" {tokens(figures.output_tokens)} out"
    )
    _draw_cache(screen, figures)
    screen.prose(f"pilot: {done.pilots or 'none'}, {done.pilot_reason}")
    _draw_each(screen, done)
    screen.note(f"basis: {figures.basis}", "dim")
    draw_skips(screen, done.skipped)


def _draw_each(screen: "Screen", done: "Estimated") -> None:
    from lanectl.render.screen import Column

    columns = ("uncached", "5 min written", "1 h written", "read")
    if done.each:
        screen.table(
            "One job, by what happens to its prefix",
            [Column("lane"), *(Column(name, right=True) for name in columns)],
            [
                [
                    one.lane,
                    *map(_exact, (one.uncached_usd, one.write_5m_usd, one.write_1h_usd, one.read_usd)),
                ]
                for one in done.each
            ],
        )


def _exact(amount: float | None) -> str:
    """One job is cheap: its cost to a hundredth of a cent."""
    return "unknown" if amount is None else f"${amount:,.4f}"


def draw_estimate(screen: "Screen", figures: Estimate) -> None:
    """What a run will cost, in two lines."""
    screen.prose(
        f"cost: expected {dollars(figures.expected_usd)}, high {dollars(figures.high_usd)},"
        f" at most {dollars(figures.at_most_usd)};"
        f" on the interactive lane {dollars(figures.list_usd)} expected"
    )
    _draw_cache(screen, figures)
    screen.detail(f"basis: {figures.basis}")


def draw_skips(screen: "Screen", skips: Iterable[Skip]) -> None:
    """What is not sent, grouped by its reason, with the names that a reader needs to look."""
    for reason, count in by_reason(skip.reason for skip in skips).items():
        named = list(islice((skip for skip in skips if skip.reason == reason), NAMED))
        some = ", ".join(skip.key for skip in named)
        more = f" and {count - NAMED:,} more" if count > NAMED else ""
        screen.prose(f"skipped {count:,}, {reason}: {some}{more}")
        for skip in skips if screen.verbose else ():
            if skip.reason == reason:
                screen.detail(f"  {skip.key}: {skip.detail or reason}")
        if reason == "secret":
            for skip in named:
                screen.prose(f"  {skip.key}: {skip.detail}")


def preview_data(seen: "Preview") -> dict[str, JsonValue]:
    """What a submission would send; nothing was."""
    return {
        "recipe": seen.recipe,
        "host": seen.host,
        "jobs": seen.jobs,
        "bytes": seen.bytes,
        "prefix_bytes": seen.prefix_bytes,
        "batches": [{"jobs": jobs} for jobs in seen.batches],
        "params": {name: _plain(value) for name, value in seen.params.items()},
        "system": list(seen.system),
        "first": None if seen.first_key is None else {"key": seen.first_key, "prompt": seen.first_prompt},
        "skipped": skips_data(seen.skipped),
        "estimate": estimate_data(seen.estimate),
        "artifacts": str(seen.artifacts.parent),
    }


def draw_preview(screen: "Screen", seen: "Preview") -> None:
    """The prefix and the first job as they would go out, then counts, sizes and cost."""
    if not seen.jobs:
        screen.say(f"{seen.recipe}: {_nothing(seen.skipped, seen.passed_over)}")
        draw_skips(screen, seen.skipped)
        return
    screen.title(f"{seen.recipe}: the prefix, {size(seen.prefix_bytes)} in every request")
    for text in seen.system:
        screen.say(text)
    screen.title(f"{seen.recipe}: the first job, {seen.first_key}")
    screen.say(seen.first_prompt or "")
    screen.title(f"{seen.recipe}: would be sent to {seen.host}; nothing was")
    batches = counted(len(seen.batches), "batch", "batches")
    screen.say(f"{counted(seen.jobs, 'job')} in {batches}, {size(seen.bytes)}")
    screen.say(f"parameters: {parameters(seen.params)}")
    if seen.estimate is not None:
        draw_estimate(screen, seen.estimate)
    draw_skips(screen, seen.skipped)
    screen.say(f"artifacts: {seen.artifacts.parent}")


def question(recipe: str, figures: Estimate) -> str:
    """What a person is asked once, before more is spent than they said."""
    high = "an unknown amount" if figures.high_usd is None else f"{dollars(figures.high_usd)} (high)"
    expected = "" if figures.expected_usd is None else f", {dollars(figures.expected_usd)} expected"
    return f"Send {counted(figures.jobs, 'job')} of {recipe} for {high}{expected}?"


def parameters(params: Mapping[str, object]) -> str:
    """A request's parameters in one line; of a schema only that there is one."""
    told: list[str] = []
    for name, value in params.items():
        if name == "output_config" and isinstance(value, Mapping):
            form = value.get("format")
            told += [f"effort {value['effort']}"] if "effort" in value else []
            told += [f"format {form['type']}"] if isinstance(form, Mapping) and "type" in form else []
        elif isinstance(value, Mapping):
            told.append(f"{name} {' '.join(map(str, value.values()))}")
        else:
            told.append(f"{name} {value}")
    return ", ".join(told)


def _nothing(skipped: Collection[Skip], passed_over: int) -> str:
    if skipped:
        return "nothing new to send"
    if passed_over:
        return f"nothing to send: --only leaves out all {counted(passed_over, 'item')} of the source"
    return "nothing to send: the source yields no item"


def _batch_data(one: "Attempt") -> JsonValue:
    return {
        "id": one.batch_id,
        "role": str(one.role),
        "jobs": one.requests,
        "bytes": one.bytes,
        "state": str(one.state),
    }


def _draw_cache(screen: "Screen", figures: Estimate) -> None:
    screen.prose(f"cache: {figures.cache.mode}, {figures.cache.reason}")


def _plain(value: object) -> JsonValue:
    """A parameter as data; whatever is not plain stands as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value)
