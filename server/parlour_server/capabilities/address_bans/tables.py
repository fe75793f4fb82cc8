"""The table of bans. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

address_bans: Final = Table(
    "address_bans",
    metadata,
    Column("network", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    **KEYED,
)
