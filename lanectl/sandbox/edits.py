"""Changes to a text that cannot hurt it: a comment line in the text's own language, and a place for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lanectl.sandbox.draws import Draw

_NOTE: Final = "sandbox: no model was called"
_RUN: Final = 3
_TRIES: Final = 400
_STYLES: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    (
        "py pyi rb sh bash zsh fish toml yml yaml cfg conf ini pl r jl ex exs tf nix cmake make mk "
        "dockerfile makefile gitignore graphql properties env",
        ("# ", ""),
    ),
    (
        "js mjs cjs jsx ts mts cts tsx java kt kts c h cc cpp cxx hpp cs go rs swift scala dart php proto "
        "groovy gradle zig v sol m jsonc json5",
        ("// ", ""),
    ),
    ("css scss less", ("/* ", " */")),
    ("html htm xml svg md markdown mdx vue svelte xhtml rst", ("<!-- ", " -->")),
    ("sql lua hs elm ada", ("-- ", "")),
    ("tex erl", ("% ", "")),
    ("clj lisp scm el", ("; ", "")),
)
_STYLE: Final = {ending: style for endings, style in _STYLES for ending in endings.split()}
_WITHOUT_COMMENTS: Final = ("json", "ipynb", "lock", "csv", "tsv")


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece that stands exactly once in a text, and what takes its place."""

    search: str
    replace: str


def comment(path: str, text: str) -> str:
    """One comment line for a file of that name; empty where its format has no comments."""
    ending = path.rpartition("/")[2].lower().rpartition(".")[2]
    if ending in _WITHOUT_COMMENTS or (not path and text.lstrip()[:1] in ("{", "[")):
        return ""
    if ending == "rst":
        return f".. {_NOTE}"
    if ending == "php" and text.rstrip().endswith("?>"):
        return f"<!-- {_NOTE} -->"
    if ending in ("txt", "text", "log"):
        return f"[sandbox] {_NOTE}"
    before, after = _STYLE.get(ending) or _guess(text)
    return f"{before}{_NOTE}{after}"


def whole(path: str, text: str) -> str:
    """The text with one comment line at its end (a blank one where its format has no comments)."""
    newline = "\r\n" if "\r\n" in text else "\n"
    ended = text if not text or text.endswith("\n") else text + newline
    return ended + comment(path, text) + newline


def edits(path: str, text: str, wanted: int, draw: Draw) -> list[Edit]:
    """Up to `wanted` edits that do not overlap: three lines, then a comment line with their indent."""
    lines = text.split("\n")
    newline = "\r\n" if "\r\n" in text else "\n"
    note = comment(path, text)
    found: list[Edit] = []
    taken: set[int] = set()
    for start in _starts(len(lines), draw):
        if len(found) == wanted:
            break
        place = set(range(start, min(start + _RUN, len(lines))))
        run = "\n".join(lines[start : start + _RUN]).removesuffix("\r")
        if taken & place or not _fit(run, text):
            continue
        taken |= place
        found.append(Edit(run, run + newline + (_indent(run) + note if note else "")))
    return found


def _starts(count: int, draw: Draw) -> Iterator[int]:
    last = max(1, count - _RUN + 1)
    first = draw.below(last, "edit")
    for number in range(min(last, _TRIES)):
        yield (first + number) % last


def _fit(run: str, text: str) -> bool:
    # After a backslash the next line belongs to this one: a comment there would end it.
    return bool(run.strip()) and not run.endswith("\\") and text.find(run, text.find(run) + 1) < 0


def _indent(run: str) -> str:
    last = run.rpartition("\n")[2]
    return last[: len(last) - len(last.lstrip())]


def _guess(text: str) -> tuple[str, str]:
    head = text[:4_000]
    if "def " in head or ("import " in head and ";" not in head) or head.startswith("#!"):
        return "# ", ""
    if any(word in head for word in ("function ", "const ", "#include", "package ", "public class", "fn ")):
        return "// ", ""
    return ("<!-- ", " -->") if head.lstrip().startswith("<") else ("# ", "")
