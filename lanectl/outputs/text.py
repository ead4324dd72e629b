"""Plain text: the answer as it is."""

from lanectl.models import OutputFile
from lanectl.outputs.answer import Expected, Kept, Rules, encoded, place, sentence
from lanectl.text import terminal

INSTRUCTIONS = "Answer in plain text. Your whole answer becomes a file: no greeting, no closing remark."


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The answer as it came, but for controls that only a terminal would obey."""
    text = terminal.safe(answer)
    return Kept(sentence(text), (OutputFile(place(job, rules, ".txt"), encoded(text)),), text=text)
