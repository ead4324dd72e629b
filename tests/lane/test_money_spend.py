"""Spend: sums that agree whatever the order, in every form, and beside the provider's own reports."""

import csv
import io
import itertools
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanectl.api import Api, connect
from lanectl.cli import main
from lanectl.config import ModelSettings, Price
from lanectl.digest import spendpage
from lanectl.digest.spending import BY, Planned, Row, build
from lanectl.errors import Exit, NoAccess
from lanectl.lane.collect import collect
from lanectl.lane.invoice import Compared, KeyUse, invoice
from lanectl.lane.pull import pull
from lanectl.lane.spend import spend, write_spend_page
from lanectl.lane.submit import submit
from lanectl.models import Lane as Lanes
from lanectl.prices import Prices
from lanectl.render.screen import Screen
from lanectl.render.spend import draw_spend, spend_csv, spend_data
from lanectl.sandbox.faults import Faults, ItemFault
from lanectl.state import answers, money, runs
from lanectl.state.answers import Sums
from tests.lane.scene import FakeClock, OpenLane, Scene, the_run, tries
from tests.ports import deaf_port

MONEY = st.decimals(0, 1000, places=6)


@st.composite
def some_rows(draw: st.DrawFn) -> list[Row]:
    """Answers of a few runs on a few days; some of their costs nobody knows."""
    count = draw(st.integers(0, 12))
    made = []
    for _ in range(count):
        run = draw(st.sampled_from("abcdef"))
        cost = draw(st.none() | MONEY)
        known = draw(MONEY) if cost is None else cost
        tokens = [draw(st.integers(0, 10**6)) for _ in range(5)]
        made.append(
            Row(
                draw(st.sampled_from(["2026-11-23", "2026-11-24", "2026-11-25"])),
                run,
                f"recipe-{run < 'c'}",
                f"model-{run < 'e'}",
                draw(st.integers(1, 50)),
                cost,
                known,
                draw(st.none() | MONEY),
                draw(st.none() | MONEY),
                *(tokens[0], tokens[1], tokens[2], tokens[3], tokens[4]),
                int(cost is None),
            )
        )
    return made


@given(rows=some_rows(), seed=st.randoms())
def test_every_way_to_group_has_the_same_total_in_any_order(rows: list[Row], seed: Any) -> None:
    planned = [
        Planned(run, f"recipe-{run < 'c'}", f"model-{run < 'e'}", "2026-11-23T02:00:00+00:00", 1.5, 2.0,
                settled=True, unfinished=False, reserved_usd=None)
        for run in sorted({row.run for row in rows})
    ]  # fmt: skip
    account = build(rows, planned, by="day", since="", sandbox=False)
    shuffled = list(rows)
    seed.shuffle(shuffled)
    again = build(shuffled, planned, by="day", since="", sandbox=False)
    assert account.total == again.total
    exact = sum((row.known_usd for row in rows), Decimal(0))
    for by in BY:
        lines = account.each[by]
        assert sum(Decimal(str(line.known_usd)) for line in lines) == pytest.approx(exact)
        for name in ("answers", "input_tokens", "output_tokens", "cache_read_tokens", "unknown"):
            assert sum(getattr(line, name) for line in lines) == getattr(account.total, name)
        assert (account.total.paid_usd is None) == any(line.paid_usd is None for line in lines)
        assert sum(line.expected_usd or 0 for line in lines) == pytest.approx(account.total.expected_usd or 0)


# --- settled cost: one number, however it comes about


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Path]]:
    """A run of twelve jobs with every kind of answer, pulled once; its home before that, to copy."""
    root = tmp_path_factory.mktemp("ended")
    clock = FakeClock()
    with Scene(root, clock, "").sandbox() as box:
        scene = Scene(root, clock, box.url)
        scene.make(keys=tuple(f"{n:02}.txt" for n in range(12)))
        box.set_faults(
            Faults(
                items=(
                    ItemFault("errored", index=(1,)),
                    ItemFault("expired", index=(2,)),
                    ItemFault("refusal", index=(3,)),
                    ItemFault("max_tokens", index=(4,)),
                )
            )
        )
        with scene.lane() as lane:
            submit(lane, scene.recipe(), scene.wishes(pilot="0", cache="1h"))
            clean = root / "clean"
            shutil.copytree(scene.home, clean)
            clock.advance(100)
            pull(lane)
        yield scene, clean


