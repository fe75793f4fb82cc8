"""The list of rooms: favourites, direct rooms, rooms, archived rooms; each with its number and count.

Typing filters it. It shows what the client says and posts the person's actions (``Act``, and the choice of
OptionList). Counts are left of the names, where no name can move them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from parlour_client.core.model import Invitation, Room
from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.widgets.safe import filled, join, option, own, peer_line, title_pane
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.input.keymap import letters_act
from parlour_protocol.ids import RoomId
from parlour_protocol.rooms import RoomKind

_MOST: Final = 99
_LONGEST_FILTER: Final = 32
INVITATIONS: Final = N_("Invitations")
INVITATION: Final = "invitation:"
"""The prefix of an option's id that is not a room yet."""
_SIGNS: Final = {RoomKind.PUBLIC: "#", RoomKind.PRIVATE: "*", RoomKind.DIRECT: ""}

Order = Callable[[Room], Any]
ORDERS: Final[dict[str, Order]] = {
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


class RoomList(OptionList):
    """The account's rooms, by section."""

    HELP: ClassVar[str | None] = N_(
        "Up, Down and Enter choose a room. Type to filter the list; Esc shows all rooms.\n"
        "The number counts unread messages; @ means that you are mentioned, ~ that the room is silenced.\n"
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

    FOCUS_ON_CLICK = False  # a click opens a room; typed letters go to the composer

    def __init__(self) -> None:
        super().__init__(id="rooms", markup=False, compact=True)
        title_pane(self, join(own(" "), own(_("Rooms"))))
        self._column_anchors = ColumnAnchors()
        self._rooms: Sequence[Room] = ()
        self._invitations: Sequence[Invitation] = ()
        self._current: RoomId | None = None
        self._sort = "name"
        self.filter = ""
        """The typed filter; rooms without it in their names are not shown."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)

    def fill(
        self,
        rooms: Sequence[Room],
        current: RoomId | None,
        sort: str = "name",
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
        entries = []
        if self.filter:
            entries.append(option(join(own("/ ", "bold"), peer_line(self.filter)), disabled=True))
        invited = [invitation for invitation in self._invitations if self.filter in invitation.title.lower()]
        for heading, members, empty in sections(found, self._sort):
            if heading == INVITATIONS and (members or invited):
                entries.append(option(own(_(heading), "bold dim"), disabled=True))
                entries += [
                    option(invitation_row(invitation), id=f"{INVITATION}{invitation.id}")
                    for invitation in invited
                ]
                entries += [option(_row(room, self._current), id=room.id) for room in members]
            elif members or (empty and not self.filter):
                entries.append(option(own(_(heading), "bold dim"), disabled=True))
                entries += [option(_row(room, self._current), id=room.id) for room in members]
            if not members and empty and not self.filter:
                entries.append(option(own(_(empty), "dim"), disabled=True))
        wanted = self._wanted()
        if not self._only_rewritten(entries):
            self.set_options(entries)
        here = {room.id for room in found}
        if wanted in here and wanted is not None:
            self.highlighted = self.get_option_index(wanted)
        elif self.filter and (here or invited):
            self.action_first()

    def _only_rewritten(self, entries: Sequence[Option]) -> bool:
        """Draw only rows whose words have changed, such as a count; False if these are not the same rows."""
        rows = [_place(entry) for entry in entries]
        if rows != [_place(entry) for entry in self.options]:
            return False
        top, width, lines = self.scroll_offset.y, self.size.width, self._index_to_line
        for index, (shown, entry) in enumerate(zip(self.options, entries, strict=True)):
            if not _content(shown).is_same(_content(entry)):
                shown._set_prompt(entry.prompt)  # noqa: SLF001 - docs/explanation/architecture.md, private interfaces
                self._option_render_cache.clear()
                if index in lines:  # else it has no size yet, or is hidden
                    self.refresh(Region(0, lines[index] - top, width, 1))
        return True

    def _wanted(self) -> str | None:
        marked = self.highlighted_option
        return marked.id if marked is not None and self.has_focus else self._current

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


def _content(entry: Option) -> Content:
    assert isinstance(entry.prompt, Content)  # noqa: S101 - `option` makes them
    return entry.prompt


def _place(entry: Option) -> tuple[object, ...]:
    """Return what a row shares with the one that may take its place."""
    return entry.id, entry.disabled, _content(entry).cell_length


def _row(room: Room, current: RoomId | None) -> Content:
    mark = "@" if room.mentions else "~" if room.muted else " "
    many = f"{room.unread:>3} " if room.unread <= _MOST else f"{_MOST}+ "
    count = f"{mark}{many}" if room.unread else f"{'~' if room.muted else ' '}    "
    style = "bold" if (room.unread and not room.muted) or room.id == current else ""
    return join(
        own(">" if room.id == current else " "),
        own(str(room.number or " "), "dim"),
        own(count, "dim" if room.muted else "bold $text-accent"),
        own(_SIGNS[room.kind], "dim"),
        peer_line(room.title, style=style),
    )


def invitation_row(invitation: Invitation) -> Content:
    """Return the row of an invitation."""
    return join(
        own("  +   ", "bold $text-accent"),
        peer_line(invitation.title, style="bold"),
        filled(_(" by {user}"), "dim", user=peer_line(invitation.inviter)),
    )


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
