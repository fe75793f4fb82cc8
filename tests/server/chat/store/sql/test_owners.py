"""Every row that names an account or belongs to a room has an end: no table of them is forgotten."""

from typing import Final

import pytest
from sqlalchemy import Column, Table

from parlour_server.app.capability import tables_of
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capabilities.chat_personal_data.store import _AUTHORS, _ROWS
from parlour_server.chat.capability import store_parts_of
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.sql.rooms.room_deletion import _PARTS
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.tables import metadata
from parlour_server.core.store.tables import entries, logs

_PARTS_OF_CHAT: Final = (*SCHEMA.capabilities, *tables_of(CHAT_CAPABILITIES))
_OWN: Final = [table for one in _PARTS_OF_CHAT for table in one.metadata().sorted_tables]
TABLES: Final = {table.name: table for table in (logs, entries, *metadata.sorted_tables, *_OWN)}
PARTS: Final = StoreParts(store_parts_of(CHAT_CAPABILITIES))
ROOM_PARTS: Final = (*PARTS.room_rows, *_PARTS)
ACCOUNTS: Final = [
    (table, column)
    for table in TABLES.values()
    for column in table.columns
    if any(key.column.table.name == "accounts" for key in column.foreign_keys)
]
STAYS: Final = {
    "account_keys.account": "the log of keys has them, and every client checks that nothing in it changes",
    "contests.account": "as long as the group that they are about",
    "devices.account": "without their names, and as long as the log of keys has them",
    "entries.author": "changed, or a room's record of who joined, left, invited or removed whom",
    "files.owner": "they expire at once",
    "group_devices.account": "until a member's device removes them from the group",
    "members.account": "where only a member's device can remove them",
    "rooms.low": "the direct room stays with the other person",
    "rooms.high": "the direct room stays with the other person",
}
"""What names a deleted account, and why it may."""
BEFORE: Final = {"members", "invitations", "files"}
"""What a room's deletion takes at once."""


@pytest.mark.parametrize(("table", "column"), ACCOUNTS, ids=str)
def test_what_names_an_account_goes_with_it(table: Table, column: Column[object]) -> None:
    """Or it is said why it stays: a new table is in neither list, and would keep a person's data."""
    name = f"{table.name}.{column.name}"
    removed = any(one == table.name and f"{column.name} = ?" in which for one, _, which in _ROWS)
    authors = (*_AUTHORS, *(change for part in PARTS.accounts for change in part.authors))
    changed = f"UPDATE {table.name} SET {column.name} = "  # noqa: S608 - compared, not run
    renamed = any(changed in change for _, change in authors)
    assert removed or renamed or name in STAYS, f"{name}: say what becomes of it when an account is deleted"


def test_what_belongs_to_a_room_goes_with_it() -> None:
    """Directly, or with its events, groups or Welcomes."""
    owned, before = {"logs"}, set()
    while owned != before:
        before = set(owned)
        owned |= {
            table.name
            for table in TABLES.values()
            for key in table.foreign_keys
            if key.column.table.name in owned
        }
    owned |= {name for name, table in TABLES.items() if "room" in table.columns and name != "reports"}
    gone = {table for table, _, _ in ROOM_PARTS}
    assert owned - {"logs", "rooms"} - BEFORE - {"inbox"} == gone - {"inbox"}
