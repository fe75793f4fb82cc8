"""Tickets of servers that share a database: in a table, where of any number of servers one gets the row.

A ticket's time is the database's: the clocks of the servers may differ.
"""

from typing import Final

from parlour_server.capabilities.postgres.shared_now import SHARED_NOW
from parlour_server.core.accounts.tables.sessions import granted_now
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.column_values import device_name, plain, user_name
from parlour_server.core.store.engine.connection import ANYWHERE, WriteConnection
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import TicketGrant

_FORGET: Final = (
    f"DELETE FROM tickets WHERE digest IN (SELECT digest FROM tickets WHERE expires <= {SHARED_NOW}"  # noqa: S608 - of ours
    " ORDER BY expires LIMIT ? FOR UPDATE SKIP LOCKED)"
)
_PUT: Final = (
    "INSERT INTO tickets (digest, expires, session, account, device, session_expires)"  # noqa: S608 - of ours
    f" VALUES (?, {SHARED_NOW} + ?, ?, ?, ?, ?)"
)
_TAKE: Final = (
    f"DELETE FROM tickets WHERE digest = ? RETURNING expires > {SHARED_NOW},"  # noqa: S608 - of ours
    " session, account, device, session_expires"
)
_AT_ONCE: Final = 20
"""More than are added, so that the table shrinks."""


class SharedTickets:
    """Single-use tickets."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        """Use the store's writer; ``clock`` is for the ends of sessions."""
        self._writer = writer
        self._clock = clock

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Store a ticket for this many seconds."""
        row = (
            ticket,
            seconds * 1000,
            grant.session,
            plain(grant.user),
            plain(grant.device),
            grant.expires,
        )

        def write(db: WriteConnection) -> None:
            db.execute(_FORGET, (_AT_ONCE,))
            db.execute(_PUT, row)

        await self._writer.submit(write, within=ANYWHERE)

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Redeem the ticket; one caller gets the grant, and only while its session is live."""
        now = self._clock.now()

        def write(db: WriteConnection) -> TicketGrant | None:
            row = db.execute(_TAKE, (ticket,)).fetchone()
            if row is None:
                return None
            in_time, session, account, device, expires = row
            grant = TicketGrant(session, user_name(account), device_name(device), expires)
            return granted_now(db, grant, now) if in_time else None

        return await self._writer.submit(write, within=ANYWHERE)
