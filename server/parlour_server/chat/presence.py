"""Who is here: never stored, told in small rooms, answered in large ones.

Telling everybody of everybody grows with the square of a room, so rooms over a size are told nothing and
ask (`members`). Changes are collected for a moment: a connection that drops and comes back is no news. It
gives nobody's status to somebody who shares no room with them. The service reports, the hub's feeds carry.
"""

from collections.abc import Iterable
from typing import Final

from parlour_protocol.frames.base import Status
from parlour_protocol.frames.codec import encode
from parlour_protocol.frames.replies import StatusNow
from parlour_protocol.ids import RoomId
from parlour_protocol.names import UserName
from parlour_server.bus.interface import Bus, RoomEphemeral
from parlour_server.chat.hub import Hub
from parlour_server.chat.pacing import Scheduler
from parlour_server.chat.roster import Roster
from parlour_server.chat.state import PeerState
from parlour_server.wire import text_frame

_SETTLE: Final = 1.0
"""Seconds from a change until it is told: long enough for a reconnection."""


class Presence:
    """The statuses of the people connected here."""

    def __init__(self, *, roster: Roster, hub: Hub, bus: Bus, loop: Scheduler, members: int) -> None:
        """``members``: the size of the largest room that is told."""
        self._roster = roster
        self._hub = hub
        self._bus = bus
        self._loop = loop
        self._members = members
        self._told: dict[UserName, Status] = {}
        self._changed: dict[UserName, set[RoomId]] = {}
        self._news: dict[PeerState, dict[UserName, StatusNow]] = {}

    def of(self, user: UserName) -> Status:
        """Return the best of the statuses of somebody's connections."""
        statuses = {state.status for state in self._roster.of(user) if state.ready}
        if Status.ONLINE in statuses:
            return Status.ONLINE
        return Status.AWAY if statuses else Status.OFFLINE

    def changed(self, user: UserName, rooms: Iterable[RoomId]) -> None:
        """Note that a connection of ``user``, who is in ``rooms``, came, went, or changed its status."""
        if not self._changed:
            self._loop.call_at(self._loop.time() + _SETTLE, self._tell)
        self._changed.setdefault(user, set()).update(rooms)

    def heard(self, notice: RoomEphemeral, status: StatusNow) -> None:
        """Pass on what a server told of a member of the room; each listener is told once, not once a room."""
        feed = self._hub.feed(notice.room)
        if feed is None or feed.size > self._members:
            return
        if not self._news:
            self._loop.call_soon(self._pass_on)
        for state in feed.out.members:
            if state.user != status.user:
                self._news.setdefault(state, {})[status.user] = status

    def _tell(self) -> None:
        changed, self._changed = self._changed, {}
        for user, rooms in changed.items():
            status = self.of(user)
            if self._told.get(user, Status.OFFLINE) is status:
                continue
            if status is Status.OFFLINE:
                self._told.pop(user, None)
            else:
                self._told[user] = status
            for state in self._roster.of(user):
                rooms.update(state.rooms)
            self._publish(StatusNow(user=user, status=status), rooms)

    def _publish(self, frame: StatusNow, rooms: Iterable[RoomId]) -> None:
        for room in rooms:
            feed = self._hub.feed(room)
            # without a feed here the room may still have listeners at another server
            if feed is None or feed.size <= self._members:
                self._bus.publish(RoomEphemeral(room=room, frame=frame))

    def _pass_on(self) -> None:
        news, self._news = self._news, {}
        wires: dict[StatusNow, bytes] = {}
        for state, statuses in news.items():
            if state.gone:
                continue
            for status in statuses.values():
                if status not in wires:
                    wires[status] = text_frame(encode(status))
            state.peer.write(b"".join(wires[status] for status in statuses.values()))
