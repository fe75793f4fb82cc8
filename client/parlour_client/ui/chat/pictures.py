"""Previews of pictures in messages: only if the setting allows them, and only when asked for."""

from parlour_client.core.client import Client
from parlour_client.core.model import Entry
from parlour_client.kit.language import _
from parlour_client.kit.pictures.preview import MOST_BYTES, Preview, make_preview
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.file_text import facts_of, is_picture, size_words
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.dialogs.picture import PictureScreen


class Pictures:
    """Shows previews on one chat screen."""

    def __init__(self, client: Client, interaction: Interaction) -> None:
        self._client, self._interaction = client, interaction

    def show(self, entry: Entry) -> None:
        """Show the picture of a message, or say why there is no preview."""
        file = entry.file
        if file is None or entry.deleted or not is_picture(file):
            self._interaction.refuse(_("There is no PNG, JPEG, GIF or WebP picture in this message."))
        elif not self._interaction.settings.pictures:
            self._interaction.refuse(
                _("Previews of pictures are off: pictures in /settings. f saves the file.")
            )
        elif not self._interaction.shows_pictures:
            self._interaction.refuse(_("This terminal has no colours for a picture. f saves the file."))
        elif file.size > MOST_BYTES:
            most = size_words(MOST_BYTES)
            self._interaction.refuse(_("Only pictures of up to {size} have a preview.").format(size=most))
        else:

            async def load(width: int, height: int) -> Preview:
                return await make_preview(await self._client.files.read(entry, MOST_BYTES), width, height)

            name = join(own(f"{facts_of(file)}  ", "dim"), peer_line(file.name))
            self._interaction.push(PictureScreen(name, load))
