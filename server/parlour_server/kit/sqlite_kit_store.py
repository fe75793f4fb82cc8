"""The store of a program without tables of its own: accounts, sessions, the journal and logs, in one file."""

from pathlib import Path

from parlour_server.kit.clock import Clock
from parlour_server.kit.log.sqlite_log import JOURNAL_COLUMNS, SqliteLog, log_damage, read_journal_entry
from parlour_server.kit.program_name import ProgramName
from parlour_server.kit.store import migrations
from parlour_server.kit.store.accounts.login_attempts import SqliteAttempts
from parlour_server.kit.store.accounts.memory_tickets import MemoryTickets
from parlour_server.kit.store.accounts.sqlite_accounts import SqliteAccounts
from parlour_server.kit.store.accounts.sqlite_sessions import SqliteSessions
from parlour_server.kit.store.engine.database import Database
from parlour_server.kit.store.engine.retention import KIT_RULES
from parlour_server.kit.store.engine.sqlite_journal import SqliteJournal
from parlour_server.kit.store.schema import Schema


def kit_schema(program: ProgramName) -> Schema:
    """Return the schema of the kit's own tables; ``program`` is named in what goes wrong."""
    return Schema(
        program=program, migrations=Path(migrations.__path__[0]), version="0001", find_damage=log_damage
    )


class SqliteKitStore(Database):
    """Accounts, sessions, tickets, failed logins, the journal and logs.

    ``tells_by_bus``: every append is published by this process, so the journal leaves it out. Otherwise the
    journal announces each entry in its own transaction.
    """

    def __init__(self, path: Path, program: ProgramName, clock: Clock, *, tells_by_bus: bool = False) -> None:
        """Prepare for the database at ``path``; ``open`` connects."""
        super().__init__(path, kit_schema(program), clock, announces=not tells_by_bus, rules=KIT_RULES)
        self.accounts = SqliteAccounts(self._writer, self._readers, clock)
        self.sessions = SqliteSessions(self._writer, self._readers, clock)
        self.tickets = MemoryTickets(self._readers, clock)
        self.attempts = SqliteAttempts(self._writer, self._readers)
        self.journal = SqliteJournal(self._readers, JOURNAL_COLUMNS, read_journal_entry)
        self.log = SqliteLog(self._writer, self._readers, clock)
