"""Makes text safe as the body of a desktop notification, which is Pango markup."""

from html import escape

from lanectl.text.clean import visible


def pango(text: str) -> str:
    """The text with nothing in it that Pango reads as markup; hand it over after a `--`."""
    return escape(visible(text), quote=True)
