"""Calls of the interactive lane: recorded before their first byte is sent, settled with what they used."""

from decimal import Decimal

from lanectl.models import Usage
from lanectl.state.database import Database
from lanectl.state.runs import pico


def add_call(db: Database, *, verb: str, model: str, base_url: str, now: str) -> int:
    """Record that a call is about to be sent; `verb` is `ask`, `try` or `queue`. Returns its number."""
    with db.write():
        db.execute(
            "INSERT INTO calls (at, verb, model, base_url, state) VALUES (?, ?, ?, ?, 'sending')",
            (now, verb, model, base_url),
        )
        return int(db.value("SELECT last_insert_rowid()"))


def settle_call(
    db: Database,
    number: int,
    state: str,
    usage: Usage,
    *,
    cost_usd: Decimal | None,
    request_id: str | None = None,
) -> None:
    """Record how a call ended (`answered`, `interrupted`, `failed`), and what is known of its use and
    cost."""
    with db.write():
        db.execute(
            """UPDATE calls SET state = ?, request_id = ?, input_tokens = ?, output_tokens = ?,
                cache_read_tokens = ?, cache_write_5m_tokens = ?, cache_write_1h_tokens = ?, cost_pico = ?
            WHERE id = ?""",
            (
                *(state, request_id, usage.input_tokens, usage.output_tokens),
                *(usage.cache_read_input_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens),
                *(pico(cost_usd), number),
            ),
        )
