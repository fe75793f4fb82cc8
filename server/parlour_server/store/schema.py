"""The tables, for every database: what Alembic compares the migrations with.

Never imported by a running server: its statements are plain SQL in the implementations. Times are
milliseconds since 1970; a time limit (`until`) of 0 means for good. Names, ids and kinds are keys as they
are, because none of them ever changes. Used by `migrate.py` and the migration environment.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: Final = MetaData(naming_convention=NAMING)

# STRICT: SQLite refuses a value of another type. Without a rowid a table is one B-tree in order of its key.
PLAIN: Final[dict[str, Any]] = {"sqlite_strict": True}
KEYED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}

Number: Final = BigInteger().with_variant(Integer(), "sqlite")  # 64 bits in both; SQLite's INTEGER has them

Flag: Final = Boolean(create_constraint=False).with_variant(Integer(), "sqlite")  # STRICT knows no BOOLEAN


def _key(name: str, target: str, **options: Any) -> Column[str]:
    """Return a text column that refers to another table's key."""
    return Column(name, Text, ForeignKey(target), nullable=False, **options)


accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("skeleton", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created", Number, nullable=False),
    Column("disabled", Flag, nullable=False),
    **KEYED,
)

invites: Final = Table(
    "invites",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    CheckConstraint("uses > 0", name="uses"),
    **KEYED,
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("session", Text, primary_key=True),
    _key("account", "accounts.account", index=True),
    Column("device", Text, nullable=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    **KEYED,
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Number, nullable=False, index=True),
    **KEYED,
)

rooms: Final = Table(
    "rooms",
    metadata,
    Column("room", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, unique=True),
    Column("skeleton", Text, unique=True),
    # the two people of a direct room, in order, so that a pair has one spelling
    Column("low", Text, ForeignKey("accounts.account")),
    Column("high", Text, ForeignKey("accounts.account")),
    Column("topic", Text, nullable=False),
    Column("head", Number, nullable=False),
    Column("members", Integer, nullable=False),
    UniqueConstraint("low", "high"),
    CheckConstraint("low < high", name="pair"),
    **KEYED,
)

members: Final = Table(
    "members",
    metadata,
    _key("room", "rooms.room", primary_key=True),
    _key("account", "accounts.account", primary_key=True),
    Column("role", Text, nullable=False),
    Column("since", Number, nullable=False),
    Column("read", Number, nullable=False),
    Index(None, "account"),
    Index(None, "room", "role", "since"),
    **KEYED,
)

bans: Final = Table(
    "bans",
    metadata,
    _key("room", "rooms.room", primary_key=True),
    _key("account", "accounts.account", primary_key=True),
    Column("until", Number, nullable=False),
    **KEYED,
)

# Apart from the members, so that leaving and coming back does not end a mute.
mutes: Final = Table(
    "mutes",
    metadata,
    _key("room", "rooms.room", primary_key=True),
    _key("account", "accounts.account", primary_key=True),
    Column("until", Number, nullable=False),
    **KEYED,
)

# With a rowid, unlike the others: rows go to the end of one B-tree, which halves the cost of a commit.
events: Final = Table(
    "events",
    metadata,
    _key("room", "rooms.room", primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("at", Number, nullable=False),
    _key("author", "accounts.account"),
    Column("device", Text, nullable=False),
    # absent from events that the store appended on its own: one request, one event
    Column("request", Text),
    Column("kind", Text, nullable=False),
    # the message that an edit or a reaction is about, so that deleting finds them
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
    Column("room", Text, primary_key=True),
    Column("target", Number, primary_key=True),
    Column("reaction", Text, primary_key=True),
    _key("account", "accounts.account", primary_key=True),
    ForeignKeyConstraint(["room", "target"], ["events.room", "events.seq"]),
    **KEYED,
)

journal: Final = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True),
    Column("at", Number, nullable=False, index=True),
    Column("session", Text),
    Column("account", Text),
    Column("room", Text),
    Column("seq", Number),
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
