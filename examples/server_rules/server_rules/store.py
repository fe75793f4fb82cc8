"""The rules in the database; the journal tells running servers of new ones."""

from typing import Final, NamedTuple

from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import note_changed

CHANGED: Final = "server_rules"
"""In the journal."""
READ: Final = "SELECT text, at FROM server_rules"


class RulesText(WireText):
    """A few lines of the operator."""

    __slots__ = ()
    max_bytes = 4_000
    max_lines = 40


class Rules(NamedTuple):
    """The rules, and when they were written."""

    text: RulesText
    at: Millis


class RulesStore:
    """The table, of one row."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def current(self) -> Rules | None:
        """Return the rules, None before the first ones."""
        return await self._readers.row(_rules, READ)

    async def replace(self, rules: Rules) -> None:
        """Store new rules in place of the old ones."""

        def write(db: WriteConnection) -> None:
            db.execute("DELETE FROM server_rules")
            query = "INSERT INTO server_rules (id, text, at) VALUES (1, ?, ?)"
            db.execute(query, (plain(rules.text), rules.at))
            note_changed(db, rules.at, CHANGED)

        await self._writer.submit(write)


def _rules(text: str, at: Millis) -> Rules:
    return Rules(RulesText(text), at)
