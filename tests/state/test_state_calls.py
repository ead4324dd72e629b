"""Calls of the interactive lane count against the caps of their day, once, and with what they cost."""

from decimal import Decimal
from pathlib import Path

import pytest

from lanectl.models import Usage
from lanectl.state import calls, money
from lanectl.state.database import Database, open_state

YESTERDAY, TODAY, NOON = "2026-11-23T00:00:00+00:00", "2026-11-24T00:00:00+00:00", "2026-11-24T12:00:00+00:00"


@pytest.fixture
def state(tmp_path: Path) -> Database:
    return open_state(tmp_path / "state.db", sandbox=False, now=TODAY)


@pytest.mark.parametrize(
    ("since", "usd"), [(YESTERDAY, "0.75"), (TODAY, "0.5"), ("2026-11-25T00:00:00+00:00", "0")]
)
def test_calls_count_from_the_day_they_were_made(state: Database, since: str, usd: str) -> None:
    with state:
        for at, cost in ((YESTERDAY, "0.25"), (NOON, "0.5")):
            number = calls.add_call(state, verb="ask", model="m", base_url="https://x", now=at)
            calls.settle_call(state, number, "answered", Usage(), cost_usd=Decimal(cost))
        assert money.committed(state, since, stale=YESTERDAY).usd == Decimal(usd)


def test_call_that_is_under_way_counts_nothing_yet(state: Database) -> None:
    with state:
        calls.add_call(state, verb="ask", model="m", base_url="https://x", now=NOON)
        assert money.committed(state, TODAY, stale=YESTERDAY).usd == 0
