"""Pages to read: help and the inspector are texts in a scrolled box; Esc closes them.

A page takes only Content.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own


class Page(Overlay[None]):
    """A text in a box."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1", "leave", N_("Close"), id="page.close"),
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="page.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="page.up"),
    ]

    def __init__(self, content: Content) -> None:
        super().__init__(classes="page")
        self._content = content

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with VerticalScroll(classes="box"):
            yield SafeStatic(self._content)
        yield SafeStatic(own(_("up and down: scroll · esc: close"), "dim"), classes="keys")

    def action_scroll(self, step: int) -> None:
        """Scroll by a row."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
