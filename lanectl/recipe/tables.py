"""The tables of a recipe file, with every key and default that a recipe may rely on."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

Origin: TypeAlias = Literal["bundled", "user", "repository", "path"]
Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
OutputKind: TypeAlias = Literal["text", "markdown", "json", "findings", "file", "edits"]
Retryable: TypeAlias = Literal["errored", "expired", "invalid", "missing", "truncated", "unreadable"]
JsonScalar: TypeAlias = str | int | float | bool

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# `latest` is how a user asks for the newest run; the others cannot be folders on every file system.
RESERVED_NAMES = frozenset({"latest", "con", "prn", "aux", "nul"})


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _no_option(value: str) -> str:
    if value.startswith("-"):
        # These words become arguments of git and gh; a leading dash would make them options there.
        raise PydanticCustomError("leading_dash", "must not begin with a dash")
    return value


def _name(value: str) -> str:
    if value.lower() in RESERVED_NAMES:
        raise PydanticCustomError("reserved_name", "is a reserved name")
    return value


def _identifier(value: str) -> str:
    if not (value.isascii() and value.isidentifier()):
        raise PydanticCustomError(
            "not_an_identifier", "must be letters, digits and _, as templates spell names"
        )
    return value


Thinking: TypeAlias = Literal["adaptive", "between_tools", "disabled"] | Annotated[int, Field(ge=1024)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Word: TypeAlias = Annotated[Text, AfterValidator(_no_option)]
Words: TypeAlias = Annotated[tuple[Word, ...], BeforeValidator(_as_tuple)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Positive: TypeAlias = Annotated[int, Field(ge=1)]
RecipeName: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN), AfterValidator(_name)]


class Table(BaseModel):
    """What all tables have in common: unknown keys are errors, nothing is converted, nothing changes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class LaneTable(Table):
    """What the work needs; a key left out is the user's configuration's to fill."""

    model: Text | None = None
    """The model's id, as the API spells it."""
    effort: Effort | None = None
    """How hard the model thinks; leave it out for models that know no effort."""
    max_tokens: Positive | None = None
    """The longest answer, thinking included; start from 64000 at effort xhigh and max."""
    inference_geo: Literal["us", "global"] | None = None
    """Where the provider may compute; `us` costs a tenth more."""
    thinking: Thinking | None = None
    """A thinking mode, or a budget in tokens for older models that only know `enabled`."""

    @property
    def thinking_param(self) -> dict[str, str | int] | None:
        """The API's `thinking` parameter, None where the model's own default holds."""
        if self.thinking is None:
            return None
        if isinstance(self.thinking, int):
            return {"type": "enabled", "budget_tokens": self.thinking}
        return {"type": self.thinking}


class PrefixTable(Table):
    """The same bytes in every request of a run, which the provider caches."""

    cache: Literal["auto", "1h", "5m", "off"] = "auto"
    """How long the provider keeps the prefix; auto takes what pays."""
    system: str = ""
    """The system prompt, a template that sees `vars` and `repo.name` only."""
    files: Words = ()
    """Project memory: globs below the repository, sorted, each file under its path as a heading."""
    max_prefix_bytes: Positive = 400_000
    """The largest prefix that is still sent."""
    tools: Text | None = None
    """A JSON file with tool definitions, beside the recipe."""


class FilesSource(Table):
    """One item a file of the repository."""

    kind: Literal["files"]
    include: Annotated[Words, Field(min_length=1)] = ("**/*",)
    """Globs below the repository."""
    exclude: Words = ()
    """Globs of files to leave out."""
    limit: Positive | None = None
    """At most so many items."""


class CommitsSource(Table):
    """One item a commit, a day or a tag of the history."""

    kind: Literal["commits"]
    range: Word | None = None
    """A git revision range such as v1.0..HEAD."""
    since: Word | None = None
    """A date, or words that git understands such as "2 weeks ago"."""
    by: Literal["commit", "day", "tag"] = "commit"
    """What one item is."""
    limit: Positive | None = None
    """At most so many items, newest first."""


