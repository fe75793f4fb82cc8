"""The tables of a program's logs."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, MetaData, Table, UniqueConstraint, text

from parlour_server.core.store.tables import KEYED, NAMING, PLAIN, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

logs: Final = Table(
    "kit_logs",
    metadata,
    Column("log", Words, primary_key=True),
    Column("head", Number, nullable=False),
    Column("state", LargeBinary),
    **KEYED,
)

# With a rowid: rows are appended to one B-tree, which halves the cost of a commit.
events: Final = Table(
    "kit_events",
    metadata,
    key("log", logs.c.log, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("at", Number, nullable=False),
    # absent: the program itself
    Column("author", Words, ForeignKey(accounts.c.account)),
    Column("request", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("author", "request"),
    Index(
        "uq_kit_events_own",
        "log",
        "request",
        unique=True,
        sqlite_where=text("author IS NULL"),
        postgresql_where=text("author IS NULL"),
    ),
    **PLAIN,
)
