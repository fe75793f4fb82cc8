"""The connections to this server, by account and by session.

Code that reads a membership from the store watches for memberships that end in the meantime, so that a stale
one is never used (S4).
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.kit.connections.peer_state import PeerState


class ConnectedPeers:
    """The open connections of this process."""

    def __init__(self) -> None:
        """Begin with no one."""
        self._users: dict[UserName, tuple[PeerState, ...]] = {}
        self._watches: dict[UserName, list[dict[RoomId, Seq]]] = {}

    def add(self, state: PeerState) -> None:
        """Register a connection, before anything is read for it."""
        self._users[state.user] = (*self._users.get(state.user, ()), state)

    def remove(self, state: PeerState) -> None:
        """Remove a connection; idempotent."""
        left = tuple(other for other in self._users.get(state.user, ()) if other is not state)
        if left:
            self._users[state.user] = left
        else:
            self._users.pop(state.user, None)

    def of(self, user: UserName) -> Collection[PeerState]:
        """Return a snapshot of the account's connections."""
        return self._users.get(user, ())

    def with_sessions(self, sessions: frozenset[SessionId]) -> list[PeerState]:
        """Return the connections of these sessions (a scan of all connections: sessions end rarely)."""
        return [
            state
            for states in self._users.values()
            for state in states
            if state.info.grant.session in sessions
        ]

    def all_connections(self) -> list[PeerState]:
        """Return all connections."""
        return [state for states in self._users.values() for state in states]

    @contextmanager
    def watching(self, user: UserName) -> Iterator[dict[RoomId, Seq]]:
        """While the block runs, collect the numbers of events that end a membership of ``user``."""
        ended: dict[RoomId, Seq] = {}
        watches = self._watches.setdefault(user, [])
        watches.append(ended)
        try:
            yield ended
        finally:
            # by identity: two watches with the same content are equal as dicts
            watches[:] = [other for other in watches if other is not ended]
            if not watches:
                self._watches.pop(user, None)

    def note_end(self, user: UserName, room: RoomId, seq: Seq) -> None:
        """Record that event ``seq`` ended the user's membership of the room."""
        for ended in self._watches.get(user, ()):
            ended[room] = max(seq, ended.get(room, seq))
