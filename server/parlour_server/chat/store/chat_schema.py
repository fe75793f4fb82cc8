"""The schema of the chat's database: its tables, what bounds them, and what a backup of it means for them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

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


def _use_up_key_packages(db: Connection) -> None:
    """Mark single-use key packages as claimed: some were, since the backup.

    A device added with one of those could not open its Welcome (R21).
    """
    db.execute("UPDATE key_packages SET given = 1, package = NULL WHERE last_resort = 0")


SCHEMA: Final = Schema(
    program=NAME,
    tables=_tables,
    find_damage=_find_damage,
    restored=_use_up_key_packages,
)

CHAT_BOUNDS: Final[Mapping[str, str]] = {
    "account_keys": "one for each account",
    "bans": "pruned after they ended",
    "blocks": "1,000 for each account",
    "contests": "500 for each current group",
    "devices": "16 for each account, and revoked ones",
    "epochs": "rates.commits_per_minute",
    "entries": "messages.keep_days, a room's retention, messages.room_bytes",
    "group_devices": "500 for each current group",
    "groups": "rates.commits_per_minute",
    "inbox": "gone when the device fetched it",
    "invitations": "50 for each account, for 14 days",
    "key_log": "rates.key_changes_per_hour",
    "key_packages": "50 for each device",
    "members": "200 for each person",
    "mutes": "pruned after they ended",
    "pins": "50 for each room",
    "reactions": "24 kinds for each message; gone with it",
    "retention": "one row",
    "rooms": "200 for each person",
    "welcomes": "gone when the device fetched it",
}
"""What bounds each table, in a few words, for `disk show`; docs/reference/growth.md says more."""
