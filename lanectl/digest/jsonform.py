"""The digest as one JSON object: the same content as every other form, beyond the caps too."""

from collections.abc import Callable

from lanectl.digest.merge import Reported, Source
from lanectl.digest.model import Digest, Done
from lanectl.digest.undone import Undone
from lanectl.models import JsonValue, RunAccount
from lanectl.text.jsontext import dumps

SCHEMA = 1


def render(digest: Digest, *, link: Callable[[str, str], str]) -> str:
    """The digest as JSON, ASCII only; money in dollars, null when unknown; `artifact` as `link` gives it."""
    return dumps(value(digest, link=link), indent=2) + "\n"


def value(digest: Digest, *, link: Callable[[str, str], str]) -> dict[str, JsonValue]:
    """The object that `render` writes."""
    money = digest.money
    return {
        "schema": SCHEMA,
        "headline": digest.headline,
        "sandbox": digest.sandbox,
        "needs": list(digest.needs),
        "runs": [_run(run) for run in digest.runs],
        "findings": [_reported(one, link) for group in digest.severities for one in group.findings],
        "done": [_done(one, link) for one in digest.done],
        "undone": [_undone(group) for group in digest.undone],
        "moved": [
            {"run": one.run, "recipe": one.recipe, "key": one.key, "was": one.was, "now": one.now}
            for one in digest.moved
        ],
        "money": {
            "paid_usd": money.paid_usd,
            "known_usd": money.known_usd,
            "unknown_runs": money.unknown_runs,
            "list_usd": money.list_usd,
            "saved_usd": money.saved_usd,
            "expected_usd": money.expected_usd,
            "cache": {
                "hit_rate": money.hit_rate,
                "read_tokens": money.cache_read_tokens,
                "written_tokens": money.cache_written_tokens,
            },
        },
    }


def _run(run: RunAccount) -> dict[str, JsonValue]:
    return {
        "run": run.run,
        "recipe": run.recipe,
        "description": run.description,
        "output_kind": run.output_kind,
        "repo": run.repo,
        "commit": run.commit,
        "model": run.model,
        "created_at": run.created_at,
        "pulled_at": run.pulled_at,
        "sandbox": run.sandbox,
        "jobs": run.jobs,
        "out": run.out,
        "outcomes": dict(run.outcomes),
        "skipped": dict(run.skipped),
        "cost_usd": run.cost_usd,
        "list_usd": run.list_usd,
        "expected_usd": run.expected_usd,
        "artifacts": run.artifacts,
    }


def _reported(one: Reported, link: Callable[[str, str], str]) -> dict[str, JsonValue]:
    return {
        "id": one.identity,
        **_source(one.lead, link),
        "reported": one.times,
        "shown": one.shown,
        "first_reported": one.first_reported,
        "others": [_source(other, link) for other in one.others],
    }


def _source(source: Source, link: Callable[[str, str], str]) -> dict[str, JsonValue]:
    finding = source.finding
    return {
        "severity": str(finding.severity),
        "category": finding.category,
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "in_diff": finding.in_diff,
        "title": finding.title,
        "detail": finding.detail,
        "suggestion": finding.suggestion,
        "run": source.run,
        "recipe": source.recipe,
        "key": source.key,
        "artifact": link(source.run, source.artifact) if source.artifact is not None else None,
    }


def _done(one: Done, link: Callable[[str, str], str]) -> dict[str, JsonValue]:
    return {
        "run": one.run,
        "recipe": one.recipe,
        "kind": one.kind,
        "key": one.key,
        "headline": one.headline,
        "artifact": link(one.run, one.artifact) if one.artifact is not None else None,
        "findings": one.findings,
        "cost_usd": one.cost_usd,
    }


def _undone(group: Undone) -> dict[str, JsonValue]:
    return {
        "kind": group.kind,
        "reason": group.reason,
        "meaning": group.meaning,
        "count": group.count,
        "common": group.common,
        "common_count": group.common_count,
        "quiet": group.quiet,
        "runs": list(group.runs),
        "items": [
            {"run": line.run, "recipe": line.recipe, "key": line.key, "told": line.told}
            for line in group.lines
        ],
    }
