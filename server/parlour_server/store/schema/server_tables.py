"""The tables of the journal, the operator's notices, the incarnation of the logs, the servers, and others."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Integer, LargeBinary, Table

from parlour_server.store.schema.columns import KEYED, PLAIN, Number, Words, metadata

journal: Final = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True),
    Column("at", Number, nullable=False, index=True),
    Column("session", Words),
    Column("account", Words),
    Column("room", Words),
    Column("seq", Number),
    # what servers must read again: an entry with this has nothing else
    Column("changed", Words),
    **PLAIN,
)

notices: Final = Table(
    "notices",
    metadata,
    Column("notice", Words, primary_key=True),
    Column("at", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    Column("text", Words, nullable=False),
    **KEYED,
)

incarnation: Final = Table(
    "incarnation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Words, nullable=False),
    Column("since", Number, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)

health: Final = Table(
    "health",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checks", Number, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)

# how long the server keeps messages, the change that is announced, and the clock that expiry goes by
retention: Final = Table(
    "retention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kept_days", Integer),
    Column("next_days", Integer),
    Column("next_from", Number, nullable=False, server_default="0"),
    Column("trusted", Number, nullable=False, server_default="0"),
    Column("looked", Number, nullable=False, server_default="0"),
    Column("held", Number, nullable=False, server_default="0"),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)

# the servers that share the database, each with a lease by the database's clock
nodes: Final = Table(
    "nodes",
    metadata,
    Column("node", Words, primary_key=True),
    Column("address", Words, nullable=False),
    Column("started", Number, nullable=False),
    Column("until", Number, nullable=False),
    **KEYED,
)

# who is connected where; written by each server about itself, and found by `changed`
node_accounts: Final = Table(
    "node_accounts",
    metadata,
    Column("account", Words, primary_key=True),
    Column("node", Words, primary_key=True, index=True),
    Column("connections", Integer, nullable=False),
    Column("status", Words, nullable=False),
    Column("changed", Number, nullable=False, index=True),
    **KEYED,
)

# Fingerprints: all servers of one database must have the same keys.
server_keys: Final = Table(
    "server_keys",
    metadata,
    Column("name", Words, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    **KEYED,
)

# the newest signed head of the audit log of each server
audit_heads: Final = Table(
    "audit_heads",
    metadata,
    Column("chain", Words, primary_key=True),
    Column("records", Number, nullable=False),
    Column("digest", Words, nullable=False),
    Column("signed_at", Words, nullable=False),
    Column("public_key", Words, nullable=False),
    Column("signature", Words, nullable=False),
    Column("place", Words, nullable=False),
    **KEYED,
)
