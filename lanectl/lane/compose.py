"""Composes one free question: a stable prefix to cache, and a user turn in which piped text is only data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from lanectl.errors import HeldError, UsageError
from lanectl.lane.context import Lane
from lanectl.lane.memory import read_memory
from lanectl.lane.scan import Scanner
from lanectl.plan import prefix
from lanectl.plan.params import Params
from lanectl.plan.prefix import MemoryFile, Shared
from lanectl.recipe.fences import fenced, marked
from lanectl.recipe.tables import PrefixTable, Recipe
from lanectl.recipe.templates import Templates
from lanectl.recipe.variables import settle as settle_vars
from lanectl.sources.place import Place, place
from lanectl.text.clean import clean, decode

MOST_BYTES = PrefixTable().max_prefix_bytes
HINT = "lanectl ask --help"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `piped` came in on standard input, `files` are put into the prefix.

    A `recipe` lends its system text and its project memory; `repo` is where it stands.
    """

    prompt: str
    piped: str | None = None
    system: str = ""
    recipe: Recipe | None = None
    files: tuple[Path, ...] = ()
    repo: Path = field(default_factory=Path.cwd)
    sets: Mapping[str, str] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Composed:
    """A question ready to be sent: what can be cached, the user turn, and the place it was asked in."""

    shared: Shared
    turn: str
    place: Place


def compose(lane: Lane, question: Question, params: Params, *, instructions: str = "") -> Composed:
    """The prefix and the turn of a question; the prefix has the same bytes while its parts are the same.

    Raises `UsageError` for no prompt or a file that is no text, `HeldError` for what looks like a secret.
    """
    turn = turn_of(lane, question)
    where = place(question.repo)
    today = lane.clock().date()
    shared = prefix.build(
        params,
        system=_system(lane, question, where),
        memory=_memory(question, where, today=today),
        tools=(),
        instructions=instructions,
        output_format=None,
        most_bytes=question.recipe.prefix.max_prefix_bytes if question.recipe else MOST_BYTES,
        where="ask",
    )
    refuse_secrets(lane, question, [*shared.system, turn])
    return Composed(shared, turn, where)


def turn_of(lane: Lane, question: Question) -> str:
    """The user turn: the prompt, then what was piped in, fenced as data; alone it is the prompt itself."""
    prompt, piped = clean(question.prompt).strip(), clean(question.piped or "")
    if not prompt and not piped.strip():
        raise UsageError("there is nothing to ask", hint=HINT)
    if not prompt:
        return piped.strip()
    data = fenced(marked(piped.rstrip("\n")), lane.identity.fence_key) if piped.strip() else ""
    return f"{prompt}\n\n{data}" if data else prompt


def refuse_secrets(lane: Lane, question: Question, texts: list[str]) -> None:
    """Raise `HeldError` for the first text that holds what looks like a secret."""
    own = lane.settings.secrets
    hit = Scanner(own.allow, question.allow, with_gitleaks=own.gitleaks).first(texts)
    if hit is not None:
        raise HeldError(
            f"this holds what looks like a secret ({hit.kind}, line {hit.line})",
            where="ask",
            hint=f"lanectl ask --allow secret:{hit.fingerprint}",
        )


def _system(lane: Lane, question: Question, where: Place) -> str:
    parts = [question.system]
    if question.recipe is not None:
        recipe = question.recipe
        values = settle_vars(recipe, question.sets)
        templates = Templates(recipe, fence_key=lane.identity.fence_key)
        parts.insert(0, templates.prefix_system(values, where.name))
    return clean("\n\n".join(part.strip() for part in parts if part.strip()))


def _memory(question: Question, where: Place, *, today: date) -> list[MemoryFile]:
    memory = read_memory(question.recipe, where, today=today) if question.recipe else []
    return [*memory, *(_file(path, where) for path in question.files)]


def _file(path: Path, where: Place) -> MemoryFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", where=str(path), hint=HINT) from None
    text = decode(data)
    if text is None or len(data) > MOST_BYTES:
        what = "the file is no UTF-8 text" if text is None else f"the file has over {MOST_BYTES:,} bytes"
        raise UsageError(what, where=str(path), hint=HINT)
    absolute = path.resolve()
    name = absolute.relative_to(where.root).as_posix() if absolute.is_relative_to(where.root) else path.name
    return MemoryFile(name, clean(text))


def turns(messages: list[dict[str, str]], *, cached: bool) -> list[dict[str, Any]]:
    """A conversation as the API takes it; `cached`: the last turn ends at a breakpoint, which the next
    call reads."""
    made: list[dict[str, Any]] = [
        {"role": one["role"], "content": [{"type": "text", "text": one["text"]}]} for one in messages
    ]
    if cached:
        made[-1]["content"][-1]["cache_control"] = {"type": "ephemeral", "ttl": "5m"}
    return made
