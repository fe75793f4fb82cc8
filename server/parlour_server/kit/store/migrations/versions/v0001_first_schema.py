"""The first schema: accounts, sessions, the journal, and the program's logs."""

import time

import sqlalchemy as sa
from alembic import op

from parlour_protocol.kit.ids import new_incarnation

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()
PLAIN = {"sqlite_strict": True}
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make all tables."""
    _accounts()
    _logs()
    _upkeep()
    _nodes()


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
        **KEYED,
    )
    op.create_table(
        "invites",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=True),
        sa.CheckConstraint("uses > 0", name=op.f("ck_invites_uses")),
        sa.PrimaryKeyConstraint("digest", name="pk_invites"),
        **KEYED,
    )
    op.create_table(
        "tickets",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("session_expires", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_tickets"),
        **KEYED,
    )
    op.create_index("ix_tickets_expires", "tickets", ["expires"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("session", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("last_seen", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        # for programs whose devices have keys; these tables have none
        sa.Column("device_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_sessions_account"),
        sa.PrimaryKeyConstraint("session", name="pk_sessions"),
        sa.UniqueConstraint("token", name="uq_sessions_token"),
        **KEYED,
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_table(
        "attempts",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_attempts"),
        **KEYED,
    )
    op.create_index("ix_attempts_last", "attempts", ["last"])


def _logs() -> None:
    """Make the logs: their states, and their entries."""
    op.create_table(
        "kit_logs",
        sa.Column("log", TEXT, nullable=False),
        sa.Column("head", NUMBER, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("log", name="pk_kit_logs"),
        **KEYED,
    )
    # With a rowid: rows are appended to one B-tree, which halves the cost of a commit.
    op.create_table(
        "kit_events",
        sa.Column("log", TEXT, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("author", TEXT, nullable=True),  # NULL: the program itself
        sa.Column("request", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["author"], ["accounts.account"], name="fk_kit_events_author"),
        sa.ForeignKeyConstraint(["log"], ["kit_logs.log"], name="fk_kit_events_log"),
        sa.PrimaryKeyConstraint("log", "seq", name="pk_kit_events"),
        sa.UniqueConstraint("author", "request", name="uq_kit_events_author_request"),
        **PLAIN,
    )
    own = sa.text("author IS NULL")
    op.create_index(
        "uq_kit_events_own",
        "kit_events",
        ["log", "request"],
        unique=True,
        sqlite_where=own,
        postgresql_where=own,
    )


def _upkeep() -> None:
    """Make the journal, the incarnation of the logs, and the row that shows that writing works."""
    op.create_table(
        "journal",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("session", TEXT, nullable=True),
        sa.Column("account", TEXT, nullable=True),
        sa.Column("log", TEXT, nullable=True),
        sa.Column("seq", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_journal"),
        **PLAIN,
    )
    op.create_index("ix_journal_at", "journal", ["at"])
    op.create_table(
        "health",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checks", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_health_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_health"),
        **PLAIN,
    )
    op.create_table(
        "server_keys",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_server_keys"),
        **KEYED,
    )
    table = op.create_table(
        "incarnation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_incarnation_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_incarnation"),
        **PLAIN,
    )
    op.bulk_insert(table, [{"id": 1, "name": new_incarnation(), "since": time.time_ns() // 1_000_000}])


def _nodes() -> None:
    """Make the tables of servers that share the database."""
    op.create_table(
        "nodes",
        sa.Column("node", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("started", NUMBER, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_nodes"),
        **KEYED,
    )
    op.create_table(
        "node_accounts",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("node", TEXT, nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("changed", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("account", "node", name="pk_node_accounts"),
        **KEYED,
    )
    op.create_index("ix_node_accounts_node", "node_accounts", ["node"])
    op.create_index("ix_node_accounts_changed", "node_accounts", ["changed"])
