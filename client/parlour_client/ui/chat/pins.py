"""The pinned messages of a room: Enter goes to a message, x unpins it for everyone.

It only shows what it is given; the client decides who may unpin.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import OptionList

from parlour_client.core.model import Entry
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.ui.dialogs.message_list import MessageChoices, message_rows
from parlour_protocol.kit.ids import Millis


class PinsScreen(Overlay[Entry | None]):
    """The pinned messages of one room."""

    HELP: ClassVar[str | None] = N_(
        "Up and Down choose a message, Enter goes to it, x unpins it, Esc closes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Leave"), id="pins.leave"),
        Binding("x", "take_off", N_("Unpin"), id="pins.take_off"),
    ]

    def __init__(
        self,
        pinned: Sequence[Entry],
        now: Callable[[], Millis],
        take_off: Callable[[Entry, Callable[[], None]], None],
    ) -> None:
        """``take_off`` asks about unpinning a message, and calls back when it was done."""
        super().__init__(classes="dialog")
        self._pinned, self._now, self._take_off = list(pinned), now, take_off

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Pinned in this room"), "bold")):
            yield SafeStatic(own(_("Nothing is pinned here. P pins a message."), "dim"), id="none")
            yield MessageChoices()
            yield SafeStatic(own(_("Enter: go there · x: unpin · Esc: close"), "dim"))

    def on_mount(self) -> None:
        """Show the messages."""
        self._fill(self.app.size.width)
        self.query_one(MessageChoices).focus()

    def on_resize(self, event: Resize) -> None:
        """Show as much of each message as there is room for."""
        self._fill(event.size.width)

    def _fill(self, width: int) -> None:
        self.query_one("#none").display = not self._pinned
        rows = message_rows(self._pinned, self._now(), width)
        self.query_one(MessageChoices).fill(self._pinned, rows)

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Close with the message."""
        _ = self.dismiss(self.query_one(MessageChoices).marked)

    def action_take_off(self) -> None:
        """Ask about unpinning the marked message."""
        marked = self.query_one(MessageChoices).marked
        if marked is not None:
            self._take_off(marked, lambda: self._unpinned(marked))

    def _unpinned(self, entry: Entry) -> None:
        if entry in self._pinned and self.is_attached:
            self._pinned.remove(entry)
            self._fill(self.app.size.width)
