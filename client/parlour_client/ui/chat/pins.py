"""The pinned messages of a room: Enter goes to a message, x unpins it for everyone.

It only shows what it is given; the client decides who may unpin.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList

from parlour_client.core.model import Entry
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.ui.dialogs.message_list import MessageChoices, head_of


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
        self, pinned: Sequence[Entry], take_off: Callable[[Entry, Callable[[], None]], None]
    ) -> None:
        """``take_off`` asks about unpinning a message, and calls back when it was done."""
        super().__init__(classes="page")
        self._pinned, self._take_off = list(pinned), take_off

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(id="found")
            yield MessageChoices()
        yield SafeStatic(own(_("esc: close · enter: go to the message · x: unpin"), "dim"), classes="keys")

    def on_mount(self) -> None:
        """Show the messages."""
        self._fill()
        self.query_one(MessageChoices).focus()

    def _fill(self) -> None:
        count = len(self._pinned)
        words = _("Nothing is pinned here. P pins a message.")
        if count:
            words = _("Pinned in this room: {count}").format(count=count)
        self.query_one("#found", SafeStatic).show(own(words, "bold"))
        self.query_one(MessageChoices).fill(self._pinned, [head_of(entry) for entry in self._pinned])

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
            self._fill()
