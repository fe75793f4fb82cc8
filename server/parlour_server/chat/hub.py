"""Fan-out: what is on disk goes to every member that is connected here, in order, and to nobody else.

Who gets a room's events is a projection of that room's own log: the event that puts somebody out takes
them off before any later event is written (S4: stale room rights). A hole in the numbers is filled from
the store; a notice that is lost, repeated or late changes nothing. The service publishes and subscribes.
Invariants:

* a connection gets the events of a room from its summary's ``head`` on, each at least once, in order;
* an event that ended a membership, however late it is heard, ends the delivery that began before it.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.bodies import (
    Added,
    Banned,
    Contested,
    Created,
    EncryptionOn,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    SealedMessage,
    Uninvited,
)
from parlour_protocol.frames.codec import encode
from parlour_protocol.frames.replies import (
    GroupChanged,
    InvitationCame,
    InvitationGone,
    LogEvent,
    RoomClosed,
    RoomEntered,
    RoomSummary,
)
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName
from parlour_server.bus.bus import DeviceEphemeral, RoomEphemeral, UserEphemeral
from parlour_server.chat.background_tasks import Background
from parlour_server.chat.batching import Scheduler
from parlour_server.chat.connected_peers import Roster
from parlour_server.chat.error_boundary import Guard
from parlour_server.chat.gap_filler import GapFiller
from parlour_server.chat.peer_state import PeerState
from parlour_server.chat.sequencer import RoomFeed
from parlour_server.errors import RefusedError
from parlour_server.store.interface import Store
from parlour_server.websocket_frames import text_frame

_MOVES: Final[frozenset[type]] = frozenset({Created, Joined, Added, Left, Kicked, Banned})
"""Bodies that begin or end a membership; nearly all events are none of them."""
_INVITING: Final[frozenset[type]] = frozenset({Invited, Uninvited})
"""Bodies that begin or end somebody's invitation."""
_SPOKEN: Final[frozenset[type]] = frozenset({Message, SealedMessage})
"""Bodies by which somebody says yes to a direct room that was opened with them."""
_GROUP_MATTERS: Final[frozenset[type]] = frozenset({*_MOVES, EncryptionOn, Contested})
"""After these the group of an encrypted room owes a commit, or a founding."""


