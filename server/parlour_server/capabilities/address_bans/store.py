"""The banned networks in the database. Each change is in the journal: running servers read them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.database import Database
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import note_changed

CHANGED: Final = "address_bans"
"""In the journal."""
MOST_BANS: Final = 10_000
"""Every server has all of them in memory."""


@dataclass(frozen=True, slots=True)
class AddressBan:
    """A network whose addresses may not connect (an address is one, too); without ``expires`` for good."""

    network: IPv4Network | IPv6Network
    reason: str
    created: Millis
    expires: Millis | None = None


class AddressBans:
    """The table of bans."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """``clock`` says which bans have run out."""
        self._writer = database.writer
        self._readers = database.readers
        self._clock = clock

    async def all(self) -> Sequence[AddressBan]:
        """Return the bans that have not run out, in order of their networks' text."""
        return await self._readers.rows(
            _ban,
            "SELECT network, reason, created, expires FROM address_bans"
            " WHERE expires IS NULL OR expires > ? ORDER BY network",
            self._clock.now(),
        )

    async def put(self, ban: AddressBan) -> None:
        """Ban a network, in place of an earlier ban of the same. Raises RefusedError(LIMIT_REACHED)."""

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM address_bans WHERE network = ?", (str(ban.network),))
            query = "SELECT count(*) FROM address_bans WHERE expires IS NULL OR expires > ?"
            (count,) = db.execute(query, (ban.created,)).fetchone()
            if count >= MOST_BANS:
                hint = f"there are {MOST_BANS:,} bans already: ban whole networks instead, or lift old ones"
                raise RefusedError(ErrorCode.LIMIT_REACHED, hint)
            db.execute(
                "INSERT INTO address_bans (network, reason, created, expires) VALUES (?, ?, ?, ?)",
                (str(ban.network), ban.reason, ban.created, ban.expires),
            )
            note_changed(db, self._clock.now(), CHANGED)

        await self._writer.submit(write)

    async def remove(self, network: IPv4Network | IPv6Network) -> bool:
        """Lift the ban of exactly this network; False if there is none."""

        def write(db: WriteConnection) -> bool:
            query = "DELETE FROM address_bans WHERE network = ?"
            found = db.execute(query, (str(network),)).rowcount == 1
            if found:
                note_changed(db, self._clock.now(), CHANGED)
            return found

        return await self._writer.submit(write)


def _ban(network: str, reason: str, created: Millis, expires: Millis | None) -> AddressBan:
    return AddressBan(ip_network(network), reason, created, expires)
