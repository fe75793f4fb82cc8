"""Banned addresses, limits of accounts, roles of invites, deleted accounts, and word of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the tables and the columns; no one is banned, limited or deleted."""
    op.create_table(
        "address_bans",
        sa.Column("network", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("created", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("network", name="pk_address_bans"),
        **KEYED,
    )
    op.create_table(
        "account_limits",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_account_limits_account"),
        sa.PrimaryKeyConstraint("account", "name", name="pk_account_limits"),
        **KEYED,
    )
    op.add_column("invites", sa.Column("role", TEXT, nullable=False, server_default=sa.text("''")))
    # when the account was deleted; its name stays taken
    op.add_column("accounts", sa.Column("deleted", NUMBER, nullable=True))
    # what servers must read again: an entry with this has nothing else
    op.add_column("journal", sa.Column("changed", TEXT, nullable=True))
