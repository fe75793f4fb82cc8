"""Opening rooms, and keeping what is shown in step with the client's changes.

An event that comes in while a room is being read is put in after it, never lost; a late answer for a room
that is no longer open is dropped. The chat screen inherits it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from textual import on
from textual.worker import Worker

from parlour_client.core import events as changes
from parlour_client.core.errors import RefusedError, UnreachableError
from parlour_client.core.interface import ChatClient
from parlour_client.core.model import ConnectionStatus, Entry, Invitation, LinkState, MemberView, Room
from parlour_client.ui.app_settings import Preferring, settings_of
from parlour_client.ui.chat import invitations
from parlour_client.ui.chat.drafts_part import DraftsPart
from parlour_client.ui.chat.history_part import PAGE, begins
from parlour_client.ui.chat.member_list import how_many
from parlour_client.ui.chat.room_list import INVITATION, RoomList, next_unread
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline.holes import Run, holes_of
from parlour_client.ui.deferred import Deferred
from parlour_client.ui.dialogs.questions import ChooseScreen
from parlour_client.ui.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.toasts import Notice, notice
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.ids import RoomId, Seq

_KINDS: Final = {
    RoomKind.PUBLIC: "public room",
    RoomKind.PRIVATE: "private room",
    RoomKind.DIRECT: "direct room",
}


class RoomsPart(DraftsPart):
    """Rooms: open, fill, follow."""

    _early: list[Entry] | None = None  # what came in while the room was being read
    _read_later: Seq | None = None
    _rooms_missed = False  # changes came while another program had the terminal
    _behind: Seq | None = None  # the newest that was loaded when more came in than was told one by one
    _renew_again = False
    _members_of: RoomId | None = None
    _lacks_members = False
    peeking = False
    """Looking at this room marks nothing as read."""

    def __init__(self, client: ChatClient) -> None:
        super().__init__(client)
        self._rooms_refresh = Deferred(self, self._rooms_changed)

    async def open_room(self, room: RoomId, *, peek: bool = False) -> None:
        """Show another room; what was being written stays with the old one as a draft.

        With ``peek``, or where the settings say so, looking marks nothing as read.
        """
        self.current, self._early = room, []  # before the first wait: the last room that was asked for stays
        self.enter_mode(None)  # a reply or an edit belongs to the room that it was begun in
        if not await self.change_place(room):
            return
        self.peeking = peek or settings_of(self).peek
        if not peek:
            self.ask(lambda: self.client.remember_open(room), group="remember")
        self.timeline.dress(settings_of(self).timestamps)
        self.hint.typing(())
        await self._fill_timeline(room)
        if self.current == room:
            self.write()
            await self._fill_members()

    async def _fill_timeline(self, room: RoomId) -> None:
        """Show the newest page of the room that is open."""
        self._early = []
        self._read_later = self._behind = None
        self._no_parents = set()
        self._show_room()
        entries = await self.client.timeline(room, limit=PAGE)
        if self.current != room:
            return
        known = self.client.room(room)
        read = known.read if known is not None and known.unread else None
        holes = await self._holes(room, entries, None)
        if self.current != room:
            return
        early, self._early = self._early or [], None
        self.timeline.show(
            self.client.account.user,
            entries,
            read=read,
            complete=begins(entries),
            ignored=self.client.ignored,
            holes=holes,
        )
        self.timeline.receive(self.client.receipts(room))
        for entry in early:
            self.timeline.add(entry)
        await self._fetch_parents()

    def _show_room(self) -> None:
        """Bring the list and the heading up to date."""
        rooms = [self._as_seen(room) for room in self.client.rooms]
        self.room_list.fill(rooms, self.current, settings_of(self).room_sort, self.client.invitations)
        room = self.room
        self.query_one("#empty").display = room is None
        self.timeline.display = room is not None
        self.show_lock()
        heading = self.query_one("#heading", SafeStatic)
        if room is None:
            heading.show(own("Parlour", "bold"))
            return
        count = "" if room.kind is RoomKind.DIRECT else f", {how_many(room.members)}"
        kind = own(f"  {_KINDS[room.kind]}{count}  ", "dim")
        topic = peer_line(room.topic) if room.topic else own("")
        if room.request:
            topic = own("wants to write: /accept /decline /block", "bold $text-warning")
        if room.trouble:
            topic = own("the server holds events back", "bold $text-warning")
        peeking = own("peek: alt+r marks read  ", "bold") if self.peeking else own("")
        heading.show(join(peer_line(room.title, style="bold"), kind, peeking, topic))
        self.composer.rooms = [one.title for one in rooms if one.name is not None]

    def _as_seen(self, room: Room) -> Room:
        """Count nothing in the open room while its newest is in sight: it is read before a count is drawn."""
        sees = self._early is None and self.timeline.follows and not self.peeking and self.app.app_focus
        return replace(room, unread=0, mentions=0) if sees and room.id == self.current else room

    async def _fill_members(self) -> None:
        room = self.current
        if room is None:
            return
        try:
            members = await self.client.members(room)
        except UnreachableError:  # they are asked for when it is back
            self._lacks_members = True
            if self._members_of != room:
                self._show_members(room, ())
            return
        except RefusedError:
            if self.client.room(room) is None:  # put out meanwhile, and told so
                return
            raise
        if self.current == room:
            self._show_members(room, members)

    def _show_members(self, room: RoomId, members: Sequence[MemberView]) -> None:
        self._members_of = room
        self.member_list.fill(members)
        self.composer.people = [m.user for m in members if m.user != self.client.account.user]

    # --- changes of the client

    def on_change(self, change: changes.Change) -> None:
        """Show a change."""
        match change:
            case changes.EntryAdded(entry=entry) | changes.EntryChanged(entry=entry):
                self._take(entry)
            case changes.RoomsChanged() | changes.InvitationsChanged():
                self._rooms_changed_soon()
            case changes.IgnoredChanged():
                self.timeline.ignore(self.client.ignored)
            case changes.StatusChanged(status=status):
                self._link_changed(status)
            case changes.PresenceChanged():
                self._members_soon()
            case changes.EncryptionChanged():
                pass
            case _ if change.room == self.current:
                self._change_here(change.room, change)
            case _:
                pass

    def _change_here(self, room: RoomId, change: changes.Change) -> None:
        """Show a change of the open room."""
        match change:
            case changes.EntryRemoved(request=request):
                self.timeline.take_out(request)
            case changes.HistoryChanged():
                self._renew_soon()
            case changes.RoomForgotten() | changes.HistoryReplaced():
                self.ask(lambda: self._fill_timeline(room), group="renew")  # what is being written stays
            case changes.HistoryWithheld(words=words):
                self.say(words)
            case changes.ReceiptsChanged() if self._early is None:
                self.timeline.receive(self.client.receipts(room))
            case changes.TypingChanged(users=users):
                self.hint.typing(users)
            case _:
                pass

    def _link_changed(self, status: ConnectionStatus) -> None:
        self.status_line.tell(status, self.client.account)
        if status.session_ended:
            self.login_soon()
        if status.state is LinkState.ONLINE:
            self.timeline.retry_holes()
            self._lacks_members = True  # asked for when the rooms are told, which is when one can ask

    def login_soon(self) -> None:
        """Ask for the password as soon as nothing else is being typed."""
        raise NotImplementedError

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

    def _rooms_changed_soon(self) -> None:
        """Bring the lists up to date once a frame, however many events come."""
        self._rooms_refresh.schedule(self._pace.delay())

    def come_back(self) -> None:
        """Do what waited while another program had the terminal."""
        if self._rooms_missed:
            self._rooms_missed = False
            self._rooms_changed()

    def _rooms_changed(self) -> None:
        if isinstance(self.app, Preferring) and self.app.away:
            self._rooms_missed = True
            return  # what is being written there must find the room where it was begun
        if self.current is not None and self.room is None:  # put out, or left on another device
            self.current = None
            self.enter_mode(None)
            self.timeline.empty()
            self.refuse("You are no longer in that room.")
        self._show_room()
        if self._lacks_members and self._online:
            self._lacks_members = False
            self._members_soon()
        if self.current is None:
            self.open_first()

    def open_last(self) -> None:
        """Open the room that was open when the client last ended, or the first."""
        last = self.client.last_room
        room = self.client.room(last) if last is not None else None
        if room is not None:
            self.go_to(room)
        else:
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
            self.ask(self.open_nowhere, group="open")

    def go_to(self, room: Room) -> None:
        """Open a room."""
        self.ask(lambda: self.open_room(room.id), group="open")

    def _renew_soon(self) -> None:
        """Read the newest page once; what lies between stays a hole until it is looked at."""
        newest = next((entry.seq for entry in reversed(self.timeline.entries) if entry.seq), Seq(0))
        if self._behind is None:  # a second change while the first one is read: one more reading, no more
            self._behind = newest
            self.ask(self._renew, group="renew")
        else:
            self._renew_again = True

    async def _renew(self) -> None:
        room = self.current
        while room is not None and room == self.current and self._early is None:
            self._renew_again = False
            entries = await self.client.timeline(room, limit=PAGE)
            stored = [entry for entry in entries if entry.seq is not None]
            if room != self.current or not stored:
                break
            low, high = Seq((stored[0].seq or 1) - 1), Seq((stored[-1].seq or 0) + 1)
            left = holes_of(await self.client.gaps(room, low, high), online=self._online)
            self.timeline.merge(entries, Run(low, high, tuple(left)), behind=self._behind)
            self._behind = Seq(high - 1)
            if not self._renew_again:
                break
        self._behind = None

    # --- going to a place and reading

    async def reveal(self, room: RoomId, seq: Seq, *, peek: bool = False) -> None:
        """Open a room at a message; what lies between it and the newest is loaded when it is looked at."""
        if self.current != room:
            await self.open_room(room, peek=peek)
        if not self.timeline.reveal(seq):
            above = await self.client.timeline(room, after=Seq(seq - 1), limit=PAGE // 2)
            below = await self.client.timeline(room, before=seq, limit=PAGE // 2)
            around = [entry for entry in (*below, *above) if entry.seq is not None]
            if self.current != room or not around:
                return
            low, high = Seq((around[0].seq or 1) - 1), Seq((around[-1].seq or 0) + 1)
            left = holes_of(await self.client.gaps(room, low, high), online=self._online)
            self.timeline.merge(around, Run(low, high, tuple(left)), complete=begins(around))
            if not self.timeline.reveal(seq):
                notice(self.app, Notice.TOO_FAR)
                return
        self.timeline.focus()

    @on(Timeline.ReadUpTo)
    def _read(self, event: Timeline.ReadUpTo) -> None:
        self._read_later = event.seq
        self.read_now()

    def read_now(self) -> None:
        """Tell the server what was read, but only while this terminal has the focus."""
        room, seq = self.room, self._read_later
        if room is None or seq is None or self.peeking or not self.app.app_focus:
            return
        self._read_later = None
        if seq > room.read:
            share = settings_of(self).receipts
            self.ask(lambda: self.client.mark_read(room.id, seq, share=share), group="read")

    @on(Timeline.NewBelow)
    def _pill(self, event: Timeline.NewBelow) -> None:
        pill = self.query_one("#pill", SafeStatic)
        pill.display = event.count > 0
        pill.show(own(f" {event.count} new below: ctrl+end goes there "))

    @on(RoomList.OptionSelected, "#rooms")
    def _chosen(self, event: RoomList.OptionSelected) -> None:
        self.remove_class("-rooms")
        chosen = event.option_id or ""
        if chosen.startswith(INVITATION):
            self.ask_about(RoomId(chosen.removeprefix(INVITATION)))
            return
        room = self.client.room(RoomId(chosen)) if chosen else None
        if room is not None:
            self.go_to(room)

    def ask_about(self, room: RoomId) -> None:
        """Ask what to do about an invitation."""
        one = next((one for one in self.client.invitations if one.id == room), None)
        if one is None:
            return

        def answer(chosen: str | None) -> None:
            match chosen:
                case invitations.ACCEPT:
                    self.ask(lambda: self.accept(one))
                case invitations.DECLINE:
                    self.ask(lambda: self.decline(one))
                case invitations.BLOCK:
                    self.ask(lambda: self.client.block(one.inviter))
                case _:
                    pass

        self.push(ChooseScreen(invitations.question(one), invitations.answers(one), ""), answer)

    async def accept(self, one: Invitation) -> None:
        """Enter a room that the person is invited into, or say yes to a direct one."""
        await self.open_room((await self.client.accept(one.id)).id)

    async def decline(self, one: Invitation) -> None:
        """Turn an invitation down."""
        await self.client.decline(one.id)
        self.say(f"Declined. {one.inviter} is not told.")

    def action_next_unread(self) -> None:
        """Open the next room with something unread."""
        room = next_unread(self.client.rooms, self.current)
        if room is None:
            notice(self.app, Notice.NO_UNREAD)
        else:
            self.go_to(room)
