"""Status as tables: needs first, 80 columns whatever the names, and nothing that acts on a terminal."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from lanectl.lane.status import RunStatus, Status
from lanectl.models import Counts
from lanectl.render.status import draw_run, draw_status, run_data
from lanectl.state.answers import Sums
from lanectl.state.attempts import Attempt
from lanectl.state.lock import Holder
from lanectl.state.runs import Run
from tests.nights import a_run
from tests.render.render_world import Desk

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RUN = Run(
    id="abcdefghij",
    recipe="pr-review",
    recipe_sha256="",
    description="",
    repo="/shop",
    repo_name="shop",
    commit_sha=None,
    branch=None,
    model="claude-opus-5-5",
    output={"table": {"kind": "findings"}},
    policy={},
    estimate={"expected_usd": 3.5},
    cache_mode="1h",
    prefix_sha256="",
    prefix_bytes=0,
    form="",
    artifacts="/shop/.lanectl/pr-review/abcdefghij",
    reserved_usd=Decimal("7.5"),
    created_at="2026-11-24T02:00:00+00:00",
)
BATCH = Attempt(
    run=RUN.id,
    number=0,
    role="main",
    state="accepted",
    requests=1_000_000,
    bytes=250_000_000,
    cache_mode="1h",
    max_tokens=64_000,
    created_at=RUN.created_at,
    batch_id="msgbatch_1",
    batch_created_at=RUN.created_at,
    expires_at="2026-11-25T02:00:00+00:00",
    counts=Counts(processing=1_000_000),
)
NOTHING = Sums(Decimal(0), Decimal(0), Decimal(0), 0, 0, 0, 0, 0, 0)
SOME = Sums(Decimal("1234.5"), Decimal(2469), Decimal(2000), 1, 1, 75, 25, 0, 12)


def a_status(
    run: Run = RUN, *, sums: Sums = NOTHING, needs: tuple[str, ...] = (), **account: object
) -> RunStatus:
    """One run as the verb hands it over."""
    told = {"recipe": run.recipe, "jobs": 40, "out": 40, "outcomes": {}, "cost_usd": None, **account}
    return RunStatus(
        run=run,
        account=a_run(run.id, **told),
        state="in_progress",
        waiting=0,
        attempts=(BATCH,),
        candidates={},
        sums=sums,
        needs=needs,
    )


def drawn(*runs: RunStatus, holder: Holder | None = None) -> str:
    """The table of these runs, as a pipe gets it."""
    desk = Desk()
    draw_status(desk.screen, Status(runs, 0, holder, None), now=NOW)
    return desk.out.text


def test_runs_are_one_line_each_with_what_is_left_of_the_time() -> None:
    settled = a_status(
        replace(RUN, id="zyxwvutsrq"), sums=SOME, out=0, outcomes={"succeeded": 38}, cost_usd=1234.5
    )
    assert drawn(a_status(), settled) == (
        "Runs\n"
        "run         recipe         sent  state        jobs          ends          cost\n"
        "abcdefghij  pr-review  10 h ago  in_progress  40 of 40 out  in 14 h     ~$3.50\n"
        "zyxwvutsrq  pr-review  10 h ago  in_progress  38 of 40 ok   in 14 h  $1,234.50\n"
    )


def test_needs_stand_before_everything_else() -> None:
    text = drawn(
        a_status(), a_status(replace(RUN, held_reason="a cap"), needs=("held: a cap; lanectl release x",))
    )
    assert text.splitlines()[:3] == ["Needs you", "pr-review abcdefghij: held: a cap; lanectl release x", ""]
    assert "  held  " in text


def test_longest_names_and_numbers_fit_80_columns() -> None:
    wide = replace(RUN, recipe="an-unbelievably-long-recipe-name-of-sixty-four-characters-in-all")
    text = drawn(a_status(wide, sums=SOME, jobs=1_000_000, out=1_000_000, cost_usd=1_234_567.89))
    assert max(map(len, text.splitlines())) <= 80
    assert "$1,234,567.89" in text
    assert "abcdefghij" in text


def test_one_run_shows_money_cache_and_batches_in_80_columns() -> None:
    desk = Desk()
    draw_run(desk.screen, a_status(sums=SOME, cost_usd=1234.5, list_usd=2469.0, expected_usd=3.5), now=NOW)
    lines = desk.out.text.splitlines()
    assert "cost: $1,234.50 so far, $3.50 were expected; $2,469.00 on the interactive lane" in lines
    assert "cache: 75% of the shared tokens read from it, $765.50 saved by it" in lines
    table = lines[lines.index("Batches") :]
    assert max(map(len, table)) <= 80
    assert "1,000,000" in table[2]
    assert "in 14 h" in table[2]


def test_hostile_words_act_on_nothing() -> None:
    evil = "x\x1b[2J\u202e\r\n[red]y"
    text = drawn(a_status(replace(RUN, recipe=evil), needs=(evil,)))
    assert not set(text) & {chr(code) for code in (*range(10), *range(11, 32), 0x7F, 0x202E)}


def test_unknown_money_is_null_and_never_zero() -> None:
    run = run_data(a_status(sums=replace(SOME, cost_usd=None)))
    assert run["cost"] == {
        "estimated_usd": 3.5,
        "reserved_usd": 7.5,
        "actual_usd": None,
        "list_usd": 6.42,
    }


def test_holder_of_the_lock_is_told_beside_the_table() -> None:
    desk = Desk()
    holder = Holder(42, "lanectl tick", "2026-11-24T11:59:00+00:00")
    draw_status(desk.screen, Status((), 0, holder, None), now=NOW)
    assert desk.err.text.splitlines()[0] == "lanectl tick (pid 42) is at work since 1 min ago"
