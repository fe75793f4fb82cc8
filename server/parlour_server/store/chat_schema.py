"""The schema of the chat's database: its migrations, and what a backup of it means for its tables."""

from pathlib import Path
from typing import Final

from parlour_server.chat_name import NAME
from parlour_server.kit.store.engine.connection import Connection
from parlour_server.kit.store.schema import Schema
from parlour_server.store.sql.integrity import chat_damage


def _use_up_key_packages(db: Connection, tables: frozenset[str]) -> None:
    """Mark single-use key packages as claimed: some were, since the backup.

    A device added with one of those could not open its Welcome (R21).
    """
    if "key_packages" in tables:
        db.execute("UPDATE key_packages SET given = 1, package = NULL WHERE last_resort = 0")


SCHEMA: Final = Schema(
    program=NAME,
    migrations=Path(__file__).with_name("migrations"),
    find_damage=chat_damage,
    restored=_use_up_key_packages,
)
