"""The list of every batch that was accepted, durable and only ever added to: it proves what was paid for."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanectl.sandbox.records import Batch, moment


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted batch: its id, when, whose, and which bytes (hash and length of the body as received)."""

    id: str
    created_at: str
    workspace: str
    sha256: str
    bytes: int
    custom_ids: tuple[str, ...]


def entry(batch: Batch) -> dict[str, Any]:
    """The facts of a ledger line, but for the custom ids, which `append` adds."""
    return {
        "id": batch.id,
        "created_at": moment(batch.created),
        "workspace": batch.workspace,
        "sha256": batch.sha256,
        "bytes": batch.bytes,
        "requests": batch.requests,
        "custom_ids": [],
    }


def append(path: Path, facts: dict[str, Any], ids: Path) -> None:
    """Adds one line and waits until it is on the disk; `ids` holds one custom id a line."""
    head = json.dumps(facts).removesuffix("]}")
    with path.open("a+b") as out, ids.open(encoding="ascii") as listed:
        out.seek(0, os.SEEK_END)
        if out.tell():
            out.seek(-1, os.SEEK_END)
            if out.read(1) != b"\n":
                out.write(b"\n")
        out.write(head.encode())
        for number, line in enumerate(listed):
            out.write(((", " if number else "") + json.dumps(line.rstrip("\n"))).encode())
        out.write(b"]}\n")
        out.flush()
        os.fsync(out.fileno())


def read(path: Path) -> list[Accepted]:
    """Every accepted batch, oldest first, each once; a line left torn by a killed process is passed over."""
    seen: dict[str, Accepted] = {}
    for value in _lines(path):
        accepted = Accepted(
            id=value["id"],
            created_at=value["created_at"],
            workspace=value["workspace"],
            sha256=value["sha256"],
            bytes=value["bytes"],
            custom_ids=tuple(value["custom_ids"]),
        )
        seen.setdefault(accepted.id, accepted)
    return list(seen.values())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            yield value
