"""The chat's tables; those of accounts, sessions and servers are the kit's.

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

account_keys: Final = Table(
    "account_keys",
    metadata,
    key("account", accounts.c.account, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    **KEYED,
)

# A device is never deleted: its id, the hash of its key, must not come back after a revocation.
devices: Final = Table(
    "devices",
    metadata,
    Column("device", Words, primary_key=True),
    key("account", accounts.c.account, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("name", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("certificate", LargeBinary),
    Column("expires", Number),
    **KEYED,
)

key_packages: Final = Table(
    "key_packages",
    metadata,
    Column("number", Number, primary_key=True),
    key("device", devices.c.device),
    Column("suite", Integer, nullable=False, default=3, server_default="3"),
    Column("digest", LargeBinary, nullable=False),
    Column("last_resort", Flag, nullable=False),
    Column("given", Flag, nullable=False),
    # absent after it was claimed: the row stays, so that the same package is not accepted again
    Column("package", LargeBinary),
    Column("expires", Number, nullable=False, index=True),
    UniqueConstraint("device", "digest"),
    **PLAIN,
)

key_log: Final = Table(
    "key_log",
    metadata,
    Column("number", Number, primary_key=True),
    Column("entry", LargeBinary, nullable=False),
    # the head of the log with this entry
    Column("digest", LargeBinary, nullable=False),
    **PLAIN,
)

groups: Final = Table(
    "groups",
    metadata,
    Column("group_id", Words, primary_key=True),
    key("room", rooms.c.room),
    Column("epoch", Number, nullable=False),
    Column("contested", Flag, nullable=False),
    # until when a message for the previous epoch is accepted; 0: never
    Column("stale_until", Number, nullable=False),
    # false: another group replaced it, and it never changes again
    Column("in_force", Flag, nullable=False),
    Index(
        None,
        "room",
        unique=True,
        sqlite_where=text("in_force = 1"),
        postgresql_where=text("in_force = 1"),
    ),
    **KEYED,
)

# The event that led to each epoch; the primary key allows only one commit per epoch.
epochs: Final = Table(
    "epochs",
    metadata,
    key("group_id", groups.c.group_id, primary_key=True),
    Column("epoch", Number, primary_key=True),
    Column("seq", Number, nullable=False),
    **KEYED,
)

group_devices: Final = Table(
    "group_devices",
    metadata,
    key("group_id", groups.c.group_id, primary_key=True),
    key("device", devices.c.device, primary_key=True, index=True),
    key("account", accounts.c.account),
    # it must be removed before anyone sends; stored, because every message checks it
    Column("leaving", Flag, nullable=False),
    Index(
        None,
        "group_id",
        sqlite_where=text("leaving = 1"),
        postgresql_where=text("leaving = 1"),
    ),
    **KEYED,
)

contests: Final = Table(
    "contests",
    metadata,
    key("group_id", groups.c.group_id, primary_key=True),
    key("account", accounts.c.account, primary_key=True),
    **KEYED,
)

# Stored once for all devices that a commit added.
welcomes: Final = Table(
    "welcomes",
    metadata,
    Column("welcome", Number, primary_key=True),
    key("group_id", groups.c.group_id, index=True),
    Column("seq", Number, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("tree", LargeBinary, nullable=False),
    **PLAIN,
)

inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", Words, primary_key=True),
    key("device", devices.c.device, index=True),
    Column("welcome", Number, ForeignKey(welcomes.c.welcome), nullable=False, index=True),
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
