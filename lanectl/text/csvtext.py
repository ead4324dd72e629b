"""Makes text safe as a cell of a CSV file that a spreadsheet will open."""

import re

from lanectl.text.clean import visible

# OWASP "CSV Injection": these begin a formula, in the full-width form too; blanks before them do not stop
# every reader.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\n]")


def cell(text: str) -> str:
    """The text as a spreadsheet shows it and never computes it: what looks like a formula gets a leading `'`.

    Quoting is the writer's business (`csv.writer` with `QUOTE_ALL`, so that a `;` does not part it
    elsewhere).
    """
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown
