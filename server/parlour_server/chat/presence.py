"""Presence: never stored, announced in small rooms, queried in large ones.

Announcements grow with the square of a room, so in rooms over a size clients ask instead (`members`). They
grow with the square of all people in small rooms, too, so each connection has a rate limit, and after a
restart they go out a little at a time. Changes are collected for a moment, so that a short reconnection is
not announced. People who share no room never see each other's status.
"""

from asyncio import AbstractEventLoop
from collections.abc import Iterable
from itertools import islice
from typing import Final

from parlour_protocol.frames.replies import StatusUpdate
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Status
from parlour_server.chat.hub import Hub
from parlour_server.chat.notices import RoomEphemeral
from parlour_server.chat.peer_state import ChatPeer, PeerState
from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.clock import Clock
from parlour_server.kit.connections.connected_peers import ConnectedPeers
from parlour_server.kit.connections.connection import text_frame
from parlour_server.kit.connections.error_boundary import ErrorBoundary

_DELAY: Final = 1.0
"""Seconds from a change until it is announced: long enough for a reconnection."""
_ROOMS_AT_ONCE: Final = 100
"""Rooms announced to in one turn of the loop: a millisecond or two."""
_WRITES_AT_ONCE: Final = 100
"""Connections written to in one turn."""
_LATER: Final = 50
"""People whose status waits for a connection's rate limit; changes beyond that are dropped."""
_AGAIN: Final = 10.0
"""Seconds until waiting statuses are sent to a connection."""


class Presence:
    """The statuses of the people connected here."""

    def __init__(
        self,
        *,
        connected: ConnectedPeers[PeerState],
        hub: Hub,
        bus: Bus,
        loop: AbstractEventLoop,
        clock: Clock,
        members: int,
    ) -> None:
        """``members``: the largest room in which presence is announced."""
        self._connected = connected
        self._hub = hub
        self._bus = bus
        self._loop = loop
        self._clock = clock
        self._members = members
        self._announced: dict[UserName, Status] = {}
        self._changed: dict[UserName, set[RoomId]] = {}
        self._due: dict[UserName, set[RoomId]] = {}
        self._pending: dict[ChatPeer, dict[UserName, StatusUpdate]] = {}
        self._later: dict[ChatPeer, dict[UserName, StatusUpdate]] = {}

    def of(self, user: UserName) -> Status:
        """Return the highest status of someone's connections."""
        statuses = {peer.state.status for peer in self._connected.of(user) if peer.ready}
        if Status.ONLINE in statuses:
            return Status.ONLINE
        return Status.AWAY if statuses else Status.OFFLINE

    def changed(self, user: UserName, rooms: Iterable[RoomId]) -> None:
        """Record that a connection of ``user``, who is in ``rooms``, opened, closed or changed its status."""
        if not self._changed:
            self._loop.call_at(self._loop.time() + _DELAY, self._start_announcing)
        self._changed.setdefault(user, set()).update(rooms)

    def left(self, peer: ChatPeer) -> None:
        """Forget a closed connection."""
        self._pending.pop(peer, None)
        self._later.pop(peer, None)
        self.changed(peer.user, peer.state.visible_rooms)

    def status_received(self, notice: RoomEphemeral, status: StatusUpdate) -> None:
        """Forward a status from another server, once to each listener."""
        sequencer = self._hub.sequencer(notice.room)
        if sequencer is None or sequencer.size > self._members:
            return
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for peer in sequencer.out.members:
            if peer.user != status.user:
                self._pending.setdefault(peer, {})[status.user] = status

    def _start_announcing(self) -> None:
        """Start announcing the collected changes, or add them to a running announcement."""
        idle = not self._due
        for user, rooms in self._changed.items():
            self._due.setdefault(user, set()).update(rooms)
        self._changed = {}
        if idle:
            self._announce()

    def _announce(self) -> None:
        announced = 0
        while self._due and announced < _ROOMS_AT_ONCE:
            user = next(iter(self._due))
            announced += self._announce_status(user, self._due.pop(user))
        if self._due:
            self._loop.call_soon(self._announce)

    def _announce_status(self, user: UserName, rooms: set[RoomId]) -> int:
        """Announce one person's status if it changed; return the number of rooms."""
        status = self.of(user)
        if self._announced.get(user, Status.OFFLINE) is status:
            return 1
        if status is Status.OFFLINE:
            self._announced.pop(user, None)
        else:
            self._announced[user] = status
        for peer in self._connected.of(user):
            rooms.update(peer.state.visible_rooms)
        self._publish(StatusUpdate(user=user, status=status), rooms)
        return 1 + len(rooms)

    def _publish(self, frame: StatusUpdate, rooms: Iterable[RoomId]) -> None:
        for room in rooms:
            sequencer = self._hub.sequencer(room)
            # without a sequencer here the room may still have listeners at another server
            if sequencer is None or sequencer.size <= self._members:
                self._bus.publish(RoomEphemeral(room=room, frame=frame))

    def _pass_on(self) -> None:
        now = self._clock.monotonic()
        for peer in list(islice(self._pending, _WRITES_AT_ONCE)):
            self._pass_on_to(peer, self._pending.pop(peer), now)
        if self._pending:
            self._loop.call_soon(self._pass_on)

    def _pass_on_to(self, peer: ChatPeer, statuses: dict[UserName, StatusUpdate], now: float) -> None:
        """Send a connection as many statuses as its rate limit allows, newest first."""
        if peer.closed:
            self._later.pop(peer, None)
            return
        due = list((self._later.pop(peer, {}) | statuses).values())
        may = due[len(due) - peer.state.may_send_statuses(len(due), now) :]
        if may:
            with ErrorBoundary("statuses", peer.fail):
                peer.write_unchecked(b"".join(text_frame(encode(status)) for status in may))
        if left := due[: len(due) - len(may)][-_LATER:]:
            if not self._later:
                self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)
            self._later[peer] = {status.user: status for status in left}

    def _try_again(self) -> None:
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for peer in self._later:
            self._pending.setdefault(peer, {})
        if self._later:
            self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)
