"""The tables of receivers. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from parlour_server.chat.store.tables import rooms
from parlour_server.core.store.tables import KEYED, NAMING, Number, Words, key

metadata: Final = MetaData(naming_convention=NAMING)

event_receivers: Final = Table(
    "event_receivers",
    metadata,
    Column("receiver", Words, primary_key=True),
    key("room", rooms.c.room, index=True),
    Column("url", Words, nullable=False),
    # it signs, so it is kept as it is
    Column("secret", LargeBinary, nullable=False),
    # names, with a space between two
    Column("events", Words, nullable=False),
    # events of the room up to this number were looked at
    Column("seq", Number, nullable=False),
    Column("created", Number, nullable=False),
    **KEYED,
)

event_deliveries: Final = Table(
    "event_deliveries",
    metadata,
    Column("receiver", Words, primary_key=True),
    # the event is in the room's log
    Column("seq", Number, primary_key=True),
    Column("room", Words, nullable=False, index=True),
    Column("attempts", Number, nullable=False),
    # when it is tried next; absent: it was given up
    Column("due", Number, index=True),
    Column("failed", Number, index=True),
    Column("problem", Words, nullable=False),
    **KEYED,
)
