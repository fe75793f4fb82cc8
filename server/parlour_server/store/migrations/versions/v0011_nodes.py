"""The servers that share a database, and who is connected where; a server by itself leaves them empty."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the tables."""
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
