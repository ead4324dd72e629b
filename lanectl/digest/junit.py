"""The digest as JUnit XML, for a server that shows test reports: a suite a run, a case a job."""

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape, quoteattr

from lanectl.digest.merge import Source
from lanectl.digest.model import SANDBOX, Digest
from lanectl.digest.undone import UndoneLine
from lanectl.models import RunAccount, Severity
from lanectl.text import terminal

Link = Callable[[str, str], str]

# A worse finding fails its case; the others are told in its output, or every night would be red.
FAILS = frozenset({Severity.CRITICAL, Severity.HIGH})
_TAGS = {"failures": "<failure ", "errors": "<error ", "skipped": "<skipped "}


def render(digest: Digest, *, link: Link) -> str:
    """The digest as XML: a job with critical or high findings fails, one without success is an error.

    What was not sent is skipped, and so is what is still out. `link` gives the place of an artifact.
    """
    name = f"lanectl ({SANDBOX})" if digest.sandbox else "lanectl"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    suites = [_suite(digest, run, link) for run in digest.runs]
    return "\n".join([head, f"<testsuites name={_attribute(name)}>", *suites, "</testsuites>", ""])


def _suite(digest: Digest, run: RunAccount, link: Link) -> str:
    cases = [*_succeeded(digest, run, link), *_others(digest, run)]
    counts = " ".join(f'{name}="{sum(tag in case for case in cases)}"' for name, tag in _TAGS.items())
    name, when = _attribute(f"{run.recipe} {run.run}"), _attribute(run.created_at[:19])
    head = f'<testsuite name={name} tests="{len(cases)}" {counts} timestamp={when}>'
    return "\n".join([head, *cases, "</testsuite>"])


def _succeeded(digest: Digest, run: RunAccount, link: Link) -> Iterator[str]:
    found: dict[str, list[Source]] = {}
    for group in digest.severities:
        for reported in group.findings:
            for source in (reported.lead, *reported.others):
                if source.run == run.run:
                    found.setdefault(source.key, []).append(source)
    for one in digest.done:
        if one.run != run.run:
            continue
        mine = found.get(one.key, [])
        bad = [source for source in mine if source.finding.severity in FAILS]
        place = [link(one.run, one.artifact)] if one.artifact is not None else []
        out = "\n".join([one.headline, *place, *map(_line, mine)])
        failure = "".join(f"<failure {_message(source)}/>" for source in bad[:1])
        yield _case(run, one.key, f"{failure}<system-out>{_text(out)}</system-out>")


def _others(digest: Digest, run: RunAccount) -> Iterator[str]:
    for group in digest.undone:
        tag = "error" if group.kind == "outcome" else "skipped"
        lines = [line for line in group.lines if line.run == run.run]
        if group.kind == "out" and run.out:
            lines = [UndoneLine(run.run, run.recipe, f"{run.out:,} still out", "")]
        for line in lines:
            why = f"{group.reason}: {line.told}" if line.told else group.reason
            yield _case(run, line.key, f"<{tag} message={_attribute(why)}/>")


def _case(run: RunAccount, key: str, inside: str) -> str:
    return f"<testcase classname={_attribute(run.recipe)} name={_attribute(key)}>{inside}</testcase>"


def _message(source: Source) -> str:
    return f"type={_attribute(source.finding.severity)} message={_attribute(_line(source))}"


def _line(source: Source) -> str:
    finding = source.finding
    place = f"{finding.path}:{finding.line} " if finding.path else ""
    return f"{finding.severity}: {place}{finding.title}"


def _attribute(text: str) -> str:
    return quoteattr(terminal.line(text))


def _text(text: str) -> str:
    # XML 1.0 has no way to write most controls: they are made visible before.
    return escape(terminal.safe(text))
