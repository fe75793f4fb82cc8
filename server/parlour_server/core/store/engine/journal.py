"""The journal: notifications for running servers, written in the transaction of the change.

It contains no content, only ids and numbers. Old entries are pruned. A program adds entries of its own in
columns of its own (``add_entry``); servers poll ``since``.
"""

from collections.abc import Callable, Sequence
from typing import Final

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.records import AccountEnd, Changed, JournalEntry, SessionEnded

_ENDS: Final = {end.value: end for end in AccountEnd}
KEEP_MILLIS: Final = 3_600_000
KEEP_ENTRIES: Final = 1_000
"""Entries kept whatever their age, because a clock that jumps ahead makes everything look old."""
_AT_ONCE: Final = 20


def add_entry(db: Connection, at: Millis, **columns: str | int) -> None:
    """Add an entry; the names of ``columns`` are code, not input. An entry with a session is its end."""
    # A few at a time: after a busy hour one write must not remove everything.
    db.execute(
        "DELETE FROM journal WHERE number IN (SELECT number FROM journal"
        " WHERE at < ? AND number <= (SELECT max(number) FROM journal) - ? ORDER BY at LIMIT ?)",
        (at - KEEP_MILLIS, KEEP_ENTRIES, _AT_ONCE),
    )
    names, marks = ", ".join(columns), ", ?" * len(columns)
    db.execute(f"INSERT INTO journal (at, {names}) VALUES (?{marks})", (at, *columns.values()))  # noqa: S608 - columns of ours


def note_session_ended(
    db: Connection, at: Millis, session: SessionId, user: UserName, why: AccountEnd | None = None
) -> None:
    """Notify servers to close the sockets of this session."""
    reason = {} if why is None else {"changed": why.value}
    add_entry(db, at, session=plain(session), account=plain(user), **reason)


def note_changed(db: Connection, at: Millis, changed: str) -> None:
    """Notify servers to read something again."""
    add_entry(db, at, changed=changed)


class Journal:
    """Reads the journal. The bus is faster; the journal is authoritative, and polled."""

    def __init__(self, readers: Readers, columns: Sequence[str], read: Callable[..., object]) -> None:
        """Read through ``readers``. ``read`` makes an entry of the program's own from these ``columns``."""
        self._readers = readers
        found = ", ".join(("number", "session", "account", "changed", *columns))
        self._since = f"SELECT {found} FROM journal WHERE number > ? ORDER BY number"  # noqa: S608 - columns of ours
        self._read = read

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        return await self._readers.row(int, "SELECT number FROM journal ORDER BY number DESC LIMIT 1") or 0

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order. Cheap when there are none."""
        return await self._readers.rows(self._entry, self._since, number)

    def _entry(
        self,
        number: int,
        session: SessionId | None,
        account: str | None,
        changed: str | None,
        *others: object,
    ) -> JournalEntry:
        if session is not None and account is not None:
            # A reason that no one here knows, of a newer server, ends it as well.
            return JournalEntry(number, SessionEnded(session, user_name(account), _ENDS.get(changed or "")))
        if changed is not None:
            return JournalEntry(number, Changed(changed))
        return JournalEntry(number, self._read(*others))
