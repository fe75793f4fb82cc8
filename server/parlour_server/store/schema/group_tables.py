"""The tables of MLS groups: the group of a room, its epochs, its devices, and pending Welcomes."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, text

from parlour_server.store.schema.columns import KEYED, PLAIN, Flag, Number, Words, key, metadata

groups: Final = Table(
    "groups",
    metadata,
    Column("group_id", Words, primary_key=True),
    key("room", "rooms.room"),
    Column("epoch", Number, nullable=False),
    Column("contested", Flag, nullable=False),
    # until when a message for the previous epoch is accepted; 0: never
    Column("stale_until", Number, nullable=False),
    # false: another group replaced it, and it never changes again
    Column("in_force", Flag, nullable=False),
    Index(
        None,
        "room",
        unique=True,
        sqlite_where=text("in_force = 1"),
        postgresql_where=text("in_force = 1"),
    ),
    **KEYED,
)

# The event that led to each epoch; the primary key allows only one commit per epoch.
epochs: Final = Table(
    "epochs",
    metadata,
    key("group_id", "groups.group_id", primary_key=True),
    Column("epoch", Number, primary_key=True),
    Column("seq", Number, nullable=False),
    **KEYED,
)

group_devices: Final = Table(
    "group_devices",
    metadata,
    key("group_id", "groups.group_id", primary_key=True),
    key("device", "devices.device", primary_key=True, index=True),
    key("account", "accounts.account"),
    # it must be removed before anyone sends; stored, because every message checks it
    Column("leaving", Flag, nullable=False),
    Index(
        None,
        "group_id",
        sqlite_where=text("leaving = 1"),
        postgresql_where=text("leaving = 1"),
    ),
    **KEYED,
)

contests: Final = Table(
    "contests",
    metadata,
    key("group_id", "groups.group_id", primary_key=True),
    key("account", "accounts.account", primary_key=True),
    **KEYED,
)

# Stored once for all devices that a commit added.
welcomes: Final = Table(
    "welcomes",
    metadata,
    Column("welcome", Number, primary_key=True),
    key("group_id", "groups.group_id", index=True),
    Column("seq", Number, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("tree", LargeBinary, nullable=False),
    **PLAIN,
)
