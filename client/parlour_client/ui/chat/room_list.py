"""The list of rooms: favourites, direct rooms, rooms, archived rooms; each with its number and count.

Typing filters it. It shows what the client says and posts the person's actions (``Act``, and the choice of
OptionList). Counts are in columns of their own, where no name can move them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.message import Message

from parlour_client.core.model import Invitation, Room
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import join, option, own, peer_line
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.side_list import IN_COLUMN, Sections, SideList, heading
from parlour_client.ui.input.keymap import letters_act
from parlour_protocol.ids import RoomId
from parlour_protocol.rooms import RoomKind

_MOST: Final = 99
_END: Final = 5
"""Cells at the end of a row: a blank, three for a count, one for its mark."""
_LONGEST_FILTER: Final = 32
INVITATIONS: Final = N_("Invitations")
INVITATION: Final = "invitation:"
"""The prefix of an option's id that is not a room yet."""
SIGNS: Final = {RoomKind.PUBLIC: "#", RoomKind.PRIVATE: "*", RoomKind.DIRECT: ""}

Order = Callable[[Room], Any]
ORDERS: Final[dict[str, Order]] = {
    "number": lambda room: (room.number is None, room.number, room.title),
    "name": lambda room: room.title,
    "recent": lambda room: (-room.activity, room.title),
    "unread": lambda room: (-room.mentions, -room.unread, room.title),
}
"""The orders of rooms within a section; the setting ``room_sort`` names one."""


class RoomAction(Enum):
    """An action on a room of the list."""

    FAVOURITE = auto()
    SILENCE = auto()
    PEEK = auto()
    READ = auto()
    SORT = auto()


class RoomList(SideList):
    """The account's rooms, by section."""

    HELP: ClassVar[str | None] = N_(
        "Up, Down and Enter choose a room. Type to filter the list; Esc shows all rooms.\n"
        "The count at the end of a row is of unread messages; @ means that you are mentioned, ~ that the\n"
        "room is silenced.\n"
        "Alt+F adds a favourite, Alt+M silences, Alt+K peeks without marking as read, Alt+R marks as read,\n"
        "Alt+O changes the order. Alt and a digit opens the room with that number; Ctrl+N the next unread\n"
        "room. /join, /rooms and /create add rooms. Invitations come first: press Enter on one to answer."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+f", "act('FAVOURITE')", N_("Favourite"), id="rooms.favourite"),
        Binding("alt+m", "act('SILENCE')", N_("Silence"), id="rooms.silence"),
        Binding("alt+k", "act('PEEK')", N_("Peek"), id="rooms.peek"),
        Binding("alt+r", "act('READ')", N_("Mark read"), id="rooms.read"),
        Binding("alt+o", "act('SORT')", N_("Order"), id="rooms.sort"),
    ]

    @dataclass
    class Act(Message):
        """Run this action on that room."""

        action: RoomAction
        room: RoomId | None

    def __init__(self) -> None:
        super().__init__(N_("Rooms"), ("chat.rooms", "f2"), id="rooms")
        self._rooms: Sequence[Room] = ()
        self._invitations: Sequence[Invitation] = ()
        self._current: RoomId | None = None
        self._sort = "number"
        self.filter = ""
        """The typed filter; rooms without it in their names are not shown."""

    def fill(
        self,
        rooms: Sequence[Room],
        current: RoomId | None,
        sort: str = "number",
        invitations: Sequence[Invitation] = (),
    ) -> None:
        """Show these rooms, and invitations above them; the cursor stays on its room."""
        self._rooms, self._current, self._sort = rooms, current, sort
        # direct rooms that are not accepted can be opened: they are rooms
        self._invitations = [
            invitation for invitation in invitations if invitation.kind is not RoomKind.DIRECT
        ]
        self._fill()

    def count(self, rooms: Sequence[Room]) -> None:
        """Show these rooms again, with other counts, in the order that follows from them."""
        self._rooms = rooms
        self._fill()

    def _fill(self) -> None:
        found = [room for room in self._rooms if self.filter in room.title.lower()]
        self.show(
            lambda width: self._sections_of(found, width),
            self.chosen if self.has_focus else self._current,
            {room.id for room in found if _calls(room)},
        )
        if self.filter and self.highlighted is None:
            self.action_first()

    def _sections_of(self, found: Sequence[Room], width: int) -> Sections:
        shown = []
        if self.filter:
            shown.append([option(join(own("/ ", "bold"), peer_line(self.filter)), disabled=True)])
        invited = [invitation for invitation in self._invitations if self.filter in invitation.title.lower()]
        for words, members, empty in sections(found, self._sort):
            rows = [option(_row(room, width), id=room.id) for room in members]
            if words == INVITATIONS:
                rows = [
                    *(
                        option(
                            join(own(" "), _name(SIGNS[one.kind], one.title, width - 1, "bold")),
                            id=f"{INVITATION}{one.id}",
                        )
                        for one in invited
                    ),
                    *rows,
                ]
            if not rows and empty and not self.filter:
                rows = [option(own(f"  {_(empty)}", "$dim"), disabled=True)]
            if rows:
                shown.append([heading(_(words)), *rows])
        return shown

    def on_key(self, event: Key) -> None:
        """Use letters for the filter, unless they are keys."""
        if letters_act(settings_of(self)):
            return
        typed = event.character if event.is_printable and event.key != "space" else None
        if typed is not None and len(self.filter) < _LONGEST_FILTER:
            self._set_filter(self.filter + typed.lower())
        elif event.key == "backspace" and self.filter:
            self._set_filter(self.filter[:-1])
        elif event.key == "escape" and self.filter:
            self._set_filter("")
        else:
            return
        event.stop()
        event.prevent_default()

    def _set_filter(self, typed: str) -> None:
        self.filter = typed
        self._fill()

    def on_blur(self) -> None:
        """Clear the filter."""
        self._set_filter("")

    def action_act(self, name: str) -> None:
        """Post an action on the marked room."""
        marked = self.highlighted_option
        chosen = marked.id if marked is not None else None
        room = RoomId(chosen) if chosen is not None and not chosen.startswith(INVITATION) else None
        self.post_message(self.Act(RoomAction[name], room))


