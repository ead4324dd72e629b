"""Batches under the provider's limits, and the bytes of their bodies."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lanectl.plan.prefix import dumps

MOST_REQUESTS = 100_000
# The documented limit is "256 MB" without saying which megabyte; the smaller one is taken. The body's own
# bytes are counted exactly, so the margin only has to cover what a gateway adds.
MOST_BYTES = 256_000_000 - 1_000_000
LONGEST_ID = 64
HEAD = b'{"requests":[\n'
BETWEEN = b",\n"
TAIL = b"\n]}"

# Numbers of jobs, eight bytes each, where a list would take forty.
Numbers: TypeAlias = "array[int]"


@dataclass(frozen=True, slots=True)
class Sized:
    """One job to place: its number, and the bytes of its own part of the request."""

    n: int
    bytes: int


def entry(custom_id: str, shared: bytes, own: Mapping[str, Any]) -> bytes:
    """One request of a body; `shared` is the JSON object of the shared part, the same bytes in all."""
    return (
        b'{"custom_id":"' + custom_id.encode() + b'","params":' + shared[:-1] + b"," + dumps(own)[1:] + b"}"
    )


def body(entries: Iterable[bytes]) -> Iterator[bytes]:
    """The body of a batch in pieces, each request on a line of its own."""
    yield HEAD
    for n, piece in enumerate(entries):
        if n:
            yield BETWEEN
        yield piece
    yield TAIL


def request_bytes(shared_bytes: int, own_bytes: int) -> int:
    """The most one request takes up in a body, with the longest id and its separator."""
    # Joined, the two objects' four braces are two and a comma.
    joined = shared_bytes + own_bytes - 1
    return len(b'{"custom_id":"","params":}') + LONGEST_ID + joined + len(BETWEEN)


def bytes_of(shared_bytes: int, requests: int, own_bytes: int) -> int:
    """The most that several requests take up, whose own parts have `own_bytes` together."""
    return requests * request_bytes(shared_bytes, 0) + own_bytes


def split(
    jobs: Iterable[Sized],
    *,
    shared_bytes: int,
    most_requests: int = MOST_REQUESTS,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Numbers]:
    """Jobs in their order, parted so that no batch is over a limit; `ValueError` for a job too large."""
    batch: Numbers = array("q")
    size = len(HEAD) + len(TAIL)
    for job in jobs:
        more = request_bytes(shared_bytes, job.bytes)
        if len(HEAD) + len(TAIL) + more > most_bytes:
            raise ValueError(f"job {job.n} alone has {more} bytes")
        if batch and (len(batch) == most_requests or size + more > most_bytes):
            yield batch
            batch, size = array("q"), len(HEAD) + len(TAIL)
        batch.append(job.n)
        size += more
    if batch:
        yield batch
