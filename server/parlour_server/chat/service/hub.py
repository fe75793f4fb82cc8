"""Rooms for their members: delivers stored events to every connected member, and to no one else.

The recipients of a room's events follow from the room's own log: the event that removes someone ends their
subscription before any later event is written (S4: stale room rights). The order, and what is lost, repeated
or late, is the fan-out's (`app/log/fanout.py`). Invariants:

* a connection gets the events of a room from its summary's ``head`` on, each at least once, in order;
* an event that ended a membership, however late it arrives, ends a delivery that began before it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Created, Deleted, EncryptionOn, RoomDeleted, Uninvited, concerned
from parlour_protocol.frames.event_rules import Concerns
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import (
    GroupChanged,
    InvitationReceived,
    InvitationWithdrawn,
    LogEvent,
    RoomClosed,
    RoomEntered,
    RoomSummary,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind
from parlour_server.app.log.fanout import Fanout
from parlour_server.app.log.position_check import PositionCheck
from parlour_server.app.log.sequencer import Sequencer
from parlour_server.app.parts import Parts
from parlour_server.chat.hooks import ChatHooks
from parlour_server.chat.service.handled_changes import HandledChanges
from parlour_server.chat.service.notices import DeviceEphemeral, EventCommitted, RoomEphemeral, UserEphemeral
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent
from parlour_server.core.connections.batching import Pace
from parlour_server.core.connections.connection import text_frame
from parlour_server.core.errors import RefusedError


@dataclass(slots=True)
class RoomHere:
    """A room with listeners here."""

    size: int = 0
    """The number of members, connected or not, from the latest summary."""
    encrypted: bool = False
    """The room is end-to-end encrypted; once true, it stays so."""
    is_request: bool = False
    """A direct room that someone here had not accepted yet; stays true."""


RoomSequencer = Sequencer[LogEvent, RoomHere]


class Hub:
    """The rooms that have listeners here, and the listeners."""

    def __init__(
        self,
        parts: Parts[ChatSettings, ChatStore],
        appended: Callable[[AppendedEvent], None],
        hooks: ChatHooks,
    ) -> None:
        """Take what to call with each event that this server appended, and the hooks of capabilities."""
        store, bus, background, pace = parts.store, parts.bus, parts.background, parts.topics.pace
        floor = parts.settings.delivery.flush_ms / 1000
        self._store = store
        self._hooks = hooks
        self._connected = parts.connected
        self._loop = pace.loop
        self._background = background
        self._handled = HandledChanges()
        self.fanout: Fanout[LogEvent, RoomHere] = Fanout(
            stored=store.log,
            told=self._told,
            notice=EventCommitted,
            appended=appended,
            here=RoomHere,
            pace=lambda: Pace(pace.loop, floor, pace.deliveries),
            loop=pace.loop,
            background=background,
            bus=bus,
        )
        self.ended = self.fanout.ended
        self.positions = PositionCheck(
            fanout=self.fanout, bus=bus, clock=parts.clock, background=background, is_shared=store.is_shared
        )

    def sequencer(self, room: RoomId) -> RoomSequencer | None:
        """Return the room's sequencer if someone here listens to it."""
        return self.fanout.sequencer(room)

    def _told(self, sequencer: RoomSequencer | None, event: LogEvent, is_new: bool) -> None:  # noqa: FBT001 - see ``Fanout``
        """Deliver an event. One that was delivered already, or to no one, may end or begin a membership."""
        if is_new and sequencer is not None:
            sequencer.out.put(text_frame(encode(event)))
        self._apply(sequencer, event)

    def advanced(self, room: RoomId, seq: Seq, who: UserName | None = None) -> None:
        """Event ``seq`` is there: read what is missing. ``who``: whom it concerns where no one listens."""
        handled = self._handled.take((room, seq))
        if self.fanout.advanced(room, seq) or handled:
            return
        # No one here listened then, but it may begin a membership.
        if who is None or self._connected.of(who):
            self.fanout.gaps.check(room, seq)

    def subscribe(self, peer: ChatPeer, summary: RoomSummary) -> RoomSummary:
        """Deliver the room's events to this connection from now on.

        Returns the current summary, whose head may be newer. Send it before any await.
        """
        sequencer = self.fanout.attach(peer, summary.room, summary.head)
        here = sequencer.here
        here.size = summary.members
        here.encrypted = here.encrypted or summary.encrypted
        peer.state.rooms[summary.room] = summary.head
        if summary.request:
            peer.state.requests.add(summary.room)
            here.is_request = True
        else:
            peer.state.requests.discard(summary.room)
        if summary.head < sequencer.last:
            return msgspec.structs.replace(summary, head=sequencer.last)
        return summary

    def subscribe_all(
        self, peer: ChatPeer, rooms: Sequence[RoomSummary], ended: Mapping[str, Seq]
    ) -> list[RoomSummary]:
        """Subscribe a new connection to its rooms, except those that ``ended`` after they were read."""
        return [self.subscribe(peer, room) for room in rooms if ended.get(room.room, 0) <= room.head]

    def enter(self, peer: ChatPeer, summary: RoomSummary | None, ended: Mapping[str, Seq]) -> RoomSummary:
        """Subscribe one connection to a room that its user entered, and return the current summary.

        ``ended`` was watched since before they entered. Send the summary before any await. None: a repeated
        request to enter, and they are in the room no longer. Raises RefusedError(NOT_FOUND) then.
        """
        if summary is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "you are not in this room any more")
        if peer.closed:
            return summary
        if ended.get(summary.room, 0) > summary.head:  # they entered, and were removed at once: in this order
            self._loop.call_soon(peer.push, RoomClosed(room=summary.room))
            return summary
        return self.subscribe(peer, summary)

    def leave_all(self, peer: ChatPeer) -> None:
        """Deliver nothing to this connection any more."""
        for room in list(peer.state.rooms):
            self._unsubscribe(peer, room)

    def enter_late(self, peer: ChatPeer) -> None:
        """Subscribe to rooms that were entered while the connection was being greeted."""
        for room in peer.state.entered - peer.state.rooms.keys():
            self._enter_soon(room, peer.user)
        peer.state.entered.clear()
        for room in peer.state.asked:
            self._announce_invitation_soon(room, peer.user)
        peer.state.asked.clear()

    def consent_changed(self, user: UserName, room: RoomId) -> None:
        """Notify all of someone's connections that they accepted or declined a room."""
        self.consent_handled(user, room)
        self._announce_answer_soon(user, room)

    def consent_handled(self, user: UserName, room: RoomId) -> None:
        """Do nothing when the journal tells that someone may answer a room: they were told here."""
        self._handled.add((user, room))

    def consent_recorded(self, user: UserName, room: RoomId) -> None:
        """Do the same for an answer of which the journal tells, unless the bus told of it."""
        if not self._handled.take((user, room)) and self._connected.of(user):
            self._announce_answer_soon(user, room)

    def _announce_answer_soon(self, user: UserName, room: RoomId) -> None:
        self._background.retry_until_done(
            "announcing an answer to an invitation",
            lambda: self._announce_answer(room, user),
            lambda: self._fail(user),
        )

    def send_to_room(self, notice: RoomEphemeral) -> None:
        """Send a room's members something that is not stored."""
        sequencer = self.fanout.sequencer(notice.room)
        if sequencer is None:
            return
        wire = text_frame(encode(notice.frame))
        for peer in list(sequencer.out.members):
            if peer.id != notice.origin:
                peer.write_unchecked(wire)

    def send_to_user(self, notice: UserEphemeral) -> None:
        """Send someone's connections something that is not stored."""
        for peer in self._connected.of(notice.user):
            if peer.ready and peer.id != notice.origin and notice.frame.room in peer.state.rooms:
                peer.push(notice.frame)

    def send_to_device(self, notice: DeviceEphemeral) -> None:
        """Send the connections of one device something that is not stored."""
        for peer in self._connected.of(notice.user):
            if peer.ready and peer.grant.device_id == notice.device:
                peer.push(notice.frame)

    def is_encrypted(self, room: RoomId) -> bool:
        """Return whether a room that someone listens to is end-to-end encrypted."""
        sequencer = self.fanout.sequencer(room)
        return sequencer is not None and sequencer.here.encrypted

    def group_changed(self, room: RoomId) -> Collection[ChatPeer]:
        """Notify members that the room's group changed; returns their connections, none if unencrypted."""
        sequencer = self.fanout.sequencer(room)
        if sequencer is None or not sequencer.here.encrypted:
            return ()
        # In the same queue as the events, so that it comes after the one that caused it.
        sequencer.out.put(text_frame(encode(GroupChanged(room=room))))
        return list(sequencer.out.members)

    def _apply(self, sequencer: RoomSequencer | None, event: LogEvent) -> None:
        body = event.body
        if body.rules.is_message:
            if sequencer is not None and sequencer.here.is_request:
                self._accepted_by_message(event)
            return
        self._change(sequencer, event, concerned(body, event.author))
        if isinstance(body, Deleted | RoomDeleted):
            for removed in self._hooks.content_removed:
                removed()
        if isinstance(body, RoomDeleted) and sequencer is not None:
            self._deleted(sequencer, event.room)
            return
        if sequencer is not None and body.rules.changes_group:
            sequencer.here.encrypted = sequencer.here.encrypted or isinstance(body, EncryptionOn)
            self.group_changed(event.room)

    def _change(self, sequencer: RoomSequencer | None, event: LogEvent, who: UserName | None) -> None:
        """Do what an event changes for the person whom it concerns."""
        body = event.body
        if who is not None:
            self._handled.add((event.room, event.seq))
        match body.rules.concerns:
            case Concerns.MEMBER if isinstance(body, Created) and body.room_kind is RoomKind.DIRECT:
                # the log does not name the second of the two; the members do
                self._background.retry_until_done(
                    "entering a direct room",
                    lambda: self._enter_direct(event),
                    lambda: self._fail(event.author),
                )
            case Concerns.MEMBER if who is not None:
                self._entered(event, who)
            case Concerns.FORMER_MEMBER if who is not None:
                self._ended(sequencer, event, who)
            case Concerns.INVITED if who is not None:
                self._invited(event, who)
            case _:
                pass

    def _entered(self, event: LogEvent, user: UserName) -> None:
        ready = False
        for peer in self._connected.of(user):
            if not peer.ready:
                peer.state.entered.add(event.room)
            elif event.room not in peer.state.rooms and peer.state.expects != event.room:
                ready = True
        if ready:
            self._enter_soon(event.room, user)

    def _ended(self, sequencer: RoomSequencer | None, event: LogEvent, user: UserName) -> None:
        self.ended.note(user, event.room, event.seq)
        if sequencer is not None:
            sequencer.out.flush()  # this event is the last that they get
        for peer in self._connected.of(user):
            peer.state.entered.discard(event.room)
            since = peer.state.rooms.get(event.room)
            if since is not None and since < event.seq:
                self._unsubscribe(peer, event.room)
                peer.push(RoomClosed(room=event.room))

    def _deleted(self, sequencer: RoomSequencer, room: RoomId) -> None:
        """End everyone's subscription to a room that is gone; its last event goes first."""
        sequencer.out.flush()
        for peer in list(sequencer.out.members):
            self._unsubscribe(peer, room)
            peer.push(RoomClosed(room=room))

    def _enter_soon(self, room: RoomId, user: UserName) -> None:
        self._background.retry_until_done(
            "entering a room", lambda: self._enter_all(room, user), lambda: self._fail(user)
        )

    def _fail(self, user: UserName) -> None:
        """Close someone's connections, because they were not notified of a room."""
        for peer in self._connected.of(user):
            peer.fail()

    def _invited(self, event: LogEvent, who: UserName) -> None:
        peers = self._connected.of(who)
        for peer in peers:
            if not peer.ready:
                peer.state.asked.add(event.room)
        if peers:
            withdrawal = event.body.statement if isinstance(event.body, Uninvited) else None
            self._announce_invitation_soon(event.room, who, withdrawal)

    def _accepted_by_message(self, event: LogEvent) -> None:
        if any(event.room in peer.state.requests for peer in self._connected.of(event.author)):
            self.consent_changed(event.author, event.room)

    def _announce_invitation_soon(
        self, room: RoomId, user: UserName, withdrawal: StatementBytes | None = None
    ) -> None:
        self._background.retry_until_done(
            "announcing an invitation",
            lambda: self._announce_invitation(room, user, withdrawal),
            lambda: self._fail(user),
        )

    async def _announce_invitation(
        self, room: RoomId, user: UserName, withdrawal: StatementBytes | None = None
    ) -> None:
        """Send someone their pending invitation to the room, or that there is none.

        A member can have one, for a new key in an encrypted room.
        """
        invitation = await self._store.consent.invitation(room, user)
        frame = (
            InvitationWithdrawn(room=room, statement=withdrawal)
            if invitation is None
            else InvitationReceived(invitation=invitation)
        )
        for peer in self._connected.of(user):
            if peer.ready and (invitation is not None or room not in peer.state.rooms):
                peer.push(frame)

    async def _announce_answer(self, room: RoomId, user: UserName) -> None:
        summary = await self._read(room, user)
        for peer in self._connected.of(user):
            if not peer.ready:
                peer.state.entered.add(room)
            elif summary is not None:
                peer.push(RoomEntered(room=self.subscribe(peer, summary)))
            elif room in peer.state.rooms:
                self._unsubscribe(peer, room)
                peer.push(RoomClosed(room=room))
        if summary is None:
            await self._announce_invitation(room, user)

    async def _enter_direct(self, event: LogEvent) -> None:
        members, _ = await self._store.rooms.members(event.room, after=None, limit=2)
        for member in members:
            self._entered(event, member.user)

    async def _enter_all(self, room: RoomId, user: UserName) -> None:
        if not self._connected.of(user):
            return
        summary = await self._read(room, user)
        if summary is None:
            return
        for peer in self._connected.of(user):
            if peer.ready and room not in peer.state.rooms and peer.state.expects != room:
                peer.push(RoomEntered(room=self.subscribe(peer, summary)))

    async def _read(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Read a summary; None if the membership ended in the meantime."""
        with self.ended.watching(user) as ended:
            summary = await self._store.rooms.summary(room, user)
        return None if summary is None or ended.get(room, 0) > summary.head else summary

    def _unsubscribe(self, peer: ChatPeer, room: RoomId) -> None:
        peer.state.rooms.pop(room, None)
        peer.state.requests.discard(room)
        self.fanout.detach(peer, room)
