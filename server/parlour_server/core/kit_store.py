"""The store of every program: accounts, sessions, tickets, failed logins, the journal, in one database.

A program's store is one of these, with an object for each kind of table.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.accounts.tables.login_attempts import Attempts
from parlour_server.core.accounts.tables.memory_tickets import MemoryTickets
from parlour_server.core.accounts.tables.sessions import SessionStore
from parlour_server.core.clock import Clock
from parlour_server.core.store.database import Database
from parlour_server.core.store.engine.connection import ANYWHERE, Engine, WriteConnection
from parlour_server.core.store.engine.journal_reader import Journal
from parlour_server.core.store.engine.retention import prune
from parlour_server.core.store.schema import Schema
from parlour_server.core.store.table_facts import Rule
from parlour_server.core.store.ticket_store import TicketStore

_ROW_COUNTS: Final = """
    SELECT (SELECT count(*) FROM accounts
            WHERE deleted IS NULL AND account NOT IN (SELECT value FROM json_each(?2))),
        (SELECT count(*) FROM sessions WHERE expires > ?1)
"""


class KitStore(Database):
    """The store of every program; the composition root opens and closes it.

    What its objects, and those of a program, promise:

    * after a write method returns, its change is on disk;
    * a method that raises changes nothing;
    * a method with ``by`` decides in the transaction of its change, and raises what ``Authority`` does.

    Tokens are passed only as their SHA-256 (K2: stolen store).
    """

    def __init__(
        self,
        place: Path | Engine,
        schema: Schema,
        clock: Clock,
        *,
        announces: bool,
        rules: Iterable[Rule],
        journal_columns: Sequence[str],
        read_entry: Callable[..., object],
        on_disabled_changed: Callable[[WriteConnection, UserName, Millis], None] | None = None,
        on_seen: Callable[[WriteConnection, Mapping[SessionId, Millis]], None] | None = None,
    ) -> None:
        """Prepare as every ``Database``; ``rules`` say what ``prune`` deletes.

        For the rest see ``Journal``, ``Accounts`` and ``SessionStore``.
        """
        super().__init__(place, schema, clock, announces=announces)
        self._rules = tuple(rules)
        self.tickets: Final[TicketStore] = self._engine.make_tickets(self._writer, clock) or MemoryTickets(
            self._readers, clock
        )
        self.accounts: Final = Accounts(
            self._writer, self._readers, clock, on_disabled_changed=on_disabled_changed
        )
        self.sessions: Final = SessionStore(self._writer, self._readers, clock, on_seen=on_seen)
        self.attempts: Final = Attempts(self._writer, self._readers)
        self.journal: Final = Journal(self._readers, journal_columns, read_entry)

    async def prune(self, now: Millis, rules: Iterable[Rule] = ()) -> int:
        """Delete a batch of data that expired months ago; returns the number of rows, 0 when done.

        Expired sessions and invites, old failed logins, what the program adds, and what ``rules`` name.
        Raises UnavailableError.
        """
        return await prune(self._writer, self._readers, now, (*self._rules, *rules))

    async def count_rows(self, now: Millis, own: Collection[UserName]) -> Sequence[float]:
        """Return the number of people's accounts, and of sessions that have not expired.

        ``own`` are the program's accounts. Raises UnavailableError.
        """
        return await self._count(_ROW_COUNTS, now, json.dumps(sorted(own)))

    async def _count(self, query: str, *values: object) -> Sequence[float]:
        """Return the numbers of the only row of a query."""
        return (
            await self._readers.row(lambda *found: [float(number) for number in found], query, *values) or ()
        )

    async def connections(self) -> Mapping[str, int] | None:
        """Return how many connections each account has; None if only the server knows. See ``Engine``."""
        return await self._readers.run(self._engine.connections)

    @property
    def is_damaged(self) -> bool:
        """Whether a read or a write has found stored data damaged since the start; ``check`` may not."""
        return self._readers.is_damaged or self._writer.is_damaged

    async def check(self) -> None:
        """Raise UnavailableError if a write would fail (for /readyz): it writes one row."""

        def write(db: WriteConnection) -> None:
            # A counter, because SQLite skips an update that changes nothing.
            db.execute(
                "INSERT INTO health (id, checks) VALUES (1, 1)"
                " ON CONFLICT (id) DO UPDATE SET checks = health.checks + 1"
            )

        await self._writer.submit(write, within=ANYWHERE)
