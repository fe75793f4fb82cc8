"""Who is here: never stored, told in small rooms, answered in large ones.

Telling everyone of everyone grows with the square of a room, so rooms over a size are told nothing and ask
(`members`). It grows with the square of all who share small rooms, too, so a connection is told of so many
people a minute, and a restart, after which thousands come at once, is worked through a little at a time.
Changes are collected for a moment: a connection that drops and comes back is not worth a notice. It gives no
one's status to someone who shares no room with them. It reports through the sequencers of the hub.
"""

from asyncio import AbstractEventLoop
from collections.abc import Iterable
from itertools import islice
from typing import Final

from parlour_protocol.frames.codec import encode
from parlour_protocol.frames.replies import StatusUpdate
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName
from parlour_protocol.rooms import Status
from parlour_server.bus.bus import Bus, RoomEphemeral
from parlour_server.chat.connected_peers import ConnectedPeers
from parlour_server.chat.error_boundary import ErrorBoundary
from parlour_server.chat.hub import Hub
from parlour_server.chat.peer import text_frame
from parlour_server.chat.peer_state import PeerState
from parlour_server.clock import Clock

_DELAY: Final = 1.0
"""Seconds from a change until it is told: long enough for a reconnection."""
_ROOMS_AT_ONCE: Final = 100
"""Rooms that are told of changes in one turn of the loop: a millisecond or two."""
_WRITES_AT_ONCE: Final = 100
"""Connections that are written to in one turn."""
_LATER: Final = 50
"""People of whom a connection is told later, when it may be told again; of those beyond it, never."""
_AGAIN: Final = 10.0
"""Seconds until a connection is told what it could not be told before."""


class Presence:
    """The statuses of the people connected here."""

    def __init__(
        self,
        *,
        connected: ConnectedPeers,
        hub: Hub,
        bus: Bus,
        loop: AbstractEventLoop,
        clock: Clock,
        members: int,
    ) -> None:
        """``members``: the size of the largest room that is told."""
        self._connected = connected
        self._hub = hub
        self._bus = bus
        self._loop = loop
        self._clock = clock
        self._members = members
        self._announced: dict[UserName, Status] = {}
        self._changed: dict[UserName, set[RoomId]] = {}
        self._due: dict[UserName, set[RoomId]] = {}
        self._pending: dict[PeerState, dict[UserName, StatusUpdate]] = {}
        self._later: dict[PeerState, dict[UserName, StatusUpdate]] = {}

    def of(self, user: UserName) -> Status:
        """Return the best of the statuses of someone's connections."""
        statuses = {state.status for state in self._connected.of(user) if state.ready}
        if Status.ONLINE in statuses:
            return Status.ONLINE
        return Status.AWAY if statuses else Status.OFFLINE

    def changed(self, user: UserName, rooms: Iterable[RoomId]) -> None:
        """Note that a connection of ``user``, who is in ``rooms``, came, went, or changed its status."""
        if not self._changed:
            self._loop.call_at(self._loop.time() + _DELAY, self._start_announcing)
        self._changed.setdefault(user, set()).update(rooms)

    def left(self, state: PeerState) -> None:
        """Note that a connection is gone, and keep nothing for it."""
        self._pending.pop(state, None)
        self._later.pop(state, None)
        self.changed(state.user, state.visible_rooms)

    def status_received(self, notice: RoomEphemeral, status: StatusUpdate) -> None:
        """Pass on what a server told of a member of the room; each listener is told once, not once a room."""
        sequencer = self._hub.sequencer(notice.room)
        if sequencer is None or sequencer.size > self._members:
            return
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for state in sequencer.out.members:
            if state.user != status.user:
                self._pending.setdefault(state, {})[status.user] = status

    def _start_announcing(self) -> None:
        """Begin to tell of the changes that were collected, or add them to what is being told."""
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
        """Tell of one person, if there is something to tell; return how many rooms were told."""
        status = self.of(user)
        if self._announced.get(user, Status.OFFLINE) is status:
            return 1
        if status is Status.OFFLINE:
            self._announced.pop(user, None)
        else:
            self._announced[user] = status
        for state in self._connected.of(user):
            rooms.update(state.visible_rooms)
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
        for state in list(islice(self._pending, _WRITES_AT_ONCE)):
            self._pass_on_to(state, self._pending.pop(state), now)
        if self._pending:
            self._loop.call_soon(self._pass_on)

    def _pass_on_to(self, state: PeerState, statuses: dict[UserName, StatusUpdate], now: float) -> None:
        """Tell a connection of as many people as it may be told of now, of the latest changes first."""
        if state.closed:
            self._later.pop(state, None)
            return
        due = list((self._later.pop(state, {}) | statuses).values())
        may = due[len(due) - state.budget.statuses(len(due), now) :]
        if may:
            with ErrorBoundary("statuses", state.fail):
                state.peer.write(b"".join(text_frame(encode(status)) for status in may))
        if left := due[: len(due) - len(may)][-_LATER:]:
            if not self._later:
                self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)
            self._later[state] = {status.user: status for status in left}

    def _try_again(self) -> None:
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for state in self._later:
            self._pending.setdefault(state, {})
        if self._later:
            self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)
