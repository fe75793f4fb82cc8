"""The tables of invitations and blocks. Never imported by a running server."""

from typing import Final

from sqlalchemy import (
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
)

from parlour_server.chat.store.tables import rooms
from parlour_server.core.store.tables import KEYED, NAMING, Flag, Number, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

invitations: Final = Table(
    "invitations",
    metadata,
    key("room", rooms.c.room, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    key("inviter", accounts.c.account, primary_key=True),
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
    key("account", accounts.c.account, primary_key=True),
    key("blocked", accounts.c.account, primary_key=True),
    Column("at", Number, nullable=False),
    **KEYED,
)
