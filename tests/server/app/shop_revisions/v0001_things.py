"""The shop's own table."""

import sqlalchemy as sa
from alembic import op

revision = "shop0001"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "things", sa.Column("name", sa.Text(), nullable=False, primary_key=True), sqlite_strict=True
    )
