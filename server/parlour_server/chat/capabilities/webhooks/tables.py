"""The tables of webhooks. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from parlour_server.chat.store.tables import rooms
from parlour_server.core.store.tables import KEYED, NAMING, Number, Words, key

metadata: Final = MetaData(naming_convention=NAMING)

incoming_webhooks: Final = Table(
    "incoming_webhooks",
    metadata,
    Column("hook", Words, primary_key=True),
    key("room", rooms.c.room, index=True),
    # the bot that writes
    Column("account", Words, nullable=False, unique=True),
    # the digest of the secret in the address
    Column("secret", LargeBinary, nullable=False, unique=True),
    Column("created", Number, nullable=False),
    **KEYED,
)