def sections(rooms: Sequence[Room], sort: str) -> list[tuple[str, list[Room], str]]:
    """Return (heading, rooms, text if there are none); each room once."""
    ordered = sorted(rooms, key=ORDERS[sort])
    requests = [room for room in ordered if room.request]
    ordered = [room for room in ordered if not room.request]
    archived = [room for room in ordered if room.archived]
    ordered = [room for room in ordered if not room.archived]
    favourites = [room for room in ordered if room.favourite]
    rest = [room for room in ordered if not room.favourite]
    direct = [room for room in rest if room.kind is RoomKind.DIRECT]
    others = [room for room in rest if room.kind is not RoomKind.DIRECT]
    has_direct = any(room.kind is RoomKind.DIRECT for room in rooms)
    return [
        (INVITATIONS, requests, ""),
        (N_("Favourites"), favourites, ""),
        (N_("Direct"), direct, "" if has_direct else N_("none yet: /dm")),
        (N_("Rooms"), others, "" if len(rooms) > len(direct) else N_("none yet: /rooms")),
        (N_("Archived"), archived, ""),
    ]


def _calls(room: Room) -> bool:
    """Say whether a room is told of when it is out of sight."""
    return bool(room.mentions or (room.unread and not room.muted))


def _row(room: Room, width: int) -> Content:
    """Return the row of a room."""
    name = SIGNS[room.kind], room.title
    return _drawn(room.number or 0, *name, room.unread, room.mentions > 0, room.muted, width)


@lru_cache(2048)
def _drawn(
    number: int,
    sign: str,
    title: str,
    unread: int,
    mentions: bool,  # noqa: FBT001
    muted: bool,  # noqa: FBT001
    width: int,
) -> Content:
    """Return a row: the number, the name, and at the end the count and its mark."""
    calls = unread and not muted
    count = "" if not unread else str(unread) if unread <= _MOST else f"{_MOST}+"
    mark = "@" if mentions else "~" if muted else " "
    style = "bold $accent" if mentions else "bold" if calls else "$dim"
    return join(
        own(str(number or " "), "$dim"),
        _name(sign, title, width - 1, "bold" if calls else ""),
        own(f"{count:>{_END - 1}}{mark}", style).stylize(IN_COLUMN),
    )


def _name(sign: str, title: str, width: int, style: str) -> Content:
    """Return a name after a blank, cut before the cells at the end."""
    name = join(own(" "), own(sign, "$dim"), peer_line(title, style=style))
    return name.truncate(width - _END, ellipsis=True, pad=True)


def by_recency(rooms: Sequence[Room], recent: Sequence[RoomId], opened: RoomId | None) -> Sequence[Room]:
    """Return rooms in the order in which they were left last; then the newest; the open one is the last.

    Behind even that one are direct rooms that were not accepted: no stranger gets to the front by writing.
    """
    places = {room: place for place, room in enumerate(recent)}
    never = len(places)
    return sorted(
        rooms,
        key=lambda room: (
            room.request and room.id not in places,
            room.id == opened,
            places.get(room.id, never),
            -room.activity,
            room.title,
        ),
    )


def next_unread(rooms: Sequence[Room], current: RoomId | None) -> Room | None:
    """Return the next unread room after the current one, cyclically; mentions first.

    A muted room is skipped unless someone mentions the person there; one that is not accepted always is.
    """
    start = next((at + 1 for at, room in enumerate(rooms) if room.id == current), 0)
    around = [room for room in (*rooms[start:], *rooms[:start]) if room.id != current and not room.request]
    loud = [room for room in around if not room.muted]
    return next((r for r in around if r.mentions), None) or next((r for r in loud if r.unread), None)
