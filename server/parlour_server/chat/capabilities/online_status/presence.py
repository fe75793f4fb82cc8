"""Presence: announced in small rooms, queried in large ones.

Announcements grow with the square of a room, so in rooms over a size clients ask instead (`members`). They
grow with the square of all people in small rooms, too, so each connection has a rate limit, and after a
restart they go out a little at a time. Changes are collected for a moment, so that a short reconnection is
not announced. People who share no room never see each other's status.

Servers that share a database learn of each other's people by a table (``Nodes``), not by the bus: each
announces to those who are connected to it, so nothing is lost with a notification, and the number of
messages between servers does not grow with rooms.
"""

from asyncio import get_running_loop
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from typing import Any, Final

from parlour_protocol.frames.replies import StatusUpdate
from parlour_protocol.frames.requests import SetStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import MINUTE, TokenBucket
from parlour_protocol.rooms import Status
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.online_status.settings import PresenceDelivery
from parlour_server.chat.capabilities.online_status.shared_rooms import shared_by
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.peer_state import ChatPeer, PeerState
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.config.server_settings import section
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.connection import text_frame
from parlour_server.core.connections.error_boundary import ErrorBoundary

_DELAY: Final = 1.0
"""Seconds from a change until it is announced: long enough for a reconnection."""
_SHARED_DELAY: Final = 3.0
"""The same where someone may come back at another server, which is seen a beat or two later."""
_PEOPLE_AT_ONCE: Final = 500
"""People whose rooms are read at once."""
_ROOMS_AT_ONCE: Final = 100
"""Rooms announced to in one turn of the loop: a millisecond or two."""
_WRITES_AT_ONCE: Final = 100
"""Connections written to in one turn."""
_LATER: Final = 50
"""People whose status waits for a connection's rate limit; changes beyond that are dropped."""
STATUSES_PER_MINUTE: Final = 60
"""Presence changes sent to one connection, at once and per minute; for the others it can ask."""
_AGAIN: Final = 10.0
"""Seconds until waiting statuses are sent to a connection."""


