"""The Files API, as far as a batch may need it: upload, list, look, read, delete."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lanectl.models import JsonValue
from lanectl.sandbox import draws
from lanectl.sandbox.batches import cut
from lanectl.sandbox.exchange import Answer, Request
from lanectl.sandbox.provider import Provider
from lanectl.sandbox.records import moment
from lanectl.sandbox.refusals import invalid, not_found
from lanectl.sandbox.store import put

# Documentation "Files": 500 MB a file. The sandbox holds an upload in memory once, so that it takes less.
_MOST_BYTES: Final = 32_000_000
_NAME: Final = re.compile(rb'name="([^"]*)"(?:; *filename="([^"]*)")?', re.IGNORECASE)
_TYPE: Final = re.compile(rb"content-type: *([^\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file; times in seconds since the epoch."""

    id: str
    workspace: str
    filename: str
    mime_type: str
    size_bytes: int
    created: float
    expires: float | None = None


def upload(provider: Provider, request: Request, workspace: str) -> dict[str, JsonValue]:
    """Keeps an uploaded file. Raises ApiError for a form without one."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        raise invalid("file: Field required, in multipart/form-data")
    parts = dict(_parts(request.body.all(_MOST_BYTES), boundary[1].encode()))
    if "file" not in parts:
        raise invalid("file: Field required")
    filename, mime, data = parts["file"]
    now = provider.now()
    lives = parts.get("expires_in_seconds")
    file = File(
        id=draws.name(
            "file_", provider.seed, workspace, filename, now, len(data), len(_all(provider, workspace))
        ),
        workspace=workspace,
        filename=filename.replace("\\", "/").rpartition("/")[2] or "unnamed",
        mime_type=mime,
        size_bytes=len(data),
        created=now,
        expires=now + _seconds(lives[2]) if lives else None,
    )
    put(_folder(provider) / f"{file.id}.data", data)
    put(_folder(provider) / f"{file.id}.json", json.dumps(asdict(file)).encode())
    return view(file)


def listing(provider: Provider, workspace: str, query: Mapping[str, list[str]]) -> dict[str, JsonValue]:
    """One page of the workspace's files, newest first; `page` is the id of the last one before it."""
    wanted = query.get("ids[]", query.get("ids", []))
    files = [one for one in _all(provider, workspace) if not wanted or one.id in wanted]
    page = query.get("page", [""])[-1].removeprefix("page_")
    found, more = cut(files, {"limit": query.get("limit", ["20"]), "after_id": [page]})
    return {"data": [view(one) for one in found], "next_page": f"page_{found[-1].id}" if more else None}


def find(provider: Provider, file_id: str, workspace: str) -> File:
    """The file of that id. Raises ApiError (404)."""
    found = next((one for one in _all(provider, workspace) if one.id == file_id), None)
    if found is None:
        raise not_found(f"File {file_id} not found.")
    return found


def content(provider: Provider, file: File) -> Answer:
    """The file's bytes. Uploaded files cannot be downloaded from the API; the sandbox allows it."""
    data = (_folder(provider) / f"{file.id}.data").read_bytes()
    return Answer(200, data, {"content-type": file.mime_type})


def delete(provider: Provider, file: File) -> dict[str, JsonValue]:
    """Takes the file away."""
    for ending in ("json", "data"):
        (_folder(provider) / f"{file.id}.{ending}").unlink(missing_ok=True)
    return {"id": file.id, "type": "file_deleted"}


def view(file: File) -> dict[str, JsonValue]:
    """A file as the API shows it."""
    return {
        "id": file.id,
        "type": "file",
        "filename": file.filename,
        "mime_type": file.mime_type,
        "size_bytes": file.size_bytes,
        "created_at": moment(file.created),
        "expires_at": None if file.expires is None else moment(file.expires),
        "downloadable": True,
    }


def _folder(provider: Provider) -> Path:
    return provider.store.folder / "files"


def _all(provider: Provider, workspace: str) -> list[File]:
    now = provider.now()
    files = [File(**json.loads(path.read_bytes())) for path in _folder(provider).glob("*.json")]
    live = [one for one in files if one.workspace == workspace and (one.expires is None or now < one.expires)]
    return sorted(live, key=lambda one: (one.created, one.id), reverse=True)


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, tuple[str, str, bytes]]]:
    for piece in body.split(b"--" + boundary)[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise invalid("a part of the form has no name")
        kind = _TYPE.search(head)
        mime = kind[1].decode("latin-1").strip() if kind else "application/octet-stream"
        filename = (name[2] or b"").decode("utf-8", "replace")
        yield name[1].decode("latin-1"), (filename, mime, data.removesuffix(b"\r\n"))


def _seconds(text: bytes) -> int:
    try:
        seconds = int(text)
    except ValueError:
        raise invalid("expires_in_seconds: Input should be a valid integer") from None
    if not 3_600 <= seconds <= 7_776_000:
        raise invalid("expires_in_seconds: Input should be between 3600 and 7776000")
    return seconds
