"""What the sandbox keeps of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted batch; times in seconds since the epoch, `ends` is when it will end if nothing happens."""

    id: str
    seq: int
    workspace: str
    created: float
    duration_s: float
    ends: float
    expires: float
    requests: int
    bytes: int
    sha256: str
    version: str
    betas: tuple[str, ...] = ()
    user_profile: str = ""
    foreign: bool = False
    canceled: float | None = None
    ended: float | None = None
    archived: float | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the wire knows of a batch that is about to be accepted."""

    workspace: str
    requests: int
    bytes: int
    sha256: str
    version: str
    betas: tuple[str, ...] = ()
    user_profile: str = ""
    foreign: bool = False


def moment(seconds: float) -> str:
    """Seconds since the epoch as the API writes a time: RFC 3339, UTC, microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
