"""Sums of money and tokens over many runs: committed against caps, spent by the day, read from the cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from sqlite3 import Row

from lanectl.state.database import Database
from lanectl.state.runs import usd

# What a batch was sent on: the provider's own time where it is known. Prices and caps go by this day.
SENT_AT = "coalesce(attempts.batch_created_at, attempts.sending_at, attempts.created_at)"
SENT = "('sending', 'unknown', 'accepted', 'ended', 'pulled')"
COST = "(SELECT coalesce(sum(cost_pico), 0) FROM answers WHERE answers.run = runs.id)"
AT_PROVIDER = "('sending', 'unknown', 'accepted', 'ended')"
# A run that holds money back: something of it is out, or waits and will be sent unasked. A held run holds
# none (releasing it is a new commitment), nor does one that lies unsent since before `:stale`.
HOLDS_BACK = f"""(runs.pulled_at IS NULL AND (
    EXISTS (SELECT 1 FROM attempts WHERE attempts.run = runs.id AND attempts.state IN {AT_PROVIDER})
    OR (runs.dropped_at IS NULL AND runs.canceled_at IS NULL AND runs.held_reason IS NULL
        AND (runs.created_at >= :stale OR json_extract(runs.policy, '$.released') IS NOT NULL))))"""  # noqa: S608 -- only constants of this module
RESERVED_AT = "coalesce(json_extract(runs.policy, '$.reserved_at'), runs.created_at)"
MOST_RUNS = 20
LEAST_ANSWERS = 5


@dataclass(frozen=True, slots=True)
class Committed:
    """What a period has cost already and what is still reserved in it, in dollars; how many requests it sent.

    `unknown` counts the answers and reservations whose price nobody knows.
    """

    spent_usd: Decimal
    reserved_usd: Decimal
    requests: int
    unknown: int

    @property
    def usd(self) -> Decimal:
        """Both together."""
        return self.spent_usd + self.reserved_usd


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run's answers cost that were sent on one day (UTC); money is None when any of it is unknown.

    `known_usd` sums what is known of the cost, `unknown` counts the answers whose cost is not.
    """

    day: str
    run: str
    recipe: str
    model: str
    answers: int
    cost_usd: Decimal | None
    known_usd: Decimal
    list_usd: Decimal | None
    uncached_usd: Decimal | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Met:
    """How the main batches of one run met the cache: tokens read and written, and when they were sent."""

    run: str
    read_tokens: int
    written_tokens: int
    primed: bool


def committed(db: Database, since: str, *, stale: str, but: str | None = None) -> Committed:
    """What is spent and reserved in the period that began at `since`; `but` leaves one run's reservation out.

    Answers count on the day that their batch was sent, calls of the interactive lane on their own,
    reservations on the day they were made. Unsent runs from before `stale` count no longer.
    """
    names = {"since": since, "stale": stale, "but": but}
    spent = db.row(
        f"""SELECT coalesce(sum(cost_pico), 0) AS spent, count(answers.run) - count(cost_pico) AS unknown
        FROM attempts CROSS JOIN answers ON answers.run = attempts.run AND answers.attempt = attempts.number
        WHERE {SENT_AT} >= :since""",  # noqa: S608 -- only constants of this module
        {"since": since},
    )
    reserved = db.row(
        f"""SELECT coalesce(sum(max(coalesce(reserved, 0) - cost, 0)), 0) AS reserved,
            coalesce(sum(reserved IS NULL), 0) AS unknown
        FROM (SELECT runs.reserved_pico AS reserved, {COST} AS cost FROM runs
            WHERE {HOLDS_BACK} AND {RESERVED_AT} >= :since AND runs.id IS NOT :but)""",  # noqa: S608 -- as above
        names,
    )
    requests = db.value(
        f"""SELECT coalesce(sum(attempts.requests), 0) FROM attempts JOIN runs ON runs.id = attempts.run
        WHERE {SENT_AT} >= :since AND (attempts.state IN {SENT}
            OR (attempts.replaced_by IS NULL AND runs.id IS NOT :but AND {HOLDS_BACK}))""",  # noqa: S608 -- as above
        names,
    )
    asked = db.value("SELECT coalesce(sum(cost_pico), 0) FROM calls WHERE at >= ?", (since,))
    if spent is None or reserved is None:
        raise AssertionError("an aggregate without a row")
    return Committed(
        usd(spent["spent"] + asked) or Decimal(0),
        usd(reserved["reserved"]) or Decimal(0),
        requests,
        spent["unknown"] + reserved["unknown"],
    )


