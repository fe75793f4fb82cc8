"""The table of rules. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, Integer, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

server_rules: Final = Table(
    "server_rules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", Words, nullable=False),
    Column("at", Number, nullable=False),
    **KEYED,
)
