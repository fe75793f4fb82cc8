"""The tables of accounts, invites, sessions and failed logins."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table, Text

from parlour_server.store.schema.columns import KEYED, Flag, Number, key, metadata

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("skeleton", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
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
    Column("session", Text, primary_key=True),
    key("account", "accounts.account", index=True),
    Column("device", Text, nullable=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    # the device with keys that it speaks for
    Column("device_id", Text, ForeignKey("devices.device"), index=True),
    **KEYED,
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Number, nullable=False, index=True),
    **KEYED,
)
