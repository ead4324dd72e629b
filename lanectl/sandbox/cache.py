"""The prompt cache as it was measured: what a request reads and writes, and when an entry can be read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lanectl.sandbox.catalogue import Model
from lanectl.sandbox.prompts import Block, blocks, has_images, tokens
from lanectl.sandbox.records import DAY_S
from lanectl.sandbox.store import put

TTL_S: Final[Mapping[str, float]] = {"5m": 300.0, "1h": 3_600.0}
# Documentation "Prompt caching": a breakpoint finds earlier writes up to 20 positions back, itself included.
LOOKBACK: Final = 20


@dataclass(slots=True)
class Entry:
    """One cached prefix: last use (a request's start), TTL, when others may read it, and who wrote it.

    `cold` requests of the same writer still miss: they started before the first answer began.
    """

    used: float
    ttl_s: float
    usable: float
    cold: int
    writer: str


@dataclass(frozen=True, slots=True)
class Use:
    """Prompt tokens of one request as they are billed; `after` are those behind the last breakpoint."""

    after: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the cache: who asks (`writer`: a batch id, or a message's own) and when it starts.

    `usable` is when other writers may read what it writes. Entries of the two lanes are apart: what a message
    wrote was not read by a batch one second later (anthropics/skills #1475).
    """

    lane: str
    workspace: str
    writer: str
    start: float
    usable: float
    betas: tuple[str, ...] = ()


class Cache:
    """Every live entry, kept in one small file; `cold_burst` requests of a cold prefix all write it."""

    def __init__(self, path: Path, *, cold_burst: int) -> None:
        self._path = path
        self._cold_burst = cold_burst
        self._entries: dict[str, Entry] = {}
        if path.exists():
            self._entries = {key: Entry(*row) for key, row in json.loads(path.read_bytes()).items()}

    def save(self, now: float) -> None:
        """Writes the entries that a batch of the last day could still meet."""
        rows = {
            key: [one.used, one.ttl_s, one.usable, one.cold, one.writer]
            for key, one in self._entries.items()
            if one.used + one.ttl_s >= now - DAY_S
        }
        put(self._path, json.dumps(rows).encode())

    def use(self, params: Mapping[str, Any], model: Model, visit: Visit) -> Use:
        """What a request reads and writes; refreshes and adds entries accordingly."""
        parts = blocks(params)
        sizes = _running(parts)
        total = tokens(sizes[-1] if sizes else 0, model)
        marks = [
            place
            for place, part in enumerate(parts)
            if part.ttl and part.cacheable and tokens(sizes[place], model) >= model.cache_minimum
        ]
        if not marks:
            return Use(after=max(1, total))
        keys = _keys(parts[: marks[-1] + 1], _base(params, model, visit), _turns(params))
        hit = self._hit(keys, marks, visit)
        read = tokens(sizes[hit], model) if hit >= 0 else 0
        written = {"5m": 0, "1h": 0}
        reached = read
        for place in marks:
            if place > hit:
                ttl = parts[place].ttl or "5m"
                here = tokens(sizes[place], model)
                written[ttl] += here - reached
                reached = here
                self._write(keys[place], TTL_S[ttl], visit)
        return Use(total - reached, read, written["5m"], written["1h"])

    def _hit(self, keys: list[str], marks: list[int], visit: Visit) -> int:
        best = -1
        for mark in marks:
            for place in range(mark, max(-1, mark - LOOKBACK, best), -1):
                if self._readable(keys[place], visit):
                    best = place
                    break
        for place in {best, *marks}:
            entry = self._entries.get(keys[place]) if 0 <= place <= best else None
            if entry is not None:
                entry.used = max(entry.used, visit.start)
        return best

    def _readable(self, key: str, visit: Visit) -> bool:
        entry = self._entries.get(key)
        if entry is None or visit.start >= entry.used + entry.ttl_s:
            return False
        return entry.cold <= 0 if entry.writer == visit.writer else entry.usable <= visit.start

    def _write(self, key: str, ttl_s: float, visit: Visit) -> None:
        entry = self._entries.get(key)
        live = entry is not None and visit.start < entry.used + entry.ttl_s
        if entry is not None and live and entry.writer == visit.writer:
            entry.cold -= 1
            return
        self._entries[key] = Entry(visit.start, ttl_s, visit.usable, self._cold_burst - 1, visit.writer)


def _running(parts: list[Block]) -> list[int]:
    total = 0
    sums = []
    for part in parts:
        total += part.size
        sums.append(total)
    return sums


def _base(params: Mapping[str, Any], model: Model, visit: Visit) -> bytes:
    # Effort and thinking are rendered into the prompt as they resolve: the default said aloud is the default.
    config = params.get("output_config") or {}
    thinking = params.get("thinking") or {"type": "adaptive" if model.thinks else "disabled"}
    facts = [
        visit.lane,
        visit.workspace,
        model.id,
        config.get("effort") or model.default_effort,
        {key: value for key, value in thinking.items() if key != "display"},
        config.get("format"),
        params.get("speed"),
        sorted(visit.betas),
    ]
    return json.dumps(facts).encode()


def _turns(params: Mapping[str, Any]) -> bytes:
    return json.dumps([params.get("tool_choice"), has_images(params)]).encode()


def _keys(parts: list[Block], base: bytes, turns: bytes) -> list[str]:
    state = hashlib.blake2b(base, digest_size=12)
    keys = []
    section = ""
    for part in parts:
        if part.section != section:
            section = part.section
            state.update(section.encode() + (turns if section == "messages" else b""))
        state.update(len(part.data).to_bytes(8, "big"))
        state.update(part.data)
        keys.append(state.hexdigest())
    return keys
