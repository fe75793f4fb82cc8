"""The chat's SQLite store: one file, for one machine, with nothing to install."""

from pathlib import Path
from typing import Final

from parlour_server.kit.clock import Clock
from parlour_server.kit.store.accounts.login_attempts import SqliteAttempts
from parlour_server.kit.store.accounts.sqlite_accounts import SqliteAccounts
from parlour_server.kit.store.accounts.sqlite_sessions import SqliteSessions
from parlour_server.kit.store.engine.connection import Engine
from parlour_server.kit.store.engine.database import Database
from parlour_server.kit.store.engine.retention import KIT_RULES, Rule
from parlour_server.kit.store.engine.sqlite_journal import SqliteJournal
from parlour_server.store.chat_schema import SCHEMA
from parlour_server.store.sqlite.e2ee.device_rows import note_disabled_changed, see_devices
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
    Rule("key_packages", ("number",), "expires <= ?1"),
    Rule("bans", ("room", "account"), "until BETWEEN 1 AND ?1"),
    Rule("mutes", ("room", "account"), "until BETWEEN 1 AND ?1"),
)


class SqliteStore(Database):
    """Accounts, sessions, tickets, devices, rooms, logs, groups, failed logins and the journal, in one file.

    ``tells_by_bus``: every append is published on the bus, so the journal leaves it out. Otherwise the
    journal announces each event in its own transaction.
    """

    def __init__(self, place: Path | Engine, clock: Clock, *, tells_by_bus: bool = False) -> None:
        """Prepare for the database; ``open`` connects."""
        super().__init__(place, SCHEMA, clock, announces=not tells_by_bus, rules=_RULES)
        self.accounts = SqliteAccounts(
            self._writer, self._readers, clock, on_disabled_changed=note_disabled_changed
        )
        self.sessions = SqliteSessions(self._writer, self._readers, clock, on_seen=see_devices)
        self.rooms = SqliteRooms(self._writer, self._readers)
        self.log = SqliteLog(self._writer, self._readers)
        self.consent = SqliteConsent(self._writer, self._readers, clock)
        self.devices = SqliteDevices(self._writer, self._readers, clock)
        self.keylog = SqliteKeyLog(self._readers)
        self.groups = SqliteGroups(self._writer, self._readers)
        self.files = SqliteFiles(self._writer, self._readers)
        self.attempts = SqliteAttempts(self._writer, self._readers)
        self.journal = SqliteJournal(self._readers, COLUMNS, read_entry)
