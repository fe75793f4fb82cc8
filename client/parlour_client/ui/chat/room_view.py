"""Keeps what is shown of the rooms in step with the client: the list, the heading, the steps, a lost room.

Changes that the server sends end here. It has no way to open a room or to move the focus: ``Navigation`` has,
and only keys reach it.
"""

from dataclasses import replace

from textual.content import Content

from parlour_client.core.model import Entry, Room, display_name
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import join, own, peer_line
from parlour_client.text.event_text import done_elsewhere
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.deferred import Throttle
from parlour_client.ui.chat.encryption.status import EncryptionStatus
from parlour_client.ui.chat.member_list import MembersController
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.removal import Removal, removal
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_protocol.frames.bodies import Created, Joined
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName

_NOT_WRITTEN = (Created, Joined)
"""Events of a room in which no one has done anything yet."""


class RoomView:
    """The view of one pane on its room, and on the list of rooms."""

    def __init__(
        self,
        pane: Pane,
        composing: ComposerController,
        history: TimelineController,
        members: MembersController,
        encryption: EncryptionStatus,
        of_room: "RoomView | None" = None,
    ) -> None:
        """``of_room`` is the view of the pane that shows all of the room, if this one shows a thread."""
        self._of_room = of_room
        self._client, self._current, self._interaction = pane.client, pane.current, pane.interaction
        self._list, self._header, self._steps = pane.room_list, pane.header, pane.steps
        self._status = pane.status_line
        self._timeline, self._composer = pane.timeline, pane.composer
        self._composing, self._history, self._members = composing, history, members
        self._encryption = encryption
        self._clock = SystemClock()
        self._refresh = Throttle(pane.widget, self.rooms_changed)
        self._count = Throttle(pane.widget, self._counts_changed)
        self._listed: tuple[Room, ...] = ()
        """What the list shows."""
        self._loaded: RoomId | None = None
        self._deleted: dict[RoomId, UserName] = {}
        self._elsewhere: Content | None = None
        """What someone did to this account in another room, or to that room, until it is shown."""
        self._missed = False  # changes arrived while another program had the terminal

    async def reload(self, room: RoomId) -> None:
        """Reload the open room; the draft stays."""
        self._loaded = None
        self._history.buffer()
        self.refresh()
        await self._history.load(room)
        self._loaded = room
        self._show_steps()

    def _show_steps(self) -> None:
        """Say what to do without a room, in a lost one, and in one where only joining has happened."""
        if self._current.thread is not None:
            return
        here = self._loaded is not None and self._loaded == self._current.id
        quiet = here and self._timeline.holds_only(_NOT_WRITTEN)
        self._steps.show(
            self._current.room, quiet=quiet, lost=self.lost, has_rooms=bool(self._client.rooms.all)
        )

    @property
    def lost(self) -> Removal | None:
        """How the open room was lost, if it was."""
        if self._of_room is not None:
            return self._of_room.lost
        room = self._current.lost
        if room is None:
            return None
        me, now, by = self._client.account.user, self._clock.now(), self._deleted.get(room.id)
        return removal(room, self._timeline.entries, me, now, by)

    @property
    def sees_newest(self) -> bool:
        """Whether the newest message of the room is visible to the person, beside a thread as well."""
        return self._history.sees_newest if self._of_room is None else self._of_room.sees_newest

    def refresh(self) -> None:
        """Update the list of rooms and the header."""
        self._show_list()
        room, lost = self._current.room, self.lost
        self._show_steps()
        self._timeline.display = self._current.id is not None
        self._encryption.refresh()
        if lost is not None:
            self._header.show_lost(lost.room, lost.words)
            self._members.lost()
        else:
            self._header.show_room(room, peeking=self._history.peeking)
        self._composing.show_room(room, lost)
        self._composer.rooms = [room.title for room in self._client.rooms.all]
        self._composer.invitations = [one.title for one in self._client.invitations.all]

    def _show_list(self) -> None:
        """Update the list of rooms, which is about the pane in front."""
        rooms = self._rooms()
        self._listed = tuple(map(_at_a_glance, rooms))
        if self._current.in_front:
            sort = self._interaction.settings.room_sort
            self._status.count(rooms)
            self._list.fill(rooms, self._current.id, sort, self._client.invitations.all)

    def _rooms(self) -> list[Room]:
        return [self._as_seen(room) for room in self._client.rooms.all]

    def _as_seen(self, room: Room) -> Room:
        """Count nothing in the open room while its newest message is visible: it counts as read."""
        seen = room.id == self._current.id and self.sees_newest
        return replace(room, unread=0, mentions=0) if seen else room

    # --- changes from the client

    def rooms_changed_soon(self) -> None:
        """Update everything, once for all events that arrive together."""
        self._refresh.changed()

    def counts_changed_soon(self) -> None:
        """Update what is unread, once for all messages that arrive together."""
        self._count.changed()

    def _counts_changed(self) -> None:
        """Show what is unread; steps in a room in which someone has written now go away."""
        if self._interaction.is_away:
            self._missed = True
            return
        rooms = self._rooms()
        listed = tuple(map(_at_a_glance, rooms))
        if listed != self._listed:
            self._listed = listed
            if self._current.in_front:
                self._list.count(rooms)
                self._status.count(rooms)
        if self._steps.display:
            self._show_steps()

    def room_deleted(self, room: RoomId, title: str, by: UserName) -> None:
        """Say with the next refresh that someone deleted a room."""
        self._deleted[room] = by
        if room != self._current.id:
            words = _("{author} deleted the room {title}.").format(author=display_name(by), title=title)
            self._elsewhere = own(words)

    def happened_elsewhere(self, entry: Entry) -> None:
        """Say with the next refresh what someone did to this account in a room that is not open."""
        room = self._client.rooms.get(entry.room)
        if room is not None and self._current.in_front:
            me = self._client.account.user
            words, reason = done_elsewhere(entry.author, entry.body, entry.at, me, room.title)
            if words:
                theirs = (own(" │ ", "dim"), peer_line(reason)) if reason else ()
                self._elsewhere = join(own(words), *theirs)
                self._refresh.changed()

    def come_back(self) -> None:
        """Apply changes that waited while another program had the terminal."""
        if self._missed:
            self._missed = False
            self.rooms_changed()

    def rooms_changed(self) -> None:
        """Show the current rooms; an open one that was lost stays, and says why."""
        if self._interaction.is_away:
            self._missed = True
            return  # text being written there must find the room where it was begun
        if self._elsewhere is not None:
            self._interaction.attend(self._elsewhere)
        self._elsewhere = None
        self.refresh()
        self._members.load_missing()


def _at_a_glance(room: Room) -> Room:
    """Return what is shown of a room: the list follows its activity once a minute, not each message."""
    return replace(room, head=Seq(0), read=Seq(0), activity=Millis(room.activity // 60_000))
