"""The tables of MLS groups: which group a room has, its epochs, its devices, and Welcomes that wait."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, Text, text

from parlour_server.store.schema.columns import KEYED, PLAIN, Flag, Number, key, metadata

groups: Final = Table(
    "groups",
    metadata,
    Column("group_id", Text, primary_key=True),
    key("room", "rooms.room"),
    Column("epoch", Number, nullable=False),
    Column("contested", Flag, nullable=False),
    # until when a message for the epoch just past is taken; 0: it is not
    Column("stale_until", Number, nullable=False),
    # false: another group took its place, and it is frozen for good
    Column("in_force", Flag, nullable=False),
    Index(
        None,
        "room",
        unique=True,
        sqlite_where=text("in_force = 1"),
        postgresql_where=text("in_force"),
    ),
    **KEYED,
)

# The event that led to each epoch: its key already lets only one commit of an epoch win.
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
    # it must be removed before anyone sends: kept here, not computed, because every message asks
    Column("leaving", Flag, nullable=False),
    Index(
        None,
        "group_id",
        sqlite_where=text("leaving = 1"),
        postgresql_where=text("leaving"),
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

# Kept once for all the devices that a commit added.
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
