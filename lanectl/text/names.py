"""Makes safe names out of any text: file names, relative paths, and the readable part of a custom id."""

import re
import unicodedata
from itertools import dropwhile

from lanectl.text.clean import clean, has_hidden, visible

NAME_BYTES = 100
PATH_BYTES = 1000
UNNAMED = "unnamed"

_PUNCTUATION = "._-+@,="
_MARKUP = re.compile(r"<U\+[0-9A-F]{4,6}>|[\u2400-\u2421\ufffd]")  # what `visible` and `clean` put in
_EXTENSION = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}\Z")
# learn.microsoft.com "Naming Files, Paths, and Namespaces": reserved with any extension, superscript digits
# included.
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9¹²³])(?=\.|\Z)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
# What HFS+ and NTFS take for `.git`: its short name, trailing dots and blanks, a stream (CVE-2014-9390,
# CVE-2019-1352).
_GIT = re.compile(r"(?:\.git|git~[0-9]+)(?:[ .]*\Z|[ .]*:)", re.IGNORECASE)


def slug(text: str, limit: int = 31) -> str:
    """The text's readable letters as `[A-Za-z0-9-]`, at most `limit` of them; "" when none is left.

    It is sent to the provider: every word with an `@` in it is dropped, so that no address goes along.
    """
    words = " ".join(word for word in unicodedata.normalize("NFKD", clean(text)).split() if "@" not in word)
    plain = words.encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:limit].rstrip("-")


def file_name(text: str) -> str:
    """The text as one path component that is safe on every platform, 1 to 100 bytes of UTF-8.

    NFC; letters, marks, digits and `._-+@,=` of it, the rest becomes `-`; it begins with no `.` or `-`, ends
    with no `.`, and is no Windows device. A short extension survives the cut. Two texts may get the same
    name.
    """
    seen = unicodedata.normalize("NFC", _MARKUP.sub("", visible(text)))
    kept = "".join(character if _allowed(character) else "-" for character in seen)
    name = _unled(re.sub("-{2,}", "-", unicodedata.normalize("NFC", kept)))
    name = _cut(name).rstrip(".-")
    if _DEVICE.match(name):
        name = _cut(f"_{name}")
    return name or UNNAMED


def relative_path(text: str) -> str | None:
    """The text as a relative path of safe names, parted by `/`; None when it tries to lead elsewhere.

    That is: `..`, an absolute path, a drive, `~`, a backslash, a control or unseen character, `.git` as any
    file system spells it, more than 1,000 bytes, or nothing at all.
    """
    if has_hidden(text) or "\\" in text or text.startswith(("/", "~")) or _DRIVE.match(text):
        return None
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or any(_leads_away(part) for part in parts):
        return None
    path = "/".join(map(file_name, parts))
    return path if len(path.encode()) <= PATH_BYTES else None


def fold(path: str) -> str:
    """The key by which a file system that folds case and composition takes two paths for one (D145)."""
    decomposed = unicodedata.normalize("NFD", clean(path)).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed).casefold())


def _allowed(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LMN"


def _unled(name: str) -> str:
    """Without what may not stand first: dots, dashes, and marks that would join what is before."""
    return "".join(dropwhile(lambda c: c in ".-" or unicodedata.category(c)[0] == "M", name))


def _cut(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    found = _EXTENSION.search(name)
    extension = found[0] if found else ""
    room = NAME_BYTES - len(extension)
    return name[: len(name) - len(extension)].encode()[:room].decode(errors="ignore").rstrip(".-") + extension


def _leads_away(part: str) -> bool:
    return _GIT.match(part.lstrip()) is not None or not part.strip(". ")
