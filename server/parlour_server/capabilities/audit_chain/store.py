"""The heads of the audit logs of all servers that share the database: the newest of each chain.

So the check of one server's files sees that another's were cut, and a server at its start that its own were.
"""

from typing import Final

from parlour_server.capabilities.audit_chain.chain import KnownHead, Place, SignedHead
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.connection import ANYWHERE, Connection, WriteConnection

_READ: Final = (
    "SELECT chain, records, digest, signed_at, public_key, signature, place FROM audit_heads ORDER BY chain"
)
_PUT: Final = (
    "INSERT INTO audit_heads (chain, records, digest, signed_at, public_key, signature, place)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (chain) DO UPDATE SET records = excluded.records,"
    " digest = excluded.digest, signed_at = excluded.signed_at, public_key = excluded.public_key,"
    " signature = excluded.signature, place = excluded.place WHERE audit_heads.records <= excluded.records"
)


class AuditHeads:
    """The table of heads."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def all(self) -> dict[str, KnownHead]:
        """Return the newest head of each chain. Raises UnavailableError."""
        return await self._readers.run(read_heads)

    async def put(self, head: KnownHead) -> None:
        """Store the head of a chain, unless there is a newer one. Raises UnavailableError."""
        one = head.signed
        row = (one.chain, one.records, one.digest, one.time, one.key, one.signature, str(head.place))

        def write(db: WriteConnection) -> None:
            db.execute(_PUT, row)

        await self._writer.submit(write, within=ANYWHERE)


def read_heads(db: Connection) -> dict[str, KnownHead]:
    """Return the newest head of each chain."""
    return {row[0]: KnownHead(SignedHead(*row[:6]), Place.read(row[6])) for row in db.execute(_READ)}
