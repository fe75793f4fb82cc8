"""The dialog with the preview of a picture; until it is there, or if there is none, a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.pictures.preview import Preview
from parlour_client.kit.pictures.protocols import SIXEL_COLOURS, Protocol
from parlour_client.kit.terminal.canvas import Canvas
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.picture import MOST_COLUMNS, PictureView, PixelView
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

    def __init__(
        self,
        name: Content,
        load: Callable[[int, int, int], Awaitable[Preview]],
        canvas: Callable[[], Awaitable[Canvas | None]],
    ) -> None:
        """``load`` loads a preview of at most so many pixels and colours; ``canvas`` says how to show it."""
        super().__init__(classes="dialog")
        self._about, self._load, self._find_canvas = name, load, canvas

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(self._about)
            yield SafeStatic(own(_("Loading the picture…"), "dim"), id="said")
            yield SafeStatic(own(_("Esc: close"), "dim"), id="keys")

    def on_mount(self) -> None:
        """Begin to load."""
        self._show()

    @work(exclusive=True)
    async def _show(self) -> None:
        said = self.query_one("#said", SafeStatic)
        columns = max(1, self.size.width - 8)
        rows = max(1, 9 * self.size.height // 10 - 4)  # a box of 90 % with its border, the name and the keys
        try:
            view: Widget
            if canvas := await self._find_canvas():
                few = SIXEL_COLOURS if canvas.protocol is Protocol.SIXEL else 0
                preview = await self._load(columns * canvas.cell_width, rows * canvas.cell_height, few)
                view = await asyncio.to_thread(PixelView, preview, canvas)
            else:
                view = PictureView(await self._load(min(columns, MOST_COLUMNS), 2 * rows, 0))
        except ParlourClientError as error:
            said.show(error_content(error))
            return
        said.display = False
        await self.query_one(".box").mount(view, before="#keys")

    def on_screen_suspend(self) -> None:
        """Let no picture lie over another screen."""
        for view in self.query(PixelView):
            view.erase()

    def on_screen_resume(self) -> None:
        """Draw it again."""
        for view in self.query(PixelView):
            _ = view.refresh()
