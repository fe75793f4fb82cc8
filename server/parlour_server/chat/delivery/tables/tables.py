"""The tables of devices, their keys, and groups. Never imported by a running server."""

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from parlour_server.chat.store.tables import rooms
from parlour_server.core.store.tables import KEYED, NAMING, PLAIN, Flag, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

account_keys: Final = Table(
    "account_keys",
    metadata,
    key("account", accounts.c.account, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    **KEYED,
)


# A device is never deleted: its id, the hash of its key, must not come back after a revocation.
devices: Final = Table(
    "devices",
    metadata,
    Column("device", Words, primary_key=True),
    key("account", accounts.c.account, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("name", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("certificate", LargeBinary),
    Column("expires", Number),
    **KEYED,
)


key_packages: Final = Table(
    "key_packages",
    metadata,
    Column("number", Number, primary_key=True),
    key("device", devices.c.device),
    Column("suite", Integer, nullable=False, default=3, server_default="3"),
    Column("digest", LargeBinary, nullable=False),
    Column("last_resort", Flag, nullable=False),
    Column("given", Flag, nullable=False),
    # absent after it was claimed: the row stays, so that the same package is not accepted again
    Column("package", LargeBinary),
    Column("expires", Number, nullable=False, index=True),
    UniqueConstraint("device", "digest"),
    **PLAIN,
)


key_log: Final = Table(
    "key_log",
    metadata,
    Column("number", Number, primary_key=True),
    Column("entry", LargeBinary, nullable=False),
    # the hash of the largest complete subtree that ends with this entry (`merkle.Tree`)
    Column("subtree", LargeBinary, nullable=False),
    **PLAIN,
)


groups: Final = Table(
    "groups",
    metadata,
    Column("group_id", Words, primary_key=True),
    key("room", rooms.c.room),
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
    key("group_id", groups.c.group_id, primary_key=True),
    Column("epoch", Number, primary_key=True),
    Column("seq", Number, nullable=False),
    **KEYED,
)


group_devices: Final = Table(
    "group_devices",
    metadata,
    key("group_id", groups.c.group_id, primary_key=True),
    key("device", devices.c.device, primary_key=True, index=True),
    key("account", accounts.c.account),
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
    key("group_id", groups.c.group_id, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    **KEYED,
)


# Stored once for all devices that a commit added.
welcomes: Final = Table(
    "welcomes",
    metadata,
    Column("welcome", Number, primary_key=True),
    key("group_id", groups.c.group_id, index=True),
    Column("seq", Number, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("tree", LargeBinary, nullable=False),
    **PLAIN,
)


inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", Words, primary_key=True),
    key("device", devices.c.device, index=True),
    Column("welcome", Number, ForeignKey(welcomes.c.welcome), nullable=False, index=True),
    **KEYED,
)
