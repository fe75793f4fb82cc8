"""The chat's store, in a SQLite file or a PostgreSQL database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parlour_server.app.log.stored_log import StoredLog
from parlour_server.chat.consent.invitations import ConsentStore
from parlour_server.chat.delivery.tables.device_rows import note_disabled_changed, see_devices
from parlour_server.chat.delivery.tables.devices import Devices
from parlour_server.chat.delivery.tables.groups import Groups
from parlour_server.chat.delivery.tables.key_log import KeyLogStore
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.sql.journal_entries import COLUMNS, read_entry
from parlour_server.chat.store.sql.rooms.room_log_kind import RoomLogKind
from parlour_server.chat.store.sql.rooms.rooms import Rooms
from parlour_server.chat.store.store_part import StorePart, StoreParts
from parlour_server.core.clock import Clock
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.retention import KIT_RULES
from parlour_server.core.store.table_facts import Rule

_RULES: Final = (
    *KIT_RULES,
    Rule("bans", ("room", "account"), "until BETWEEN 1 AND ?1"),
    Rule("mutes", ("room", "account"), "until BETWEEN 1 AND ?1"),
)

_ROW_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM rooms WHERE kind <> 'deleted'),"
    " (SELECT count(*) FROM groups JOIN rooms USING (room) WHERE in_force = 1 AND kind <> 'deleted'),"
    " (SELECT count(*) FROM devices WHERE status <> 'revoked'), (SELECT coalesce(sum(head), 0) FROM logs)"
)
"""Sums that are kept, or tables that grow with people and rooms: never the events themselves."""


class ChatStore(KitStore):
    """Accounts, sessions, tickets, devices, rooms, logs, groups, failed logins and the journal, in one file.

    ``tells_by_bus``: every append is published on the bus, so the journal leaves it out. Otherwise the
    journal announces each event in its own transaction.
    """

    def __init__(
        self,
        place: Path | Engine,
        clock: Clock,
        *,
        tells_by_bus: bool = False,
        parts: Sequence[StorePart] = (),
    ) -> None:
        """Prepare for the database; ``open`` connects.

        ``parts``: what capabilities have in it.
        """
        super().__init__(
            place,
            SCHEMA,
            clock,
            announces=not tells_by_bus,
            rules=_RULES,
            journal_columns=COLUMNS,
            read_entry=read_entry,
            on_disabled_changed=note_disabled_changed,
            on_seen=see_devices,
        )
        self.parts = together = StoreParts(parts)
        kind = RoomLogKind(together)
        self.log = StoredLog(self._writer, self._readers, clock, kind)
        self.rooms = Rooms(self._writer, self._readers, clock, together, self.log)
        self.consent = ConsentStore(self._writer, self._readers, clock)
        self.devices = Devices(self._writer, self._readers, clock)
        self.keylog = KeyLogStore(self._writer, self._readers)
        self.groups = Groups(self._writer, self._readers, clock)

    async def count_chat_rows(self) -> Sequence[float]:
        """Return the numbers of rooms, groups in force, active devices, events.

        Raises UnavailableError.
        """
        return await self._count(_ROW_COUNTS)
