"""The table of uploaded files, whose bytes are elsewhere."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, Text

from parlour_server.store.schema.base import KEYED, Number, key, metadata

files: Final = Table(
    "files",
    metadata,
    Column("file", Text, primary_key=True),
    key("room", "rooms.room"),
    key("owner", "accounts.account"),
    Column("size", Number, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number, index=True),
    # both, so that a sum is read from the index alone
    Index(None, "owner", "size"),
    **KEYED,
)
