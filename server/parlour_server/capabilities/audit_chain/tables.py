"""The table of signed heads. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

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
