"""What can be made to go wrong: switches for the wire, for a results file, and for single items."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Final, Self

ENDPOINTS: Final = (
    "create",
    "list",
    "retrieve",
    "results",
    "cancel",
    "delete",
    "messages",
    "count_tokens",
    "models",
    "files",
)
FOREVER: Final = -1


class _Switch:
    """What the three kinds of switch share: reading themselves from JSON, and refusing unknown words."""

    words: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def _check(self) -> None:
        for key, allowed in self.words.items():
            value = getattr(self, key)
            if value not in allowed:
                raise ValueError(f"{key}: {value!r} is none of {', '.join(allowed)}")

    @classmethod
    def from_json(cls, value: object) -> Self:
        """One switch from a JSON object. Raises ValueError that names an unknown key or word."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{cls.__name__}: an object is expected, not {value!r}")
        known = {one.name for one in fields(cls)}  # type: ignore[arg-type] # each child is a dataclass
        unknown = sorted(set(value) - known)
        if unknown:
            raise ValueError(
                f"{cls.__name__}: no such key {unknown[0]!r}; known are {', '.join(sorted(known))}"
            )
        lists = {key: tuple(part) if isinstance(part, list) else part for key, part in value.items()}
        try:
            return cls(**lists)
        except TypeError as error:
            raise ValueError(f"{cls.__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class WireFault(_Switch):
    """One endpoint misbehaves, `times` times (-1: always) after `skip` good answers.

    `do`: `refuse` answers `status` and does nothing (with `early`: before the body was read); `cut` reads
    `after` bytes of the body and cuts the connection; `redirect` answers `status` 302 or 307 to the origin
    `to`; `drop` does the work and cuts the connection instead of answering; `hang` does the work and answers
    after `seconds`; `answer` does the work and answers `status` with `body`; `stream-cut` and `stream-error`
    end a streamed answer after `after` events. `body`: `api` is an error (with status 200: the true answer),
    the rest is what gateways and captive portals send. `code` is `error.details.error_code`.
    """

    at: str
    do: str = "refuse"
    status: int = 500
    body: str = "api"
    message: str = "[sandbox] This failure was asked for."
    code: str | None = None
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    early: bool = False
    after: int = 0
    seconds: float = 0.0
    to: str = ""
    times: int = 1
    skip: int = 0

    words: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "at": ENDPOINTS,
        "do": ("refuse", "cut", "redirect", "drop", "hang", "answer", "stream-cut", "stream-error"),
        "body": ("api", "html", "empty", "object", "list", "cut", "text"),
    }

    def __post_init__(self) -> None:
        self._check()


@dataclass(frozen=True, slots=True)
class ResultsFault(_Switch):
    """The download of a results file goes wrong, `times` times (-1: always) after `skip` good ones.

    `do`: `truncate` ends it after `at` bytes in the `framing` given (`content-length` promises more;
    `chunked` is cut off; `chunked-end` and `close` end cleanly); `malformed`, `blank`, `duplicate`,
    `foreign`, `unknown-type`, `missing`, `not-utf8`, `surrogate`, `crlf` do that to the `count` lines from
    line `at` on (from 0); `drip` sends `at` bytes at a time, `seconds` apart; `none` only sets the `framing`.
    """

    do: str
    at: int = 0
    count: int = 1
    framing: str = "chunked"
    seconds: float = 0.0
    times: int = 1
    skip: int = 0

    words: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "do": (
            "none",
            "truncate",
            "malformed",
            "blank",
            "duplicate",
            "foreign",
            "unknown-type",
            "missing",
            "not-utf8",
            "surrogate",
            "crlf",
            "drip",
        ),
        "framing": ("content-length", "chunked", "chunked-end", "close"),
    }

    def __post_init__(self) -> None:
        self._check()


@dataclass(frozen=True, slots=True)
class ItemFault(_Switch):
    """Single requests of a batch end differently: those that every given choice fits.

    Choices: `share` of all (0.0-1.0, the same ones each time), `index` (positions in the batch, from 0),
    `contains` (text of the request), `batches` (which batches of this folder, from 1). `outcome`: the API's
    `errored` (as `error`), `expired`, `canceled`; answers with another stop reason: `refusal`, `max_tokens`,
    `pause_turn`, `context`; answers that a reader must survive: `empty`, `no-content`, `prose`, `fenced`,
    `wrong-json`, `hostile`, `surrogate`, `huge` (`size` bytes).
    """

    outcome: str
    error: str = "api_error"
    message: str = "[sandbox] This failure was asked for."
    share: float = 1.0
    index: tuple[int, ...] | None = None
    contains: str | None = None
    batches: tuple[int, ...] | None = None
    size: int = 4_000_000

    words: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "outcome": (
            "errored",
            "expired",
            "canceled",
            "refusal",
            "max_tokens",
            "pause_turn",
            "context",
            "empty",
            "no-content",
            "prose",
            "fenced",
            "wrong-json",
            "hostile",
            "surrogate",
            "huge",
        ),
    }

    def __post_init__(self) -> None:
        self._check()


@dataclass(frozen=True, slots=True)
class Faults:
    """All switches: the first that applies wins, on the wire and for an item; those of a results file add up.

    `list_lag_s`: a new batch is missing from `list` for so long. `results_origin`: `results_url` names this
    origin (`http://host:port`) instead of our own.
    """

    wire: tuple[WireFault, ...] = ()
    results: tuple[ResultsFault, ...] = ()
    items: tuple[ItemFault, ...] = ()
    list_lag_s: float = 0.0
    results_origin: str = ""

    @classmethod
    def from_json(cls, value: object) -> "Faults":
        """The switches from a JSON object with these field names. Raises ValueError naming what is wrong."""
        if not isinstance(value, Mapping):
            raise ValueError("faults: an object is expected")
        unknown = sorted(set(value) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(
                f"faults: no such key {unknown[0]!r}; known are wire, results, items, list_lag_s, ..."
            )
        return cls(
            wire=tuple(WireFault.from_json(one) for one in _listed(value, "wire")),
            results=tuple(ResultsFault.from_json(one) for one in _listed(value, "results")),
            items=tuple(ItemFault.from_json(one) for one in _listed(value, "items")),
            list_lag_s=float(value.get("list_lag_s", 0.0)),
            results_origin=str(value.get("results_origin", "")),
        )

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """The switches from JSON text (for a command line). Raises ValueError."""
        return cls.from_json(json.loads(text))

    def as_json(self) -> dict[str, Any]:
        """The switches as `from_json` reads them."""
        return asdict(self)


def _listed(value: Mapping[str, Any], key: str) -> Iterable[object]:
    part = value.get(key, ())
    if not isinstance(part, list | tuple):
        raise ValueError(f"faults.{key}: a list is expected")
    return part
