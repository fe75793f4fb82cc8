"""The composer: write, complete, go through what was written before, send with Enter.

Enter sends; Shift+Enter and Ctrl+J begin a new line; a paste stays here until Enter, however many lines it
has. Nothing forbidden gets in (``typed``). It knows no client: it posts ``Sent``, ``Wrote`` and ``GaveUp``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from parlour_client.ui.anchored import Anchored
from parlour_client.ui.completion import Offer, Offers, complete
from parlour_client.ui.offers import OfferList
from parlour_client.ui.typed import clean, warning

REMEMBERED: Final = 100
"""Texts that Up goes back through."""


class Composer(Anchored, TextArea):
    """Where one writes."""

    HELP: ClassVar[str | None] = (
        "Write and press Enter. Shift+Enter or Ctrl+J begins a new line.\n"
        "Tab takes what the list offers; @ names a person, # a room, / begins a command.\n"
        "Up and Down at the edges go through what you wrote before. Esc leaves a reply or an edit."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="composer.send"),
        Binding("shift+enter,ctrl+j", "newline", "New line", show=False, id="composer.newline"),
    ]

    @dataclass
    class Sent(Message):
        """The person pressed Enter."""

        text: str

    @dataclass
    class Wrote(Message):
        """The text changed; ``warning`` are words of ours about it."""

        text: str
        warning: str

    class GaveUp(Message):
        """Esc: leave the reply or the edit."""

    def __init__(self, offers: OfferList, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(
            id=id, compact=True, highlight_cursor_line=False, placeholder="Write here. F1 helps."
        )
        self._offers = offers
        self._open = Offers(0)
        self.people: Sequence[str] = ()
        self.rooms: Sequence[str] = ()
        self._written: list[str] = []
        self._back = 0  # how far Up went
        self._removed = 0

    # --- text

    def edit(self, edit: Edit) -> EditResult:
        """Insert, after the wall: every key, paste and undo comes through here."""
        cleaned = clean(edit.text)
        self._removed += cleaned.removed
        return super().edit(edit if cleaned.text == edit.text else replace(edit, text=cleaned.text))

    def put(self, text: str) -> None:
        """Replace the text: a draft, a message to edit, something written before."""
        self.load_text(clean(text).text)
        self.move_cursor(self.document.end)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell what was written and offer completions."""
        event.stop()
        self.post_message(self.Wrote(self.text, warning(self.text, self._removed)))
        self._removed = 0
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        self._open = complete(before, self.people, self.rooms) if self.selection.is_empty else Offers(0)
        self._offers.offer(self._open.offers)

    def remember(self, text: str) -> None:
        """Keep a text for Up."""
        if not self._written or self._written[-1] != text:
            self._written = [*self._written[1 - REMEMBERED :], text]
        self._back = 0

    # --- keys

    def on_key(self, event: Key) -> None:
        """Handle the keys that TextArea would take for itself."""
        handled = {
            "enter": self._enter,
            "shift+enter": self._newline,
            "ctrl+j": self._newline,
            "tab": self._take_offer,
            "up": self._up,
            "down": self._down,
            "escape": self._escape,
        }.get(event.key)
        if handled is not None and handled():
            event.stop()
            event.prevent_default()

    def _enter(self) -> bool:
        if self._offers.was_moved and self._take_offer():
            return True
        text = self.text.strip("\n")
        if text.strip():
            self.post_message(self.Sent(text))
        return True

    def action_send(self) -> None:
        """Send (by a changed key)."""
        self._enter()

    def action_newline(self) -> None:
        """Begin a new line (by a changed key)."""
        self._newline()

    def _newline(self) -> bool:
        self.insert("\n")
        return True

    def _take_offer(self) -> bool:
        offer = self._offers.current
        if offer is None:
            return False
        self._insert_offer(offer)
        return True

    def _insert_offer(self, offer: Offer) -> None:
        row, column = self.cursor_location
        self.replace(offer.insert, (row, self._open.start), (row, column), maintain_selection_offset=False)
        self._offers.offer(())

    def _up(self) -> bool:
        if self._offers.current is not None:
            self._offers.move(-1)
            return True
        return self.cursor_at_first_line and self._recall(1)

    def _down(self) -> bool:
        if self._offers.current is not None:
            self._offers.move(1)
            return True
        return self.cursor_at_last_line and self._recall(-1)

    def _recall(self, step: int) -> bool:
        """Go back through what was written; never over a text that was not sent."""
        at = self._back + step
        if (self._back == 0 and self.text.strip()) or not 0 <= at <= len(self._written):
            return False
        self._back = at
        self.put(self._written[-at] if at else "")
        return True

    def _escape(self) -> bool:
        if self._offers.current is not None:
            self._offers.offer(())
        else:
            self.post_message(self.GaveUp())
        return True
