"""The tables of the journal, the incarnation of the logs, and the check that writing works."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Integer, Table

from parlour_server.store.schema.columns import PLAIN, Number, Words, metadata

journal: Final = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True),
    Column("at", Number, nullable=False, index=True),
    Column("session", Words),
    Column("account", Words),
    Column("room", Words),
    Column("seq", Number),
    **PLAIN,
)

incarnation: Final = Table(
    "incarnation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Words, nullable=False),
    Column("since", Number, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)

health: Final = Table(
    "health",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checks", Number, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)