def settled(scene: Scene) -> Sums:
    with scene.lane() as lane:
        return answers.sums(lane.db, the_run(lane).id)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_settled_cost_depends_on_no_order_no_repetition_and_no_crash(
    ended: tuple[Scene, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    scene, clean = ended
    expected = settled(scene)
    root = tmp_path_factory.mktemp("again")
    again = Scene(root, scene.clock, scene.url)
    shutil.copytree(clean, again.home)
    with scene.lane() as lane, lane.spool.run(the_run(lane).id).open_results(0) as results:
        lines = [line for line in results.read().split(b"\n") if line.strip()]
    again.repo = scene.repo
    with again.lane() as lane:
        run = replace(the_run(lane), artifacts=str(root / "artifacts"))
        order = data.draw(st.permutations(range(len(lines))), label="order")
        cuts = data.draw(st.lists(st.integers(0, len(lines)), max_size=3), label="crashed after")
        for cut in [*cuts, len(lines), len(lines)]:
            kept = [lines[n] for n in order][:cut]
            # A killed process left some rows recorded; lines may come twice.
            twice = data.draw(st.booleans(), label="twice")
            with lane.spool.run(run.id).results_pen(0) as pen:
                pen.write(b"\n".join(kept * (1 + twice)) + b"\n")
            collect(lane, run, tries(lane)[0], whole=False, unreadable=0)
        found = answers.sums(lane.db, run.id)
        assert found == expected
        account = spend(lane, by="run", since="")
        assert account.total.paid_usd == float(expected.cost_usd or 0)
        assert [line.paid_usd for by in ("day", "recipe", "model") for line in account.each[by]] == [
            account.total.paid_usd
        ] * 3


def test_sum_over_jobs_is_the_sum_over_days_recipes_models_and_runs(
    scene: Scene, open_lane: OpenLane
) -> None:
    lane = open_lane()
    other = (scene.root / "notes.toml").read_text().replace('name = "notes"', 'name = "others"')
    (scene.root / "others.toml").write_text(other.replace("claude-sonnet-5-5", "claude-opus-5-5"))
    for name, days in (("notes", 0), ("others", 1), ("notes", 2)):
        submit(lane, scene.recipe(name), scene.wishes(again=True))
        scene.clock.advance(100)
        pull(lane)
        scene.clock.advance(86_400 * (days > 0))
    jobs = Decimal(0)
    for run in runs.list_runs(lane.db):
        prices = Prices(date.fromisoformat(run.created_at[:10]))
        for job in runs.list_jobs(lane.db, run.id):
            for answer in answers.history(lane.db, run.id, job.n):
                jobs += prices.cost(answer.usage, run.model, Lanes.BATCH) or Decimal(0)
    account = spend(lane, by="day", since="")
    for by in BY:
        assert sum((row.known_usd for row in money.spent(lane.db)), Decimal(0)) == jobs
        assert sum(line.known_usd for line in account.each[by]) == pytest.approx(float(jobs))
    assert {line.key for line in account.each["recipe"]} == {"others", "notes"}
    assert {line.key for line in account.each["model"]} == {"claude-opus-5-5", "claude-sonnet-5-5"}


def test_spend_since_a_day_leaves_earlier_answers_out(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    assert spend(lane, by="day", since="2026-11-25").lines == ()
    assert [line.key for line in spend(lane, by="day", since="2026-11-24").lines] == ["2026-11-24"]


def test_spend_shows_what_an_unfinished_run_still_holds_back(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    run = the_run(lane)
    total = spend(lane, by="run", since="2030-01-01").total
    assert total.unfinished == 1
    assert total.reserved_usd is not None
    assert run.reserved_usd is not None
    assert 0 < total.reserved_usd < float(run.reserved_usd)
    scene.clock.advance(100)
    pull(lane)
    assert (
        spend(lane, by="run", since="").total.unfinished,
        spend(lane, by="run", since="").total.reserved_usd,
    ) == (
        0,
        0.0,
    )


def test_unknown_cost_is_unknown_in_every_form(scene: Scene, open_lane: OpenLane) -> None:
    from lanectl.config import Budget

    path = scene.root / "notes.toml"
    path.write_text(path.read_text().replace("claude-sonnet-5-5", "claude-fable-5-1"))
    nameless = {"claude-fable-5-1": ModelSettings(price=Price())}
    lane = open_lane(budget=Budget(run_requests=10), models=nameless)
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    with lane.db.write():
        lane.db.execute("UPDATE answers SET cost_pico = NULL, list_pico = NULL, uncached_pico = NULL")
    account = spend(lane, by="model", since="")
    assert (account.total.paid_usd, account.total.known_usd, account.total.unknown) == (None, 0.0, 4)
    assert spend_data(account)["groups"][0]["paid_usd"] is None  # type: ignore[index,call-overload]  # plain JSON
    out = io.StringIO()
    draw_spend(Screen(out, io.StringIO(), None, {}), account)
    assert "unknown" in out.getvalue()
    assert "4 answers of unknown cost" in out.getvalue()
    assert next(csv.DictReader(io.StringIO(spend_csv(account))))["paid_usd"] == ""


# --- the forms


def a_row(key: str = "run1", **changed: Any) -> Row:
    """A run's answers of one day; `changed` replaces fields."""
    values: dict[str, Any] = {
        "day": "2026-11-23",
        "run": key,
        "recipe": "pr-review",
        "model": "claude-opus-5-5",
        "answers": 10,
        "cost_usd": Decimal("1.50"),
        "known_usd": Decimal("1.50"),
        "list_usd": Decimal("3.00"),
        "uncached_usd": Decimal("4.00"),
        "input_tokens": 1000,
        "output_tokens": 2000,
        "cache_read_tokens": 900,
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 100,
        "unknown": 0,
    }
    return Row(**(values | changed))


def a_plan(key: str = "run1", **changed: Any) -> Planned:
    """The plan of a settled run; `changed` replaces fields."""
    values: dict[str, Any] = {
        "run": key,
        "recipe": "pr-review",
        "model": "claude-opus-5-5",
        "created_at": "2026-11-23T02:00:00+00:00",
        "expected_usd": 1.25,
        "high_usd": 3.0,
        "settled": True,
        "unfinished": False,
        "reserved_usd": None,
    }
    return Planned(**(values | changed))


ROWS = [
    a_row(),
    a_row("run2", day="2026-11-24", recipe="codemod", cost_usd=Decimal("0.5"), known_usd=Decimal("0.5"),
          uncached_usd=Decimal("0.4"), cache_read_tokens=0),
]  # fmt: skip
PLANS = [
    a_plan(),
    a_plan("run2", recipe="codemod", created_at="2026-11-24T02:00:00+00:00", settled=False, unfinished=True,
           reserved_usd=Decimal("2.25"), cause="the rest was sent before its pilot had come back"),
]  # fmt: skip


def test_terminal_shows_the_table_the_bars_and_what_it_means() -> None:
    out = io.StringIO()
    account = build(ROWS, PLANS, by="recipe", since="2026-11-20T00:00:00+00:00", sandbox=False)
    draw_spend(Screen(out, io.StringIO(), None, {}), account)
    assert out.getvalue() == (
        "Spend by recipe since 2026-11-20\n"
        "recipe     answers  expected   paid   list  hits  reserved\n"
        "pr-review       10     $1.25  $1.50  $3.00   90%         -\n"
        "codemod         10         -  $0.50  $3.00    0%     $2.25\n"
        "total           20     $1.25  $2.00  $6.00   82%     $2.25\n"
        "\n"
        "Paid\n"
        f"pr-review                    $1.50  {'█' * 44}\n"
        f"codemod                      $0.50  {'█' * 15}\n"
        "\n"
        "$2.00 paid for 20 answers; the other lane lists $6.00: $4.00 saved\n"
        "settled runs: $1.25 expected, $1.50 paid\n"
        "cache: 82% of the shared tokens read (900 read, 0 written for 5 minutes, 200 for 1 h):"
        " $2.40 saved against no cache\n"
        "likely cause of few hits: the rest was sent before its pilot had come back\n"
        "1 unfinished run: $2.25 reserved\n"
    )


def test_cost_that_nobody_knows_is_no_bar_of_nothing() -> None:
    out = io.StringIO()
    rows = [ROWS[0], a_row("run2", recipe="codemod", cost_usd=None, known_usd=Decimal(0), unknown=10)]
    draw_spend(Screen(out, io.StringIO(), None, {}), build(rows, PLANS, by="recipe", since="", sandbox=False))
    assert "codemod                    unknown\n" in out.getvalue()


def test_csv_has_a_line_for_each_group_and_computes_nothing() -> None:
    rows = [a_row(recipe="=HYPERLINK(1)")]
    plans = [a_plan(recipe="=HYPERLINK(1)")]
    text = spend_csv(build(rows, plans, by="recipe", since="", sandbox=False))
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["recipe"] == "'=HYPERLINK(1)"
    assert (line["expected_usd"], line["paid_usd"], line["list_usd"], line["hit_rate"]) == (
        "1.25",
        "1.5",
        "3.0",
        "0.9",
    )


def test_page_is_one_file_that_loads_nothing_and_escapes_everything() -> None:
    rows = [a_row("<script>alert(1)</script>"), *ROWS]
    plans = [a_plan("<script>alert(1)</script>", cause='"><img src=x>'), *PLANS]
    page = spendpage.render(
        build(rows, plans, by="day", since="", sandbox=True), now="2026-11-24T08:00:00+00:00"
    )
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("<svg") == 3
    assert not re.search(r"<[^>]*\s(?:src|href|style|on\w+)=", page)
    policy = re.search(r'content="(default-src[^"]+)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "Sandbox: no model was called" in page


def test_page_without_anything_is_still_a_page() -> None:
    page = spendpage.render(build([], [], by="day", since="", sandbox=False), now="2026-11-24T08:00:00+00:00")
    assert "Paid $0.00 for 0 answers" in page
    assert "<svg" not in page


def test_page_lies_in_the_data_folder(scene: Scene, open_lane: OpenLane) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    page = write_spend_page(lane, spend(lane, by="day", since=""))
    assert page == lane.settings.data_dir / "spend.html"
    assert the_run(lane).id in page.read_text()


@pytest.mark.parametrize("by", BY)
def test_command_answers_in_json_by_every_word(
    scene: Scene, open_lane: OpenLane, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, by: str,
) -> None:  # fmt: skip
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    monkeypatch.setenv("LANECTL_HOME", str(scene.home))
    assert main(["spend", "--by", by, "--since", "2026-11-01", "--json"], clock=scene.clock) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    (group,) = said["data"]["groups"]
    assert group == {**said["data"]["total"], "key": group["key"]}
    assert (group["answers"], group["runs"], group["unknown"]) == (4, 1, 0)
    assert group["paid_usd"] * 2 == pytest.approx(group["list_usd"])
    assert main(["spend", "--by", by, "--since", "tomorrow"], clock=scene.clock) == Exit.USAGE


# --- the provider's reports

BUCKET = {"starting_at": "2026-11-24T00:00:00Z", "ending_at": "2026-11-25T00:00:00Z"}


class Reports:
    """A loopback server in the place of the Admin API: two pages of usage, one of costs."""

    def __init__(self, usage: Sequence[Sequence[dict[str, Any]]], costs: Sequence[dict[str, Any]]) -> None:
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []
        pages = [
            {
                "data": [{**BUCKET, "results": results}],
                "has_more": n + 1 < len(usage),
                "next_page": f"p{n + 1}",
            }
            for n, results in enumerate(usage)
        ]
        cost = {"data": [{**BUCKET, "results": costs}], "has_more": False, "next_page": None}
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query)
                asked.append((parts.path, query, self.headers.get("x-api-key")))
                page = int(query.get("page", ["p0"])[0][1:])
                body = json.dumps(cost if parts.path.endswith("cost_report") else pages[page]).encode()
                self.send_response(200 if self.headers.get("x-api-key") == "sk-ant-admin01-x" else 401)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def reports() -> Iterator[Callable[..., tuple[Reports, Api]]]:
    """Makes a server with these reports and a connection to it that holds an admin key."""
    made: list[tuple[Reports, Api]] = []

    def make(
        usage: Sequence[Any], costs: Sequence[Any], key: str = "sk-ant-admin01-x"
    ) -> tuple[Reports, Api]:
        server = Reports(usage, costs)
        made.append((server, connect(salt=b"salt", timeout_s=60.0, base_url=server.url, key=key)))
        return made[-1]

    yield make
    for server, api in made:
        api.close()
        server.close()


def reported(**changed: Any) -> dict[str, Any]:
    """One line of the usage report."""
    return {
        "uncached_input_tokens": 100,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "output_tokens": 50,
        "api_key_id": "apikey_1",
        "workspace_id": None,
        "model": "claude-sonnet-5-5",
        **changed,
    }


def test_reconcile_lays_both_accounts_side_by_side(
    scene: Scene, open_lane: OpenLane, reports: Callable[..., tuple[Reports, Api]]
) -> None:
    lane = open_lane()
    submit(lane, scene.recipe(), scene.wishes())
    scene.clock.advance(100)
    pull(lane)
    ours = answers.sums(lane.db, the_run(lane).id)
    usage = [
        [reported(uncached_input_tokens=ours.input_tokens - 100, output_tokens=ours.output_tokens)],
        [
            reported(output_tokens=7, model="claude-sonnet-5-5-20260928", api_key_id="apikey_2"),
            reported(workspace_id="wrkspc_other", model="claude-opus-5-5"),
        ],
    ]
    costs = [
        {"workspace_id": None, "service_tier": "batch", "amount": "123.45", "currency": "USD"},
        {"workspace_id": None, "service_tier": "standard", "amount": "9999", "currency": "USD"},
        {"workspace_id": "wrkspc_other", "service_tier": "batch", "amount": "not a number"},
    ]
    server, admin = reports(usage, costs)
    found = invoice(lane, admin, since="2026-11-24T00:00:00+00:00")
    assert found.compared == (
        Compared(None, "claude-sonnet-5-5", "input", ours.input_tokens, ours.input_tokens),
        Compared(None, "claude-sonnet-5-5", "output", ours.output_tokens, ours.output_tokens + 7),
    )
    assert found.keys == (
        KeyUse("apikey_1", "wrkspc_other", 150),
        KeyUse("apikey_1", None, ours.input_tokens - 100 + ours.output_tokens),
        KeyUse("apikey_2", None, 107),
    )
    assert found.cost_usd == {"the default workspace": 1.2345}
    assert found.paid_usd == float(ours.cost_usd or 0)
    told = "\n".join(found.notes)
    for said in (
        "wrkspc_01SandboxDefault stands in no report",
        "no report has a figure for one batch",
        "several keys use our workspace",
        "days may differ",
    ):
        assert said in told
    paths = [path for path, _, _ in server.asked]
    assert paths == ["/v1/organizations/usage_report/messages"] * 2 + ["/v1/organizations/cost_report"]
    first = server.asked[0][1]
    assert first["service_tiers[]"] == ["batch"]
    assert first["group_by[]"] == ["api_key_id", "workspace_id", "model"]
    assert (first["starting_at"], first["ending_at"]) == (["2026-11-24T00:00:00Z"], ["2026-11-25T00:00:00Z"])
    assert server.asked[1][1]["page"] == ["p1"]
    assert {key for _, _, key in server.asked} == {"sk-ant-admin01-x"}


def test_reconcile_with_a_key_that_is_no_admin_key_is_refused(
    open_lane: OpenLane, reports: Callable[..., tuple[Reports, Api]]
) -> None:
    _, admin = reports([[]], [], key="sk-ant-api03-x")
    with pytest.raises(NoAccess):
        invoice(open_lane(), admin, since="2026-11-24T00:00:00+00:00")


def test_reconcile_without_an_admin_key_says_which_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY", raising=False)
    assert main(["spend", "--reconcile", "--json"]) == Exit.NO_ACCESS
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["message"], error["where"]) == (
        "the usage and cost reports need an admin key",
        "ANTHROPIC_ADMIN_KEY",
    )


def test_reports_that_are_not_the_apis_are_refused(
    reports: Callable[..., tuple[Reports, Api]],
) -> None:
    from lanectl.errors import TryLater

    _, admin = reports([[]], [])
    assert list(itertools.islice(admin.report("usage_report/messages", {}), 3)) == [{**BUCKET, "results": []}]
    with deaf_port() as number:
        deaf = connect(
            salt=b"s", timeout_s=60.0, base_url=f"http://127.0.0.1:{number}", key="sk-ant-admin01-x"
        )
        with pytest.raises(TryLater):
            list(deaf.report("cost_report", {}))
