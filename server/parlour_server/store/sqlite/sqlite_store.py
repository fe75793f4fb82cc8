"""The SQLite store: one file, for one machine, with nothing to install.

It opens only a database with the current schema and never changes the schema. Any number of processes on the
machine may open it at once.
"""

from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import SetupError
from parlour_server.kit.store.accounts.login_attempts import SqliteAttempts
from parlour_server.kit.store.accounts.memory_tickets import MemoryTickets
from parlour_server.kit.store.accounts.sqlite_accounts import SqliteAccounts
from parlour_server.kit.store.accounts.sqlite_sessions import SqliteSessions
from parlour_server.kit.store.engine.connection import WriteConnection
from parlour_server.kit.store.engine.incarnation import incarnation_of
from parlour_server.kit.store.engine.readers import Readers
from parlour_server.kit.store.engine.retention import KIT_RULES, Rule, prune
from parlour_server.kit.store.engine.sqlite_journal import SqliteJournal
from parlour_server.kit.store.engine.writer import Writer
from parlour_server.store.chat_schema import SCHEMA
from parlour_server.store.sqlite.e2ee.device_rows import note_disabled, see_devices
from parlour_server.store.sqlite.e2ee.sqlite_devices import SqliteDevices
from parlour_server.store.sqlite.e2ee.sqlite_groups import SqliteGroups
from parlour_server.store.sqlite.e2ee.sqlite_key_log import SqliteKeyLog
from parlour_server.store.sqlite.journal_entries import COLUMNS, read_entry
from parlour_server.store.sqlite.rooms.sqlite_consent import SqliteConsent
from parlour_server.store.sqlite.rooms.sqlite_files import SqliteFiles
from parlour_server.store.sqlite.rooms.sqlite_log import SqliteLog
from parlour_server.store.sqlite.rooms.sqlite_rooms import SqliteRooms

_RULES: Final = (
    *KIT_RULES,
    Rule("key_packages", ("number",), "expires <= :before"),
    Rule("bans", ("room", "account"), "until BETWEEN 1 AND :before"),
    Rule("mutes", ("room", "account"), "until BETWEEN 1 AND :before"),
)


class SqliteStore:
    """Accounts, sessions, tickets, devices, rooms, logs, groups, failed logins and the journal, in one file.

    ``tells_by_bus``: every append is published on the bus, so the journal leaves it out. Otherwise the
    journal announces each event in its own transaction.
    """

    def __init__(self, path: Path, clock: Clock, *, tells_by_bus: bool = False) -> None:
        """Prepare for the database at ``path``; ``open`` connects."""
        self._path = path
        self._incarnation: Incarnation | None = None
        self._writer = Writer(path, clock, announces=not tells_by_bus)
        self._readers = Readers(path, clock)
        self.accounts = SqliteAccounts(self._writer, self._readers, clock, on_disabled=note_disabled)
        self.sessions = SqliteSessions(self._writer, self._readers, clock, on_seen=see_devices)
        self.tickets = MemoryTickets(self._readers, clock)
        self.rooms = SqliteRooms(self._writer, self._readers)
        self.log = SqliteLog(self._writer, self._readers)
        self.consent = SqliteConsent(self._writer, self._readers, clock)
        self.devices = SqliteDevices(self._writer, self._readers, clock)
        self.keylog = SqliteKeyLog(self._readers)
        self.groups = SqliteGroups(self._writer, self._readers)
        self.files = SqliteFiles(self._writer, self._readers)
        self.attempts = SqliteAttempts(self._writer, self._readers)
        self.journal = SqliteJournal(self._readers, COLUMNS, read_entry)

    @property
    def incarnation(self) -> Incarnation:
        """The incarnation of these logs, once the store is open."""
        if self._incarnation is None:
            raise SetupError(f"{self._path} is not open")
        return self._incarnation

    async def open(self) -> None:
        """Connect. Raises SetupError if the database is missing or has another schema."""
        SCHEMA.check(self._path)
        found = incarnation_of(self._path)
        self._incarnation = found and found[0]
        await self._writer.open()

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        await self._readers.close()
        await self._writer.close()

    async def prune(self, now: Millis) -> int:
        """Delete a batch of data that expired months ago; returns the number of rows."""
        return await prune(self._writer, self._readers, now, _RULES)

    async def check(self) -> None:
        """Raise UnavailableError if a write fails: it writes one row."""

        def write(db: WriteConnection) -> None:
            # A counter, because SQLite skips an update that changes nothing.
            db.execute(
                "INSERT INTO health (id, checks) VALUES (1, 1)"
                " ON CONFLICT (id) DO UPDATE SET checks = checks + 1"
            )

        await self._writer.submit(write)
