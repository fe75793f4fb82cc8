"""The connections to this server, by account and by session."""

from collections.abc import Collection, Iterable, Mapping
from typing import Generic, TypeVar

from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.connections.peer import Peer

S = TypeVar("S")


class ConnectedPeers(Generic[S]):
    """The open connections of this process."""

    def __init__(self) -> None:
        self._users: dict[UserName, tuple[Peer[S], ...]] = {}
        self._sessions: dict[SessionId, tuple[Peer[S], ...]] = {}

    @property
    def people(self) -> int:
        """How many accounts have a connection."""
        return len(self._users)

    def add(self, peer: Peer[S]) -> None:
        """Register a connection, before anything is read for it."""
        self._users[peer.user] = (*self._users.get(peer.user, ()), peer)
        self._sessions[peer.session] = (*self._sessions.get(peer.session, ()), peer)

    def remove(self, peer: Peer[S]) -> None:
        """Remove a connection; idempotent."""
        _remove(self._users, peer.user, peer)
        _remove(self._sessions, peer.session, peer)

    def of(self, user: UserName) -> Collection[Peer[S]]:
        """Return a snapshot of the account's connections."""
        return self._users.get(user, ())

    def counts(self) -> Mapping[UserName, int]:
        """Return how many connections each account has."""
        return {user: len(peers) for user, peers in self._users.items()}

    def with_sessions(self, sessions: Iterable[SessionId]) -> list[Peer[S]]:
        """Return the connections of these sessions."""
        return [peer for session in sessions for peer in self._sessions.get(session, ())]

    def all_connections(self) -> list[Peer[S]]:
        """Return all connections."""
        return [peer for peers in self._users.values() for peer in peers]


K = TypeVar("K")


def _remove(index: dict[K, tuple[Peer[S], ...]], key: K, peer: Peer[S]) -> None:
    left = tuple(other for other in index.get(key, ()) if other is not peer)
    if left:
        index[key] = left
    else:
        index.pop(key, None)