class PullRequestsSource(Table):
    """One item a pull request."""

    kind: Literal["pull-requests"]
    # `from` is a word of Python's own; only the file spells it so.
    from_: Literal["gh", "branches", "merges"] = Field(default="gh", alias="from")
    """The open ones of GitHub, the local branches, or the merges of the past."""
    base: Word | None = None
    """The branch they go into; without it the repository's default branch."""
    range: Word | None = None
    """For merges: a git revision range."""
    labels: Words = ()
    """Only those that bear one of these labels."""
    skip_drafts: bool = True
    """Whether drafts are left out."""
    limit: Positive | None = None
    """At most so many items, newest first."""


class TextSource(Table):
    """One text, or one item a line of it; after loading, `path` is absolute."""

    kind: Literal["text"]
    path: Text | None = None
    """A file beside the recipe; without it the text is read from standard input."""
    lines: bool = False
    """Whether each line is an item of its own."""
    limit: Positive | None = None
    """At most so many items."""


class CommandSource(Table):
    """One item a line that a program writes: a JSON object is the item's fields, any other line its text."""

    kind: Literal["command"]
    argv: Annotated[tuple[Text, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    """The program and its arguments, run from the repository's root without a shell."""
    limit: Positive | None = None
    """At most so many items."""


Source: TypeAlias = Annotated[
    FilesSource | CommitsSource | PullRequestsSource | TextSource | CommandSource,
    Field(discriminator="kind"),
]


class JobTable(Table):
    """What is asked about one item."""

    key: Text
    """A template that names the job: unique in the run, and the artifact's name."""
    prompt: Text
    """A template that sees `item`, `vars`, `repo` and `today`."""


class OutputTable(Table):
    """What an answer is, and where its artifact goes below the run's artifact folder."""

    kind: OutputKind
    """What is asked for and checked."""
    path: Text | None = None
    """A template for the artifact's path; without it the key names the artifact."""
    schema_: Text | None = Field(default=None, alias="schema")
    """For json: a file with a JSON Schema, beside the recipe."""


class RunTable(Table):
    """How one submission behaves."""

    pilot: Literal["auto"] | Count = "auto"
    """How many jobs go first: auto where it protects or pays, a number, 0 for none."""
    pilot_wait_s: Count = 2700
    """How long submit waits for its pilot, in seconds."""
    pilot_late: Literal["release", "hold"] = "release"
    """What becomes of the rest when the pilot takes longer."""
    repeat: Literal["changed", "always"] = "changed"
    """Whether an item whose request equals one that succeeded is sent again."""
    repeat_on: Annotated[tuple[Literal["item", "recipe", "prefix"], ...], BeforeValidator(_as_tuple)] = (
        "item",
        "recipe",
    )
    """What "equals" looks at."""
    max_cost_usd: Annotated[float, Field(ge=0)] | None = None
    """Lowers the user's caps, never raises them; in dollars."""
    max_jobs: Positive = 5000
    """The most jobs one submission may have."""
    max_item_bytes: Positive = 400_000
    """The largest item that is still sent."""
    too_large: Literal["skip", "split"] = "skip"
    """What becomes of a larger one; a skip is reported."""
    retry: Annotated[tuple[Retryable, ...], BeforeValidator(_as_tuple)] = ("errored", "expired")
    """Outcomes that tick may send again by itself."""
    retry_max: Count = 1
    """How often it may do so."""
    notify: Words = ()
    """Targets named in the user's configuration."""


class RecipeFile(Table):
    """All that a recipe file may say."""

    name: RecipeName
    """How the recipe is called; the same as its file's name."""
    description: str = ""
    """One sentence for lists."""
    lane: LaneTable = LaneTable()
    prefix: PrefixTable = PrefixTable()
    source: Source
    job: JobTable
    output: OutputTable
    run: RunTable = RunTable()
    vars: dict[Annotated[str, AfterValidator(_identifier)], JsonScalar] = Field(default_factory=dict)
    """Defaults for --set."""


class Recipe(RecipeFile):
    """A recipe file that was read and checked, with what lies beside it."""

    path: Path | None
    """Where it was read from."""
    sha256: str
    """Of the file's bytes, in hexadecimal."""
    origin: Origin
    """Whose it is."""
    schema_value: dict[str, object] | None = None
    """The parsed file that `output.schema` names."""
    tools_value: list[object] | None = None
    """The parsed file that `prefix.tools` names."""
