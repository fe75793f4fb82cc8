"""Opening rooms, paging their history, and keeping what is shown in step with the client's changes.

An event that comes in while a room is being read is put in after it, never lost; a late answer for a room
that is no longer open is dropped. The chat screen inherits it.
"""

from typing import Final

from textual import on
from textual.worker import Worker

from parlour_client.core import model
from parlour_client.core.model import Entry, Room
from parlour_client.ui.notices import Notice, notice
from parlour_client.ui.rooms import RoomList, next_unread
from parlour_client.ui.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.screens.base import ChatParts
from parlour_client.ui.timeline import Timeline
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import RoomId, Seq

PAGE: Final = 100
FARTHEST: Final = 50
"""Pages that a jump to an old message reads at most."""
_KINDS: Final = {
    RoomKind.PUBLIC: "public room",
    RoomKind.PRIVATE: "private room",
    RoomKind.DIRECT: "direct room",
}


class RoomsPart(ChatParts):
    """Rooms: open, fill, follow."""

    _early: list[Entry] | None = None  # what came in while the room was being read
    _read_later: Seq | None = None

    async def open_room(self, room: RoomId) -> None:
        """Show another room; what was being written stays with the old one as a draft."""
        await self.drafts.leave(self.composer.text)
        self.current, self._early = room, []
        self._show_room()
        self.hint.typing(())
        entries = await self.client.timeline(room, limit=PAGE)
        if self.current != room:
            return
        known = self.client.room(room)
        read = known.read if known is not None and known.unread else None
        early, self._early = self._early or [], None
        self.timeline.show(self.client.account.user, entries, read=read, complete=_begins(entries))
        for entry in early:
            self.timeline.add(entry)
        draft = await self.client.draft(room)
        if self.current != room:
            return
        self.enter_mode(None)  # a reply or an edit belongs to the room that it was begun in
        self.composer.put(draft)
        self.drafts.begin(room, draft)
        self.write()
        await self._fill_members()

    def _show_room(self) -> None:
        """Bring the list and the heading up to date."""
        rooms = self.client.rooms
        self.room_list.fill(rooms, self.current)
        room = self.room
        self.query_one("#empty").display = room is None
        self.timeline.display = room is not None
        heading = self.query_one("#heading", SafeStatic)
        if room is None:
            heading.show(own("Parlour", "bold"))
            return
        count = "" if room.kind is RoomKind.DIRECT else f", {room.members} members"
        kind = own(f"  {_KINDS[room.kind]}{count}  ", "dim")
        topic = peer_line(room.topic) if room.topic else own("")
        heading.show(join(peer_line(room.title, style="bold"), kind, topic))
        self.composer.rooms = [one.name for one in rooms if one.name is not None]

    async def _fill_members(self) -> None:
        room = self.current
        if room is None:
            return
        members = await self.client.members(room)
        if self.current == room:
            self.member_list.fill(members)
            self.composer.people = [m.user for m in members if m.user != self.client.account.user]

    # --- changes of the client

    def on_change(self, change: model.Change) -> None:
        """Show a change."""
        match change:
            case model.EntryAdded(entry=entry) | model.EntryChanged(entry=entry):
                self._take(entry)
            case model.EntryRemoved(room=room, request=request) if room == self.current:
                self.timeline.take_out(request)
            case model.HistoryChanged(room=room) if room == self.current:
                self.ask(self._renew, group="renew")
            case model.RoomsChanged():
                self._rooms_changed()
            case model.StatusChanged(status=status):
                self.status_line.tell(status, self.client.account)
            case model.TypingChanged(room=room, users=users) if room == self.current:
                self.hint.typing(users)
            case model.PresenceChanged():
                self._members_soon()
            case _:
                pass

    def _take(self, entry: Entry) -> None:
        if entry.room != self.current:
            return
        if self._early is not None:
            self._early.append(entry)
        else:
            self.timeline.add(entry)
        if entry.text is None:  # somebody came, went or has another role
            self._members_soon()

    def _members_soon(self) -> None:
        # the function, not its coroutine: a worker that is cancelled at once leaves none behind
        _: Worker[None] = self.run_worker(self._fill_members_quietly, group="members", exclusive=True)

    async def _fill_members_quietly(self) -> None:
        self.ask(self._fill_members, group="members-asked")

    def _rooms_changed(self) -> None:
        if self.current is not None and self.room is None:  # put out, or left on another device
            self.current = None
            self.timeline.empty()
            self.refuse("You are no longer in that room.")
        self._show_room()
        if self.current is None and self.client.rooms:
            self.open_first()

    def open_first(self) -> None:
        """Open the room with something unread, or the first."""
        rooms = self.client.rooms
        ordered = sorted(rooms, key=lambda room: room.kind is RoomKind.DIRECT)
        first = next_unread(ordered, None) or next(iter(ordered), None)
        if first is not None:
            self.go_to(first)
        else:
            self._show_room()

    def go_to(self, room: Room) -> None:
        """Open a room."""
        self.ask(lambda: self.open_room(room.id), group="open")

    async def _renew(self) -> None:
        room = self.current
        if room is None or self._early is not None:
            return
        entries = await self.client.timeline(room, limit=max(PAGE, len(self.timeline.entries)))
        if self.current == room:
            self.timeline.renew(entries, complete=_begins(entries))

    # --- paging and reading

    @on(Timeline.OlderWanted)
    def _page(self, event: Timeline.OlderWanted) -> None:
        room = self.current

        async def page() -> None:
            if room is not None:
                older = await self.client.timeline(room, before=event.before, limit=PAGE)
                if self.current == room:
                    self.timeline.prepend(older, complete=_begins(older))

        self.ask(page, group="page")

    async def reveal(self, room: RoomId, seq: Seq) -> None:
        """Open a room at a message, paging back to it."""
        if self.current != room:
            await self.open_room(room)
        for _ in range(FARTHEST):
            if self.timeline.reveal(seq):
                self.timeline.focus()
                return
            oldest = next((entry.seq for entry in self.timeline.entries if entry.seq), None)
            if oldest is None or oldest <= seq:
                break
            older = await self.client.timeline(room, before=oldest, limit=PAGE)
            if not older or self.current != room:
                break
            self.timeline.prepend(older, complete=_begins(older))
        notice(self.app, Notice.TOO_FAR)

    @on(Timeline.ReadUpTo)
    def _read(self, event: Timeline.ReadUpTo) -> None:
        self._read_later = event.seq
        self.read_now()

    def read_now(self) -> None:
        """Tell the server what was read, but only while this terminal has the focus."""
        room, seq = self.room, self._read_later
        if room is None or seq is None or not self.app.app_focus:
            return
        self._read_later = None
        if seq > room.read:
            self.ask(lambda: self.client.mark_read(room.id, seq), group="read")

    @on(Timeline.NewBelow)
    def _pill(self, event: Timeline.NewBelow) -> None:
        pill = self.query_one("#pill", SafeStatic)
        pill.display = event.count > 0
        pill.show(own(f" {event.count} new below: ctrl+end goes there "))

    @on(RoomList.OptionSelected, "#rooms")
    def _chosen(self, event: RoomList.OptionSelected) -> None:
        room = self.client.room(RoomId(event.option_id)) if event.option_id else None
        self.remove_class("-rooms")
        if room is not None:
            self.go_to(room)

    def action_next_unread(self) -> None:
        """Open the next room with something unread."""
        room = next_unread(self.client.rooms, self.current)
        if room is None:
            notice(self.app, Notice.NO_UNREAD)
        else:
            self.go_to(room)


def _begins(entries: object) -> bool:
    """Tell whether a page reaches the beginning of the room."""
    first = next(iter(entries), None) if isinstance(entries, list | tuple) else None
    return not isinstance(first, Entry) or first.seq in {None, 1}
