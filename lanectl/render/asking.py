"""An answer as it arrives: rendered by blocks on a terminal, raw in a pipe; its use and cost at the end."""

from typing import TYPE_CHECKING, Any

from lanectl.digest.account import dollars
from lanectl.digest.words import counted
from lanectl.models import Usage
from lanectl.render.words import span
from lanectl.text.terminal import line, safe

if TYPE_CHECKING:
    from rich.live import Live

    from lanectl.lane.ask import Asked
    from lanectl.lane.queue import Queued
    from lanectl.lane.talk import Heard
    from lanectl.lane.tried import Tried
    from lanectl.render.screen import Screen

FENCES = ("```", "~~~")


class Flow:
    """Shows an answer piece by piece; `hear` takes what a call hears, `end` must follow.

    A block of Markdown stands as it will stay once it is complete; until then its plain text is shown.
    """

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen
        self._rendered = screen.formatted
        self._pending = ""
        self._live: Live | None = None
        self._last = ""
        self._shown = False

    def hear(self, kind: str, text: str) -> None:
        """One piece: `start`, `thinking` or `text`."""
        if self._screen.json:
            return
        if kind != "text":
            if not self._shown:
                self._screen.tell("thinking" if kind == "thinking" else "waiting for the first word")
            if kind == "thinking" and self._screen.verbose and text.strip():
                self._screen.detail(line(text))
            return
        self._shown = True
        if self._rendered:
            self._pending += text
            self._draw()
        else:
            self._screen.part(text)
        self._last = text[-1:] or self._last

    def end(self) -> None:
        """The answer is over, or was interrupted: what is left of it stands."""
        self._screen.still()
        if self._live is not None:
            self._live.update("", refresh=True)
            self._live.stop()
            self._live = None
        if self._pending.strip():
            self._print(self._pending)
        elif not self._rendered and self._shown and self._last != "\n":
            self._screen.part("\n")
        self._pending = ""

    def _draw(self) -> None:
        from rich.live import Live
        from rich.text import Text

        console = self._screen.console
        if self._live is None:
            self._screen.still()
            self._live = Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False)
            self._live.start()
        done, self._pending = split(self._pending)
        if done.strip():
            self._live.update("", refresh=True)
            self._print(done)
        # A block that is taller than the screen shows its end: that is where the reader is.
        tail = "\n".join(safe(self._pending).splitlines()[-max(console.height - 2, 1) :])
        self._live.update(Text(tail), refresh=True)

    def _print(self, block: str) -> None:
        from rich.markdown import Markdown

        # Without hyperlinks an address is printed beside its words: nobody clicks on what they cannot see.
        self._screen.console.print(Markdown(safe(block), hyperlinks=False))


def split(text: str) -> tuple[str, str]:
    """Markdown that is complete, and the block that is still being written; never cut within a code fence."""
    fence = ""
    cut = 0
    place = 0
    for row in text.splitlines(keepends=True):
        place += len(row)
        word = row.strip()
        if fence:
            fence = "" if word.startswith(fence) and not word.strip(fence[0]) else fence
            cut = place if not fence and row.endswith("\n") else cut
        elif word.startswith(FENCES):
            fence = word[:3]
        elif not word and row.endswith("\n"):
            cut = place
    return text[:cut], text[cut:]


def asked_data(done: "Asked") -> dict[str, Any]:
    """One answered question as scripts see it."""
    return {
        "lane": str(done.route.lane),
        "reason": done.route.reason,
        "model": done.route.model,
        "effort": done.route.effort,
        "text": done.heard.text,
        "turns": done.turns,
        "notes": [*done.route.notes, *done.notes],
        **heard_data(done.heard),
    }


def heard_data(heard: "Heard") -> dict[str, Any]:
    """What one call used, cost, and how fast it was."""
    return {
        "stop_reason": heard.stop_reason,
        "interrupted": heard.interrupted,
        "usage": usage_data(heard.usage),
        "cost_usd": _number(heard),
        "first_token_s": heard.first_s,
        "seconds": heard.seconds,
        "tokens_per_s": heard.tokens_per_s,
    }


