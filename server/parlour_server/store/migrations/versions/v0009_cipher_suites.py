"""The cipher suite of rooms and of key packages; all that there were have suite 3."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column to both tables."""
    for table in ("rooms", "key_packages"):
        op.add_column(table, sa.Column("suite", sa.Integer(), nullable=False, server_default="3"))
