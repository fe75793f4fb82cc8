"""The outbox: all outgoing messages with their states, and keys to retry or cancel them.

It reloads the list at every change and decides nothing.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from parlour_client.core import events as changes
from parlour_client.core.client import Client
from parlour_client.core.events import StatusChanged
from parlour_client.core.model import Delivery, Entry, Outgoing
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.dialogs.message_list import MessageChoices, under_head
from parlour_protocol.kit.ids import RequestId

_STATES: Final = {
    Delivery.QUEUED: N_("queued"),
    Delivery.SENT: N_("sent, not confirmed yet"),
    Delivery.STORED: N_("stored"),
    Delivery.FAILED: N_("failed"),
}
_STYLES: Final = {Delivery.FAILED: "bold $text-error", Delivery.STORED: "$text-success"}


class OutboxScreen(Overlay[None]):
    """The outgoing messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Leave"), id="outbox.leave"),
        Binding("s", "retry", N_("Send again"), id="outbox.retry"),
        Binding("x", "cancel", N_("Cancel"), id="outbox.cancel"),
    ]

    def __init__(
        self, client: Client, interaction: Interaction, cancel: Callable[[Entry], Awaitable[None]]
    ) -> None:
        """``cancel`` cancels a message and keeps its text."""
        super().__init__(classes="dialog")
        self._cancel = cancel
        self._client, self._interaction = client, interaction
        self._unsubscribe: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Outbox"), "bold")):
            yield SafeStatic(id="found")
            yield MessageChoices()
            yield SafeStatic(own(_("s: send again · x: cancel · Esc: close"), "dim"))

    def on_mount(self) -> None:
        """Follow the client."""
        self._fill()
        self.query_one(MessageChoices).focus()
        self._unsubscribe = self._client.events.subscribe(self._changed)

    def on_unmount(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _changed(self, change: changes.Change) -> None:
        if isinstance(
            change, changes.EntryAdded | changes.EntryChanged | changes.EntryRemoved | StatusChanged
        ):
            self.call_later(self._fill)

    def _fill(self) -> None:
        outgoing = self._client.messages.outgoing()
        failed = sum(message.entry.failed for message in outgoing)
        waiting = len(outgoing) - failed
        parts = [_("{count} waiting to be sent").format(count=waiting)] if waiting else []
        parts += [_("{count} failed").format(count=failed)] if failed else []
        words = " · ".join(parts) if parts else _("everything is sent")
        self.query_one("#found", SafeStatic).show(own(f"{_('Outbox')}: {words}", "bold"))
        self.query_one(MessageChoices).fill(
            [message.entry for message in outgoing],
            [under_head(message.entry, self._head(message)) for message in outgoing],
        )

    def _head(self, outgoing: Outgoing) -> Content:
        entry = outgoing.entry
        room = self._client.rooms.get(entry.room)
        parts = [
            own(_(_STATES[entry.delivery]), _STYLES.get(entry.delivery, "bold")),
            own(f"{outgoing.what}  {day(entry.at)} {clock(entry.at)}", "dim"),
            peer_line(room.title) if room is not None else own(_("a room you left"), "dim"),
        ]
        if entry.problem:
            parts.append(peer_line(entry.problem, style="$text-error"))
        return own("  ").join(parts)

    def _marked(self) -> RequestId | None:
        entry = self.query_one(MessageChoices).marked
        return entry.request if entry is not None else None

    def action_retry(self) -> None:
        """Retry the marked one."""
        request = self._marked()
        if request is not None:
            self._interaction.run(lambda: self._client.messages.retry(request))

    def action_cancel(self) -> None:
        """Cancel the marked one."""
        entry = self.query_one(MessageChoices).marked
        if entry is not None:
            self._interaction.run(lambda: self._cancel(entry))
