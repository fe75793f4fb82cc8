"""The time up to which a room's retention has removed messages, instead of its shortest length."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing younger was removed than the shortest retention allows at the time that expiry goes by."""
    op.add_column("rooms", sa.Column("removed_before", NUMBER, nullable=True))
    op.execute(
        "UPDATE rooms SET removed_before ="
        " (SELECT max(trusted) FROM retention) - removed_days * CAST(86400000 AS BIGINT)"
        " WHERE removed_days IS NOT NULL"
    )
    op.drop_column("rooms", "removed_days")
