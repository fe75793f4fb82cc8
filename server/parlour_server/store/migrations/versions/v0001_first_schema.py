"""The first schema: accounts, rooms, their logs, and the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()


def upgrade() -> None:
    """Make all tables."""
    _accounts()
    _rooms()
    _log()
    _upkeep()


def _accounts() -> None:
    """Make the accounts, and what lets people make them and log in."""
    op.create_table(
        "accounts",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("skeleton", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("disabled", FLAG, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
        sa.UniqueConstraint("skeleton", name="uq_accounts_skeleton"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invites",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=True),
        sa.CheckConstraint("uses > 0", name="uses"),
        sa.PrimaryKeyConstraint("digest", name="pk_invites"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("session", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("last_seen", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_sessions_account"),
        sa.PrimaryKeyConstraint("session", name="pk_sessions"),
        sa.UniqueConstraint("token", name="uq_sessions_token"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sessions_account", "sessions", ["account"], unique=False)
    op.create_index("ix_sessions_expires", "sessions", ["expires"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_attempts"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempts_last", "attempts", ["last"], unique=False)


def _rooms() -> None:
    """Make the rooms, and who may do what in them."""
    op.create_table(
        "rooms",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("skeleton", TEXT, nullable=True),
        sa.Column("low", TEXT, nullable=True),
        sa.Column("high", TEXT, nullable=True),
        sa.Column("topic", TEXT, nullable=False),
        sa.Column("head", NUMBER, nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.CheckConstraint("low < high", name="pair"),
        sa.ForeignKeyConstraint(["high"], ["accounts.account"], name="fk_rooms_high"),
        sa.ForeignKeyConstraint(["low"], ["accounts.account"], name="fk_rooms_low"),
        sa.PrimaryKeyConstraint("room", name="pk_rooms"),
        sa.UniqueConstraint("low", "high", name="uq_rooms_low_high"),
        sa.UniqueConstraint("name", name="uq_rooms_name"),
        sa.UniqueConstraint("skeleton", name="uq_rooms_skeleton"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "members",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("read", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_members_account"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_members_room"),
        sa.PrimaryKeyConstraint("room", "account", name="pk_members"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_members_account", "members", ["account"], unique=False)
    op.create_index("ix_members_room_role_since", "members", ["room", "role", "since"], unique=False)
    op.create_table(
        "bans",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_bans_account"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_bans_room"),
        sa.PrimaryKeyConstraint("room", "account", name="pk_bans"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mutes",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_mutes_account"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_mutes_room"),
        sa.PrimaryKeyConstraint("room", "account", name="pk_mutes"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _log() -> None:
    """Make what holds the events of the rooms, and what is counted on them."""
    op.create_table(
        "events",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("target", NUMBER, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["author"], ["accounts.account"], name="fk_events_author"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_events_room"),
        sa.PrimaryKeyConstraint("room", "seq", name="pk_events"),
        sa.UniqueConstraint("author", "request", name="uq_events_author_request"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_events_room_target",
        "events",
        ["room", "target"],
        unique=False,
        sqlite_where=sa.text("target IS NOT NULL"),
        postgresql_where=sa.text("target IS NOT NULL"),
    )
    op.create_table(
        "reactions",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("target", NUMBER, nullable=False),
        sa.Column("reaction", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_reactions_account"),
        sa.ForeignKeyConstraint(
            ["room", "target"], ["events.room", "events.seq"], name="fk_reactions_room_target"
        ),
        sa.PrimaryKeyConstraint("room", "target", "reaction", "account", name="pk_reactions"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _upkeep() -> None:
    """Make what servers tell each other by, and the row that shows that writing works."""
    op.create_table(
        "journal",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("session", TEXT, nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("room", TEXT, nullable=True),
        sa.Column("seq", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_journal"),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_at", "journal", ["at"], unique=False)
    op.create_table(
        "health",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checks", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_health"),
        sqlite_strict=True,
    )
