"""The tables of uploaded files, whose bytes are elsewhere."""

from typing import Final

from sqlalchemy import Column, LargeBinary, Table

from parlour_server.store.schema.columns import KEYED, Number, Words, key, metadata

files: Final = Table(
    "files",
    metadata,
    Column("file", Words, primary_key=True),
    key("room", "rooms.room", index=True),
    key("owner", "accounts.account"),
    Column("size", Number, nullable=False),
    Column("sha256", LargeBinary, nullable=False),  # empty while the bytes are still coming
    Column("created", Number, nullable=False),
    Column("expires", Number, index=True),
    **KEYED,
)

# Updated in the transaction that changes the files: summing them up would get slower with each file.
file_usage: Final = Table(
    "file_usage",
    metadata,
    # empty: all owners together
    Column("owner", Words, primary_key=True),
    Column("bytes", Number, nullable=False),
    **KEYED,
)
