"""The tables of rooms: members, logs, and counters."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from parlour_server.store.schema.columns import KEYED, PLAIN, Flag, Number, Words, key, metadata

rooms: Final = Table(
    "rooms",
    metadata,
    Column("room", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    # unique only among public rooms: a refused name would reveal a private room
    Column("name", Words, index=True),
    Column("skeleton", Words, index=True),
    # the two people of a direct room, in order, so that a pair has one spelling; the same twice for notes
    Column("low", Words, ForeignKey("accounts.account")),
    Column("high", Words, ForeignKey("accounts.account")),
    Column("topic", Words, nullable=False),
    Column("head", Number, nullable=False),
    Column("members", Integer, nullable=False),
    # set once, never unset
    Column("encrypted", Flag, nullable=False),
    # the cipher suite that the creator asked for; members check the group itself
    Column("suite", Integer, nullable=False, default=3, server_default="3"),
    # how long its owner wants messages kept, and the change that is announced (`next_from` 0: none)
    Column("kept_days", Integer),
    Column("next_days", Integer),
    Column("next_from", Number, nullable=False, server_default="0"),
    # messages below this number were removed, none younger than this time
    Column("kept_from", Number, nullable=False, server_default="0"),
    Column("removed_before", Number),
    # of all bodies in its log, and of its files
    Column("bytes", Number, nullable=False, server_default="0"),
    Column("file_bytes", Number, nullable=False, server_default="0"),
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
    key("room", "rooms.room", primary_key=True),
    key("account", "accounts.account", primary_key=True),
    Column("role", Words, nullable=False),
    Column("since", Number, nullable=False),
    Column("read", Number, nullable=False),
    # `given`; in a direct room that someone else opened: `asked` until they say yes, `refused` hides it
    Column("consent", Words, nullable=False),
    Index(None, "account"),
    Index(None, "room", "role", "since"),
    **KEYED,
)

bans: Final = Table(
    "bans",
    metadata,
    key("room", "rooms.room", primary_key=True),
    key("account", "accounts.account", primary_key=True),
    Column("until", Number, nullable=False),
    **KEYED,
)

# Separate from the members, so that leaving and rejoining does not end a mute.
mutes: Final = Table(
    "mutes",
    metadata,
    key("room", "rooms.room", primary_key=True),
    key("account", "accounts.account", primary_key=True),
    Column("until", Number, nullable=False),
    **KEYED,
)

# With a rowid, unlike the others: rows are appended to one B-tree, which halves the cost of a commit.

events: Final = Table(
    "events",
    metadata,
    key("room", "rooms.room", primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("at", Number, nullable=False),
    key("author", "accounts.account"),
    Column("device", Words, nullable=False),
    # absent for events that the store added: one request, one event
    Column("request", Words),
    Column("kind", Words, nullable=False),
    # the target of an edit or a reaction, so that a deletion finds them
    Column("target", Number),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("author", "request"),
    Index(
        None,
        "room",
        "target",
        sqlite_where=text("target IS NOT NULL"),
        postgresql_where=text("target IS NOT NULL"),
    ),
    **PLAIN,
)

reactions: Final = Table(
    "reactions",
    metadata,
    Column("room", Words, primary_key=True),
    Column("target", Number, primary_key=True),
    Column("reaction", Words, primary_key=True),
    key("account", "accounts.account", primary_key=True),
    ForeignKeyConstraint(["room", "target"], ["events.room", "events.seq"]),
    **KEYED,
)

pins: Final = Table(
    "pins",
    metadata,
    Column("room", Words, primary_key=True),
    Column("target", Number, primary_key=True),
    ForeignKeyConstraint(["room", "target"], ["events.room", "events.seq"]),
    **KEYED,
)
