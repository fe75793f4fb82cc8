"""Tickets of servers that share a database; a server by itself keeps its tickets in memory."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the table."""
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
