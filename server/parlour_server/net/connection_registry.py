"""The connections that are open, by session and by account.

Every open connection is in here from its first byte until its socket is closed, which is what ending a
session relies on (S1: a socket that outlives its session). It is also where their beginnings and ends are
recorded. `net/net_server.py` owns it, `net/websocket_upgrade.py` fills it.
"""

from collections.abc import Iterable, Iterator

from parlour_protocol.errors import CloseCode
from parlour_protocol.ids import SessionId
from parlour_protocol.names import UserName
from parlour_server.audit import Audit, AuditEvent
from parlour_server.net.connection_slots import Slot
from parlour_server.net.websocket_connection import WebSocketConnection


class ConnectionRegistry:
    """All open WebSocket connections of one server; a ``Watcher`` of them."""

    def __init__(self, audit: Audit) -> None:
        """Begin empty."""
        self._audit = audit
        self._slots: dict[WebSocketConnection, Slot] = {}
        self._by_session: dict[SessionId, set[WebSocketConnection]] = {}
        self._by_user: dict[UserName, int] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[WebSocketConnection]:
        """Iterate over a copy, so that connections may go while they are looked at."""
        return iter(tuple(self._slots))

    def count_of(self, user: UserName) -> int:
        """Return how many connections the account has open."""
        return self._by_user.get(user, 0)

    def add(self, connection: WebSocketConnection, slot: Slot) -> None:
        """Keep a connection, and the slot that its socket takes."""
        grant = connection.info.grant
        self._slots[connection] = slot
        self._added += 1
        connection.share = self._added
        self._by_session.setdefault(grant.session, set()).add(connection)
        self._by_user[grant.user] = self.count_of(grant.user) + 1
        self._record(AuditEvent.CONNECTION_OPENED, connection, address=slot.address)

    def end_sessions(self, sessions: Iterable[SessionId], code: CloseCode) -> None:
        """End every connection of these sessions."""
        for session in sessions:
            for connection in tuple(self._by_session.get(session, ())):
                connection.end(code)

    def cut_off(self, connection: WebSocketConnection, limit: str) -> None:
        """Record that a connection broke a limit."""
        self._record(AuditEvent.LIMIT_HIT, connection, limit=limit)

    def remove(self, connection: WebSocketConnection, code: int) -> None:
        """Forget a connection and give its slot back."""
        slot = self._slots.pop(connection, None)
        if slot is None:
            return
        grant = connection.info.grant
        siblings = self._by_session[grant.session]
        siblings.discard(connection)
        if not siblings:
            del self._by_session[grant.session]
        self._by_user[grant.user] -= 1
        if not self._by_user[grant.user]:
            del self._by_user[grant.user]
        slot.release()
        self._record(AuditEvent.CONNECTION_CLOSED, connection, code=int(code))

    def _record(self, event: AuditEvent, connection: WebSocketConnection, **fields: str | int) -> None:
        info = connection.info
        self._audit.record(
            event, connection=info.id, user=str(info.grant.user), session=info.grant.session, **fields
        )
