"""The table of reports. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint

from parlour_server.core.store.tables import KEYED, NAMING, Flag, Number, Words

metadata: Final = MetaData(naming_convention=NAMING)

reports: Final = Table(
    "reports",
    metadata,
    Column("report", Words, primary_key=True),
    Column("at", Number, nullable=False),
    Column("reporter", Words, nullable=False),
    Column("room", Words, nullable=False),
    Column("room_name", Words),
    Column("seq", Number, nullable=False),
    Column("author", Words, nullable=False),
    Column("sent", Number, nullable=False),
    Column("encrypted", Flag, nullable=False),
    Column("reason", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("quote", Words, nullable=False),
    # what the log had: absent for an encrypted or deleted message
    Column("logged", Words),
    Column("file", Words),
    # when the operator closed it
    Column("closed", Number),
    Column("resolution", Words, nullable=False),
    UniqueConstraint("reporter", "room", "seq"),
    Index(None, "closed"),
    **KEYED,
)
