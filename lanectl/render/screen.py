"""Where a command's words go: results to one stream, everything else to the other, all of it made safe."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from lanectl.digest.model import SANDBOX
from lanectl.errors import LanectlError
from lanectl.render.streams import Stream
from lanectl.text.terminal import cells, line, safe

if TYPE_CHECKING:
    from rich.console import Console

    from lanectl.render.progress import Progress

WIDTH = 80
GAP = 2
# What a column is still worth having with, when all do not fit; a stub where nothing else can be taken.
LEAST, STUB, FOLDED = 8, 4, 24
YES = frozenset({"y", "yes"})
# Not the end of a path such as `/var/lib/lanectl`, and not the command that serves the sandbox.
COMMAND = re.compile(r"(?<![\w/])lanectl (?=[a-z])(?!sandbox\b)")
# A word with the blanks before it.
WORD = re.compile(r" *(?:lanectl [a-z-][^\n]*$|\S+)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: figures stand `right`, one that may `fold` takes further lines.

    Figures and what is to `keep` are never cut: a shortened amount or id is a wrong one.
    """

    name: str
    right: bool = False
    fold: bool = False
    keep: bool = False


class Screen:
    """The two streams of one command.

    `sandbox` marks every title, and `flagged` says that a flag has asked for it; `json` keeps the stream of
    results for one object.
    """

    def __init__(
        self,
        out: TextIO | None,
        err: TextIO | None,
        stdin: TextIO | None,
        environ: Mapping[str, str],
    ) -> None:
        self._out = Stream(out)
        self._err = Stream(err)
        self._stdin = stdin
        self._consoles: dict[int, Console] = {}
        self._progress: Progress | None = None
        self._titled = False
        self.color = not environ.get("NO_COLOR")
        self.quiet = self.verbose = self.json = self.sandbox = self.flagged = False

    @property
    def local(self) -> bool:
        """Whether times are shown on the reader's own clock."""
        return self._out.isatty()

    @property
    def watched(self) -> bool:
        """Whether somebody sits before it who could answer a question."""
        return self._err.isatty() and self._stdin is not None and self._stdin.isatty() and not self.json

    @property
    def width(self) -> int:
        """The cells of a line: the terminal's, or 80 where there is none."""
        return self._console(self._out).width if self._out.isatty() else WIDTH

    def say(self, text: str = "", style: str = "") -> None:
        """A result: lines that belong to what was asked for."""
        self._print(self._out, text, style)

    def prose(self, text: str, style: str = "") -> None:
        """A result in sentences: on a terminal its lines end between words, and a command stays on one."""
        self.say(folded(text, self.width) if self._out.isatty() else text, style)

    @property
    def formatted(self) -> bool:
        """Whether results may be drawn for a person's eyes: on a terminal, and not as one object."""
        return self._out.isatty() and not self.json

    @property
    def console(self) -> "Console":
        """Where results are drawn that change while they are written; only safe text may go there."""
        return self._console(self._out)

    def part(self, text: str) -> None:
        """A piece of a result as it arrives: handed over at once, without a line end of its own."""
        self.still()
        self._out.write(safe(text))
        self._out.flush()

    def raw(self, text: str) -> None:
        """A result that a program reads: one line, already safe."""
        self._out.write(text + "\n")

    def title(self, text: str) -> None:
        """The heading of what follows; in the sandbox it says that no model was called."""
        self.head(f"{text} ({SANDBOX})" if self.sandbox else text)

    def head(self, text: str) -> None:
        """A heading that says itself what must be said of the sandbox."""
        if self._titled:
            self.say()
        self._titled = True
        self.prose(text, "bold")

    def typed(self, text: str) -> str:
        """A sentence of our own with its commands as they must be typed to stay in this sandbox."""
        return COMMAND.sub("lanectl --sandbox ", text) if self.flagged else text

    def table(self, title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """A table that fits the width: each cell is one line, cut at its end, but for columns that fold."""
        from rich.table import Table
        from rich.text import Text

        self.title(title)
        lines = [[line(cell) for cell in row] for row in rows]
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        wide = widths(columns, lines, self.width)
        for column, width in zip(columns, wide, strict=True):
            table.add_column(
                Text(column.name),
                justify="right" if column.right else "left",
                no_wrap=not column.fold,
                overflow="fold" if column.fold else "ellipsis",
                width=width,
            )
        for row in lines:
            table.add_row(*map(Text, row))
        # Wider than a very narrow terminal, which then folds the lines; rich would cut figures.
        room = max(self.width, sum(wide) + GAP * len(wide))
        console = self._console(self._out)
        if room > self.width:
            console = _console(self._out, color=self.color, width=room)
        with console.capture() as captured:
            console.print(table, width=room)
        # rich fills the last cell of a line with blanks that nobody needs.
        for printed in captured.get().splitlines():
            self._out.write(printed.rstrip() + "\n")

    def note(self, text: str, style: str = "") -> None:
        """Something beside the result, for people; not with `-q`."""
        if not self.quiet:
            self._print(self._err, text, style)

    def detail(self, text: str) -> None:
        """Something that only `-v` wants to know."""
        if self.verbose and not self.quiet:
            self._print(self._err, text, "dim")

    def warn(self, text: str) -> None:
        """Something that may go wrong; not with `-q`."""
        self.note(f"warning: {line(text)}", "yellow")

    def error(self, error: LanectlError) -> None:
        """What went wrong and the one command to type next; always."""
        self._print(self._err, f"error: {line(str(error))}", "red")
        if error.hint:
            self._print(self._err, f"hint: {line(error.hint)}", "")

    def tell(self, text: str) -> None:
        """Progress: on a terminal one line that changes, with `-v` lines, else nothing."""
        if self.verbose:
            self.detail(text)
        elif self._err.isatty() and not self.quiet:
            self._moving().tell(text)

    def still(self) -> None:
        """End the line of progress; what is printed next stands."""
        if self._progress is not None:
            self._progress.stop()

    def ask(self, question: str) -> bool:
        """Ask a person; everything but a clear yes is a no. Only where `watched`."""
        self.still()
        self._err.write(f"{line(question)} [y/N] ")
        self._err.flush()
        answer = self._stdin.readline() if self._stdin is not None else ""
        if not answer.endswith("\n"):
            self._err.write("\n")
        return answer.strip().lower() in YES

    def clear(self) -> None:
        """Begin at the top of an empty screen, where there is one."""
        if self._out.isatty():
            self._console(self._out).clear()
        self._titled = False

    def flush(self) -> None:
        """Hand over everything; raises BrokenPipeError when nobody reads any more."""
        self.still()
        self._out.flush()
        self._err.flush()

    def _print(self, stream: Stream, text: str, style: str) -> None:
        self.still()
        if style and self.color and stream.isatty():
            from rich.text import Text

            self._console(stream).print(Text(safe(text), style=style), soft_wrap=True)
        else:
            stream.put(text)

    def _moving(self) -> "Progress":
        if self._progress is None:
            from lanectl.render.progress import Progress

            spinner = "dots" if self._err.unicode else "line"
            self._progress = Progress(self._console(self._err), spinner=spinner)
        return self._progress

    def _console(self, stream: Stream) -> "Console":
        if id(stream) not in self._consoles:
            self._consoles[id(stream)] = _console(stream, color=self.color)
        return self._consoles[id(stream)]


def folded(text: str, width: int) -> str:
    """Text with each longer line parted between words, further lines set in below the first's words.

    A command at a line's end is one word: it is there to be copied. What is longer than a line stays so.
    """
    return "\n".join(_folded(one, width) if cells(one) > width else one for one in text.split("\n"))


def _folded(text: str, width: int) -> str:
    bare = text.lstrip(" ")
    below = " " * (len(text) - len(bare) + 2 * bare.startswith("- "))
    lines = [""]
    for word in WORD.findall(text):
        if lines[-1].strip() and cells(lines[-1] + word) > width:
            lines.append(below + word.lstrip(" "))
        else:
            lines[-1] += word
    return "\n".join(lines)


def widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """How many cells each column gets of `room`: what it needs, or less for those that may be cut.

    Those that are never cut may need more than there is.
    """
    wanted = [
        max([cells(column.name), *(cells(row[place]) for row in rows)])
        for place, column in enumerate(columns)
    ]
    over = sum(wanted) + GAP * (len(columns) - 1) - room
    for fold, least in ((True, FOLDED), (False, LEAST), (False, STUB)):
        loose = [n for n, one in enumerate(columns) if one.fold is fold and not (one.right or one.keep)]
        while over > 0 and loose:
            widest = max(loose, key=lambda n: wanted[n])
            if wanted[widest] <= least:
                break
            wanted[widest] -= 1
            over -= 1
    return wanted


def _console(stream: Stream, *, color: bool, width: int | None = None) -> "Console":
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the process here with code 1; a closed pipe is no failure.
            raise BrokenPipeError

    terminal = stream.isatty()
    return Quiet(
        file=stream,  # type: ignore[arg-type]  # rich writes, flushes, and asks for terminal and encoding: all there
        force_terminal=terminal,
        color_system="auto" if terminal and color else None,
        no_color=not color,
        width=width if terminal or width else WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        safe_box=True,
    )
