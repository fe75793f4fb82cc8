"""Reads the journal for running servers; `journal.py` writes it."""

from collections.abc import Callable, Sequence
from typing import Final

from parlour_protocol.kit.ids import SessionId
from parlour_server.core.store.engine.column_values import user_name
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.records import AccountEnd, Changed, JournalEntry, RoleChanged, SessionEnded

_ENDS: Final = {end.value: end for end in AccountEnd}


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
        if changed is not None and account is not None:
            return JournalEntry(number, RoleChanged(user_name(account)))
        if changed is not None:
            return JournalEntry(number, Changed(changed))
        return JournalEntry(number, self._read(*others))
