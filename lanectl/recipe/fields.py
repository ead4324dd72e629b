"""What templates may speak of: the fields of each source's items, and the other names."""

from collections.abc import Mapping

REPO_FIELDS = ("name", "commit", "branch")
CONTEXT = ("item", "vars", "repo", "today")

ITEM_FIELDS: Mapping[str, tuple[str, ...]] = {
    "files": ("path", "name", "text", "bytes", "lines", "language"),
    "commits": ("name", "date", "first", "last", "previous", "commits", "groups", "diffstat"),
    "pull-requests": (
        *("number", "title", "body", "author", "base", "head", "diff", "files", "commits"),
        *("pr", "part", "parts", "labels", "url", "branch"),
    ),
    "text": ("name", "text"),
    "command": ("name", "text"),
}
# Their items bring fields of their own, known only once they are there.
OPEN_KINDS = frozenset({"command"})

# Fields of the elements of a list field, where their shape is fixed.
_COMMIT = (
    *("sha", "subject", "body", "author", "date", "files", "more_files"),
    *("group", "pr", "merge", "breaking"),
)
ELEMENT_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("commits", "commits"): (*_COMMIT, "entry"),
    ("commits", "groups"): ("name", "commits"),
    ("pull-requests", "commits"): _COMMIT,
}
