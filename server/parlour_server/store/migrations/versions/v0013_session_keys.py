"""The public keys of sessions, by which a ticket is redeemed only with a proof (K50)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; sessions and tickets that exist have no key."""
    for table in ("sessions", "tickets"):
        op.add_column(table, sa.Column("public_key", sa.LargeBinary(), nullable=True))