def usage_data(usage: Usage) -> dict[str, int]:
    """Tokens by what they were billed as."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_write_5m_tokens": usage.cache_write_5m_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "thinking_tokens": usage.thinking_tokens,
    }


def draw_asked(screen: "Screen", done: "Asked") -> None:
    """What it used and cost, beside the answer that stands already."""
    for note in (*done.route.notes, *done.notes):
        screen.note(note, "dim")
    effort = f", effort {done.route.effort}" if done.route.effort else ""
    screen.note(f"{done.route.model}{effort}: {spent(done.heard)}", "dim")
    _draw_pace(screen, done.heard)


def spent(heard: "Heard") -> str:
    """Tokens and money of one call in a sentence."""
    usage = heard.usage
    cached = f" ({usage.cache_read_input_tokens:,} from the cache)" if usage.cache_read_input_tokens else ""
    about = "about " if heard.guessed else ""
    cost = "price unknown" if heard.cost_usd is None else f"{about}{dollars(float(heard.cost_usd))}"
    stopped = "interrupted after " if heard.interrupted else ""
    thought = f", {usage.thinking_tokens:,} of them thinking" if usage.thinking_tokens else ""
    out = counted(usage.output_tokens, "token")
    return f"{stopped}{usage.prompt_tokens:,} tokens in{cached}, {about}{out} out{thought}, {cost}"


def _draw_pace(screen: "Screen", heard: "Heard") -> None:
    if heard.first_s is not None:
        pace = "" if heard.tokens_per_s is None else f", then {heard.tokens_per_s:,.0f} tokens a second"
        screen.detail(f"first token after {heard.first_s:.2f} s{pace}")


def queued_data(done: "Queued") -> dict[str, Any]:
    """One queued question as scripts see it."""
    entry = done.entry
    return {
        "lane": str(done.route.lane),
        "reason": done.route.reason,
        "model": done.route.model,
        "effort": done.route.effort,
        "id": entry.id,
        "key": entry.key,
        "state": entry.state,
        "fresh": done.fresh,
        "waiting": done.waiting,
        "run": entry.run,
        "outcome": entry.outcome,
        "artifact": entry.artifact,
    }


def draw_queued(screen: "Screen", done: "Queued", *, min_jobs: int, max_wait_s: int) -> None:
    """The id alone as the result; why, and what happens next, beside it."""
    screen.say(done.entry.id)
    if not done.fresh:
        state = done.entry.outcome or done.entry.state
        where = f": {done.entry.artifact}" if done.entry.artifact else ""
        screen.note(f"asked before with this key: {state}{where}", "dim")
        return
    screen.note(f"queued: {done.route.reason}", "dim")
    wait = span(max_wait_s)
    screen.note(
        screen.typed(
            f"{done.waiting:,} waiting; lanectl tick sends them from {min_jobs:,} on or after {wait}"
        ),
        "dim",
    )


def tried_data(done: "Tried") -> dict[str, Any]:
    """One tried item as scripts see it."""
    result = done.result
    return {
        "recipe": done.recipe,
        "key": done.key,
        "lane": "interactive",
        "model": done.model,
        "effort": done.effort,
        "outcome": str(result.outcome),
        "error": None
        if result.error is None
        else {"type": result.error.type, "message": result.error.message},
        "artifacts": [str(path) for path in done.artifacts],
        "batch_usd": done.batch_usd,
        **heard_data(done.heard),
    }


def draw_tried(screen: "Screen", done: "Tried") -> None:
    """What came of it, where it lies, and what a night would pay for the same."""
    screen.title(f"{done.recipe} {done.key}: {done.result.outcome}")
    if done.result.headline:
        screen.say(line(done.result.headline))
    for path in done.artifacts:
        screen.say(str(path))
    effort = f", effort {done.effort}" if done.effort else ""
    batch = "" if done.batch_usd is None else f"; as a batch {dollars(done.batch_usd)}"
    screen.note(f"{done.model}{effort}: {spent(done.heard)}{batch}", "dim")
    _draw_pace(screen, done.heard)


def _number(heard: "Heard") -> float | None:
    return None if heard.cost_usd is None else float(heard.cost_usd)
