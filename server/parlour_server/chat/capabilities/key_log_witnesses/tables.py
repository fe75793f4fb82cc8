"""The table of cosignatures. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

cosigned_heads: Final = Table(
    "cosigned_heads",
    metadata,
    # the witness's name and key, as one line
    Column("witness", Words, primary_key=True),
    # when it signed, in seconds
    Column("at", Number, nullable=False),
    Column("size", Number, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("line", Words, nullable=False),
    **KEYED,
)
