"""Shows the picture of the selected message, or says why there is no preview."""

from typing import Any

from textual.screen import Screen

from parlour_client.core.setting import Setting
from parlour_client.extras.picture_previews.dialog import PictureScreen
from parlour_client.kit.language import _
from parlour_client.kit.pictures.preview import MOST_BYTES, Preview, make_preview
from parlour_client.kit.widgets.picture import has_colors_for_pictures
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.file_text import facts_of, is_picture, size_words
from parlour_client.ui.chat.screen import ChatScreen


def show_picture(screen: Screen[Any], setting: Setting) -> None:
    """Show the picture of the selected message if the setting is on, or say why there is no preview."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - the key is one of the chat
    client, interaction = screen.client, screen.pane.interaction
    entry = screen.pane.timeline.selected
    file = entry.file if entry is not None else None
    if entry is None or file is None or entry.deleted or not is_picture(file):
        interaction.refuse(_("There is no PNG, JPEG, GIF or WebP picture in this message."))
    elif not interaction.settings.value(setting):
        interaction.refuse(_("Previews of pictures are off: pictures in /settings. f saves the file."))
    elif not has_colors_for_pictures(screen.app):
        interaction.refuse(_("This terminal has no colours for a picture. f saves the file."))
    elif file.size > MOST_BYTES:
        most = size_words(MOST_BYTES)
        interaction.refuse(_("Only pictures of up to {size} have a preview.").format(size=most))
    else:
        message = entry

        async def load(width: int, height: int) -> Preview:
            return await make_preview(await client.files.read(message, MOST_BYTES), width, height)

        name = join(own(f"{facts_of(file)}  ", "dim"), peer_line(file.name))
        interaction.push(PictureScreen(name, load))
