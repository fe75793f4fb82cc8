"""The table of notices. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

notices: Final = Table(
    "notices",
    metadata,
    Column("notice", Words, primary_key=True),
    Column("at", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    Column("text", Words, nullable=False),
    **KEYED,
)
