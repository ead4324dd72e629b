"""The digest as SARIF 2.1.0, within what GitHub's code scanning takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from lanectl.digest.merge import Reported
from lanectl.digest.model import SANDBOX, Digest, Moved
from lanectl.models import JsonValue, Severity
from lanectl.text import names, terminal
from lanectl.text.jsontext import dumps

# GitHub's hard limits: 25,000 results a run, 20 runs a file.
MAX_RESULTS = 25_000
MAX_RUNS = 20

_LEVEL: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(digest: Digest, *, link: Callable[[str, str], str]) -> str:  # noqa: ARG001 -- every form is called alike
    """The findings as SARIF, worst first, one SARIF run a recipe.

    Paths are relative to the repository. A finding without a usable place is a notification, since an
    upload with a result without a location is refused whole; so is what the limits cut, and everything that
    has no success. `baselineState` is held against the runs from before. A result is `stale` in its
    properties where the branch has moved since any job that reported it looked; all such jobs stand in the
    properties of their run.
    """
    every = [one for group in digest.severities for one in group.findings]
    kept, cut = every[:MAX_RESULTS], len(every) - MAX_RESULTS
    general = list(_not_done(digest))
    if cut > 0:
        told = f"{cut:,} further findings are left out: a file holds {MAX_RESULTS:,}."
        general.append(_notification(told, "warning"))
    # Beyond the limit on runs all recipes share one, since a file with more is refused.
    recipes = digest.recipes if 0 < len(digest.recipes) <= MAX_RUNS else ("",)
    stale = {(one.run, one.key): one for one in digest.moved}
    runs: list[JsonValue] = []
    for number, recipe in enumerate(recipes):
        mine = [one for one in kept if not recipe or one.lead.recipe == recipe]
        moved = [one for one in digest.moved if not recipe or one.recipe == recipe]
        run = _run(recipe, mine, general if number == 0 else [], stale, sandbox=digest.sandbox)
        runs.append(run | ({"properties": {"stale": [_moved(one) for one in moved]}} if moved else {}))
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}, indent=2) + "\n"


def _run(
    recipe: str,
    found: Sequence[Reported],
    general: Sequence[JsonValue],
    stale: Mapping[tuple[str, str], Moved],
    *,
    sandbox: bool,
) -> dict[str, JsonValue]:
    placed = [(one, uri) for one in found if (uri := _uri(one)) is not None]
    rules = {rule: index for index, rule in enumerate(dict.fromkeys(_rule(one) for one, _ in placed))}
    notes: list[JsonValue] = [
        _notification(f"{one.finding.severity}: {one.finding.title}", _LEVEL[one.finding.severity])
        for one in found
        if _uri(one) is None
    ]
    notes += general
    notes += [_notification(SANDBOX, "warning")] if sandbox else []
    described: list[JsonValue] = [
        {"id": rule, "name": rule, "shortDescription": {"text": rule}} for rule in rules
    ]
    return {
        "tool": {"driver": {"name": f"lanectl ({SANDBOX})" if sandbox else "lanectl", "rules": described}},
        "automationDetails": {"id": f"lanectl/{names.slug(recipe)}/" if recipe else "lanectl/"},
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The repository's top folder."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, uri, rules[_rule(one)], stale) for one, uri in placed],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
    }


def _result(
    one: Reported, uri: str, rule: int, stale: Mapping[tuple[str, str], Moved]
) -> dict[str, JsonValue]:
    finding = one.finding
    physical: dict[str, JsonValue] = {"artifactLocation": {"uri": uri, "uriBaseId": "SRCROOT"}}
    # Results without a region are shown at the file's first line.
    start = finding.line or 1
    physical["region"] = {"startLine": start, "endLine": max(start, finding.end_line)}
    told = "\n\n".join(part for part in (finding.title, finding.detail, finding.suggestion) if part)
    sources = (one.lead, *one.others)
    moved = next((stale[job] for source in sources if (job := (source.run, source.key)) in stale), None)
    return {
        "ruleId": _rule(one),
        "ruleIndex": rule,
        "level": _LEVEL[finding.severity],
        "message": {"text": _plain(told)},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"lanectlFinding/v1": one.identity},
        "baselineState": "new" if one.new else "unchanged",
        **_known_since(one),
        "properties": {
            "severity": str(finding.severity),
            "reported": one.times,
            "jobs": [f"{source.run}/{source.key}" for source in sources],
            "inDiff": finding.in_diff,
            **({} if moved is None else {"stale": True, "was": moved.was, "now": moved.now}),
        },
    }


def _known_since(one: Reported) -> dict[str, JsonValue]:
    if one.first_reported is None:
        return {}
    # The standard knows only this spelling of UTC (SARIF 2.1.0, 3.9).
    when = one.first_reported.replace("+00:00", "Z")
    return {"provenance": {"firstDetectionTimeUtc": when}}


def _moved(one: Moved) -> dict[str, JsonValue]:
    return {"job": f"{one.run}/{one.key}", "was": one.was, "now": one.now}


def _not_done(digest: Digest) -> Iterator[dict[str, JsonValue]]:
    for group in digest.undone:
        told = f"{group.count:,} {group.reason}" + (f": {group.common}" if group.common else "")
        yield _notification(told, "note" if group.quiet else "warning")


def _notification(told: str, level: str) -> dict[str, JsonValue]:
    return {"level": level, "message": {"text": _plain(told)}}


def _rule(one: Reported) -> str:
    return names.slug(one.finding.category) or "other"


def _uri(one: Reported) -> str | None:
    path = one.finding.path
    return quote(path, safe="/-._~") if path and names.relative_path(path) is not None else None


def _plain(text: str) -> str:
    # GitHub reads a message as text with [links](1) to related places, of which there are none here.
    return terminal.safe(text).replace("[", "\\[").replace("]", "\\]")
