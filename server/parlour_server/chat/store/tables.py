"""The tables of rooms; those of consent and delivery are in their folders, of accounts and logs in the core.

Never imported by a running server: its statements are plain SQL in the implementations.
"""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from parlour_server.core.store.tables import (
    KEYED,
    NAMING,
    PLAIN,
    Flag,
    Number,
    Words,
    accounts,
    entries,
    key,
    logs,
)

metadata: Final = MetaData(naming_convention=NAMING)

rooms: Final = Table(
    "rooms",
    metadata,
    key("room", logs.c.log, primary_key=True),
    Column("kind", Words, nullable=False),
    # unique only among public rooms: a refused name would reveal a private room
    Column("name", Words, index=True),
    Column("skeleton", Words, index=True),
    # the two people of a direct room, in order, so that a pair has one spelling; the same twice for notes
    Column("low", Words, ForeignKey(accounts.c.account)),
    Column("high", Words, ForeignKey(accounts.c.account)),
    Column("topic", Words, nullable=False),
    Column("members", Integer, nullable=False),
    # set once, never unset
    Column("encrypted", Flag, nullable=False),
    # the cipher suite that the creator asked for; members check the group itself
    Column("suite", Integer, nullable=False, default=3, server_default="3"),
    # how long its owner wants messages kept, and the change that is announced (`next_from` 0: none)
    Column("kept_days", Integer),
    Column("next_days", Integer),
    Column("next_from", Number, nullable=False, server_default="0"),
    # no message younger than this time was removed
    Column("removed_before", Number),
    # it can be read, and nothing is written
    Column("archived", Flag, nullable=False, server_default=text("0")),
    UniqueConstraint("low", "high"),
    CheckConstraint("low <= high", name="pair"),
    # those whose data is being removed
    Index(
        "ix_rooms_deleted",
        "kind",
        sqlite_where=text("kind = 'deleted'"),
        postgresql_where=text("kind = 'deleted'"),
    ),
    Index(
        "uq_rooms_public",
        "skeleton",
        unique=True,
        sqlite_where=text("kind = 'public'"),
        postgresql_where=text("kind = 'public'"),
    ),
    **KEYED,
)

members: Final = Table(
    "members",
    metadata,
    key("room", rooms.c.room, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    Column("role", Words, nullable=False),
    Column("since", Number, nullable=False),
    Column("read", Number, nullable=False),
    # `given`; in a direct room that someone else opened: `asked` until they say yes, `refused` hides it
    Column("consent", Words, nullable=False),
    # the digest of the admission that they accepted, where the room is encrypted
    Column("admission", LargeBinary),
    Index(None, "account"),
    Index(None, "room", "role", "since"),
    **KEYED,
)

bans: Final = Table(
    "bans",
    metadata,
    key("room", rooms.c.room, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    Column("until", Number, nullable=False),
    # the event that banned them, which says who did it, and why; this row is written before it
    Column("seq", Number, nullable=False),
    **KEYED,
)

# Separate from the members, so that leaving and rejoining does not end a mute.
mutes: Final = Table(
    "mutes",
    metadata,
    key("room", rooms.c.room, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    Column("until", Number, nullable=False),
    **KEYED,
)

reactions: Final = Table(
    "reactions",
    metadata,
    Column("room", Words, primary_key=True),
    Column("target", Number, primary_key=True),
    Column("reaction", Words, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    ForeignKeyConstraint(["room", "target"], [entries.c.log, entries.c.seq]),
    **KEYED,
)

pins: Final = Table(
    "pins",
    metadata,
    Column("room", Words, primary_key=True),
    Column("target", Number, primary_key=True),
    ForeignKeyConstraint(["room", "target"], [entries.c.log, entries.c.seq]),
    **KEYED,
)

# how long the server keeps messages, the change that is announced, and the clock that expiry goes by
retention: Final = Table(
    "retention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kept_days", Integer),
    Column("next_days", Integer),
    Column("next_from", Number, nullable=False, server_default="0"),
    Column("trusted", Number, nullable=False, server_default="0"),
    Column("looked", Number, nullable=False, server_default="0"),
    Column("held", Number, nullable=False, server_default="0"),
    CheckConstraint("id = 1", name="one_row"),
    **PLAIN,
)
