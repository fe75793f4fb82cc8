"""The tables of accounts and what belongs to one, of invites, failed logins and banned addresses."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table, text

from parlour_server.store.schema.columns import KEYED, Flag, Number, Words, key, metadata

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Words, primary_key=True),
    Column("skeleton", Words, nullable=False, unique=True),
    Column("password_hash", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("disabled", Flag, nullable=False),
    Column("second_factor_required", Flag, nullable=False, server_default=text("0")),
    # when the account was deleted; its name stays taken
    Column("deleted", Number),
    **KEYED,
)

# what the operator allows an account instead of what the settings allow everyone
account_limits: Final = Table(
    "account_limits",
    metadata,
    key("account", "accounts.account", primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", Number, nullable=False),
    **KEYED,
)

address_bans: Final = Table(
    "address_bans",
    metadata,
    Column("network", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    **KEYED,
)

second_factors: Final = Table(
    "second_factors",
    metadata,
    Column("factor", Words, primary_key=True),
    key("account", "accounts.account", index=True),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("last_used", Number),
    # of TOTP its secret, of a security key its public key
    Column("secret", LargeBinary, nullable=False),
    Column("counter", Number, nullable=False),
    Column("active", Flag, nullable=False),
    # of one that is being set up
    Column("session", Words),
    Column("expires", Number),
    **KEYED,
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    key("account", "accounts.account", primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    **KEYED,
)

factor_challenges: Final = Table(
    "factor_challenges",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    key("account", "accounts.account", index=True),
    Column("device", Words, nullable=False),
    Column("session", Words),
    Column("expires", Number, nullable=False, index=True),
    Column("source", Words, nullable=False, server_default=""),
    **KEYED,
)

invites: Final = Table(
    "invites",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    # the role that its accounts get, as the program understands it; empty: none
    Column("role", Words, nullable=False, server_default=text("''")),
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
