"""Turns review files into what goes to GitHub: comments on lines, and one lasting comment a pull request."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lanectl.models import JsonValue
from lanectl.text.jsontext import dumps
from lanectl.text.names import slug

ENDING = ".review.json"
# GitHub refuses a body above 65,536 characters.
MAX_BODY = 65_000
_NUMBER = re.compile(r"(?:.*[^0-9.])?([1-9][0-9]{0,9})(?:\.[1-9][0-9]{0,3})?")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PLACE = ("path", "line", "side", "start_line", "start_side")


@dataclass(frozen=True, slots=True)
class Form:
    """One review file, checked: the commit it is of, the words on the whole, the comments on lines."""

    head: str
    body: str
    comments: tuple[Mapping[str, JsonValue], ...]


@dataclass(frozen=True, slots=True)
class Posting:
    """What one pull request gets; `review` is None where no line has a comment.

    `marker` begins the lasting comment, `review_marker` the review: by them both are found again.
    """

    number: int
    head: str
    marker: str
    comment: str
    review_marker: str
    review: Mapping[str, JsonValue] | None

    @property
    def on_lines(self) -> int:
        """How many comments stand on lines."""
        found = self.review["comments"] if self.review else ()
        return len(found) if isinstance(found, list) else 0


def number_of(key: str) -> int | None:
    """The pull request that a job's key names (`42`, `pr-42`, or `42.2` for its second part); None: none."""
    found = _NUMBER.fullmatch(key)
    return None if found is None else int(found[1])


def read(data: bytes) -> Form:
    """A review file as it lies on disk, the user's edits included.

    What it says of its event is not looked at: an edited file must not turn into an approval. Raises
    ValueError with what is wrong.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict) or not _SHA.fullmatch(str(value.get("commit_id"))):
        raise ValueError("names no commit")
    body, comments = value.get("body"), value.get("comments")
    if not isinstance(body, str) or not isinstance(comments, list):
        raise ValueError("no review")
    return Form(str(value["commit_id"]), body, tuple(_comment(each) for each in comments))


def compose(number: int, forms: Sequence[Form], *, recipe: str) -> Posting:
    """What a pull request gets from the review files of its parts, all of one commit."""
    head = forms[0].head
    comments: list[JsonValue] = [dict(each) for form in forms for each in form.comments]
    name = slug(recipe)
    digest = hashlib.sha256(dumps([head, comments]).encode()).hexdigest()[:16]
    marker, review_marker = f"<!-- lanectl:{name} -->", f"<!-- lanectl:{name}:{digest} -->"
    many = f"{len(comments)} comment{'' if len(comments) == 1 else 's'} on lines"
    told = f"**{name}** at {head[:12]}, {many}."
    words = "\n\n---\n\n".join(form.body.strip() for form in forms)
    review: dict[str, JsonValue] | None = None
    if comments:
        review = {
            "commit_id": head,
            "event": "COMMENT",
            "body": f"{review_marker}\n{told}",
            "comments": comments,
        }
    return Posting(number, head, marker, _cut(f"{marker}\n{told}\n\n{words}\n"), review_marker, review)


def _comment(raw: object) -> Mapping[str, JsonValue]:
    if not isinstance(raw, dict):
        raise ValueError("a comment is no object")
    found: dict[str, Any] = {name: raw[name] for name in _PLACE if name in raw}
    body, line = raw.get("body"), found.get("line")
    if not isinstance(body, str) or not body.strip() or len(body) > MAX_BODY:
        raise ValueError("a comment has no words, or too many")
    if not isinstance(found.get("path"), str) or not found["path"] or not _whole(line):
        raise ValueError("a comment has no place")
    start = found.get("start_line")
    # The same number twice is refused by GitHub, and with it the whole review.
    if start is not None and (not _whole(start) or start >= line):
        raise ValueError("a comment ends before it begins")
    return {**found, "body": body}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BODY else text[:MAX_BODY] + "\n\n(cut: the whole is in the artifact)\n"