class Presence:
    """The statuses of the people connected here."""

    def __init__(self, parts: Parts[Any, ChatStore], chat: Chat) -> None:
        self._hooks = chat.hooks
        self._hub = chat.hub
        self._connected: ConnectedPeers[PeerState] = parts.connected
        self._store = parts.store
        self._nodes = parts.nodes
        self._background = parts.background
        self._loop = get_running_loop()
        self._clock = parts.clock
        self._members = section(parts.settings, PresenceDelivery).presence_members
        """The largest room in which presence is announced."""
        self._statuses: dict[ChatPeer, Status] = {}
        self._rates: dict[ChatPeer, TokenBucket] = {}
        self._announced: dict[UserName, Status] = {}
        self._answered: set[UserName] = set()
        """People of whom someone was told another status than was announced."""
        self._changed: dict[UserName, set[RoomId]] = {}
        self._due: dict[UserName, set[RoomId]] = {}
        self._pending: dict[ChatPeer, dict[UserName, StatusUpdate]] = {}
        self._later: dict[ChatPeer, dict[UserName, StatusUpdate]] = {}

    def join(self) -> None:
        """Follow the connections from now on, and answer for the people."""
        self._nodes.watch(self._changed_elsewhere)
        self._hooks.greeted.append(self._greeted)
        self._hooks.leaving.append(self._left)
        self._hooks.handlers[SetStatus] = self._set
        self._hooks.status = self._answer

    def _greeted(self, peer: ChatPeer) -> None:
        self._statuses[peer] = Status.ONLINE
        self._note_changed(peer)

    def _set(self, peer: ChatPeer, request: SetStatus) -> None:
        self._statuses[peer] = request.status
        self._note_changed(peer)

    def _left(self, peer: ChatPeer) -> None:
        """Forget a closed connection."""
        self._statuses.pop(peer, None)
        self._rates.pop(peer, None)
        self._pending.pop(peer, None)
        self._later.pop(peer, None)
        self._note_changed(peer)

    def _answer(self, user: UserName) -> Status:
        """Return someone's status for the answer to a request.

        Who asked while they reconnected is told again, although for everyone else nothing has changed.
        """
        status = self._of(user)
        if self._announced.get(user, Status.OFFLINE) is not status:
            self._answered.add(user)
        return status

    def _of(self, user: UserName) -> Status:
        """Return the highest status of someone's connections, at any server."""
        elsewhere = self._nodes.statuses_elsewhere(user)
        return _highest(self._statuses_here(user) | {status for status in Status if status in elsewhere})

    def _note_changed(self, peer: ChatPeer) -> None:
        """Record that a connection, in these rooms, opened, closed or changed its status."""
        self._nodes.set_status(peer.user, _highest(self._statuses_here(peer.user)))
        self._announce_soon(peer.user, _visible_rooms(peer))

    def _statuses_here(self, user: UserName) -> set[Status]:
        return {self._statuses[peer] for peer in self._connected.of(user) if peer in self._statuses}

    def _changed_elsewhere(self, users: AbstractSet[UserName]) -> None:
        """Announce people whose connections at other servers changed, once their rooms are read."""
        everyone = sorted(users)
        for start in range(0, len(everyone), _PEOPLE_AT_ONCE):
            part = everyone[start : start + _PEOPLE_AT_ONCE]
            self._background.retry_until_done(
                "reading the rooms of people at other servers", partial(self._announce_all, part), _ignore
            )

    async def _announce_all(self, users: Sequence[UserName]) -> None:
        rooms: dict[UserName, set[RoomId]] = {user: set() for user in users}
        for user, room in await shared_by(self._store, users):
            if self._hub.sequencer(room) is not None:
                rooms[user].add(room)
        for user in users:
            self._announce_soon(user, rooms[user])

    def _announce_soon(self, user: UserName, rooms: Iterable[RoomId]) -> None:
        if not self._changed:
            delay = _SHARED_DELAY if self._nodes.is_shared else _DELAY
            self._loop.call_at(self._loop.time() + delay, self._start_announcing)
        self._changed.setdefault(user, set()).update(rooms)

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
        status = self._of(user)
        if self._announced.get(user, Status.OFFLINE) is status and user not in self._answered:
            return 1
        self._answered.discard(user)
        if status is Status.OFFLINE:
            self._announced.pop(user, None)
        else:
            self._announced[user] = status
        for peer in self._connected.of(user):
            rooms.update(_visible_rooms(peer))
        self._tell(StatusUpdate(user=user, status=status), rooms)
        return 1 + len(rooms)

    def _tell(self, status: StatusUpdate, rooms: Iterable[RoomId]) -> None:
        """Pass a status on to the listeners of these rooms, once to each."""
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for room in rooms:
            sequencer = self._hub.sequencer(room)
            if sequencer is None or sequencer.here.size > self._members:
                continue
            for peer in sequencer.out.members:
                if peer.user != status.user:
                    self._pending.setdefault(peer, {})[status.user] = status

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
        may = due[len(due) - self._may_be_sent(peer, len(due), now) :]
        if may:
            with ErrorBoundary("statuses", peer.fail):
                peer.write_unchecked(b"".join(text_frame(encode(status)) for status in may))
        if left := due[: len(due) - len(may)][-_LATER:]:
            if not self._later:
                self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)
            self._later[peer] = {status.user: status for status in left}

    def _may_be_sent(self, peer: ChatPeer, count: int, now: float) -> int:
        """Return how many statuses, up to ``count``, may be sent to this connection now."""
        if (rate := self._rates.get(peer)) is None:
            rate = TokenBucket(STATUSES_PER_MINUTE, per=MINUTE, burst=STATUSES_PER_MINUTE, now=now)
            self._rates[peer] = rate
        may = 0
        while may < count and not rate.take(now):
            may += 1
        return may

    def _try_again(self) -> None:
        if not self._pending:
            self._loop.call_soon(self._pass_on)
        for peer in self._later:
            self._pending.setdefault(peer, {})
        if self._later:
            self._loop.call_at(self._loop.time() + _AGAIN, self._try_again)


def _visible_rooms(peer: ChatPeer) -> set[RoomId]:
    """Return the rooms that may know whether the person is here."""
    return peer.state.rooms.keys() - peer.state.requests


def _highest(statuses: AbstractSet[Status]) -> Status:
    if Status.ONLINE in statuses:
        return Status.ONLINE
    return Status.AWAY if Status.AWAY in statuses else Status.OFFLINE


def _ignore() -> None:
    """Announce with the next change."""


SERVED: Final = ChatServed(join=lambda parts, chat: Presence(parts, chat).join())
