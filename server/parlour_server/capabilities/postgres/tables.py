"""The tables of servers that share a database. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

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
