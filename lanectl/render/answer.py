"""What a command hands back: the same facts once as data and once as a drawing, and how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lanectl.errors import Exit, LanectlError

if TYPE_CHECKING:
    from lanectl.render.screen import Screen

Draw = Callable[["Screen"], None]


def nothing(_: "Screen") -> None:
    """Draws nothing: silence is the answer."""


def end() -> None:
    """Does nothing more: the answer was all of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One command's result: `trouble` is told after it and decides the exit code, else `code` does.

    `then` is what goes on once the answer was told, as a server does.
    """

    data: Mapping[str, object] = field(default_factory=dict)
    draw: Draw = nothing
    code: Exit = Exit.OK
    trouble: LanectlError | None = None
    warnings: tuple[str, ...] = ()
    then: Callable[[], None] = end

    @property
    def exit(self) -> Exit:
        """How the process ends."""
        return self.code if self.trouble is None else self.trouble.exit
