"""A text to read in a dialog, such as the inspector's; Esc closes it. It takes only Content."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box, blocks
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own


class Page(Overlay[None]):
    """A text in a box."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1", "leave", N_("Close"), id="page.close"),
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="page.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="page.up"),
    ]

    def __init__(self, title: Content, content: Content) -> None:
        super().__init__(classes="dialog")
        self._title, self._content = title, content

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(self._title):
            with VerticalScroll():
                yield from blocks(self._content)
            yield SafeStatic(own(_("Up, Down: scroll · Esc: close"), "dim"))

    def on_resize(self, event: Resize) -> None:
        """Use all rows but those of the frame and the keys: a picture of a code needs them."""
        self._leave_rows(event.size.height, 3)
        self.call_after_refresh(self._fit)  # long words in a narrow terminal: the keys or the title wrap

    def _fit(self) -> None:
        """Leave rows for the frame, the keys and a title in the box, as they were laid out."""
        around = sum(
            widget.size.height
            for widget in self.query_one(Box).children
            if widget.display and not isinstance(widget, VerticalScroll)
        )
        self._leave_rows(self.size.height, 2 + around)

    def _leave_rows(self, height: int, rows: int) -> None:
        self.query_one(VerticalScroll).styles.max_height = max(3, height - rows)

    def action_scroll(self, step: int) -> None:
        """Scroll by a row."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
