"""The whole text of one file, at a path that the recipe chose and the answer cannot."""

from lanectl.models import OutputFile
from lanectl.outputs.answer import (
    Expected,
    InvalidAnswerError,
    Kept,
    Rules,
    code,
    counted,
    encoded,
    place,
    unfenced,
)

INSTRUCTIONS = (
    "Answer with the complete text of the file and nothing else: no introduction, no explanation, no code "
    "fence around it. Leave nothing out: your answer becomes the file as it stands."
)


def keep(answer: str, job: Expected, rules: Rules) -> Kept:
    """The answer without a fence around the whole of it.

    Raises InvalidAnswerError for an answer that is only a fence, or that holds NUL.
    """
    text = unfenced(answer)
    if not text.strip():
        raise InvalidAnswerError("empty_answer", "the answer is a code fence with nothing in it")
    if "\0" in text:
        raise InvalidAnswerError("not_text", "the answer holds NUL characters: no text file does")
    path = place(job, rules, "")
    data = encoded(text)
    lines = counted(data.count(b"\n"), "line")
    return Kept(f"{lines} written to {code(path).strip('`')}", (OutputFile(path, data),), text=text)
