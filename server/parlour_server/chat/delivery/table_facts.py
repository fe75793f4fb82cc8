"""The facts about these tables that a server needs without loading SQLAlchemy."""

from typing import TYPE_CHECKING, Final

from parlour_server.core.store.table_facts import Metadata, Rule, Tables

if TYPE_CHECKING:
    from parlour_server.core.store.engine.connection import Connection


def _metadata() -> Metadata:
    from parlour_server.chat.delivery.tables.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def use_up_key_packages(db: "Connection") -> None:
    """Mark single-use key packages as claimed: some were, since the backup that was restored.

    A device added with one of those could not open its Welcome (R21).
    """
    db.execute("UPDATE key_packages SET given = 1, package = NULL WHERE last_resort = 0")


DELIVERY_TABLES: Final = Tables(
    metadata=_metadata,
    bounds={
        "account_keys": "one for each account",
        "contests": "500 for each current group",
        "devices": "16 for each account, and revoked ones",
        "epochs": "rates.commits_per_minute",
        "group_devices": "500 for each current group",
        "groups": "rates.commits_per_minute",
        "inbox": "gone when the device fetched it",
        "key_log": "rates.key_changes_per_hour",
        "key_packages": "50 for each device",
        "welcomes": "gone when the device fetched it",
    },
    rules=(Rule("key_packages", ("number",), "expires <= ?1"),),
)
