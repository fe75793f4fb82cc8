"""The kit's tables, for every database; a program's own stand beside them (``Schema.tables``).

Never imported by a running server: its statements are plain SQL in the implementations. Times are
milliseconds since 1970; a time limit (`until`) of 0 means for good. Names, ids and kinds are keys as they
are, because none of them ever changes.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
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
"""How indexes and constraints are named, so that each can be changed later."""
metadata: Final = MetaData(naming_convention=NAMING)

PLAIN: Final[dict[str, Any]] = {"sqlite_strict": True}
"""STRICT: SQLite refuses a value of another type."""
KEYED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}
"""STRICT, and without a rowid: the table is one B-tree in order of its key."""

Number: Final = BigInteger().with_variant(Integer(), "sqlite")  # 64 bits in both; SQLite's INTEGER has them

Flag: Final = Integer()  # 0 or 1: STRICT knows no BOOLEAN

Words: Final = Text().with_variant(
    Text(collation="C"), "postgresql"
)  # in the order of their bytes, as in SQLite


def key(name: str, target: Column[str], **options: Any) -> Column[str]:
    """Return a text column that refers to another table's key."""
    return Column(name, Words, ForeignKey(target), nullable=False, **options)


accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Words, primary_key=True),
    Column("skeleton", Words, nullable=False, unique=True),
    Column("password_hash", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("disabled", Flag, nullable=False),
    # how often it was replaced
    Column("password_version", Number, nullable=False, server_default=text("0")),
    # it is not enough: a capability knows what else is
    Column("needs_proof", Flag, nullable=False, server_default=text("0")),
    # the operator wants that of it; as long as it is not so, its sessions may only set it up
    Column("proof_required", Flag, nullable=False, server_default=text("0")),
    # the role that its invite or the operator gave it, as the program understands it; empty: none
    Column("role", Words, nullable=False, server_default=text("''")),
    # when the account was deleted; its name stays taken
    Column("deleted", Number),
    **KEYED,
)

invites: Final = Table(
    "invites",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("created", Number, nullable=False),
    Column("expires", Number),
    # the role that its accounts get, as the program understands it; empty: none
    Column("role", Words, nullable=False, server_default=text("''")),
    # whose role allows it: with that it ends; none for one of the operator
    Column("maker", Words),
    CheckConstraint("uses > 0", name="uses"),
    **KEYED,
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("session", Words, primary_key=True),
    key("account", accounts.c.account, index=True),
    Column("device", Words, nullable=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("created", Number, nullable=False),
    Column("last_seen", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    # the device with keys that it speaks for, in a program that has those
    Column("device_id", Words, index=True),
    # Ed25519; without one the session is not bound to a key
    Column("public_key", LargeBinary),
    # another server asked for more than a password: nothing has to be set up here
    Column("proved_elsewhere", Flag, nullable=False, server_default=text("0")),
    **KEYED,
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("key", Words, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Number, nullable=False, index=True),
    **KEYED,
)

journal: Final = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True),
    Column("at", Number, nullable=False, index=True),
    Column("session", Words),
    Column("account", Words),
    # a log that advanced, and to where
    Column("log", Words),
    Column("seq", Number),
    # what servers must read again: an entry with this has nothing else
    Column("changed", Words),
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

logs: Final = Table(
    "logs",
    metadata,
    Column("log", Words, primary_key=True),
    Column("head", Number, nullable=False),
    # of all bodies
    Column("bytes", Number, nullable=False),
    # entries below this number were removed
    Column("kept_from", Number, nullable=False, server_default="0"),
    # what the program's last decision returned
    Column("state", LargeBinary),
    **KEYED,
)

# With a rowid, unlike the others: rows are appended to one B-tree, which halves the cost of a commit.
entries: Final = Table(
    "entries",
    metadata,
    key("log", logs.c.log, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("at", Number, nullable=False),
    # absent: the program itself
    Column("author", Words, ForeignKey(accounts.c.account)),
    Column("device", Words),
    # absent for what followed from another entry: one request, one entry
    Column("request", Words),
    Column("kind", Words, nullable=False),
    # the entry that this one is about, so that a deletion finds both
    Column("target", Number),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("author", "request"),
    Index(
        "uq_entries_own",
        "log",
        "request",
        unique=True,
        sqlite_where=text("author IS NULL"),
        postgresql_where=text("author IS NULL"),
    ),
    Index(
        None,
        "log",
        "target",
        sqlite_where=text("target IS NOT NULL"),
        postgresql_where=text("target IS NOT NULL"),
    ),
    **PLAIN,
)