class Hub:
    """The rooms that somebody here listens to."""

    def __init__(
        self, *, store: Store, roster: Roster, loop: Scheduler, background: Background, floor: float
    ) -> None:
        """``floor``: seconds between two writes to a busy room's members."""
        self._store = store
        self._roster = roster
        self._loop = loop
        self._background = background
        self._floor = floor
        self._feeds: dict[RoomId, RoomFeed] = {}
        self._gaps = GapFiller(store=store, offer=self.committed, loop=loop, background=background)

    def feed(self, room: RoomId) -> RoomFeed | None:
        """Return the room's feed if somebody here listens to it."""
        return self._feeds.get(room)

    def committed(self, event: LogEvent) -> None:
        """Deliver an event that is on disk; early, late and repeated ones are put right."""
        feed = self._feeds.get(event.room)
        if feed is None or event.seq <= feed.last:
            # Told already or to nobody; but it may end or begin a membership that was read before it.
            self._apply(feed, event)
            return
        for due in feed.take(event):
            with Guard("an event", feed.fail):
                feed.out.put(text_frame(encode(due)))
                self._apply(feed, due)
        if feed.has_hole:
            self._gaps.found(feed)

    def advanced(self, room: RoomId, first: Seq, last: Seq) -> None:
        """Another process appended the events from ``first`` to ``last``: read what was not told."""
        feed = self._feeds.get(room)
        if feed is None:
            self._gaps.look(room, first)
        elif last > feed.last:
            feed.heard = max(feed.heard, last)
            self._gaps.found(feed)

    def subscribe(self, state: PeerState, summary: RoomSummary) -> RoomSummary:
        """Deliver the room's events to this connection from now on.

        Returns the summary as it is true now: its head may be further on. Send it before any await.
        """
        feed = self._feeds.get(summary.room)
        if feed is None:
            feed = self._feeds[summary.room] = RoomFeed(summary.room, summary.head, self._loop, self._floor)
        feed.size = summary.members
        feed.encrypted = feed.encrypted or summary.encrypted
        feed.out.add(state)
        state.rooms[summary.room] = summary.head
        if summary.request:
            state.requests.add(summary.room)
            feed.is_request = True
        else:
            state.requests.discard(summary.room)
        if summary.head < feed.last:
            return msgspec.structs.replace(summary, head=feed.last)
        return summary

    def settle(
        self, state: PeerState, rooms: Sequence[RoomSummary], ended: dict[RoomId, Seq]
    ) -> list[RoomSummary]:
        """Subscribe a new connection to its rooms, but for those that ``ended`` after they were read."""
        return [self.subscribe(state, room) for room in rooms if ended.get(room.room, 0) <= room.head]

    async def enter(self, state: PeerState, room: RoomId) -> RoomSummary:
        """Subscribe one connection to a room that its user is in. Raises RefusedError(NOT_FOUND).

        Send the summary before any await.
        """
        summary = await self._read(room, state.user)
        if summary is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
        return self.subscribe(state, summary)

    def leave_all(self, state: PeerState) -> None:
        """Deliver nothing to this connection any more."""
        for room in list(state.rooms):
            self._unsubscribe(state, room)

    def enter_late(self, state: PeerState) -> None:
        """See to the rooms that were entered while the connection was being greeted."""
        for room in state.entered - state.rooms.keys():
            self._enter_soon(room, state.user)
        state.entered.clear()
        for room in state.asked:
            self._tell_invitation_soon(room, state.user)
        state.asked.clear()

    def consent_changed(self, user: UserName, room: RoomId) -> None:
        """Somebody said yes or no to a room, on one of their connections: show it to all of them."""
        self._background.insist(
            "telling of a consent", lambda: self._tell_consent(room, user), lambda: self._fail(user)
        )

    def tell_room(self, notice: RoomEphemeral) -> None:
        """Tell a room's members something that is not stored."""
        feed = self._feeds.get(notice.room)
        if feed is None:
            return
        wire = text_frame(encode(notice.frame))
        for state in list(feed.out.members):
            if state.info.id != notice.origin:
                state.peer.write(wire)

    def tell_user(self, notice: UserEphemeral) -> None:
        """Tell somebody's connections something that is not stored."""
        for state in self._roster.of(notice.user):
            if state.ready and state.info.id != notice.origin and notice.frame.room in state.rooms:
                state.push(notice.frame)

    def tell_device(self, notice: DeviceEphemeral) -> None:
        """Tell the connections of one device something that is not stored (walks over everybody: rare)."""
        for state in self._roster.everybody():
            if state.ready and state.info.grant.device_id == notice.device:
                state.push(notice.frame)

    def is_encrypted(self, room: RoomId) -> bool:
        """Say whether a room that somebody listens to is end-to-end encrypted."""
        feed = self._feeds.get(room)
        return feed is not None and feed.encrypted

    def group_changed(self, room: RoomId) -> Collection[PeerState]:
        """Tell the room's members to look at its group; returns their connections, none for an open room."""
        feed = self._feeds.get(room)
        if feed is None or not feed.encrypted:
            return ()
        # In one queue with the events, so that it comes after the one that caused it.
        feed.out.put(text_frame(encode(GroupChanged(room=room))))
        return list(feed.out.members)

    def _apply(self, feed: RoomFeed | None, event: LogEvent) -> None:
        kind = type(event.body)
        if kind in _MOVES:
            self._move(feed, event)
        if kind in _INVITING:
            self._invited(event)
        if feed is not None and feed.is_request and kind in _SPOKEN:
            self._spoken(event)
        if feed is not None and kind in _GROUP_MATTERS:
            feed.encrypted = feed.encrypted or kind is EncryptionOn
            self.group_changed(event.room)

    def _move(self, feed: RoomFeed | None, event: LogEvent) -> None:
        body = event.body
        if isinstance(body, Created) and body.room_kind is RoomKind.DIRECT:
            # the log does not name the second of the two; the members do
            self._background.insist(
                "entering a direct room", lambda: self._enter_direct(event), lambda: self._fail(event.author)
            )
        elif isinstance(body, Joined | Created):
            self._entered(event, event.author)
        elif isinstance(body, Left):
            self._ended(feed, event, event.author)
        elif isinstance(body, Added):
            self._entered(event, body.who)
        elif isinstance(body, Kicked | Banned):
            self._ended(feed, event, body.who)

    def _entered(self, event: LogEvent, user: UserName) -> None:
        ready = False
        for state in self._roster.of(user):
            if not state.ready:
                state.entered.add(event.room)
            elif event.room not in state.rooms and state.expects != event.room:
                ready = True
        if ready:
            self._enter_soon(event.room, user)

    def _ended(self, feed: RoomFeed | None, event: LogEvent, user: UserName) -> None:
        self._roster.note_end(user, event.room, event.seq)
        if feed is not None:
            feed.out.flush()  # the event itself is the last that they get
        for state in self._roster.of(user):
            state.entered.discard(event.room)
            since = state.rooms.get(event.room)
            if since is not None and since < event.seq:
                self._unsubscribe(state, event.room)
                state.push(RoomClosed(room=event.room))

    def _enter_soon(self, room: RoomId, user: UserName) -> None:
        self._background.insist(
            "entering a room", lambda: self._enter_all(room, user), lambda: self._fail(user)
        )

    def _fail(self, user: UserName) -> None:
        """Close somebody's connections: they did not hear of a room."""
        for state in self._roster.of(user):
            state.fail()

    def _invited(self, event: LogEvent) -> None:
        body = event.body
        if not isinstance(body, Invited | Uninvited):
            return
        states = self._roster.of(body.who)
        for state in states:
            if not state.ready:
                state.asked.add(event.room)
        if states:
            self._tell_invitation_soon(event.room, body.who)

    def _spoken(self, event: LogEvent) -> None:
        if any(event.room in state.requests for state in self._roster.of(event.author)):
            self.consent_changed(event.author, event.room)

    def _tell_invitation_soon(self, room: RoomId, user: UserName) -> None:
        self._background.insist(
            "telling of an invitation", lambda: self._tell_invitation(room, user), lambda: self._fail(user)
        )

    async def _tell_invitation(self, room: RoomId, user: UserName) -> None:
        """Show the invitation that waits for somebody now, or that there is none."""
        invitation = await self._store.consent.invitation(room, user)
        frame = InvitationGone(room=room) if invitation is None else InvitationCame(invitation=invitation)
        for state in self._roster.of(user):
            if state.ready and room not in state.rooms:
                state.push(frame)

    async def _tell_consent(self, room: RoomId, user: UserName) -> None:
        summary = await self._read(room, user)
        for state in self._roster.of(user):
            if not state.ready:
                state.entered.add(room)
            elif summary is not None:
                state.push(RoomEntered(room=self.subscribe(state, summary)))
            elif room in state.rooms:
                self._unsubscribe(state, room)
                state.push(RoomClosed(room=room))
        if summary is None:
            await self._tell_invitation(room, user)

    async def _enter_direct(self, event: LogEvent) -> None:
        members, _ = await self._store.rooms.members(event.room, after=None, limit=2)
        for member in members:
            self._entered(event, member.user)

    async def _enter_all(self, room: RoomId, user: UserName) -> None:
        if not self._roster.of(user):
            return
        summary = await self._read(room, user)
        if summary is None:
            return
        for state in self._roster.of(user):
            if state.ready and room not in state.rooms and state.expects != room:
                state.push(RoomEntered(room=self.subscribe(state, summary)))

    async def _read(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Read a summary; None also when the membership ended while it was read."""
        with self._roster.watching(user) as ended:
            summary = await self._store.rooms.summary(room, user)
        return None if summary is None or ended.get(room, 0) > summary.head else summary

    def _unsubscribe(self, state: PeerState, room: RoomId) -> None:
        state.rooms.pop(room, None)
        state.requests.discard(room)
        feed = self._feeds.get(room)
        if feed is None:
            return
        feed.out.discard(state)
        if not feed.out.members:
            feed.out.close()
            del self._feeds[room]
