"""The globs of a recipe: anchored at the repository, with `**` for any number of folders."""

import re
from collections.abc import Callable, Sequence

from lanectl.errors import ConfigError

_WILD = re.compile(r"[*?\[\\]")


def matcher(patterns: Sequence[str], *, where: str) -> Callable[[str], bool]:
    """Whether a '/'-separated path below the repository matches any of `patterns`.

    `*`, `?` and `[a-z]` stay within a name and match a leading dot; `**` as a whole name is any number of
    folders, none included, and at the end everything below; a path without wildcards that is a folder means
    everything below it, and so does a `/` at the end. A backslash takes the next character as it is; braces
    are only braces. Raises `ConfigError` with `where` for a pattern that leads out of the repository or is
    none.
    """
    if not patterns:
        return lambda _: False
    # One expression for all: most paths match none, and are told so in one pass.
    regex = re.compile("|".join(_regex(pattern, where) for pattern in patterns), re.DOTALL)
    return lambda path: regex.fullmatch(path) is not None


def _regex(pattern: str, where: str) -> str:
    parts = pattern.removeprefix("./").split("/")
    if parts[-1] == "":
        parts[-1] = "**"
    # Said twice it means the same, and would be tried in every division.
    parts = [
        part for part, after in zip(parts, [*parts[1:], ""], strict=True) if (part, after) != ("**", "**")
    ]
    if not pattern or "" in parts or ".." in parts or "\0" in pattern:
        raise _refused(pattern, where)
    body = "".join("(?:[^/]+/)*" if part == "**" else _name(part) + "/" for part in parts[:-1])
    body += ".+" if parts[-1] == "**" else _name(parts[-1])
    if not _WILD.search(pattern):
        body += "(?:/.+)?"
    try:
        re.compile(body)
    except re.error:
        raise _refused(pattern, where) from None
    return f"(?:{body})"


def _name(part: str) -> str:
    pieces: list[str] = []
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            pieces += [] if pieces[-1:] == ["[^/]*"] else ["[^/]*"]
        elif character == "?":
            pieces.append("[^/]")
        elif character == "[" and (end := _class_end(part, at)) > 0:
            pieces.append(_class(part[at:end]))
            at = end + 1
        elif character == "\\" and at < len(part):
            pieces.append(re.escape(part[at]))
            at += 1
        else:
            pieces.append(re.escape(character))
    return "".join(pieces)


def _class_end(part: str, start: int) -> int:
    """Where the `]` of a class stands; one that comes first (after `!`) is a member. -1: it is no class."""
    first = start + 1 if part[start : start + 1] in ("!", "^") else start
    return part.find("]", first + 1)


def _class(members: str) -> str:
    negated = members[:1] in ("!", "^")
    # `[`, `&`, `~`, `|` and `-` are escaped where doubled they will mean set operations in `re`.
    escaped = re.sub(r"([\\\[\]&~|^])", r"\\\1", members[1:] if negated else members)
    escaped = escaped.replace("--", r"\--")
    return f"(?!/)[{'^' if negated else ''}{escaped}]"


def _refused(pattern: str, where: str) -> ConfigError:
    return ConfigError(f'"{pattern}" is no glob below the repository', where=where, hint="git ls-files")
