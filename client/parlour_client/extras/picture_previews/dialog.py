"""The dialog with the preview of a picture; until it is there, or if there is none, a sentence."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.pictures.preview import Preview
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.picture import PictureView
from parlour_client.kit.widgets.safe import SafeStatic, error_content, own


class PictureScreen(Overlay[None]):
    """Loads a preview and shows it; Esc closes, also while it loads."""

    CSS = """
    PictureScreen.dialog .box { width: auto; }
    PictureScreen .box SafeStatic { width: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "leave", N_("Close"), id="picture.leave"),
    ]

    def __init__(self, name: Content, load: Callable[[int, int], Awaitable[Preview]]) -> None:
        """``load`` loads a preview of at most so many pixels."""
        super().__init__(classes="dialog")
        self._about, self._load = name, load

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(self._about)
            yield SafeStatic(own(_("Loading the picture…"), "dim"), id="said")
            yield SafeStatic(own(_("esc: close"), "dim"), id="keys")

    def on_mount(self) -> None:
        """Begin to load."""
        self._show()

    @work(exclusive=True)
    async def _show(self) -> None:
        said = self.query_one("#said", SafeStatic)
        try:
            rows = 9 * self.size.height // 10 - 4  # a box of 90 % with its border, the name and the keys
            preview = await self._load(max(1, self.size.width - 8), max(1, 2 * rows))
        except ParlourClientError as error:
            said.show(error_content(error))
            return
        said.display = False
        await self.query_one(".box").mount(PictureView(preview), before="#keys")
