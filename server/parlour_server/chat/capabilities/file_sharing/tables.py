"""The tables of files. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from parlour_server.chat.store.tables import rooms
from parlour_server.core.store.tables import KEYED, NAMING, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

files: Final = Table(
    "files",
    metadata,
    Column("file", Words, primary_key=True),
    key("room", rooms.c.room, index=True),
    key("owner", accounts.c.account),
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

room_file_usage: Final = Table(
    "room_file_usage",
    metadata,
    key("room", rooms.c.room, primary_key=True),
    Column("bytes", Number, nullable=False),
    **KEYED,
)
