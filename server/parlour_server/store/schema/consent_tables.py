"""The tables of consent: invitations and blocks."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table

from parlour_server.store.schema.columns import KEYED, Flag, Number, key, metadata

invitations: Final = Table(
    "invitations",
    metadata,
    key("room", "rooms.room", primary_key=True),
    key("account", "accounts.account", primary_key=True),
    key("inviter", "accounts.account", primary_key=True),
    Column("at", Number, nullable=False),
    Column("expires", Number, nullable=False),
    Column("withdrawn", Flag, nullable=False),
    # hidden from the invited person until this time; the inviter's view does not change
    Column("quiet", Number),
    # the inviter's signed admission, where the room is encrypted
    Column("statement", LargeBinary),
    Index(None, "account"),
    Index(None, "inviter"),
    Index(None, "expires"),
    **KEYED,
)

blocks: Final = Table(
    "blocks",
    metadata,
    key("account", "accounts.account", primary_key=True),
    key("blocked", "accounts.account", primary_key=True),
    Column("at", Number, nullable=False),
    **KEYED,
)
