"""Markdown: the answer as a page, and for release notes every commit accounted for."""

from lanectl.models import OutputFile
from lanectl.outputs.answer import (
    Expected,
    Kept,
    Rules,
    counted,
    encoded,
    place,
    sentence,
    unfenced,
    untrusted,
)
from lanectl.outputs.commits import NOT_COVERED, appendix, uncovered
from lanectl.text import markdown

INSTRUCTIONS = (
    "Answer in Markdown. Your whole answer becomes a file: begin with its first heading, no greeting, no "
    "closing remark, no code fence around it, no raw HTML, no images."
)


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The answer as Markdown without raw HTML and images, plus the commits it must name and does not.

    Raises InvalidAnswerError when it names a commit that is not in the range.
    """
    text = markdown.block(unfenced(answer)).rstrip() + "\n"
    headline = sentence(text)
    commits = job.material.get("commits", [])
    if commits:
        left_out = uncovered(text, commits)
        text += appendix(left_out)
        headline = f"{headline} ({_covered(len(commits), len(left_out))})" if headline else _covered(0, 0)
    page = f"{text}\n<!-- {untrusted(rules.model).replace('--', '')} -->\n"
    return Kept(headline, (OutputFile(place(job, rules, ".md"), encoded(page)),), text=text)


def _covered(commits: int, left_out: int) -> str:
    told = counted(commits, "commit")
    return f"{told}, {left_out:,} of them only under “{NOT_COVERED}”" if left_out else told
