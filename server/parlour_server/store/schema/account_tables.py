"""The tables of accounts, invites, sessions and failed logins."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table

from parlour_server.store.schema.columns import KEYED, Flag, Number, Words, key, metadata

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Words, primary_key=True),
    Column("skeleton", Words, nullable=False, unique=True),
    Column("password_hash", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("disabled", Flag, nullable=False),
    **KEYED,
)

invites: Final = Table(
    "invites",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    CheckConstraint("uses > 0", name="uses"),
    **KEYED,
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("session", Words, primary_key=True),
    key("account", "accounts.account", index=True),
    Column("device", Words, nullable=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    # the device with keys that it speaks for
    Column("device_id", Words, ForeignKey("devices.device"), index=True),
    # Ed25519; without one the session is not bound to a key
    Column("public_key", LargeBinary),
    **KEYED,
)

# of servers that share the database; one by itself keeps its tickets in memory
tickets: Final = Table(
    "tickets",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires", Number, nullable=False, index=True),
    Column("session", Words, nullable=False),
    Column("account", Words, nullable=False),
    Column("device", Words, nullable=False),
    Column("session_expires", Number, nullable=False),
    Column("public_key", LargeBinary),
    **KEYED,
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("key", Words, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Number, nullable=False, index=True),
    **KEYED,
)
