"""Makes text safe as the value of a mail header."""

from lanectl.text import terminal

# RFC 5322 2.1.1 allows 998 characters a line; a subject beyond this is read by nobody.
_WIDTH = 200


def header(text: str) -> str:
    """One line of at most 200 cells, without controls (Python raises on them) or encoded words (RFC 2047)."""
    return terminal.line(text.replace("=?", "= ?"), _WIDTH)
