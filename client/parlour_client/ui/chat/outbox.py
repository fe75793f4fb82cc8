"""The outbox: everything of ours that is on its way, with its state, and keys to send again or take back.

It asks for the list again at every change and decides nothing. ``LookingPart`` pushes it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from parlour_client.core import events as changes
from parlour_client.core.interface import ChatClient
from parlour_client.core.model import Delivery, Outgoing
from parlour_client.ui.chat.timeline.sentences import clock, day
from parlour_client.ui.dialogs.message_list import MessageChoices
from parlour_client.ui.dialogs.overlay import Veiled
from parlour_client.ui.safe import SafeStatic, own, peer_line
from parlour_protocol.ids import RequestId

_STATES: Final = {
    Delivery.QUEUED: "queued",
    Delivery.SENT: "sent, not stored yet",
    Delivery.STORED: "stored",
    Delivery.FAILED: "failed",
}
_STYLES: Final = {Delivery.FAILED: "bold $text-error", Delivery.STORED: "$text-success"}

Ask = Callable[[Callable[[], Awaitable[Any]]], None]


class OutboxScreen(Veiled, ModalScreen[None]):
    """What is on its way."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", id="outbox.leave"),
        Binding("s", "retry", "Send again", id="outbox.retry"),
        Binding("x", "cancel", "Take back", id="outbox.cancel"),
    ]

    def __init__(self, client: ChatClient, ask: Ask) -> None:
        super().__init__(classes="page")
        self._client, self._ask = client, ask
        self._unsubscribe: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(own("Outbox", "bold"), id="found")
            yield MessageChoices()
        yield SafeStatic(own("esc leaves · s sends again · x takes back", "dim"), classes="keys")

    def on_mount(self) -> None:
        """Follow the client."""
        self._fill()
        self.query_one(MessageChoices).focus()
        self._unsubscribe = self._client.subscribe(self._changed)

    def on_unmount(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _changed(self, change: changes.Change) -> None:
        if isinstance(
            change, changes.EntryAdded | changes.EntryChanged | changes.EntryRemoved | changes.StatusChanged
        ):
            self.call_later(self._fill)

    def _fill(self) -> None:
        waiting = self._client.outgoing()
        words = "Outbox: nothing is on its way." if not waiting else f"Outbox: {len(waiting)} on the way"
        self.query_one("#found", SafeStatic).show(own(words, "bold"))
        self.query_one(MessageChoices).fill(
            [one.entry for one in waiting], [self._head(one) for one in waiting]
        )

    def _head(self, one: Outgoing) -> Content:
        entry = one.entry
        room = self._client.room(entry.room)
        parts = [
            own(_STATES[entry.delivery], _STYLES.get(entry.delivery, "bold")),
            own(f"{one.what}  {day(entry.at)} {clock(entry.at)}", "dim"),
            peer_line(room.title) if room is not None else own("a room that you left", "dim"),
        ]
        if entry.problem:
            parts.append(peer_line(entry.problem, style="$text-error"))
        return own("  ").join(parts)

    def _marked(self) -> RequestId | None:
        entry = self.query_one(MessageChoices).marked
        return entry.request if entry is not None else None

    def action_retry(self) -> None:
        """Send the marked one again."""
        request = self._marked()
        if request is not None:
            self._ask(lambda: self._client.retry(request))

    def action_cancel(self) -> None:
        """Take the marked one back."""
        request = self._marked()
        if request is not None:
            self._ask(lambda: self._client.cancel(request))

    def action_leave(self) -> None:
        """Leave."""
        _ = self.dismiss(None)
