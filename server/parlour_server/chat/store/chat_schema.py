"""The schema of the chat's database: its tables, and what a backup of it means for them."""

from typing import TYPE_CHECKING, Final

from parlour_server.chat.name import NAME
from parlour_server.chat.store.sql.integrity import chat_damage
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.schema import Schema

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def _tables() -> "MetaData":
    from parlour_server.chat.store.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _use_up_key_packages(db: Connection) -> None:
    """Mark single-use key packages as claimed: some were, since the backup.

    A device added with one of those could not open its Welcome (R21).
    """
    db.execute("UPDATE key_packages SET given = 1, package = NULL WHERE last_resort = 0")


SCHEMA: Final = Schema(
    program=NAME,
    tables=_tables,
    find_damage=chat_damage,
    restored=_use_up_key_packages,
)