def requests_of(db: Database, run: str) -> int:
    """How many requests of a run were sent, again ones included."""
    return int(
        db.value(
            f"SELECT coalesce(sum(requests), 0) FROM attempts WHERE run = ? AND state IN {SENT}",  # noqa: S608 -- as above
            (run,),
        )
    )


def spent(db: Database, since: str = "") -> Iterator[Spent]:
    """Every answer whose batch was sent at or after `since`, summed by run and day, oldest first."""
    sql = f"""SELECT substr({SENT_AT}, 1, 10) AS day, runs.id AS run, runs.recipe, runs.model,
            count(*) AS answers,
            CASE WHEN count(*) = count(cost_pico) THEN sum(cost_pico) END AS cost,
            coalesce(sum(cost_pico), 0) AS known,
            CASE WHEN count(*) = count(list_pico) THEN sum(list_pico) END AS list,
            CASE WHEN count(*) = count(uncached_pico) THEN sum(uncached_pico) END AS uncached,
            sum(answers.input_tokens) AS input, sum(answers.output_tokens) AS output,
            sum(answers.cache_read_tokens) AS read, sum(answers.cache_write_5m_tokens) AS w5,
            sum(answers.cache_write_1h_tokens) AS w1, count(*) - count(cost_pico) AS unknown
        FROM attempts
        CROSS JOIN answers ON answers.run = attempts.run AND answers.attempt = attempts.number
        JOIN runs ON runs.id = attempts.run
        WHERE {SENT_AT} >= ? GROUP BY 1, 2 ORDER BY 1, runs.created_at, runs.rowid"""  # noqa: S608 -- as above
    for row in db.each(sql, (since,)):
        yield Spent(
            *(row["day"], row["run"], row["recipe"], row["model"], row["answers"]),
            *(usd(row["cost"]), usd(row["known"]) or Decimal(0), usd(row["list"]), usd(row["uncached"])),
            *(row["input"], row["output"], row["read"], row["w5"], row["w1"], row["unknown"]),
        )


def reserved_now(db: Database, *, stale: str) -> dict[str, Decimal | None]:
    """What every unfinished run still holds back, in dollars by run id; None where its price is unknown."""
    rows = db.rows(
        f"""SELECT runs.id, runs.reserved_pico AS reserved, {COST} AS cost
        FROM runs WHERE {HOLDS_BACK} ORDER BY runs.created_at, runs.rowid""",  # noqa: S608 -- as above
        {"stale": stale},
    )
    return {row["id"]: _left(row) for row in rows}


def tokens_by_workspace(db: Database, since: str, until: str) -> list[tuple[str | None, str, dict[str, int]]]:
    """Tokens of every answer whose batch was sent in a period: workspace, model, and sums by kind."""
    rows = db.rows(
        f"""SELECT attempts.workspace AS workspace, runs.model AS model, sum(answers.input_tokens) AS input,
            sum(answers.output_tokens) AS output, sum(answers.cache_read_tokens) AS read,
            sum(answers.cache_write_5m_tokens) AS w5, sum(answers.cache_write_1h_tokens) AS w1
        FROM attempts
        CROSS JOIN answers ON answers.run = attempts.run AND answers.attempt = attempts.number
        JOIN runs ON runs.id = attempts.run
        WHERE {SENT_AT} >= ? AND {SENT_AT} < ? GROUP BY 1, 2 ORDER BY 1, 2""",  # noqa: S608 -- as above
        (since, until),
    )
    return [
        (
            row["workspace"],
            row["model"],
            {
                "input": row["input"],
                "output": row["output"],
                "cache read": row["read"],
                "written 5m": row["w5"],
                "written 1h": row["w1"],
            },
        )
        for row in rows
    ]


