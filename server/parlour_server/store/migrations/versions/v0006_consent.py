"""Invitations that are accepted or declined, direct rooms that wait for a yes, and whom people block.

Current members count as having consented: no one is asked again.
"""

import sqlalchemy as sa
from alembic import op

from parlour_server.store.migrations.batches import changed

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Create the new tables, and mark each member as having consented."""
    op.create_table(
        "invitations",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("inviter", TEXT, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("withdrawn", FLAG, nullable=False),
        sa.Column("quiet", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_invitations_account"),
        sa.ForeignKeyConstraint(["inviter"], ["accounts.account"], name="fk_invitations_inviter"),
        sa.ForeignKeyConstraint(["room"], ["rooms.room"], name="fk_invitations_room"),
        sa.PrimaryKeyConstraint("room", "account", "inviter", name="pk_invitations"),
        **KEYED,
    )
    for column in ("account", "expires", "inviter"):
        op.create_index(f"ix_invitations_{column}", "invitations", [column])
    op.create_table(
        "blocks",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("blocked", TEXT, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_blocks_account"),
        sa.ForeignKeyConstraint(["blocked"], ["accounts.account"], name="fk_blocks_blocked"),
        sa.PrimaryKeyConstraint("account", "blocked", name="pk_blocks"),
        **KEYED,
    )
    with changed("members", **KEYED) as batch:
        batch.add_column(sa.Column("consent", TEXT, nullable=False, server_default="given"))
    with changed("members", **KEYED) as batch:
        batch.alter_column("consent", server_default=None)
