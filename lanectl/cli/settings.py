"""The configuration: what holds and who said so, where it lies, and changing one key."""

from typing import TYPE_CHECKING, Annotated

import typer

from lanectl.errors import ConfigError
from lanectl.render.answer import Answer

if TYPE_CHECKING:
    from lanectl.cli.desk import Desk
    from lanectl.config.edit import Edit

Key = Annotated[str, typer.Argument(metavar="KEY", help="A dotted key, such as budget.run_usd.")]
Value = Annotated[
    str, typer.Argument(metavar="VALUE", help="Its value, as TOML spells it; text needs no quotes.")
]


def show(desk: "Desk") -> Answer:
    """Show every setting with its value and where it came from."""
    from lanectl.render.house import draw_settings, settings_data

    shown = desk.settings.shown()
    return Answer(settings_data(shown), lambda screen: draw_settings(screen, shown))


def path(desk: "Desk") -> Answer:
    """Show where everything lies."""
    from lanectl.render.house import draw_places

    found = desk.paths()
    names = ("config_path", "state_path", "spool_dir", "log_dir", "data_dir", "recipes_dir")
    places = {name: str(getattr(found, name)) for name in names}
    return Answer(dict(places), lambda screen: draw_places(screen, places))


def set_(desk: "Desk", key: Key, value: Value) -> Answer:
    """Set one key in the configuration file.

    A file with comments is left alone, and the line to add is printed.
    """
    from lanectl.config import read_text
    from lanectl.config.edit import set_key

    places = desk.paths()
    return _changed(desk, set_key(read_text(places), key, value, path=places.config_path), f"{key} is set")


def unset(desk: "Desk", key: Key) -> Answer:
    """Take one key out, so that its default holds."""
    from lanectl.config import read_text
    from lanectl.config.edit import unset_key

    places = desk.paths()
    return _changed(
        desk, unset_key(read_text(places), key, path=places.config_path), f"{key} is not set any more"
    )


def _changed(desk: "Desk", edit: "Edit", told: str) -> Answer:
    from lanectl.files import Folder

    at = desk.paths().config_path
    data = {"path": str(at), "written": edit.text is not None, "lines": edit.lines}
    if edit.text is None:
        lost = ConfigError(
            "the file has comments that rewriting would lose: change it by hand",
            where=str(at),
            hint="lanectl config path",
        )
        return Answer(data, lambda screen: screen.say(edit.lines), trouble=lost)
    with Folder.open(at.parent, create=True, private=True) as folder:
        folder.write(at.name, edit.text.encode())
    return Answer(data, lambda screen: screen.say(f"{told} in {at}"))
