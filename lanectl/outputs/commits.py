"""Holds release notes against the commits they are about: none invented, none left out in silence."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from lanectl.outputs.answer import InvalidAnswerError, code
from lanectl.text import markdown

NOT_COVERED = "Not covered above"

# Shorter abbreviations are words and numbers more often than commits; git's own default is seven.
_SHORTEST = 7
_HEX = re.compile(r"(?<![\w#.@-])([0-9a-f]{7,40})(?![\w-]|\.\w)")
_PULL = re.compile(r"#(\d+)\b")
# As git and the forges write them; what they bring in stands in the range by itself.
_MERGE = re.compile(r"Merge (pull request|branch|branches|remote-tracking branch|tag|commit)\b")


def uncovered(text: str, commits: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The commits that `text` must name and does not: neither by id nor by their pull request.

    Merges and the group "Internal" need no mention. Raises InvalidAnswerError naming an id that is not in
    the range.
    """
    by_start: defaultdict[str, list[str]] = defaultdict(list)
    for commit in commits:
        by_start[commit.get("sha", "")[:_SHORTEST]].append(commit.get("sha", ""))
    quoted = {found for commit in commits for found in _HEX.findall(commit.get("subject", ""))}
    covered: set[str] = set()
    for token in sorted(set(_HEX.findall(text))):
        meant = [sha for sha in by_start[token[:_SHORTEST]] if sha.startswith(token)]
        covered.update(meant)
        if not meant and token not in quoted and _looks_like_an_id(token):
            message = f"the answer names commit {token}, which is not in the range"
            raise InvalidAnswerError("unknown_commit", message)
    pulls = set(_PULL.findall(text))
    return [
        commit
        for commit in commits
        if not _quiet(commit)
        and commit.get("sha", "") not in covered
        and not pulls.intersection([commit.get("pr", ""), *_PULL.findall(commit.get("subject", ""))])
    ]


def appendix(commits: Sequence[dict[str, str]]) -> str:
    """The section that names what the answer left out, "" when it left nothing out."""
    if not commits:
        return ""
    return "\n".join(("", f"## {NOT_COVERED}", "", *_lines(commits), ""))


def _lines(commits: Sequence[dict[str, str]]) -> Iterator[str]:
    for commit in commits:
        yield f"- {markdown.inline(commit.get('subject', ''))} ({code(commit.get('sha', '')[:12])})"


def _quiet(commit: dict[str, str]) -> bool:
    return commit.get("group", "").casefold() == "internal" or bool(_MERGE.match(commit.get("subject", "")))


def _looks_like_an_id(token: str) -> bool:
    # Dates, counts and issue numbers are all digits, some English words all a to f: neither is taken for an
    # id.
    return len(token) == 40 or (not token.isdigit() and not token.isalpha())
