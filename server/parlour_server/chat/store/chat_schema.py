"""The schema of the chat's database: its tables, what bounds them, and what a backup of it means for them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from parlour_server.chat.consent.table_facts import CONSENT_TABLES
from parlour_server.chat.delivery.table_facts import DELIVERY_TABLES, use_up_key_packages
from parlour_server.chat.name import NAME
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.schema import Schema

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def _tables() -> "MetaData":
    from parlour_server.chat.store.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _find_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
    from parlour_server.chat.store.sql.integrity import chat_damage  # noqa: PLC0415 - not for every command

    yield from chat_damage(db, tables)


SCHEMA: Final = Schema(
    program=NAME,
    tables=_tables,
    find_damage=_find_damage,
    capabilities=(CONSENT_TABLES, DELIVERY_TABLES),
    restored=use_up_key_packages,
)

CHAT_BOUNDS: Final[Mapping[str, str]] = {
    "bans": "pruned after they ended",
    "entries": "messages.keep_days, a room's retention, messages.room_bytes",
    "members": "200 for each person",
    "mutes": "pruned after they ended",
    "pins": "50 for each room",
    "reactions": "24 kinds for each message; gone with it",
    "retention": "one row",
    "rooms": "200 for each person",
}
"""The bound of each table, in a few words, for `disk show`; docs/reference/growth.md says more."""
