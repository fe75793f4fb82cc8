"""Archived rooms, and rooms whose data is being removed (of the kind `deleted`)."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FLAG = sa.Integer()


def upgrade() -> None:
    """No room is archived or deleted."""
    op.add_column("rooms", sa.Column("archived", FLAG, nullable=False, server_default=sa.text("0")))
    op.create_index(
        "ix_rooms_deleted",
        "rooms",
        ["kind"],
        sqlite_where=sa.text("kind = 'deleted'"),
        postgresql_where=sa.text("kind = 'deleted'"),
    )
