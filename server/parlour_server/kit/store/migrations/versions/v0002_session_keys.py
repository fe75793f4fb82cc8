"""The public keys of sessions, by which a ticket is redeemed only with a proof (K50)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; sessions that exist have no key."""
    op.add_column("sessions", sa.Column("public_key", sa.LargeBinary(), nullable=True))
