"""The header above the timeline: the room, its encryption in words, and alarms.

It only shows the values that it is given. Encrypted and verified are two facts and never one colour.
"""

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from parlour_client.core.e2ee.values import RoomEncryption, RoomState
from parlour_client.core.model import Room
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer_line
from parlour_client.text.retention_text import retention_short
from parlour_client.ui.chat.member_list import how_many
from parlour_protocol.rooms import RoomKind

_KINDS: Final = {
    RoomKind.PUBLIC: N_("public room"),
    RoomKind.PRIVATE: N_("private room"),
    RoomKind.DIRECT: N_("direct room"),
}
_PROBLEMS: Final = {
    RoomState.WAITING: "$warning",
    RoomState.PENDING_DEVICE: "$warning",
    RoomState.CONTESTED: "bold $error",
    RoomState.BLOCKED: "bold $error",
}
"""Colours of states that need the person; whether a room is encrypted is a plain line."""


class RoomHeader(Vertical):
    """Three lines: heading, encryption, alarms; empty ones are hidden."""

    DEFAULT_CSS = "RoomHeader { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self._heading = SafeStatic(own("Parlour", "bold"), id="heading")
        self._lock = SafeStatic(id="lock")
        self._alarm = SafeStatic(id="alarm")

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._heading
        yield self._lock
        yield self._alarm

    def show_room(self, room: Room | None, *, peeking: bool) -> None:
        """Show the open room, and notes about it."""
        if room is None:
            self._heading.show(own("Parlour", "bold"))
            return
        count = "" if room.kind is RoomKind.DIRECT else f", {how_many(room.members)}"
        kept = retention_short(room.retention)
        kind = own(f"  {_(_KINDS[room.kind])}{count}{' · ' if kept else ''}{kept}  ", "dim")
        warning = ""
        if room.request:
            warning = _("wants to chat: /accept /decline /block")
        if room.archived:
            warning = _("archived: read only")
        if room.trouble:
            warning = _("the server is withholding messages")
        peek = own(_("peek: Alt+R marks read") + "  ", "bold") if peeking else own("")
        # A narrow heading loses its end: the facts that are always there come after what needs the person.
        topic = peer_line(room.topic) if room.topic and not warning else own("")
        warned = own(f"  {warning}" if warning else "", "bold $warning")
        self._heading.show(join(peer_line(room.title, style="bold"), warned, kind, peek, topic))

    def show_lost(self, room: Room, words: str) -> None:
        """Show a room that this account is no longer in, and why, in our words."""
        warned = own(f"  ! {words} · {_('read only')}", "bold $warning")
        self._heading.show(join(peer_line(room.title, style="bold"), warned))

    def show_encryption(self, status: RoomEncryption | None) -> None:
        """Show the room's encryption, even if there is none; None: no room is open."""
        self._lock.display = status is not None
        if status is not None:
            words = f"{status.label} · {status.problem}" if status.problem else status.label
            self._lock.show(peer_line(words, limit=400, style=_PROBLEMS.get(status.state, "")))

    def show_alarms(self, rows: Sequence[Content]) -> None:
        """Show the alarms."""
        self._alarm.display = bool(rows)
        self._alarm.show(lines(*rows))
