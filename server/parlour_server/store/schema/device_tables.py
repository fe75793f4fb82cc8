"""The tables of account keys, devices, key packages and the key log."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, UniqueConstraint

from parlour_server.store.schema.columns import KEYED, PLAIN, Flag, Number, Words, key, metadata

account_keys: Final = Table(
    "account_keys",
    metadata,
    key("account", "accounts.account", primary_key=True),
    Column("key", LargeBinary, nullable=False),
    **KEYED,
)

# A device is never deleted: its id, the hash of its key, must not come back after a revocation.
devices: Final = Table(
    "devices",
    metadata,
    Column("device", Words, primary_key=True),
    key("account", "accounts.account", index=True),
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
    key("device", "devices.device"),
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
    # the head of the log with this entry
    Column("digest", LargeBinary, nullable=False),
    **PLAIN,
)

inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", Words, primary_key=True),
    key("device", "devices.device", index=True),
    Column("welcome", Number, ForeignKey("welcomes.welcome"), nullable=False, index=True),
    **KEYED,
)
