"""A results file on its way to the client, whole or with the damage that was asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lanectl.sandbox import batches
from lanectl.sandbox.exchange import PIECE, Answer
from lanectl.sandbox.faults import ResultsFault
from lanectl.sandbox.provider import Provider
from lanectl.sandbox.records import Batch
from lanectl.sandbox.refusals import invalid, not_found

_ONE = b'{"custom_id":"%b","result":{"type":"%b"}}\n'


def results(provider: Provider, batch: Batch) -> Answer:
    """The answer that carries a batch's results. Raises ApiError: 400 before the end, 404 once archived."""
    if batch.ended is None:
        raise invalid(f"Message batch {batch.id} is still in progress and has no results yet.")
    if batches.archived_at(batch, provider.now()) is not None:
        raise not_found(f"The results of message batch {batch.id} are no longer available.")
    path = provider.store.where(batch) / "results.jsonl"
    faults = provider.store.take_results()
    headers = {"content-type": "application/x-jsonl"}
    framing = next((fault.framing for fault in faults if fault.framing != "chunked"), "chunked")
    cut = next((fault.at for fault in faults if fault.do == "truncate"), None)
    pieces = _stream(provider, path, faults, cut)
    answer = Answer(200, pieces, headers, "chunked" if framing == "chunked-end" else framing)
    if framing == "content-length":
        answer.framing = "length"
        answer.length = sum(len(piece) for piece in _damaged(path, faults))
    answer.cut = cut is not None and framing in ("content-length", "chunked")
    return answer


def _stream(
    provider: Provider, path: Path, faults: tuple[ResultsFault, ...], cut: int | None
) -> Iterator[bytes]:
    drip = next((fault for fault in faults if fault.do == "drip"), None)
    left = cut
    for piece in _gathered(_damaged(path, faults), max(1, drip.at) if drip else PIECE):
        if drip is not None:
            provider.wait(drip.seconds)
        yield piece if left is None else piece[:left]
        if left is not None:
            left -= len(piece)
            if left <= 0:
                return


def _gathered(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`."""
    held: list[bytes] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= size:
            joined = b"".join(held)
            whole = count - count % size
            for at in range(0, whole, size):
                yield joined[at : at + size]
            held, count = [joined[whole:]], count - whole
    yield b"".join(held)


def _damaged(path: Path, faults: tuple[ResultsFault, ...]) -> Iterator[bytes]:
    todo = [fault for fault in faults if fault.do in _DAMAGE]
    with path.open("rb") as lines:
        if not todo:
            while piece := lines.read(PIECE):
                yield piece
            return
        for number, line in enumerate(lines):
            for fault in todo:
                if fault.at <= number < fault.at + fault.count:
                    line = _DAMAGE[fault.do](line)
            yield line


def _half(line: bytes) -> bytes:
    return line[: len(line) // 2] + b"\n"


def _not_utf8(line: bytes) -> bytes:
    return line.replace(b"[sandbox]", b"[sand\xff\xfebox]", 1) if b"[sandbox]" in line else b"\xff" + line


def _surrogate(line: bytes) -> bytes:
    return line.replace(b"[sandbox]", b"[sandbox]\\ud800", 1)


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "malformed": _half,
    "blank": lambda line: b"\n" + line,
    "duplicate": lambda line: line + line,
    "foreign": lambda line: _ONE % (b"someone-elses-request", b"expired") + line,
    "unknown-type": lambda line: _retyped(line),
    "missing": lambda _: b"",
    "not-utf8": _not_utf8,
    "surrogate": _surrogate,
    "crlf": lambda line: line[:-1] + b"\r\n",
}


def _retyped(line: bytes) -> bytes:
    custom_id = line.partition(b'"custom_id":"')[2].partition(b'"')[0]
    return _ONE % (custom_id, b"postponed")