def not_pulled(db: Database, since: str, until: str) -> int:
    """How many batches that were sent in a period are at the provider or not brought in yet."""
    return int(
        db.value(
            f"""SELECT count(*) FROM attempts
            WHERE {SENT_AT} >= ? AND {SENT_AT} < ? AND state IN {AT_PROVIDER}""",  # noqa: S608 -- as above
            (since, until),
        )
    )


def newest_workspace(db: Database) -> str | None:
    """The workspace that the last accepted batch went to, as the provider named it; None when it did not."""
    found = db.value(
        f"SELECT workspace FROM attempts WHERE batch_id IS NOT NULL ORDER BY {SENT_AT} DESC LIMIT 1"  # noqa: S608 -- as above
    )
    return None if found is None else str(found)


def cache_history(db: Database, *, workspace: str | None, model: str, most: int = MOST_RUNS) -> list[Met]:
    """How the newest runs of a model met the cache in a workspace, newest first; not those that used none.

    Primed is a run whose main batches asked for an hour and were sent after its pilot had come back.
    """
    rows = db.rows(
        f"""SELECT runs.id AS run, sum(answers.cache_read_tokens) AS read,
            sum(answers.cache_write_5m_tokens + answers.cache_write_1h_tokens) AS written,
            min(attempts.cache_mode = '1h' AND EXISTS (SELECT 1 FROM attempts AS pilot
                WHERE pilot.run = runs.id AND pilot.role = 'pilot' AND pilot.state = 'pulled'
                    AND pilot.pulled_at <= attempts.sending_at)) AS primed
        FROM answers
        JOIN attempts ON attempts.run = answers.run AND attempts.number = answers.attempt
        JOIN runs ON runs.id = answers.run
        WHERE attempts.role = 'main' AND attempts.state = 'pulled' AND attempts.cache_mode != 'off'
            AND attempts.workspace IS ? AND runs.model = ?
        GROUP BY runs.id HAVING read + written > 0 AND count(*) >= ?
        ORDER BY max({SENT_AT}) DESC LIMIT ?""",  # noqa: S608 -- as above
        (workspace, model, LEAST_ANSWERS, most),
    )
    return [Met(row["run"], row["read"], row["written"], bool(row["primed"])) for row in rows]


def batch_seconds(db: Database, *, workspace: str | None, model: str, most: int = MOST_RUNS) -> list[float]:
    """How long the newest main batches of a model took in a workspace, from creation to end, newest first."""
    rows = db.rows(
        """SELECT (julianday(attempts.ended_at) - julianday(attempts.batch_created_at)) * 86400 AS s
        FROM attempts JOIN runs ON runs.id = attempts.run
        WHERE attempts.role = 'main' AND attempts.ended_at IS NOT NULL
            AND attempts.batch_created_at IS NOT NULL AND attempts.error IS NULL
            AND attempts.workspace IS ? AND runs.model = ?
        ORDER BY attempts.batch_created_at DESC LIMIT ?""",
        (workspace, model, most),
    )
    return [max(row["s"], 0.0) for row in rows]


def reserve(db: Database, run: str, reserved: Decimal | None, *, now: str) -> None:
    """Reserve a whole run's dollars anew (None: unknown), from this day on; inside a `write` block."""
    db.execute(
        "UPDATE runs SET reserved_pico = ?, policy = json_set(policy, '$.reserved_at', ?) WHERE id = ?",
        (None if reserved is None else int((reserved * 10**12).to_integral_value()), now, run),
    )


def _left(row: Row) -> Decimal | None:
    if row["reserved"] is None:
        return None
    return usd(max(row["reserved"] - row["cost"], 0))
