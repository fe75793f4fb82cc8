"""The limits that the operator gave accounts. Each change is in the journal: servers read them again."""

from collections.abc import Mapping, Sequence
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import plain, user_name
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import note_changed

CHANGED: Final = "account_limits"
"""In the journal."""


class UserLimits:
    """The table of limits."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def all(self) -> Sequence[tuple[UserName, str, int]]:
        """Return every account's limits: account, name, value."""
        query = "SELECT account, name, value FROM account_limits ORDER BY account, name"
        return await self._readers.rows(lambda account, name, value: (user_name(account), name, value), query)

    async def of(self, user: UserName) -> Mapping[str, int]:
        """Return one account's limits by name."""
        query = "SELECT name, value FROM account_limits WHERE account = ? ORDER BY name"
        return dict(await self._readers.rows(lambda name, value: (name, value), query, plain(user)))

    async def change(self, user: UserName, values: Mapping[str, int | None], now: Millis) -> None:
        """Give an account that exists these limits; None takes one back."""

        def write(db: WriteConnection) -> None:
            for name, value in values.items():
                db.execute("DELETE FROM account_limits WHERE account = ? AND name = ?", (plain(user), name))
                if value is not None:
                    db.execute(
                        "INSERT INTO account_limits (account, name, value) VALUES (?, ?, ?)",
                        (plain(user), name, value),
                    )
            note_changed(db, now, CHANGED)

        await self._writer.submit(write)
