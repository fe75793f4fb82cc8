"""Shows the picture of the selected message, or says why there is no preview."""

from importlib.util import find_spec
from typing import Any, Final

from textual.screen import Screen

from parlour_client.core.model import Entry
from parlour_client.core.setting import Setting
from parlour_client.extras.picture_previews.dialog import PictureScreen
from parlour_client.extras.picture_previews.installer import command_for_pillow
from parlour_client.kit.answers import Letter
from parlour_client.kit.language import N_, _
from parlour_client.kit.pictures.preview import MOST_BYTES, PictureError, Preview, make_preview
from parlour_client.kit.terminal.canvas import Canvas, find_canvas
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.picture import has_colors_for_pictures
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.file_text import facts_of, is_picture, size_words
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.frames.bodies import FileRef

OFF, ON, BLOCKS = "off", "on", "blocks"
_NO_COLOURS: Final = N_("This terminal has no colours for a picture. f saves the file.")


def show_picture(screen: Screen[Any], setting: Setting) -> None:
    """Show the picture of the selected message; ask if previews are off, or say why there is none."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - the key is one of the chat
    interaction = screen.pane.interaction
    entry = screen.pane.timeline.selected
    file = entry.file if entry is not None else None
    if entry is None or file is None or entry.deleted or not is_picture(file):
        interaction.refuse(_("There is no PNG, JPEG, GIF or WebP picture in this message."))
    elif screen.app.no_color:
        interaction.refuse(_(_NO_COLOURS))
    elif file.size > MOST_BYTES:
        most = size_words(MOST_BYTES)
        interaction.refuse(_("Only pictures of up to {size} have a preview.").format(size=most))
    elif find_spec("PIL") is None:
        words = _("Previews need Pillow, which is not installed: {command}. f saves the file.")
        interaction.refuse(words.format(command=command_for_pillow()))
    elif interaction.settings.value(setting) == OFF:
        message = entry

        async def turn_on() -> None:
            interaction.set_setting(setting.key, ON)
            _open(screen, message, file, setting)

        interaction.confirm(
            own(_("Turn previews on? v then decodes a picture, in a process without files and network.")),
            Letter("t", _("turn previews on")),
            turn_on,
        )
    else:
        _open(screen, entry, file, setting)


def _open(screen: ChatScreen, entry: Entry, file: FileRef, setting: Setting) -> None:
    client, interaction = screen.client, screen.pane.interaction

    async def load(width: int, height: int, colours: int) -> Preview:
        return await make_preview(await client.files.read(entry, MOST_BYTES), width, height, colours)

    async def canvas() -> Canvas | None:
        app = screen.app
        assert isinstance(app, SafeApp)  # noqa: S101 - every app of this package is one
        found = None if interaction.settings.value(setting) == BLOCKS else await find_canvas(app)
        if found is None and not has_colors_for_pictures(app):
            raise PictureError(_(_NO_COLOURS))
        return found

    name = join(own(f"{facts_of(file)}  ", "dim"), peer_line(file.name))
    interaction.push(PictureScreen(name, load, canvas))
