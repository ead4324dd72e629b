"""Files of a schedule: written where nothing else stands, taken back while they are as they were written."""

from collections.abc import Sequence

from lanectl.errors import LanectlError
from lanectl.files import Folder
from lanectl.schedule import Piece

MOST_BYTES = 100_000


def write(pieces: Sequence[Piece]) -> None:
    """Write each; raises `LanectlError` before the first where another file has one of the names."""
    for piece in pieces:
        there = _text(piece)
        if there is not None and there != piece.text and "lanectl" not in there:
            raise LanectlError("another file has this name", where=str(piece.path), hint=f"rm {piece.path}")
    for piece in pieces:
        with Folder.open(piece.path.parent, create=True) as folder:
            folder.write(piece.path.name, piece.text.encode())


def take_back(pieces: Sequence[Piece]) -> None:
    """Remove each; raises `LanectlError` before the first where one is missing or was edited."""
    for piece in pieces:
        there = _text(piece)
        if there is None:
            raise LanectlError(
                "this was never written", where=str(piece.path), hint="lanectl schedule --help"
            )
        if there != piece.text:
            raise LanectlError(
                "this is not as it would be written now: it was edited, or with other options",
                where=str(piece.path),
                hint=f"rm {piece.path}",
            )
    for piece in pieces:
        with Folder.open(piece.path.parent) as folder:
            folder.remove(piece.path.name)


def _text(piece: Piece) -> str | None:
    if not piece.path.is_file():
        return None
    with Folder.open(piece.path.parent) as folder, folder.read(piece.path.name) as file:
        return file.read(MOST_BYTES).decode("utf-8", "replace")
