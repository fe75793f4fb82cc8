"""The list of rooms: how much is unread, in figures, and whether you are named.

It shows what the client says and posts nothing but the choice (OptionList's own message). The chat screen
fills it. Counts stand left of the names, where no name can move them.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.content import Content
from textual.widgets import OptionList

from parlour_client.core.model import Room
from parlour_client.ui.anchored import Anchored
from parlour_client.ui.safe import join, option, own, peer_line
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import RoomId

_MOST: Final = 99


class RoomList(Anchored, OptionList):
    """The rooms that the account is in; direct rooms in a section of their own."""

    HELP: ClassVar[str | None] = (
        "Up, Down and Enter choose a room. The number counts what you have not read;\n"
        "@ means that you are named there. "
        "Ctrl+N goes to the next unread room. /join, /rooms and /create bring more. Esc goes back to writing."
    )

    def __init__(self) -> None:
        super().__init__(id="rooms", markup=False, compact=True)
        self._shown: tuple[object, ...] = ()

    def fill(self, rooms: Sequence[Room], current: RoomId | None) -> None:
        """Show these rooms; the cursor stays on the room that it was on."""
        shown = (*((room.title, room.kind, room.unread, room.mentions) for room in rooms), current)
        if shown == self._shown:
            return
        self._shown = shown
        direct = [room for room in rooms if room.kind is RoomKind.DIRECT]
        others = [room for room in rooms if room.kind is not RoomKind.DIRECT]
        entries = [option(own("Rooms", "bold dim"), disabled=True)]
        entries += [option(_row(room, current), id=room.id) for room in others]
        if not others:
            entries.append(option(own("none yet: /rooms", "dim"), disabled=True))
        entries.append(option(own("Direct", "bold dim"), disabled=True))
        entries += [option(_row(room, current), id=room.id) for room in direct]
        if not direct:
            entries.append(option(own("none yet: /dm", "dim"), disabled=True))
        wanted = (
            self.highlighted_option.id if self.highlighted_option is not None and self.has_focus else current
        )
        self.set_options(entries)
        if wanted is not None and wanted in {room.id for room in rooms}:
            self.highlighted = self.get_option_index(wanted)


def _row(room: Room, current: RoomId | None) -> Content:
    mark = "@" if room.mentions else " "
    count = f"{mark}{min(room.unread, _MOST):>2} " if room.unread else "    "
    sign = {RoomKind.PUBLIC: "#", RoomKind.PRIVATE: "*", RoomKind.DIRECT: ""}[room.kind]
    style = "bold" if room.unread or room.id == current else ""
    pointer = own(">" if room.id == current else " ")
    return join(
        pointer, own(count, "bold $text-accent"), own(sign, "dim"), peer_line(room.title, style=style)
    )


def next_unread(rooms: Sequence[Room], current: RoomId | None) -> Room | None:
    """Return the next room with something unread, going round from the current one; mentions first."""
    start = next((at + 1 for at, room in enumerate(rooms) if room.id == current), 0)
    around = [room for room in (*rooms[start:], *rooms[:start]) if room.id != current]
    return next((r for r in around if r.mentions), None) or next((r for r in around if r.unread), None)
