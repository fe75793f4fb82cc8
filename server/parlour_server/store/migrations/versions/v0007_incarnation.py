"""The incarnation of the logs, by which clients see that numbers may be used again.

A database that had none gets one, as a new one does.
"""

import time

import sqlalchemy as sa
from alembic import op

from parlour_protocol.kit.ids import new_incarnation

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table and its one row."""
    table = op.create_table(
        "incarnation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_incarnation_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_incarnation"),
        sqlite_strict=True,
    )
    op.bulk_insert(table, [{"id": 1, "name": new_incarnation(), "since": time.time_ns() // 1_000_000}])
