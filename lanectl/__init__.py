"""The second lane of a team's coding agents: the work nobody is waiting for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lanectl.cli.library import ask as ask
    from lanectl.cli.library import route as route

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`route` and `ask` for an agent loop of one's own, loaded when they are first named."""
    if name in ("ask", "route"):
        from lanectl.cli import library

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
