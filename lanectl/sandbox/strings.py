"""What a string in an answer says: paths, lines, commits and words of the material, marked as ours."""

import re
from typing import Any, Final, TypeAlias

from lanectl.sandbox.draws import Draw
from lanectl.sandbox.edits import Edit, edits, whole
from lanectl.sandbox.material import Material

Place: TypeAlias = tuple[str, int]

_FORMATS: Final = {
    "date-time": "2026-11-23T02:00:00Z",
    "date": "2026-11-23",
    "time": "02:00:00Z",
    "duration": "PT1H",
    "email": "sandbox@example.invalid",
    "hostname": "sandbox.invalid",
    "uri": "https://sandbox.invalid/",
    "uri-reference": "/sandbox",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_PATHS: Final = ("path", "file", "filename", "file_path", "filepath", "relevant_file")
_COMMITS: Final = ("commit", "sha", "commit_id", "commit_sha", "hash")
_SHORT: Final = (
    "category",
    "kind",
    "type",
    "label",
    "tag",
    "group",
    "language",
    "name",
    "id",
    "key",
    "rule",
    "rule_id",
)
_NOTES: Final = (
    "No model was called: this sentence stands where the model's would",
    "An example, not a judgement: see how it is shown",
    "Made up on this machine, to show what a night leaves behind",
)


# Tried in turn against a `pattern`: a regular expression is not worth solving here.
_PLAIN: Final = (
    *(
        "sandbox",
        "Sandbox",
        "SANDBOX",
        "sandbox-1",
        "sandbox_1",
        "SANDBOX-1",
        "SB-1",
        "SB-0001",
        "sandbox.txt",
        "/sandbox",
    ),
    *(
        "a",
        "A",
        "0",
        "1",
        "01",
        "2026",
        "0.1",
        "1.0",
        "1.0.0",
        "v1.0.0",
        "#1",
        "#000000",
        "en",
        "en-US",
        "+1",
        "$1.00",
    ),
    *(
        "0" * 7,
        "0" * 8,
        "0" * 12,
        "0" * 32,
        "0" * 40,
        "0" * 64,
        "AAA",
        "sb",
        "SB",
        "sandbox sandbox",
        "sandbox: sandbox",
    ),
)


class Strings:
    """The strings of one answer; objects that name a place (a path and lines) keep to one place."""

    def __init__(self, material: Material, draw: Draw) -> None:
        self._material = material
        self._draw = draw
        self._place: Place = ("", 1)
        self._edits: list[Edit] = []
        self.enter("$")

    @property
    def nothing_to_find(self) -> bool:
        """Whether the material is a diff without a single added line, or nothing at all."""
        found = self._material
        return not found.main.strip() or (found.diff and not found.added)

    def enter(self, where: str) -> Place:
        """Chooses what the object at `where` is about: an added line of a diff, else a line of the text.

        Gives back the place before it, for `leave`.
        """
        before = self._place
        added = self._material.added
        if added:
            path = self._draw.pick(sorted(added), where)
            self._place = (path, self._draw.pick(added[path], where))
        else:
            lines = max(1, self._material.main.count("\n"))
            self._place = (self._material.path, 1 + self._draw.below(lines, where))
        return before

    def leave(self, before: Place) -> None:
        """Returns to the place of the object around."""
        self._place = before

    @property
    def line(self) -> int:
        """The line of the present object."""
        return self._place[1]

    def whole(self) -> str:
        """The material with one comment line more."""
        return whole(self._material.path, self._material.main)

    def prepare_edits(self, wanted: int) -> int:
        """How many edits of the `wanted` can be made; `next_edit` gives them one by one."""
        self._edits = edits(self._material.path, self._material.main, wanted, self._draw)
        return len(self._edits)

    def next_edit(self) -> tuple[str, str]:
        """One search-and-replace block of the material."""
        if not self._edits:
            self.prepare_edits(1)
        one = self._edits.pop(0) if self._edits else Edit("", "")
        return one.search, one.replace

    def text(self, name: str, where: str, schema: Any) -> str:  # noqa: ANN401 -- a JSON Schema is any mapping
        """A string for the property `name` within the schema's format, pattern and length."""
        wanted = self._candidate(name, where, schema)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not _matches(pattern, wanted):
            wanted = next((one for one in self._choices(wanted) if _matches(pattern, one)), wanted)
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if len(wanted) < least:
            wanted += "." * (least - len(wanted))
        return wanted[: int(most)] if most is not None else wanted

    def _candidate(self, name: str, where: str, schema: Any) -> str:  # noqa: ANN401 -- as above
        key = name.lower()
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if key in _PATHS:
            return self._place[0] or "sandbox.txt"
        if key in _COMMITS and self._material.commits:
            return self._draw.pick(self._material.commits, where)[0]
        if key in _SHORT:
            return "sandbox"
        note = self._draw.pick(_NOTES, where)
        return f"[sandbox] {note} ({self._material.first_words(6)})."

    def _choices(self, wanted: str) -> list[str]:
        ids = [sha for sha, _ in self._material.commits[:1]]
        return [*ids, self._place[0], wanted.lower(), *_PLAIN, *_FORMATS.values()]


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True
